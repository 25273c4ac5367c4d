//! The upgrade to a sandbox's terminal, handed to the orchestrator before the router sees it: the socket never passes
//! through this Worker's code.
//!
//! Invariant: the ticket proves who asks and in which chat; the sandbox must be that chat's, and who asks must have a role
//! that lets them act. A ticket opens at most one terminal, whatever else is wrong with the request.

use slipway_contract::http::sandboxes::TerminalQuery;
use slipway_contract::objects::chat::{ChatCommand, RedeemedTicket};
use slipway_contract::{Actor, ChatId, Problem, ProblemCode, SandboxId};
use slipway_domain::orgs::{Deed, may};
use slipway_edge::log::Line;
use slipway_edge::reply;
use slipway_edge::trace::TraceParent;
use slipway_store::{members, sandboxes};
use worker::{Context, Env, Method, Request, Response};

use crate::chat_object;
use crate::errand::Errand;
use crate::orchestrator::{self, Behalf};
use crate::refusal::Refusal;

/// Longest name of a terminal, in characters.
const NAME_CHARS: usize = 32;
/// Most columns and rows.
const SIDE: u16 = 500;

/// The sandbox whose terminal the request wants to be upgraded to. Anything else takes the ordinary way.
pub(crate) fn wanted(path: &str, request: &Request) -> Option<SandboxId> {
    let sandbox = path.strip_prefix("/v1/sandboxes/")?.strip_suffix("/terminal")?.parse().ok()?;
    let upgrade = request.headers().get("upgrade").ok().flatten()?;
    (request.method() == Method::Get && upgrade.eq_ignore_ascii_case("websocket")).then_some(sandbox)
}

/// A ticket of a chat, as one for a terminal: the chat must be found before it can be asked.
pub(crate) fn ticket(chat: ChatId, of_chat: &str) -> String {
    format!("{}.{of_chat}", chat.uuid().simple())
}

/// Opens the terminal, or says why not.
pub(crate) async fn open(
    request: &Request,
    env: Env,
    context: Context,
    sandbox: SandboxId,
) -> worker::Result<Response> {
    let errand = Errand::new(env, context, TraceParent::of(request.headers()));
    let opened = attempt(request, &errand, sandbox).await;
    let line = errand.line(Line::info("terminal_request")).sandbox(sandbox).took(errand.now());
    match opened {
        Ok(response) => {
            line.number("status", response.status_code()).emit();
            Ok(response)
        }
        Err(refusal) => {
            let problem = refusal.problem(errand.id());
            line.code(problem.code).emit();
            reply::problem(problem, errand.id())
        }
    }
}

async fn attempt(request: &Request, errand: &Errand, sandbox: SandboxId) -> Result<Response, Refusal> {
    let query = query(&request.inner().url())?;
    let (chat, ticket) = parts(&query.ticket).ok_or(ProblemCode::TicketInvalid)?;
    let command = ChatCommand::RedeemTicket { ticket: ticket.to_owned() };
    let mut reply = chat_object::ask(errand, chat, None, Actor::System, command).await?;
    if reply.status_code() != 200 {
        // That there is no such chat is nothing to tell who guesses.
        let known = matches!(reply.status_code(), 500..);
        return Err(if known {
            chat_object::refusal(reply).await
        } else {
            ProblemCode::TicketInvalid.into()
        });
    }
    let who = reply.json::<RedeemedTicket>().await.map_err(|_| ProblemCode::Internal)?;
    errand.is_by(who.user);
    errand.is_in(who.org);
    let mut db = errand.dial().await?.org(who.org);
    let found = sandboxes::find(&mut db, sandbox).await?.filter(|found| found.chat == chat);
    let member = members::find(&mut db, who.user).await?;
    let (Some(_), Some(member)) = (found, member) else { return Err(ProblemCode::NotFound.into()) };
    drop(db);
    may(member.role, Deed::UseSandboxes)?;
    let path = format!(
        "/internal/sandboxes/{sandbox}/terminal?terminal={}&cols={}&rows={}",
        query.terminal, query.cols, query.rows
    );
    let behalf = Behalf { org: who.org, user: who.user, request: errand.id() };
    Ok(orchestrator::hand_over(request, errand.env(), behalf, &path).await?)
}

/// The query of an address, when all in it fits.
fn query(address: &str) -> Result<TerminalQuery, Problem> {
    let wrong = |detail: &str| Problem::new(ProblemCode::InvalidParameter).detail(detail);
    let uri: http::Uri = address.parse().map_err(|_| wrong("the address cannot be read"))?;
    let read = axum::extract::Query::<TerminalQuery>::try_from_uri(&uri);
    let axum::extract::Query(query) = read.map_err(|error| wrong(&error.body_text()))?;
    let named = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if !(1..=NAME_CHARS).contains(&query.terminal.len()) || !query.terminal.bytes().all(named) {
        return Err(wrong("terminal must be 1 to 32 of a-z, 0-9 and -"));
    }
    if !(1..=SIDE).contains(&query.cols) || !(1..=SIDE).contains(&query.rows) {
        return Err(wrong("cols and rows must be 1 to 500"));
    }
    Ok(query)
}

/// The chat of a ticket, and the chat's own part of it.
fn parts(ticket: &str) -> Option<(ChatId, &str)> {
    let (chat, ticket) = ticket.split_once('.')?;
    Some((format!("{}_{chat}", ChatId::PREFIX).parse().ok()?, ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_leads_to_its_chat() {
        let chat = ChatId::fresh(1_800_000_000_000, [7; 10]);
        assert_eq!(parts(&ticket(chat, "a.b")), Some((chat, "a.b")));
        for wrong in ["", "x", ".x", "chat.x", &format!("{chat}.x")] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_terminal_has_a_name_and_a_size() {
        let at = |rest: &str| query(&format!("https://h/v1/sandboxes/s/terminal?{rest}"));
        let good = at("ticket=a.b&terminal=main-1&cols=80&rows=24").unwrap();
        assert_eq!(
            (good.ticket.as_str(), good.terminal.as_str(), good.cols, good.rows),
            ("a.b", "main-1", 80, 24)
        );
        let long = format!("ticket=a&terminal={}&cols=80&rows=24", "x".repeat(33));
        for rest in [
            "",
            "ticket=a&terminal=t&cols=80",
            "ticket=a&terminal=&cols=80&rows=24",
            "ticket=a&terminal=T&cols=80&rows=24",
            "ticket=a&terminal=a%26b&cols=80&rows=24",
            "ticket=a&terminal=t&cols=0&rows=24",
            "ticket=a&terminal=t&cols=80&rows=501",
            "ticket=a&terminal=t&cols=80&rows=-1",
            "ticket=a&terminal=t&cols=80&rows=24&x=1",
            &long,
        ] {
            assert_eq!(
                at(rest).map_err(|problem| problem.code),
                Err(ProblemCode::InvalidParameter),
                "{rest}"
            );
        }
    }
}
