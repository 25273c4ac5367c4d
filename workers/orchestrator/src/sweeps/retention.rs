//! What orgs keep no longer: chats in which nothing has happened for long are deleted, and so are old artifacts, attachments
//! and entries of the audit log; chats forget what agents did in old turns.
//!
//! Invariant: a chat goes as if somebody had asked for it and a file as if its message were deleted, so nothing here removes
//! anything of them itself.

use slipway_contract::http::retention::Retention;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::deletions::ForgottenTurns;
use slipway_contract::{OrgId, Problem, ProblemCode, Timestamp};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::page::Page;
use slipway_store::{StoreError, artifacts, attachments, audit, deletions, retention};

use super::{ROUND_MS, Round, list};
use crate::deletion::places::artifacts::remove;
use crate::deletion::{by_slipway, object};
use crate::sandboxes::Changes;

/// Orgs that a round looks at.
const ORGS: u32 = 50;
/// Chats of one org that a round asks to be deleted.
const CHATS: u64 = 20;
/// Artifacts of one org that a round removes.
const ARTIFACTS: u64 = 50;
/// Attachments of one org that a round marks as such that shall go.
const ATTACHMENTS: u64 = 200;
/// Entries of one org's audit log that a round removes.
const ENTRIES: u64 = 1_000;
/// Chats of one org that a round asks to forget turns.
const TURNS: usize = 20;
/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60_000;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let page = Page::<OrgId> { limit: ORGS, after: cursor.and_then(|cursor| cursor.parse().ok()) };
    let part = list!(changes, retention::limited, &page);
    let mut round = Round::default();
    for (org, keeps) in &part.items {
        match one(changes, *org, *keeps).await {
            Ok(went) => round.looked += went,
            Err(problem) => {
                round.failed += 1;
                Line::warn("retention_held")
                    .request(changes.errand.request)
                    .org(*org)
                    .code(problem.code)
                    .emit();
            }
        }
    }
    round.cursor = part.items.last().filter(|_| part.more).map(|(org, _)| org.to_string());
    Ok(round)
}

/// What one org keeps no longer; how much that is.
async fn one(changes: &mut Changes<'_>, org: OrgId, keeps: Retention) -> Result<usize, Problem> {
    let now = changes.errand.now();
    let mut went = 0;
    if let Some(days) = keeps.chat_days {
        let mut rows = changes.link.rows(org).await?;
        let old = deletions::old_chats(&mut rows, before(now, days), CHATS).await;
        let old = changes.link.written(rows, old).await?;
        went += old.len();
        for chat in old {
            let mut rows = changes.link.removal(org).await?;
            let asked = deletions::ask_chat(&mut rows, &by_slipway(ids::fresh(), now), chat).await;
            // It may have gone meanwhile.
            let asked = match asked {
                Err(StoreError::NotFound { .. }) => Ok(()),
                other => other.map(drop),
            };
            changes.link.written(rows, asked).await?;
        }
    }
    if let Some(days) = keeps.artifact_days {
        let mut rows = changes.link.removal(org).await?;
        let old = artifacts::older(&mut rows, before(now, days), ARTIFACTS).await;
        let old = changes.link.written(rows, old).await?;
        went += old.len();
        remove(changes, org, &old, true).await?;
    }
    if let Some(days) = keeps.attachment_days {
        let mut rows = changes.link.rows(org).await?;
        let marked = attachments::expire(&mut rows, before(now, days), ATTACHMENTS).await;
        went += count(changes.link.written(rows, marked).await?);
    }
    let mut rows = changes.link.removal(org).await?;
    let oldest = keeps.audit_days.map(|days| before(now, days));
    let removed = audit::expire(&mut rows, oldest, ENTRIES, now).await;
    went += count(changes.link.written(rows, removed).await?);
    if let Some(days) = keeps.turn_days {
        went += forget_turns(changes, org, before(now, days)).await?;
    }
    Ok(went)
}

/// Asks chats to forget what agents did before; how many did. One that does not answer is asked again in a day.
async fn forget_turns(changes: &mut Changes<'_>, org: OrgId, before: Timestamp) -> Result<usize, Problem> {
    let begun = changes.errand.now();
    let mut went = 0;
    for _ in 0..TURNS {
        let now = changes.errand.now();
        if now.since(begun) > ROUND_MS {
            break;
        }
        let mut rows = changes.link.rows(org).await?;
        let next = retention::next_with_turns(&mut rows, before, now).await;
        let Some((chat, after)) = changes.link.written(rows, next).await? else { break };
        let command = ChatCommand::ForgetTurns { after, before };
        let Some(answer) = object::ask(changes.errand, org, chat, command).await? else { continue };
        let told: ForgottenTurns = serde_json::from_str(&answer).map_err(|_| ProblemCode::Internal)?;
        went += usize::from(told.events > 0);
        let mut rows = changes.link.rows(org).await?;
        let kept = retention::turns_forgotten(&mut rows, chat, &told).await;
        changes.link.written(rows, kept).await?;
    }
    Ok(went)
}

/// The moment so many days ago.
fn before(now: Timestamp, days: u32) -> Timestamp {
    now.plus_ms(-i64::from(days) * DAY_MS)
}

/// Rows of one statement, as rounds count.
fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(before(Timestamp::from_unix_ms(3 * DAY_MS + 1), 3), Timestamp::from_unix_ms(1));
    }
}
