//! Messages of a chat.

use slipway_contract::http::messages::{EditMessage, PostMessage, Posted};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, MessageId, Problem};

use crate::extract::{ChatScope, Ids, PostBody};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Posts a message. The same `client_id` again gets the same answer, and no second message.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/messages", operation_id = "post_message", tag = "messages", params(("chat" = ChatId, Path)),
    request_body = PostMessage,
    responses((status = 201, body = Posted), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn post(
    scope: ChatScope,
    PostBody(asked): PostBody<PostMessage>,
) -> Result<Passed, Refusal> {
    Ok(scope.pass(ChatCommand::Post(asked)).await?.created())
}

/// Gives one's own message a new text.
#[utoipa::path(
    patch, path = "/v1/chats/{chat}/messages/{message}", operation_id = "edit_message", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path)), request_body = EditMessage,
    responses((status = 200, body = Posted), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn edit(
    scope: ChatScope,
    Ids((_, message)): Ids<(ChatId, MessageId)>,
    PostBody(asked): PostBody<EditMessage>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::Edit { message, text: asked.text }).await
}

/// Takes a message's text away: one's own, or any by a moderator. Once more is harmless.
#[utoipa::path(
    delete, path = "/v1/chats/{chat}/messages/{message}", operation_id = "delete_message", tag = "messages",
    params(("chat" = ChatId, Path), ("message" = MessageId, Path)),
    responses((status = 200, body = Posted), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn delete(
    scope: ChatScope,
    Ids((_, message)): Ids<(ChatId, MessageId)>,
) -> Result<Passed, Refusal> {
    let message = scope.own(message)?;
    scope.pass(ChatCommand::Delete { message }).await
}
