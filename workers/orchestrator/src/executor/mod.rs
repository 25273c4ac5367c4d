//! The client of hosts that run sandboxes: one method for each operation of executors
//! ([`slipway_contract::objects::executor`]), whatever the host speaks. What a host cannot do it refuses as `unsupported`.
//!
//! Invariants: every call ends in a known time; the executor's key is in no error and no line of a log; a redirect is
//! not followed, since the key is for one address alone.

mod archive;
mod bridge;
mod exec;
mod files;
mod handed;

use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_contract::SandboxId;
use slipway_contract::objects::executor::{
    Capabilities, CreateSandbox, ExecutorCode, ExecutorProblem, SandboxList, SandboxReport, SetEpoch,
    SetHosts,
};
use slipway_edge::{reply, trace};
use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::{Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response};

use crate::errand::Errand;
use crate::outgoing::{self, AbortOnDrop, Body};
use crate::settings::{Host, Kind};

pub(crate) use archive::Archive;
use bridge::Bridge;
pub(crate) use exec::Run;
pub(crate) use files::{File, Found};

/// Longest waits, in milliseconds. A sandbox is made within some hundred; ten times that is a host in trouble.
const MAKE_MS: u64 = 30_000;
const STOP_MS: u64 = 15_000;
const ASK_MS: u64 = 5_000;
const FILE_MS: u64 = 30_000;
/// Longest reply that is no file and no stream, in bytes: a list of 1,000 sandboxes.
const REPLY_BYTES: usize = 4 * 1024 * 1024;

/// An executor did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExecutorError {
    /// It cannot be reached, gave no answer in time, or one that nobody can read: try again in a while.
    Unavailable {
        /// What happened, for the logs.
        cause: &'static str,
    },
    /// It refused; the same again would be refused again.
    Refused {
        /// Why, to act on.
        code: ExecutorCode,
        /// Why, for people.
        detail: String,
    },
}

impl ExecutorError {
    /// The refusal, if it is one.
    pub(crate) const fn code(&self) -> Option<ExecutorCode> {
        match self {
            Self::Unavailable { .. } => None,
            Self::Refused { code, .. } => Some(*code),
        }
    }

    /// Whether somebody should look at it when it repeats; other refusals say what callers did wrong.
    pub(crate) const fn is_ours(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused { code, .. } => match code {
                ExecutorCode::Unauthenticated | ExecutorCode::Unsupported | ExecutorCode::Failed => true,
                ExecutorCode::NotFound
                | ExecutorCode::NotRunning
                | ExecutorCode::EpochOver
                | ExecutorCode::Invalid
                | ExecutorCode::TooLarge
                | ExecutorCode::OutsideWorkspace
                | ExecutorCode::DiskFull
                | ExecutorCode::NoPlace
                | ExecutorCode::PortClosed
                | ExecutorCode::PortSilent
                | ExecutorCode::RateLimited => false,
            },
        }
    }

    /// For the logs.
    pub(crate) const fn cause(&self) -> &'static str {
        match self {
            Self::Unavailable { cause } => cause,
            Self::Refused { code, .. } => name(*code),
        }
    }
}

impl fmt::Display for ExecutorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { .. } => f.write_str("the executor cannot be reached"),
            Self::Refused { code: ExecutorCode::Unauthenticated, .. } => {
                f.write_str("the executor does not know our key")
            }
            // It stands within sentences.
            Self::Refused { detail, .. } => f.write_str(detail.trim_end_matches('.')),
        }
    }
}

/// The code's name in logs.
const fn name(code: ExecutorCode) -> &'static str {
    match code {
        ExecutorCode::Unauthenticated => "unauthenticated",
        ExecutorCode::NotFound => "not_found",
        ExecutorCode::NotRunning => "not_running",
        ExecutorCode::EpochOver => "epoch_over",
        ExecutorCode::Invalid => "invalid",
        ExecutorCode::TooLarge => "too_large",
        ExecutorCode::OutsideWorkspace => "outside_workspace",
        ExecutorCode::DiskFull => "disk_full",
        ExecutorCode::NoPlace => "no_place",
        ExecutorCode::Unsupported => "unsupported",
        ExecutorCode::PortClosed => "port_closed",
        ExecutorCode::PortSilent => "port_silent",
        ExecutorCode::RateLimited => "rate_limited",
        ExecutorCode::Failed => "failed",
    }
}

/// One executor, on behalf of one errand.
#[derive(Clone, Copy)]
pub(crate) struct Executor<'a> {
    host: &'a Host,
    errand: &'a Errand,
}

/// What goes along with a call.
enum Sent<'a> {
    Nothing,
    Json(String),
    Bytes(&'a [u8]),
    Stream(JsValue),
}

impl<'a> Executor<'a> {
    pub(crate) const fn new(host: &'a Host, errand: &'a Errand) -> Self {
        Self { host, errand }
    }

