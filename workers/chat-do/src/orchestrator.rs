//! What the object asks of the orchestrator, and replies that come as JSON lines.

use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use serde::de::DeserializeOwned;
use worker::{ByteStream, Delay, Env, Error, Headers, Method, RequestInit, Response, Result};

use crate::room::{json, parse};

/// Longest line that the orchestrator may send, in bytes: a tool call with all its arguments.
const LINE_BYTES: usize = 1024 * 1024;
/// The orchestrator says that it is alive every 10 to 15 s; without a word for this long it is not, in milliseconds.
pub(crate) const SILENCE_MS: i64 = 60_000;

/// Asks the orchestrator.
pub(crate) async fn post<T: serde::Serialize>(env: &Env, path: &str, body: &T) -> Result<Response> {
    let text = json(body).map_err(|problem| Error::RustError(problem.title))?;
    send(env, Method::Post, path, Some(text)).await
}

/// Asks the orchestrator for what lies at a path.
pub(crate) async fn get(env: &Env, path: &str) -> Result<Response> {
    send(env, Method::Get, path, None).await
}

async fn send(env: &Env, method: Method, path: &str, body: Option<String>) -> Result<Response> {
    let headers = Headers::new();
    if body.is_some() {
        headers.set("content-type", "application/json")?;
    }
    let request: slipway_contract::RequestId = slipway_edge::ids::fresh();
    headers.set(slipway_edge::reply::REQUEST_ID, &request.to_string())?;
    let mut init = RequestInit::new();
    init.with_headers(headers);
    init.with_method(method).with_body(body.map(Into::into));
    // The address as text: the `url` crate that a `Request` brings would be a third of this Worker.
    env.service("ORCHESTRATOR")?.fetch(format!("https://orchestrator{path}"), Some(init)).await
}

/// A reply's lines, as they come.
pub(crate) struct Lines {
    bytes: ByteStream,
    line: Vec<u8>,
    rest: std::vec::IntoIter<u8>,
}

/// What came of waiting for a line.
pub(crate) enum Next<T> {
    /// It came.
    Frame(T),
    /// Nothing came in time.
    Quiet,
    /// The reply ended, or is not as it should be.
    Cut,
}

impl Lines {
    /// Asks for a reply in lines.
    pub(crate) async fn ask<T: serde::Serialize>(env: &Env, path: &str, body: &T) -> Result<Self> {
        let mut reply = post(env, path, body).await?;
        if reply.status_code() != 200 {
            return Err(Error::RustError(format!("the orchestrator answered {}", reply.status_code())));
        }
        Ok(Self { bytes: reply.stream()?, line: Vec::new(), rest: Vec::new().into_iter() })
    }

    /// Waits for the next line, at most `patience` milliseconds.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self, patience: i64) -> Next<T> {
        let wait = Delay::from(Duration::from_millis(patience.unsigned_abs()));
        match select(Box::pin(self.next_line()), wait).await {
            Either::Left((Some(line), _)) => parse(&line).map_or(Next::Cut, Next::Frame),
            Either::Left((None, _)) => Next::Cut,
            Either::Right(_) => Next::Quiet,
        }
    }

    /// The next line; `None` where the stream ends or breaks. Dropping the future loses nothing.
    async fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            for byte in self.rest.by_ref() {
                if byte != b'\n' {
                    self.line.push(byte);
                } else if !self.line.is_empty() {
                    return Some(core::mem::take(&mut self.line));
                }
            }
            if self.line.len() > LINE_BYTES {
                return None;
            }
            self.rest = self.bytes.next().await?.ok()?.into_iter();
        }
    }
}
