//! Chats in which nothing new has happened for days move to R2, and archives that somebody left in the middle are brought to
//! rest.
//!
//! Invariant: what cannot be archived makes way for the others: it is left alone for a while, longer each time.

use slipway_contract::{Actor, ArchiveId, Problem, ProblemCode, Timestamp};
use slipway_edge::log::Line;
use slipway_store::archives::{self, Idle};
use slipway_store::config;
use slipway_store::page::Page;

use super::{ROUND_MS, ROWS, Round, list};
use crate::archive::{Archives, Asked};
use crate::errand::Errand;
use crate::sandboxes::Changes;

/// Days that every org's chats stay where they are, whatever it says.
const FEWEST_DAYS: u32 = 1;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) async fn sweep(changes: &mut Changes<'_>) -> Result<Round, Problem> {
    let begun = changes.errand.now();
    let mut round = Round::default();
    let all = Page::<ArchiveId> { limit: ROWS, after: None };
    let left = list!(changes, archives::unsettled, begun, &all);
    let errand = changes.errand;
    let mut archives = Archives::new(errand);
    for due in left.items {
        if is_over(errand, begun) {
            return Ok(round);
        }
        round.looked += 1;
        if let Err(problem) = archives.take_up(due.org, due.archive).await {
            round.failed += 1;
            let line = Line::warn("archive_not_settled").request(errand.request).org(due.org);
            line.code(problem.code).emit();
        }
    }
    let before = begun.plus_ms(-i64::from(FEWEST_DAYS) * DAY_MS);
    let idle = list!(changes, archives::idle, before, begun, ROWS);
    for chat in idle {
        if is_over(errand, begun) {
            break;
        }
        round.looked += 1;
        if let Err(problem) = leave(changes, chat, begun).await
            // A chat in which something goes on is no failure.
            && problem.code != ProblemCode::ArchiveBlocked
        {
            round.failed += 1;
            let line = Line::warn("chat_not_archived").request(errand.request).org(chat.org).chat(chat.chat);
            line.code(problem.code).emit();
        }
    }
    Ok(round)
}

fn is_over(errand: &Errand, begun: Timestamp) -> bool {
    errand.now().since(begun) > ROUND_MS
}

/// Archives a chat, if its org wants that already.
async fn leave(changes: &mut Changes<'_>, chat: Idle, now: Timestamp) -> Result<(), Problem> {
    let mut rows = changes.link.rows(chat.org).await?;
    let days = config::archive_after_days(&mut rows).await.map_err(|error| changes.errand.refuse(&error))?;
    // An org that keeps its chats where they are may change its mind: it is asked again the next day.
    let due = match days {
        Some(days) => chat.since.plus_ms(i64::from(days) * DAY_MS),
        None => now.plus_ms(DAY_MS),
    };
    if now < due {
        let left = match archives::leave_until(&mut rows, chat.chat, due).await {
            Ok(()) => changes.link.commit(rows).await,
            Err(error) => Err(error),
        };
        return left.map_err(|error| changes.errand.refuse(&error));
    }
    changes.link.done(rows);
    let mut archives = Archives::new(changes.errand);
    match archives.ask(chat.org, chat.chat, Actor::System).await? {
        Asked::Begun(stored, plan) => archives.carry_out(stored, plan).await,
        Asked::There(_) => Ok(()),
    }
}
