//! Tells chats and route objects how a sandbox stands.
//!
//! Invariant: what was told is old news to whoever knows better (statuses and routes carry their version), so telling twice
//! or late does no harm; what was not acknowledged stays untold in Postgres, and a sweep tells it again.

use slipway_contract::http::artifacts::Artifact;
use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::objects::route::RouteCommand;
use slipway_contract::{Actor, ChatId, OrgId};
use slipway_edge::log::Line;
use slipway_edge::{reply, trace};
use slipway_store::sandboxes::StoredSandbox;
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit};

use crate::errand::Errand;
use crate::outgoing;
use crate::settings::Hosts;

/// How long an object may take to take it in, in milliseconds.
const TELL_MS: u64 = 5_000;

/// Tells the chat of a sandbox; whether it knows now. A chat that is gone needs to know nothing.
pub(crate) async fn chat(errand: &Errand, row: &StoredSandbox) -> bool {
    command(errand, row.org, row.chat, ChatCommand::SandboxChanged(row.status())).await
}

/// Tells a chat of a file that a person kept.
pub(crate) async fn artifact(errand: &Errand, org: OrgId, artifact: &Artifact) -> bool {
    command(errand, org, artifact.chat, ChatCommand::ArtifactSaved(artifact.clone())).await
}

/// Has a chat tell the index everything once more; whether it has heard.
pub(crate) async fn reindex(errand: &Errand, org: OrgId, chat: ChatId) -> bool {
    command(errand, org, chat, ChatCommand::Reindex).await
}

/// Tells the route object of a sandbox; whether it knows now.
pub(crate) async fn route(errand: &Errand, hosts: &Hosts, row: &StoredSandbox) -> bool {
    let host = row.executor.as_deref().and_then(|id| hosts.get(id));
    let set = RouteCommand::Set(row.route(host.map(|host| host.relay().to_owned()).unwrap_or_default()));
    let told = tell(errand, "ROUTE", &row.id.to_string(), &set).await;
    matches!(told, Some(200..=299))
}

async fn command(errand: &Errand, org: OrgId, chat: ChatId, command: ChatCommand) -> bool {
    let call = ChatCall { org: Some(org), actor: Actor::System, request: errand.request, command };
    let told = tell(errand, "CHAT", &chat.to_string(), &call).await;
    matches!(told, Some(200..=299 | 404))
}

/// Sends a command to an object; the status of its answer, if it gave one.
async fn tell<T: serde::Serialize>(
    errand: &Errand,
    binding: &'static str,
    name: &str,
    told: &T,
) -> Option<u16> {
    let sent = outgoing::within(TELL_MS, send(errand, binding, name, told)).await;
    let failed = |line: Line| line.request(errand.request).name("object", binding).emit();
    match sent {
        Some(Ok(status @ 200..=299)) => Some(status),
        Some(Ok(status)) => {
            failed(Line::warn("object_not_told").number("status", status));
            Some(status)
        }
        Some(Err(error)) => {
            failed(Line::warn("object_not_told").fault(&error));
            None
        }
        None => {
            failed(Line::warn("object_not_told").name("cause", "no answer in time"));
            None
        }
    }
}

async fn send<T: serde::Serialize>(
    errand: &Errand,
    binding: &str,
    name: &str,
    told: &T,
) -> worker::Result<u16> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(reply::REQUEST_ID, &errand.request.to_string())?;
    headers.set(trace::HEADER, errand.trace.as_str())?;
    let body = serde_json::to_string(told)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(&body)));
    let object = errand.env.durable_object(binding)?.get_by_name(name)?;
    let reply = object.fetch_with_request(Request::new_with_init("https://object/", &init)?).await?;
    Ok(reply.status_code())
}
