//! The way to a chat's socket. The upgrade itself goes to the chat before the router is asked.

use serde::Deserialize;
use slipway_contract::http::chats::SocketTicket;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, Problem, ProblemCode, Seq};

use crate::errand::Errand;
use crate::extract::{ChatScope, Ids};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// A ticket for one socket, good for 30 seconds and one use.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/socket-ticket", operation_id = "issue_socket_ticket", tag = "sockets", params(("chat" = ChatId, Path)),
    responses((status = 200, body = SocketTicket), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn ticket(scope: ChatScope) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::IssueTicket).await
}

/// Query of the socket's address.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the chat itself reads the query; this describes it")]
struct SocketQuery {
    /// From `socket-ticket`.
    ticket: String,
    /// Events after this one are sent first; only new ones when absent.
    after: Option<Seq>,
}

/// The chat's socket (WebSocket, sub-protocol `slipway.v1`): events as they happen, posts, read markers, typing.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/socket", operation_id = "open_socket", tag = "sockets", security(()),
    params(("chat" = ChatId, Path), SocketQuery),
    responses((status = 101, description = "the socket"), (status = "default", body = Problem))
)]
pub(crate) async fn upgrade(_: Errand, Ids(_): Ids<ChatId>) -> Refusal {
    ProblemCode::UpgradeRequired.into()
}
