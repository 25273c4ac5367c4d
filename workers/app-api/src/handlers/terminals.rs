//! The way to a sandbox's terminal. The upgrade itself is handed over before the router is asked (`terminals.rs`).

use slipway_contract::http::chats::SocketTicket;
use slipway_contract::http::sandboxes::{TerminalQuery, TerminalTicket};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Problem, ProblemCode, SandboxId};

use crate::chat_object;
use crate::errand::Errand;
use crate::extract::{Ids, SandboxParty};
use crate::refusal::Refusal;
use crate::reply::Json;
use crate::terminals;

/// A ticket for one terminal, good for 30 seconds and one use.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/terminal-ticket", operation_id = "issue_terminal_ticket", tag = "sockets",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = TerminalTicket), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn ticket(at: SandboxParty) -> Result<Json<TerminalTicket>, Refusal> {
    let party = at.party;
    party.acts()?;
    let (org, actor) = (Some(party.org), party.caller.actor());
    let mut reply = chat_object::ask(&party.errand, party.chat, org, actor, ChatCommand::IssueTicket).await?;
    if reply.status_code() != 200 {
        return Err(chat_object::refusal(reply).await);
    }
    let issued = reply.json::<SocketTicket>().await.map_err(|_| ProblemCode::Internal)?;
    let ticket = terminals::ticket(party.chat, &issued.ticket);
    Ok(Json::ok(TerminalTicket { ticket, expires_at: issued.expires_at }))
}

/// A terminal in a sandbox (WebSocket): binary frames are its bytes, both ways; text frames tell its size and end.
#[utoipa::path(
    get, path = "/v1/sandboxes/{sandbox}/terminal", operation_id = "open_terminal", tag = "sockets", security(()),
    params(("sandbox" = SandboxId, Path), TerminalQuery),
    responses((status = 101, description = "the terminal"), (status = "default", body = Problem))
)]
pub(crate) async fn upgrade(_: Errand, Ids(_): Ids<SandboxId>) -> Refusal {
    ProblemCode::UpgradeRequired.into()
}