    /// Makes a sandbox, or starts a stopped one. The same again answers how it stands.
    pub(crate) async fn create(
        &self,
        sandbox: SandboxId,
        wanted: &CreateSandbox,
    ) -> Result<SandboxReport, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.create(sandbox, wanted).await;
        }
        self.json(Method::Put, &path(sandbox, ""), body(wanted)?, MAKE_MS).await
    }

    /// How a sandbox stands.
    pub(crate) async fn report(&self, sandbox: SandboxId) -> Result<SandboxReport, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.report(sandbox).await;
        }
        self.json(Method::Get, &path(sandbox, ""), Sent::Nothing, ASK_MS).await
    }

    /// Every sandbox that the host knows; `None` of a host that cannot say: its sandboxes are asked for one by one.
    pub(crate) async fn list(&self) -> Result<Option<SandboxList>, ExecutorError> {
        if self.bridge().is_some() {
            return Ok(None);
        }
        self.json(Method::Get, "/v1/sandboxes", Sent::Nothing, 2 * ASK_MS).await.map(Some)
    }

    /// How many more sandboxes may run there.
    pub(crate) async fn free_places(&self) -> Result<usize, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.free_places().await;
        }
        let has: Capabilities = self.json(Method::Get, "/v1/capabilities", Sent::Nothing, ASK_MS).await?;
        let all: SandboxList = self.json(Method::Get, "/v1/sandboxes", Sent::Nothing, 2 * ASK_MS).await?;
        let runs = all.sandboxes.iter().filter(|report| report.running).count();
        Ok(usize::try_from(has.places).unwrap_or(usize::MAX).saturating_sub(runs))
    }

    /// Whether a stop would end files that somebody has put there: they are kept before, then.
    pub(crate) async fn loses_files(&self, sandbox: SandboxId) -> Result<bool, ExecutorError> {
        match self.bridge() {
            Some(bridge) => bridge.loses_files(sandbox).await,
            None => Ok(false),
        }
    }

    /// Nothing, if ports of its sandboxes can be opened to people.
    ///
    /// # Errors
    /// They cannot: the gateway's passes hold at executors alone.
    pub(crate) fn previews(&self) -> Result<(), ExecutorError> {
        if self.host.relay().is_empty() {
            let detail = "previews are not available where this sandbox runs".to_owned();
            return Err(ExecutorError::Refused { code: ExecutorCode::Unsupported, detail });
        }
        Ok(())
    }

    /// Ends its processes; its files stay unless [`Self::loses_files`].
    pub(crate) async fn stop(&self, sandbox: SandboxId) -> Result<SandboxReport, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.stop(sandbox).await;
        }
        self.json(Method::Post, &path(sandbox, "/stop"), Sent::Nothing, STOP_MS).await
    }

    /// Removes it with its files; one that is not there is removed.
    pub(crate) async fn destroy(&self, sandbox: SandboxId) -> Result<(), ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.destroy(sandbox).await;
        }
        match self.done(Method::Delete, &path(sandbox, ""), Sent::Nothing, STOP_MS).await {
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => Ok(()),
            done => done,
        }
    }

    /// Ends access under older epochs. An epoch that it is beyond already is no failure.
    pub(crate) async fn set_epoch(&self, sandbox: SandboxId, epoch: u64) -> Result<(), ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.set_epoch(sandbox, epoch).await;
        }
        let sent = body(&SetEpoch { epoch })?;
        match self.json::<SandboxReport>(Method::Put, &path(sandbox, "/epoch"), sent, ASK_MS).await {
            Err(error) if error.code() == Some(ExecutorCode::EpochOver) => Ok(()),
            done => done.map(drop),
        }
    }

    /// What it may reach from now on.
    pub(crate) async fn set_hosts(
        &self,
        sandbox: SandboxId,
        hosts: Vec<String>,
    ) -> Result<SandboxReport, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.set_hosts(sandbox, &hosts).await;
        }
        let sent = body(&SetHosts { hosts })?;
        self.json(Method::Put, &path(sandbox, "/hosts"), sent, ASK_MS).await
    }

    /// The bridge, if the host is one.
    fn bridge(&self) -> Option<Bridge<'a>> {
        match self.host.kind {
            Kind::Executor => None,
            Kind::Bridge(containers) => Some(Bridge { via: *self, containers }),
        }
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
        limit_ms: u64,
    ) -> Result<T, ExecutorError> {
        let whole = async {
            let (mut reply, _abort) = self.open(method, path, sent, limit_ms).await?;
            match outgoing::body(&mut reply, REPLY_BYTES).await {
                Body::Whole(bytes) => serde_json::from_slice(&bytes)
                    .map_err(|_| ExecutorError::Unavailable { cause: "the reply is not of the contract" }),
                Body::TooLong => Err(ExecutorError::Unavailable { cause: "the reply is too long" }),
                Body::Cut => Err(ExecutorError::Unavailable { cause: "the reply was cut" }),
            }
        };
        outgoing::within(limit_ms, whole).await.unwrap_or(Err(LATE))
    }

    async fn done(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
        limit_ms: u64,
    ) -> Result<(), ExecutorError> {
        self.open(method, path, sent, limit_ms).await.map(drop)
    }

    /// Sends a request and waits for the head of a reply that is no refusal. The reply is ended with what comes beside it.
    async fn open(
        &self,
        method: Method,
        path: &str,
        sent: Sent<'_>,
        limit_ms: u64,
    ) -> Result<(Response, AbortOnDrop), ExecutorError> {
        let headers =
            self.headers().map_err(|_| ExecutorError::Unavailable { cause: "the key cannot be sent" })?;
        let mut init = RequestInit::new();
        match sent {
            Sent::Nothing => {}
            Sent::Json(text) => {
                if headers.set("content-type", "application/json").is_err() {
                    return Err(ExecutorError::Unavailable { cause: "the request cannot be written" });
                }
                init.with_body(Some(JsValue::from_str(&text)));
            }
            Sent::Bytes(bytes) => {
                init.with_body(Some(Uint8Array::from(bytes).into()));
            }
            Sent::Stream(body) => {
                init.with_body(Some(body));
            }
        }
        init.with_method(method).with_headers(headers).with_redirect(RequestRedirect::Manual);
        let request = Request::new_with_init(&format!("{}{path}", self.host.url), &init)
            .map_err(|_| ExecutorError::Unavailable { cause: "the request cannot be written" })?;
        self.send(request, limit_ms).await
    }

    async fn send(&self, request: Request, limit_ms: u64) -> Result<(Response, AbortOnDrop), ExecutorError> {
        let (abort, signal) = AbortOnDrop::new();
        let sent = outgoing::within(limit_ms, Fetch::Request(request).send_with_signal(&signal)).await;
        let reply = sent.ok_or(LATE)?;
        let mut reply = reply.map_err(|_| ExecutorError::Unavailable { cause: "no connection" })?;
        match reply.status_code() {
            101 | 200..=299 => Ok((reply, abort)),
            status => {
                let refused = refusal(self.host.kind, &mut reply, status);
                Err(outgoing::within(limit_ms, refused).await.unwrap_or(LATE))
            }
        }
    }

    /// Headers of every call: the key, and what ties the logs of both sides together.
    fn headers(&self) -> worker::Result<Headers> {
        let headers = Headers::new();
        self.mark(&headers)?;
        Ok(headers)
    }

    fn mark(&self, headers: &Headers) -> worker::Result<()> {
        headers.set("authorization", &format!("Bearer {}", self.host.key.reveal()))?;
        headers.set(trace::HEADER, self.errand.trace.as_str())?;
        headers.set(reply::REQUEST_ID, &self.errand.request.to_string())
    }
}

