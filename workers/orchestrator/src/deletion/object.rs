//! What the objects of chats are asked when something of them goes.

use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::objects::deletions::Erased;
use slipway_contract::{Actor, ChatId, OrgId, Problem, ProblemCode};
use slipway_edge::log::Line;
use slipway_edge::{reply, trace};
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit};

use crate::errand::Errand;
use crate::outgoing;

/// How long an object may take, in milliseconds: the log of a long chat is read through once.
const ASK_MS: u64 = 15_000;

/// Asks a chat as Slipway itself; `None` when there is no such chat.
///
/// # Errors
/// `unavailable`, or what the object itself failed with.
pub(crate) async fn ask(
    errand: &Errand,
    org: OrgId,
    chat: ChatId,
    command: ChatCommand,
) -> Result<Option<String>, Problem> {
    let call = ChatCall { org: Some(org), actor: Actor::System, request: errand.request, command };
    let failed = |line: Line| {
        line.request(errand.request).org(org).chat(chat).emit();
        Problem::new(ProblemCode::Unavailable).retry_after(2)
    };
    match outgoing::within(ASK_MS, send(errand, chat, &call)).await {
        Some(Ok((200, body))) => Ok(Some(body)),
        Some(Ok((404, _))) => Ok(None),
        Some(Ok((status, _))) => Err(failed(Line::warn("chat_not_ended").number("status", status))),
        Some(Err(error)) => Err(failed(Line::warn("chat_not_ended").fault(&error))),
        None => Err(failed(Line::warn("chat_not_ended").name("cause", "no answer in time"))),
    }
}

/// How much an answer says was erased.
pub(super) fn erased(answer: Option<String>) -> Erased {
    answer.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

async fn send(errand: &Errand, chat: ChatId, call: &ChatCall) -> worker::Result<(u16, String)> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(reply::REQUEST_ID, &errand.request.to_string())?;
    headers.set(trace::HEADER, errand.trace.as_str())?;
    let body = serde_json::to_string(call)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body)));
    let object = errand.env.durable_object("CHAT")?.get_by_name(&chat.to_string())?;
    let mut reply = object.fetch_with_request(Request::new_with_init("https://object/", &init)?).await?;
    Ok((reply.status_code(), reply.text().await?))
}
