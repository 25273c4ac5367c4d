//! Calls of a chat's object: one command, one reply, which is handed on as it comes.

use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::{Actor, ChatId, OrgId, Problem, ProblemCode, RequestId};
use slipway_edge::log::Line;
use wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit, Response};

use crate::errand::Errand;
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Asks `chat` on behalf of `actor`, and hands its reply on unread.
///
/// # Errors
/// `unavailable` when the object cannot be reached. Its own refusals are replies.
pub(crate) async fn pass(
    errand: &Errand,
    chat: ChatId,
    org: Option<OrgId>,
    actor: Actor,
    command: ChatCommand,
) -> Result<Passed, Refusal> {
    Ok(Passed::new(ask(errand, chat, org, actor, command).await?))
}

/// Asks `chat` on behalf of `actor`.
///
/// # Errors
/// `unavailable` when the object cannot be reached. Its own refusals are replies.
pub(crate) async fn ask(
    errand: &Errand,
    chat: ChatId,
    org: Option<OrgId>,
    actor: Actor,
    command: ChatCommand,
) -> Result<Response, Refusal> {
    errand.is_about(chat);
    let call = ChatCall { org, actor, request: errand.id(), command };
    let Ok(body) = serde_json::to_string(&call) else { return Err(ProblemCode::Internal.into()) };
    let sent = send(errand, chat, &body).await;
    sent.map_err(|error| unreachable(&error, chat, errand.id()).into())
}

/// A reply that refuses, as this Worker's own refusal.
pub(crate) async fn refusal(mut reply: Response) -> Refusal {
    match reply.json::<Problem>().await {
        Ok(problem) => problem.into(),
        Err(_) => ProblemCode::Internal.into(),
    }
}

async fn send(errand: &Errand, chat: ChatId, body: &str) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(body)));
    let object = errand.env().durable_object("CHAT")?.get_by_name(&chat.to_string())?;
    object.fetch_with_request(Request::new_with_init("https://chat/", &init)?).await
}

/// What the caller is told when an object does not answer: it restarts, or has too much to do.
pub(crate) fn unreachable(error: &worker::Error, chat: ChatId, request: RequestId) -> Problem {
    Line::warn("chat_unreachable").request(request).chat(chat).fault(error).emit();
    Problem::new(ProblemCode::Unavailable).retry_after(1)
}
