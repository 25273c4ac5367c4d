//! Where a model's events come from: the demo model at its pace, or a provider's answer as its bytes arrive.
//!
//! Invariant: a dropped [`Call`] ends the provider's work: the request is aborted, whatever state it is in.

use std::time::Duration;

use futures::StreamExt;
use slipway_edge::clock;
use slipway_llm::providers::demo;
use slipway_llm::{
    ErrorKind, HttpRequest, ModelRequest, Provider, ProviderError, StreamDecoder, StreamEvent,
};
use worker::{ByteStream, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};

use super::pace::{BATCH_MS, Pace};
use crate::outgoing::AbortOnDrop;

/// Most of an error's body that is read, in bytes.
const ERROR_BYTES: usize = 64 * 1024;

/// A model at work.
pub(crate) enum Source {
    /// The built-in model.
    Demo {
        /// What it says.
        pace: Pace,
        /// How it ends, when it is told to fail.
        failure: Option<ProviderError>,
        /// Whether it has begun.
        begun: bool,
    },
    /// A provider's answer.
    Provider(Call),
}

impl Source {
    pub(crate) fn demo(request: &ModelRequest, per_second: u32) -> Self {
        let answer = demo::answer(request);
        let pace = Pace::new(answer.events, per_second, clock::now().unix_ms());
        Self::Demo { pace, failure: answer.failure, begun: false }
    }

    /// Waits for more and appends it to `events`.
    ///
    /// # Errors
    /// The answer failed, or ended before it was whole; what came before is in `events`.
    pub(crate) async fn next(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        match self {
            Self::Demo { pace, failure, begun } => {
                if core::mem::replace(begun, true) {
                    Delay::from(Duration::from_millis(BATCH_MS.unsigned_abs())).await;
                }
                let (mut due, more) = pace.due(clock::now().unix_ms());
                events.append(&mut due);
                if more { Ok(()) } else { failure.take().map_or(Ok(()), Err) }
            }
            Self::Provider(call) => call.next(events).await,
        }
    }
}

/// A provider's answer. Fields end in this order: reading stops before the request is aborted.
pub(crate) struct Call {
    body: ByteStream,
    decoder: Box<dyn StreamDecoder>,
    _abort: AbortOnDrop,
}

impl Call {
    /// Calls the provider and waits for the head of its answer.
    ///
    /// # Errors
    /// It cannot be reached, or answers with a failure.
    pub(crate) async fn ask(
        provider: &dyn Provider,
        name: &'static str,
        request: &ModelRequest,
    ) -> Result<Self, ProviderError> {
        let unreachable =
            |_| ProviderError::new(ErrorKind::Connection, name, "the provider could not be reached");
        let request = write(&provider.request(request)?).map_err(unreachable)?;
        let (abort, signal) = AbortOnDrop::new();
        let sent = Fetch::Request(request).send_with_signal(&signal).await;
        let mut reply = sent.map_err(unreachable)?;
        let status = reply.status_code();
        if status != 200 {
            let headers: Vec<(String, String)> = reply.headers().entries().collect();
            return Err(provider.error(status, &headers, &beginning(&mut reply).await));
        }
        let unreadable =
            |_| ProviderError::new(ErrorKind::Protocol, name, "the provider's answer has no body");
        let body = reply.stream().map_err(unreadable)?;
        Ok(Self { body, decoder: provider.decoder(), _abort: abort })
    }

    async fn next(&mut self, events: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        match self.body.next().await {
            Some(Ok(bytes)) => self.decoder.feed(&bytes, events),
            // A cut connection and a clean end are the same to the decoder: was the answer whole?
            Some(Err(_)) | None => self.decoder.finish(events),
        }
    }
}

/// The call as the platform's request. A redirect is not followed: the key is for this address alone.
pub(super) fn write(written: &HttpRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in &written.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(worker::js_sys::Uint8Array::from(written.body.as_slice()).into()));
    Request::new_with_init(&written.url, &init)
}

/// The beginning of a reply's body, as far as it can be read.
pub(super) async fn beginning(reply: &mut Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(mut body) = reply.stream() else { return bytes };
    while let Some(Ok(more)) = body.next().await {
        let space = ERROR_BYTES - bytes.len();
        bytes.extend(more.into_iter().take(space));
        if bytes.len() >= ERROR_BYTES {
            break;
        }
    }
    bytes
}
