//! Sending a chat to rest before the clock does. It comes back by itself when somebody opens it.

use slipway_contract::http::chats::{ArchiveStatus, Chat};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, ParticipantId, ParticipantRole, Problem, ProblemCode};
use slipway_store::{archives, chats};
use worker::Method;

use super::participants::org_of;
use crate::chat_object;
use crate::extract::{ChatScope, org_member};
use crate::orchestrator::{self, Asked, Behalf};
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// Moves a chat that nobody uses out of the way, as the clock does after some days: what it holds is copied, read back and
/// compared, and only then given up. By a moderator; once more is harmless. Refused with the reason while something goes on
/// in the chat. It comes back, as it was, when somebody opens it.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/archive", operation_id = "archive_chat", tag = "chats", params(("chat" = ChatId, Path)),
    responses((status = 202, body = ArchiveStatus), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn begin(scope: ChatScope) -> Result<Result<Json<ArchiveStatus>, Passed>, Refusal> {
    let (errand, chat, user) = (&scope.errand, scope.chat, scope.caller.user);
    let (db, org) = org_of(&scope, errand.dial().await?).await?;
    let mut db = org_member::enter(errand, db.org(org), user).await?.db;
    // To ask the chat itself would bring it back, or keep it from going.
    if chats::takes_part(&mut db, chat, user).await?
        && let Some(stored) = archives::current(&mut db, chat).await?
        && let Some(state) = stored.state.phase()
    {
        return Ok(Ok(Json::accepted(ArchiveStatus { chat, archive: stored.id, state })));
    }
    // The connection is not needed while others work.
    drop(db);
    let described = chat_object::ask(errand, chat, Some(org), scope.caller.actor(), ChatCommand::Describe);
    let mut reply = described.await?;
    if reply.status_code() != 200 {
        return Err(chat_object::refusal(reply).await);
    }
    let described = reply.json::<Chat>().await.map_err(|_| ProblemCode::Internal)?;
    let own = ParticipantId::User { id: user };
    let mut people = described.participants.iter();
    if !people.any(|person| person.id == own && person.role == ParticipantRole::Moderator) {
        return Err(Problem::new(ProblemCode::Forbidden)
            .detail("Only a moderator archives the chat.")
            .into());
    }
    let behalf = Behalf { org, user, request: errand.id() };
    let path = format!("/internal/archives/{org}/{chat}/begin");
    let asked = Asked { method: Method::Post, path: &path, body: None, json: false };
    Ok(Err(Passed::new(orchestrator::stream(errand, behalf, asked).await?)))
}
