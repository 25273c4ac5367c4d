//! Pins: messages that a chat's agents are given in every turn.

use slipway_contract::http::chats::Chat;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, MessageId, Problem};

use crate::extract::{ChatScope, Ids};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Pins a message of the chat itself; once more is harmless.
#[utoipa::path(
    put, path = "/v1/chats/{chat}/messages/{message}/pin", operation_id = "pin_message", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path)),
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn add(
    scope: ChatScope,
    Ids((_, message)): Ids<(ChatId, MessageId)>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::Pin { message, on: true }).await
}

/// Takes a pin back; once more is harmless.
#[utoipa::path(
    delete, path = "/v1/chats/{chat}/messages/{message}/pin", operation_id = "unpin_message", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path)),
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn remove(
    scope: ChatScope,
    Ids((_, message)): Ids<(ChatId, MessageId)>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::Pin { message, on: false }).await
}
