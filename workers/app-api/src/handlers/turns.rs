//! Turns of agents.

use slipway_contract::http::chats::TurnStatus;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Problem, TurnId};

use crate::extract::{ChatScope, Ids};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// Stops a turn; once more is harmless.
#[utoipa::path(
    post, path = "/v1/turns/{turn}/cancel", operation_id = "cancel_turn", tag = "turns", params(("turn" = TurnId, Path)),
    responses((status = 200, body = TurnStatus), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn cancel(scope: ChatScope, Ids(turn): Ids<TurnId>) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::CancelTurn { turn }).await
}
