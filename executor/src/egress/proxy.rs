//! One connection of a sandbox to the proxy: one request, then bytes until either side or the policy ends it.
//!
//! Invariant: one request for each connection. A second one behind the first is never read, so nothing can hide there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::head::{self, HeadRefusal};
use super::policy::Policy;
use super::reach::{Network, reach};
use super::target::{self, Destination, Wish};
use crate::exchange::{self, StreamBody, connection_of, cut_fields, end_connection, full};
use crate::traffic::{Activity, Metered};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The whole head of a request.
    pub(super) head: Duration,
    /// A connection on which nothing moves either way.
    pub(super) quiet: Duration,
}

/// What all connections of one sandbox share.
pub(super) struct Proxy {
    pub(super) policy: Policy,
    pub(super) network: Arc<dyn Network>,
    pub(super) patience: Patience,
}

/// A tunnel that was granted and begins when its answer has been sent.
struct Tunnel {
    client: OnUpgrade,
    upstream: TcpStream,
    to: Destination,
}

type Granted = Mutex<Option<Tunnel>>;

impl Proxy {
    /// Serves one connection to its end.
    pub(super) async fn serve(self: Arc<Self>, stream: UnixStream) {
        let stream = match timeout(self.patience.head, head::read(stream)).await {
            Ok(Ok(stream)) => stream,
            // Nobody is there to hear of it.
            Err(_) | Ok(Err((_, HeadRefusal::Ended(_)))) => return,
            Ok(Err((stream, refusal))) => {
                return refuse(stream, StatusCode::BAD_REQUEST, &refusal.to_string()).await;
            }
        };
        let activity = Activity::begin();
        let granted = Granted::default();
        let service = service_fn(|request| self.answer(request, &granted, &activity));
        let connection = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(Metered::uncounted(stream, activity.clone())), service)
            .with_upgrades();
        tokio::select! {
            // A broken connection has nobody to be told.
            _ = connection => {}
            () = activity.quiet_for(self.patience.quiet) => return,
        }
        let tunnel = granted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(tunnel) = tunnel {
            self.carry(tunnel, &activity).await;
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        granted: &Granted,
        activity: &Activity,
    ) -> Result<Response<StreamBody>, std::convert::Infallible> {
        let wish = target::read(request.method(), request.uri(), request.version(), request.headers());
        let (to, is_tunnel) = match wish {
            Ok(Wish::Tunnel(to)) => (to, true),
            Ok(Wish::Forward(to)) => (to, false),
            Err(refusal) => return Ok(plain(refusal.status(), &refusal.to_string())),
        };
        if !self.policy.admit(&to.host) {
            let text = format!("{}: host is not on this sandbox's list", to.host);
            return Ok(plain(StatusCode::FORBIDDEN, &text));
        }
        let upstream = match reach(self.network.as_ref(), &to).await {
            Ok(upstream) => upstream,
            Err(error) => return Ok(plain(error.status(), &error.to_string())),
        };
        if !is_tunnel {
            return Ok(self.forward(request, upstream, to, activity).await);
        }
        let client = hyper::upgrade::on(&mut request);
        *granted.lock().unwrap_or_else(PoisonError::into_inner) = Some(Tunnel { client, upstream, to });
        Ok(Response::new(full("")))
    }

    /// Sends one request on, written anew, and streams the answer.
    async fn forward(
        &self,
        request: Request<Incoming>,
        upstream: TcpStream,
        to: Destination,
        activity: &Activity,
    ) -> Response<StreamBody> {
        let Some(request) = rewritten(request, &to) else {
            return plain(StatusCode::BAD_REQUEST, "the address cannot be sent on");
        };
        let stream = Metered::new(upstream, self.policy.meter(), activity.clone());
        let over = self.policy.clone().until_closed(to.host.clone());
        match exchange::send(stream, request, over, ()).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                plain(StatusCode::BAD_GATEWAY, "the host changed the protocol, which nobody asked it to")
            }
            Ok(mut response) => {
                let connection = connection_of(response.headers());
                cut_fields(response.headers_mut(), |name| connection.ends_here(name));
                *response.version_mut() = Version::HTTP_11;
                response.map(BodyExt::boxed_unsync)
            }
            Err(error) => {
                let text = format!("{}: no answer could be read: {error}", to.host);
                plain(StatusCode::BAD_GATEWAY, &text)
            }
        }
    }

    /// Carries a tunnel's bytes until both sides are done, nothing moves, or the policy no longer lets the host through.
    async fn carry(&self, tunnel: Tunnel, activity: &Activity) {
        let Ok(client) = tunnel.client.await else { return };
        let mut client = TokioIo::new(client);
        let mut upstream = Metered::new(tunnel.upstream, self.policy.meter(), activity.clone());
        tokio::select! {
            // Whichever side broke, both are closed.
            _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
            () = activity.quiet_for(self.patience.quiet) => {}
            () = self.policy.clone().until_closed(tunnel.to.host) => {}
        }
    }
}

/// The request as it goes to the destination: the address without its host, `Host` as it was checked, and without what
/// belongs to the connection with the proxy.
fn rewritten(request: Request<Incoming>, to: &Destination) -> Option<Request<Incoming>> {
    let (mut parts, body) = request.into_parts();
    end_connection(&mut parts.headers);
    let host = if to.port == 80 { to.host.to_string() } else { format!("{}:{}", to.host, to.port) };
    parts.headers.insert(header::HOST, HeaderValue::try_from(host).ok()?);
    // The connection is not used again.
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    parts.uri = Uri::from(parts.uri.into_parts().path_and_query?);
    parts.version = Version::HTTP_11;
    Some(Request::from_parts(parts, body))
}

fn plain(status: StatusCode, text: &str) -> Response<StreamBody> {
    let mut response = Response::new(full(format!("{text}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Says why no request was read, and closes.
pub(super) async fn refuse(mut stream: UnixStream, status: StatusCode, text: &str) {
    let length = text.len().saturating_add(1);
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}\n"
    );
    // Whoever does not listen is not told.
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    let _ = timeout(Duration::from_secs(1), told).await;
}
