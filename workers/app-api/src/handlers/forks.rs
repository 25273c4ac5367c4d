//! Forks of a chat. The chat itself decides; Postgres is asked only how many forks the org allows.

use slipway_contract::http::forks::{AcceptFork, CreateFork, Fork, ForksQuery};
use slipway_contract::http::page::Page;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, ForkId, Problem, ProblemCode};
use slipway_store::{config, memberships};

use crate::extract::{ChatScope, Ids, PostBody, Query};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// The forks of a chat, the newest first.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/forks", operation_id = "list_forks", tag = "forks", params(("chat" = ChatId, Path), ForksQuery),
    responses((status = 200, body = Page<Fork>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(scope: ChatScope, Query(asked): Query<ForksQuery>) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Forks(asked)).await
}

/// Begins a side discussion from a message. The same `client_id` again gets the same fork. A chat has as many open ones as
/// the org allows (`max_forks_per_thread`).
#[utoipa::path(
    post, path = "/v1/chats/{chat}/forks", operation_id = "create_fork", tag = "forks", params(("chat" = ChatId, Path)),
    request_body = CreateFork,
    responses((status = 201, body = Fork), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    scope: ChatScope,
    PostBody(asked): PostBody<CreateFork>,
) -> Result<Passed, Refusal> {
    let most = allowed(&scope).await?;
    Ok(scope.pass(ChatCommand::CreateFork { fork: asked, most }).await?.created())
}

/// Has the default agent draft the fork's summary; once more while it drafts is harmless. The draft comes as a message of
/// the fork, which `draft` names then. Without a default agent nothing happens: people write the summary themselves.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/forks/{fork}/resolve", operation_id = "draft_fork", tag = "forks",
    params(("chat" = ChatId, Path), ("fork" = ForkId, Path)),
    responses((status = 200, body = Fork), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn resolve(
    scope: ChatScope,
    Ids((_, fork)): Ids<(ChatId, ForkId)>,
) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::DraftFork { fork }).await
}

/// Puts the summary into the chat and ends the fork. The same again, from the same person, gets the same answer; whoever
/// comes later with another one is told that the fork has ended.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/forks/{fork}/accept", operation_id = "accept_fork", tag = "forks",
    params(("chat" = ChatId, Path), ("fork" = ForkId, Path)), request_body = AcceptFork,
    responses((status = 200, body = Fork), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn accept(
    scope: ChatScope,
    Ids((_, fork)): Ids<(ChatId, ForkId)>,
    PostBody(accepted): PostBody<AcceptFork>,
) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::AcceptFork { fork, accepted }).await
}

/// Gives the fork up; its messages are kept. Once more is harmless.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/forks/{fork}/abandon", operation_id = "abandon_fork", tag = "forks",
    params(("chat" = ChatId, Path), ("fork" = ForkId, Path)),
    responses((status = 200, body = Fork), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn abandon(
    scope: ChatScope,
    Ids((_, fork)): Ids<(ChatId, ForkId)>,
) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::AbandonFork { fork }).await
}

/// Open forks that the org of the chat allows. It is the org that the caller names, or the one of theirs that has the chat; the
/// chat refuses whoever names another, so the number says nothing to them.
async fn allowed(scope: &ChatScope) -> Result<u32, Refusal> {
    let db = scope.errand.dial().await?;
    let mut db = if let Some(org) = scope.org {
        db.org(org)
    } else {
        let mut own = db.memberships(scope.caller.user);
        let org = memberships::org_of_chat(&mut own, scope.chat).await?.ok_or(ProblemCode::NotFound)?;
        own.end()?.org(org)
    };
    Ok(config::max_forks(&mut db).await?)
}
