//! Reactions to messages.

use slipway_contract::http::messages::Posted;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, MessageId, Problem};

use crate::extract::{ChatScope, Ids};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Reacts to a message; once more is harmless.
#[utoipa::path(
    put, path = "/v1/chats/{chat}/messages/{message}/reactions/{emoji}", operation_id = "add_reaction", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Posted), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn add(
    scope: ChatScope,
    Ids((_, message, emoji)): Ids<(ChatId, MessageId, String)>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::React { message, emoji, on: true }).await
}

/// Takes a reaction back; once more is harmless.
#[utoipa::path(
    delete, path = "/v1/chats/{chat}/messages/{message}/reactions/{emoji}", operation_id = "remove_reaction", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path), ("emoji" = String, Path)),
    responses((status = 200, body = Posted), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn remove(
    scope: ChatScope,
    Ids((_, message, emoji)): Ids<(ChatId, MessageId, String)>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::React { message, emoji, on: false }).await
}
