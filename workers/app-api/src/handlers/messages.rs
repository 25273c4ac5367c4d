//! Messages of a chat.

use slipway_contract::http::messages::{EditMessage, PostMessage, Posted};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, MessageId, Problem, ProblemCode, limits};
use slipway_edge::log::Line;
use slipway_edge::reply;
use slipway_store::{OrgDb, StoreError, attachments};

use crate::chat_object;
use crate::errand::Errand;
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
    if asked.attachments.is_empty() {
        return Ok(scope.pass(ChatCommand::Post(asked)).await?.created());
    }
    post_files(&scope, asked).await
}

/// Posts a message with files: they are bound to it before the chat is asked, so that none goes into two messages, and are
/// free again when it does not take it. Should nobody come to say how that went, the chat tells the index itself.
async fn post_files(scope: &ChatScope, post: PostMessage) -> Result<Passed, Refusal> {
    let wanted = post.attachments.clone();
    let wrong = |detail: &str| Problem::field("attachments", detail);
    if wanted.len() > limits::ATTACHMENTS_PER_MESSAGE {
        let most = limits::ATTACHMENTS_PER_MESSAGE;
        return Err(wrong(&format!("must be at most {most}")).into());
    }
    if wanted.iter().enumerate().any(|(at, id)| wanted.iter().take(at).any(|other| other == id)) {
        return Err(wrong("must not name a file twice").into());
    }
    let client_id = post.client_id.clone();
    if !(1..=limits::CLIENT_ID_BYTES).contains(&client_id.len()) || client_id.contains('\0') {
        let detail = format!("must have 1 to {} bytes without NUL", limits::CLIENT_ID_BYTES);
        return Err(Problem::field("client_id", detail).into());
    }
    let (errand, chat, user) = (&scope.errand, scope.chat, scope.caller.user);
    let org = scope.org.ok_or(ProblemCode::OrgContextRequired)?;
    let mut db = errand.dial().await?.org(org);
    let bound = attachments::bind(&mut db, chat, user, &client_id, &wanted).await?;
    let bound = bound.ok_or_else(|| {
        wrong("must be files of this chat that are complete, the sender's own, and in no other message")
    })?;
    let db = db.commit().await?;
    let command = ChatCommand::PostFiles { post, attachments: bound };
    let mut reply = chat_object::ask(errand, chat, Some(org), scope.caller.actor(), command).await?;
    let mut db = db.org(org);
    if reply.status_code() == 200 {
        let posted: Posted = reply.json().await.map_err(|_| ProblemCode::Internal)?;
        let settled = attachments::settle(&mut db, posted.message, &wanted).await;
        record(errand, db, settled).await;
        return Ok(Passed::new(reply::json(201, &posted, errand.id()).map_err(|_| ProblemCode::Internal)?));
    }
    // What may have been taken all the same is not set free.
    if reply.status_code() < 500 {
        let released = attachments::release(&mut db, chat, user, &client_id, &wanted).await;
        record(errand, db, released).await;
    }
    Ok(Passed::new(reply))
}

/// Keeps what is only faster than the chat's own telling.
async fn record(errand: &Errand, db: OrgDb, did: Result<(), StoreError>) {
    let kept = match did {
        Ok(()) => db.commit().await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        errand.line(Line::warn("attachments_not_settled").store(&error)).emit();
    }
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
