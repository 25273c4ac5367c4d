//! A browser as far as previews need one: it opens an address, follows to the page, keeps the one cookie, and opens sockets.

use anyhow::{Context as _, Result, ensure};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::wait::LIMIT;

/// Somebody at one preview host.
#[derive(Clone, Debug)]
pub struct Visitor {
    http: Client,
    /// `<port>-<sandbox>.localhost:<gateway's port>`.
    pub host: String,
    address: String,
    /// The cookie that the gateway set, as the browser sends it back.
    pub cookie: Option<String>,
}

/// A reply as it came; no promise of the API holds for it.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Page {
    /// A header's value; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Visitor {
    /// Opens an address that holds a token, as the app's button does; the visitor then has the cookie.
    ///
    /// # Errors
    /// When the gateway does not let them in, or not in the way that it promises.
    pub async fn enter(url: &str) -> Result<Self> {
        let mut visitor = Self::outside(url)?;
        let url: Url = url.parse()?;
        let target = format!("{}?{}", url.path(), url.query().context("no token in the address")?);
        let reply = visitor.get(&target).await?;
        ensure!(reply.status == 303, "not let in: {reply:?}");
        let on: Url = url.join(reply.header("location"))?;
        let same = (on.origin(), on.path(), on.query()) == (url.origin(), url.path(), None);
        ensure!(same, "sent on to {on}");
        let set = reply.header("set-cookie");
        for part in ["HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"] {
            ensure!(set.contains(part), "the cookie lacks {part}: {set}");
        }
        ensure!(!set.to_lowercase().contains("domain="), "the cookie is for more than the host: {set}");
        visitor.cookie = set.split(';').next().map(str::to_owned);
        Ok(visitor)
    }

    /// Somebody at the same host without a cookie.
    ///
    /// # Errors
    /// When the address is none.
    pub fn outside(url: &str) -> Result<Self> {
        let url: Url = url.parse()?;
        let port = url.port().context("no port in the address")?;
        let host = url.host_str().context("no host in the address")?;
        Ok(Self {
            http: Client::builder().timeout(LIMIT).redirect(Policy::none()).build()?,
            host: format!("{host}:{port}"),
            address: format!("127.0.0.1:{port}"),
            cookie: None,
        })
    }

    /// A request at this host.
    pub fn call(&self, method: Method, target: &str) -> reqwest::RequestBuilder {
        let call =
            self.http.request(method, format!("http://{}{target}", self.address)).header("host", &self.host);
        match &self.cookie {
            Some(cookie) => call.header("cookie", cookie),
            None => call,
        }
    }

    /// A page.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn get(&self, target: &str) -> Result<Page> {
        Self::read(self.call(Method::GET, target)).await
    }

    /// Sends a request and reads its whole reply.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn read(call: reqwest::RequestBuilder) -> Result<Page> {
        let reply = call.send().await?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Ok(Page { status, headers, body: reply.text().await? })
    }

    /// Opens a socket; `Err` with the status when that is refused.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn socket(
        &self,
        target: &str,
        protocol: Option<&str>,
    ) -> Result<Result<WebSocketStream<TcpStream>, u16>> {
        let mut request = format!("ws://{}{target}", self.host).into_client_request()?;
        let headers = request.headers_mut();
        if let Some(cookie) = &self.cookie {
            headers.insert("cookie", cookie.parse()?);
        }
        if let Some(protocol) = protocol {
            headers.insert("sec-websocket-protocol", protocol.parse()?);
        }
        let stream = TcpStream::connect(&self.address).await?;
        match tokio::time::timeout(LIMIT, client_async(request, stream)).await.context("no answer")? {
            Ok((socket, _)) => Ok(Ok(socket)),
            Err(Error::Http(reply)) => Ok(Err(reply.status().as_u16())),
            Err(error) => Err(error.into()),
        }
    }
}
