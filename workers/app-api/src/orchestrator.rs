//! Calls of the orchestrator: one operation or one stream, handed on as it comes.
//!
//! Invariant: who asks is what this Worker has proved. Nothing of the caller's own headers goes along but what a stream needs.

use core::time::Duration;

use futures::future::{Either, select};
use slipway_contract::objects::attachments::{AttachmentCall, AttachmentOperation, LENGTH};
use slipway_contract::objects::deletions::BeginDeletions;
use slipway_contract::objects::embeddings::{EmbedQuery, Embedded};
use slipway_contract::objects::sandboxes::{ORG, SandboxCall, SandboxOperation, USER};
use slipway_contract::{AttachmentId, OrgId, Problem, ProblemCode, RequestId, UserId};
use slipway_edge::log::Line;
use slipway_edge::reply::REQUEST_ID;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Delay, Env, Fetcher, Headers, Method, Request, RequestInit, Response, web_sys};

use crate::errand::Errand;
use crate::refusal::Refusal;
use crate::upload::Upload;

/// How long an operation may take, in milliseconds. Stopping waits up to ten seconds for processes that do not want to end.
const CALL_MS: u32 = 20_000;
/// How long a look may take, in milliseconds: what Postgres knows is told instead.
const LOOK_MS: u32 = 4_000;
/// How long it may take to tell what somebody's words mean, in milliseconds: the orchestrator gives it five seconds.
const EMBED_MS: u32 = 6_000;
/// How long a workspace may take to be kept or restored, in milliseconds: the orchestrator gives it two minutes.
const SNAPSHOT_MS: u32 = 150_000;
/// How long a stream may take to begin, in milliseconds.
const BEGIN_MS: u32 = 30_000;
/// How long a file may take to be taken in, in milliseconds: the largest one at 1 Mbit/s.
const UPLOAD_MS: u32 = 270_000;

/// On whose behalf something is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behalf {
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
    /// For the logs.
    pub(crate) request: RequestId,
}

/// Asks for one operation. Refusals of the orchestrator are replies.
///
/// # Errors
/// `unavailable` when it cannot be reached.
pub(crate) async fn call(
    errand: &Errand,
    behalf: Behalf,
    operation: SandboxOperation,
) -> Result<Response, Refusal> {
    let limit = limit_ms(&operation);
    let Behalf { org, user, request } = behalf;
    let call = SandboxCall { org, user, request, operation };
    let Ok(body) = serde_json::to_string(&call) else { return Err(ProblemCode::Internal.into()) };
    let path = "/internal/sandboxes/call";
    let asked = Asked { method: Method::Post, path, body: Some(JsValue::from_str(&body)), json: true };
    Ok(send(errand.env(), behalf, asked, limit).await?)
}

const fn limit_ms(operation: &SandboxOperation) -> u32 {
    match operation {
        SandboxOperation::Look { .. } => LOOK_MS,
        SandboxOperation::TakeSnapshot { .. } | SandboxOperation::RestoreSnapshot { .. } => SNAPSHOT_MS,
        SandboxOperation::Quote { .. }
        | SandboxOperation::Stop { .. }
        | SandboxOperation::RevokePreviews { .. }
        | SandboxOperation::PreviewToken { .. }
        | SandboxOperation::Destroy { .. }
        | SandboxOperation::DeleteSnapshot { .. } => CALL_MS,
    }
}

/// Tells that something is to be deleted, so that it begins at once. Where that fails, a sweep begins it.
pub(crate) async fn begin_deletions(errand: &Errand) {
    let Ok(body) = serde_json::to_string(&BeginDeletions { request: errand.id() }) else { return };
    let sending = async {
        let headers = Headers::new();
        headers.set("content-type", "application/json")?;
        headers.set(REQUEST_ID, &errand.id().to_string())?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body)));
        service(errand.env())?.fetch("https://orchestrator/internal/deletions/begin", Some(init)).await
    };
    // What went wrong is in the log.
    let _swept_later = reached(sending, LOOK_MS, errand.id()).await;
}

/// What somebody's words mean, to find context items by it. What went wrong is in the log.
pub(crate) async fn embed(errand: &Errand, behalf: Behalf, text: &str) -> Embedded {
    let Behalf { org, request, .. } = behalf;
    let Ok(body) = serde_json::to_string(&EmbedQuery { org, request, text: text.to_owned() }) else {
        return Embedded::Failed;
    };
    let path = "/internal/embeddings/query";
    let asked = Asked { method: Method::Post, path, body: Some(JsValue::from_str(&body)), json: true };
    match send(errand.env(), behalf, asked, EMBED_MS).await {
        Ok(mut reply) if reply.status_code() == 200 => {
            let body = reply.text().await.unwrap_or_default();
            serde_json::from_str(&body).unwrap_or(Embedded::Failed)
        }
        Ok(_) | Err(_) => Embedded::Failed,
    }
}

