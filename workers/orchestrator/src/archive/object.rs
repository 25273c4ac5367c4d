//! What is asked of a chat's object while its chat is archived.

use serde::de::DeserializeOwned;
use slipway_contract::objects::archive::{ArchiveStub, ExportAnswer};
use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::{Actor, Problem, ProblemCode};
use slipway_edge::log::Line;
use slipway_edge::{reply, trace};
use worker::wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit, Response};

use super::Place;
use super::pack::Held;
use crate::errand::Errand;
use crate::outgoing;

/// How long an object may take for one answer, in milliseconds; a part is some tens of thousands of rows at most.
const ANSWER_MS: u64 = 20_000;

/// What an object made of being asked to give up its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wiped {
    /// It has, now or before.
    Yes,
    /// It has not, and never does for this archive.
    Refused,
}

/// Seals a chat.
///
/// # Errors
/// The object cannot be reached, or refuses.
pub(super) async fn begin(errand: &Errand, place: Place) -> Result<ExportAnswer, Problem> {
    let mut reply = ask(errand, place, ChatCommand::BeginExport { archive: place.archive }).await?;
    read(errand, place, &mut reply).await
}

/// A part of a sealed chat, as JSON lines; the front under its number.
///
/// # Errors
/// The seal is gone, or the object cannot be reached.
pub(super) async fn part(
    errand: &Errand,
    place: Place,
    part: u32,
    from: Option<String>,
) -> Result<Held, Problem> {
    let command = ChatCommand::ExportPart { archive: place.archive, part, from };
    let reply = ask(errand, place, command).await?;
    Held::reply(reply).await.map_err(|error| unreachable(errand, place, &error))
}

/// Asks for the rows to be given up for the archive whose manifest has this SHA-256.
///
/// # Errors
/// The object cannot be reached: whether it has, nobody knows.
pub(super) async fn wipe(errand: &Errand, place: Place, manifest_sha256: &str) -> Result<Wiped, Problem> {
    let manifest_sha256 = manifest_sha256.to_owned();
    let command = ChatCommand::Wipe { archive: place.archive, manifest_sha256: manifest_sha256.clone() };
    let mut reply = match ask(errand, place, command).await {
        Ok(reply) => reply,
        Err(problem) if problem.code == ProblemCode::ArchiveBlocked => return Ok(Wiped::Refused),
        Err(problem) => return Err(problem),
    };
    let stub: ArchiveStub = read(errand, place, &mut reply).await?;
    if stub.archive == place.archive && stub.manifest_sha256 == manifest_sha256 {
        return Ok(Wiped::Yes);
    }
    place.line(errand, Line::error("archive_wiped_for_another")).emit();
    Err(ProblemCode::Internal.into())
}

async fn ask(errand: &Errand, place: Place, command: ChatCommand) -> Result<Response, Problem> {
    let call = ChatCall { org: Some(place.org), actor: Actor::System, request: errand.request, command };
    let body = serde_json::to_string(&call).map_err(|_| ProblemCode::Internal)?;
    let sent = outgoing::within(ANSWER_MS, send(errand, place, &body)).await;
    let late = || worker::Error::RustError("no answer in time".to_owned());
    let mut reply =
        sent.unwrap_or_else(|| Err(late())).map_err(|error| unreachable(errand, place, &error))?;
    if reply.status_code() == 200 {
        return Ok(reply);
    }
    Err(reply.json::<Problem>().await.unwrap_or_else(|_| ProblemCode::Unavailable.into()))
}

async fn send(errand: &Errand, place: Place, body: &str) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(reply::REQUEST_ID, &errand.request.to_string())?;
    headers.set(trace::HEADER, errand.trace.as_str())?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(JsValue::from_str(body)));
    let object = errand.env.durable_object("CHAT")?.get_by_name(&place.chat.to_string())?;
    object.fetch_with_request(Request::new_with_init("https://object/", &init)?).await
}

async fn read<T: DeserializeOwned>(
    errand: &Errand,
    place: Place,
    reply: &mut Response,
) -> Result<T, Problem> {
    reply.json().await.map_err(|error| unreachable(errand, place, &error))
}

fn unreachable(errand: &Errand, place: Place, error: &worker::Error) -> Problem {
    place.line(errand, Line::warn("chat_unreachable")).fault(error).emit();
    Problem::new(ProblemCode::Unavailable).detail("The chat does not answer.").retry_after(2)
}
