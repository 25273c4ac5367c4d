//! The stack as tests reach it: over HTTP, from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use slipway_contract::http::auth::{LogIn, SignUp};
use xtask::secrets::TokenKey;
use xtask::testbed::Testbed;

use crate::answer::Answer;
use crate::bed;
use crate::person::Person;
use crate::team::Team;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Addresses are never used twice by one test process.
static PEOPLE: AtomicU32 = AtomicU32::new(1);

/// A running stack, from outside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: String,
    gateway_url: String,
    admin_url: String,
    keys: Vec<TokenKey>,
    preview_keys: Vec<TokenKey>,
    http: Client,
}

impl World {
    /// The stack that the tests of this binary share.
    ///
    /// # Errors
    /// When it does not start.
    pub fn shared() -> Result<Self> {
        bed::shared()
    }

    /// The world of a stack that a test owns.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn of(bed: &Testbed) -> Result<Self> {
        // A client's connections belong to the runtime of the test that made it, so each test has its own.
        let http = Client::builder().timeout(crate::wait::LIMIT).build()?;
        let inner = Inner {
            url: bed.stack.app_url.clone(),
            gateway_url: bed.stack.gateway_url.clone(),
            admin_url: bed.database.admin_url.to_string(),
            keys: bed.secrets.token_keys.clone(),
            preview_keys: bed.secrets.preview_keys.clone(),
            http,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where the app is: `http://localhost:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Where the gateway is.
    #[must_use]
    pub fn gateway_url(&self) -> &str {
        &self.inner.gateway_url
    }

    /// The keys by which access tokens are signed, to forge with.
    #[must_use]
    pub fn keys(&self) -> &[TokenKey] {
        &self.inner.keys
    }

    /// The keys by which preview tokens are signed, to forge with.
    #[must_use]
    pub fn preview_keys(&self) -> &[TokenKey] {
        &self.inner.preview_keys
    }

    /// Runs SQL as the superuser, for what time alone would bring about; the number of rows that changed.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn sql(&self, statement: &str, parameter: &str) -> Result<u64> {
        let (client, connection) =
            tokio_postgres::connect(&self.inner.admin_url, tokio_postgres::NoTls).await?;
        // Ends when the client is dropped; a failure shows itself in the client's call.
        let driver = tokio::spawn(connection);
        let changed = client.execute(statement, &[&parameter]).await?;
        drop(client);
        driver.await??;
        Ok(changed)
    }

    /// A request of nobody.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = self.inner.http.request(method.clone(), format!("{}{path}", self.inner.url));
        Call { asked: format!("{method} {path}"), request }
    }

    /// A fresh person with an account, signed in.
    ///
    /// # Errors
    /// When sign-up is refused.
    pub async fn person(&self, name: &str) -> Result<Person> {
        let number = PEOPLE.fetch_add(1, Ordering::Relaxed);
        let email = format!("{}-{number}@example.org", name.to_lowercase().replace(' ', "-"));
        let body = SignUp { email, password: PASSWORD.to_owned(), display_name: name.to_owned() };
        let answer = self.call(Method::POST, "/v1/auth/signup").json(&body).send().await?;
        Person::of(self, &answer)
    }

    /// Signs in.
    ///
    /// # Errors
    /// Broken promises only; a refusal is an answer.
    pub async fn log_in(&self, email: &str, password: &str) -> Result<Answer> {
        let body = LogIn { email: email.to_owned(), password: password.to_owned() };
        self.call(Method::POST, "/v1/auth/login").json(&body).send().await
    }

    /// A fresh org with its owner.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn team(&self, name: &str) -> Result<Team> {
        Team::found(self, name).await
    }
}

/// A request to be sent.
#[derive(Debug)]
#[must_use]
pub struct Call {
    asked: String,
    request: RequestBuilder,
}

impl Call {
    /// With a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    /// With a body as it is, said to be JSON.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.header("content-type", "application/json").body(body), ..self }
    }

    /// With a body of bytes.
    pub fn bytes(self, body: impl Into<reqwest::Body>) -> Self {
        Self { request: self.request.header("content-type", "application/octet-stream").body(body), ..self }
    }

    /// With a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// With an access token.
    pub fn token(self, token: &str) -> Self {
        Self { request: self.request.bearer_auth(token), ..self }
    }

    /// Sends it and checks the promises of every reply.
    ///
    /// # Errors
    /// When no reply comes, or one that breaks a promise.
    pub async fn send(self) -> Result<Answer> {
        let (asked, status, headers, body) = self.exchange().await?;
        Answer::check(asked, status, headers, body)
    }

    /// Sends it to a stack that may be dying: `None` when no whole reply came, or one of the platform's own that says
    /// that the process behind it died.
    ///
    /// # Errors
    /// When a whole reply breaks a promise.
    pub async fn try_send(self) -> Result<Option<Answer>> {
        match self.exchange().await {
            Ok((_, 500.., headers, _)) if !headers.contains_key("x-request-id") => Ok(None),
            Ok((asked, status, headers, body)) => Answer::check(asked, status, headers, body).map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn exchange(self) -> Result<(String, u16, HeaderMap, String)> {
        let Self { asked, request } = self;
        let reply = request.send().await.with_context(|| asked.clone())?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let body = reply.text().await.with_context(|| asked.clone())?;
        Ok((asked, status, headers, body))
    }
}