/// What a stream begins with.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: &'a str,
    /// A text or a stream.
    pub(crate) body: Option<JsValue>,
    pub(crate) json: bool,
}

/// Asks for a stream. Refusals of the orchestrator are replies.
///
/// # Errors
/// `unavailable` when it cannot be reached.
pub(crate) async fn stream(errand: &Errand, behalf: Behalf, asked: Asked<'_>) -> Result<Response, Refusal> {
    let limit = if asked.method == Method::Put { UPLOAD_MS } else { BEGIN_MS };
    Ok(send(errand.env(), behalf, asked, limit).await?)
}

async fn send(env: &Env, behalf: Behalf, asked: Asked<'_>, limit: u32) -> Result<Response, Problem> {
    let sending = async {
        let headers = Headers::new();
        behalf.name(&headers)?;
        if asked.json {
            headers.set("content-type", "application/json")?;
        }
        let mut init = RequestInit::new();
        init.with_method(asked.method).with_headers(headers).with_body(asked.body);
        let address = format!("https://orchestrator{}", asked.path);
        service(env)?.fetch(address, Some(init)).await
    };
    reached(sending, limit, behalf.request).await
}

/// Asks for one operation upon an attachment. Refusals of the orchestrator are replies.
///
/// # Errors
/// `unavailable` when it cannot be reached.
pub(crate) async fn attachment(
    errand: &Errand,
    behalf: Behalf,
    operation: AttachmentOperation,
) -> Result<Response, Refusal> {
    let Behalf { org, user, request } = behalf;
    let call = AttachmentCall { org, user, request, operation };
    let Ok(body) = serde_json::to_string(&call) else { return Err(ProblemCode::Internal.into()) };
    let path = "/internal/attachments/call";
    let asked = Asked { method: Method::Post, path, body: Some(JsValue::from_str(&body)), json: true };
    Ok(send(errand.env(), behalf, asked, CALL_MS).await?)
}

/// Hands on a part of an attachment, with the length that it says it has.
///
/// # Errors
/// `unavailable` when the orchestrator cannot be reached.
pub(crate) async fn part(
    errand: &Errand,
    behalf: Behalf,
    attachment: AttachmentId,
    part: u16,
    upload: &Upload,
) -> Result<Response, Refusal> {
    let sending = async {
        let headers = Headers::new();
        behalf.name(&headers)?;
        if let Some(length) = upload.length {
            headers.set(LENGTH, &length.to_string())?;
        }
        let mut init = RequestInit::new();
        init.with_method(Method::Put).with_headers(headers).with_body(upload.take());
        let address = format!("https://orchestrator/internal/attachments/{attachment}/parts/{part}");
        service(errand.env())?.fetch(address, Some(init)).await
    };
    Ok(reached(sending, UPLOAD_MS, behalf.request).await?)
}

/// Hands over an upgrade request as it came, but for its address and its headers that name somebody.
///
/// # Errors
/// `unavailable` when the orchestrator cannot be reached.
pub(crate) async fn hand_over(
    request: &Request,
    env: &Env,
    behalf: Behalf,
    path: &str,
) -> Result<Response, Problem> {
    let sending = async {
        let address = format!("https://orchestrator{path}");
        let handed = web_sys::Request::new_with_str_and_init(&address, request.inner().unchecked_ref())?;
        let handed = Request::from(handed);
        let headers = handed.headers();
        for name in ["authorization", "cookie", "x-org-id"] {
            headers.delete(name)?;
        }
        behalf.name(headers)?;
        service(env)?.fetch_request(handed).await
    };
    reached(sending, BEGIN_MS, behalf.request).await
}

impl Behalf {
    /// Says so in a request's headers, whatever they said before.
    fn name(&self, headers: &Headers) -> worker::Result<()> {
        headers.set(ORG, &self.org.to_string())?;
        headers.set(USER, &self.user.to_string())?;
        headers.set(REQUEST_ID, &self.request.to_string())
    }
}

fn service(env: &Env) -> worker::Result<Fetcher> {
    env.service("ORCHESTRATOR")
}

async fn reached(
    sending: impl Future<Output = worker::Result<Response>>,
    limit: u32,
    request: RequestId,
) -> Result<Response, Problem> {
    let line = Line::warn("orchestrator_unreachable").request(request);
    match select(core::pin::pin!(sending), Delay::from(Duration::from_millis(limit.into()))).await {
        Either::Left((Ok(reply), _)) => return Ok(reply),
        Either::Left((Err(error), _)) => line.fault(&error).emit(),
        Either::Right(((), _)) => line.number("limit_ms", limit).emit(),
    }
    Err(Problem::new(ProblemCode::Unavailable).retry_after(2))
}