const LATE: ExecutorError = ExecutorError::Unavailable { cause: "no answer in time" };

/// What a reply without success means. One that is no problem of the contract comes from something that stands between.
async fn refusal(kind: Kind, reply: &mut Response, status: u16) -> ExecutorError {
    let body = match outgoing::body(reply, 64 * 1024).await {
        Body::Whole(bytes) => bytes,
        Body::TooLong | Body::Cut => Vec::new(),
    };
    if let Kind::Bridge(_) = kind {
        return bridge::refusal(status, &body);
    }
    match serde_json::from_slice::<ExecutorProblem>(&body).ok() {
        Some(problem) => ExecutorError::Refused { code: problem.code, detail: problem.detail },
        None if status >= 500 => ExecutorError::Unavailable { cause: "a failure that is no problem" },
        None => ExecutorError::Unavailable { cause: "a refusal that is no problem" },
    }
}

fn body<T: Serialize>(value: &T) -> Result<Sent<'static>, ExecutorError> {
    let text = serde_json::to_string(value);
    text.map(Sent::Json).map_err(|_| ExecutorError::Unavailable { cause: "the request cannot be written" })
}

fn path(sandbox: SandboxId, rest: &str) -> String {
    format!("/v1/sandboxes/{sandbox}{rest}")
}

/// A text as part of a path or query: everything but RFC 3986's unreserved characters is escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_can_leave_its_place_in_an_address() {
        for (text, expected) in [
            ("turn_1-2.0", "turn_1-2.0"),
            ("../x", "..%2Fx"),
            ("a b&c=d?e#f%", "a%20b%26c%3Dd%3Fe%23f%25"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn a_wrong_key_is_told_without_the_executor_s_words() {
        let refused =
            ExecutorError::Refused { code: ExecutorCode::Unauthenticated, detail: "hunter2".to_owned() };
        assert_eq!(refused.to_string(), "the executor does not know our key");
    }
}
