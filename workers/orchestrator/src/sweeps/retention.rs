//! What orgs keep no longer: chats in which nothing has happened for long are deleted, and so are old artifacts.
//!
//! Invariant: a chat goes as if somebody had asked for it, so nothing here removes anything of a chat itself.

use slipway_contract::http::retention::Retention;
use slipway_contract::{OrgId, Problem, Timestamp};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::page::Page;
use slipway_store::{StoreError, artifacts, deletions, retention};

use super::{Round, list};
use crate::deletion::by_slipway;
use crate::deletion::places::artifacts::remove;
use crate::sandboxes::Changes;

/// Orgs that a round looks at.
const ORGS: u32 = 50;
/// Chats of one org that a round asks to be deleted.
const CHATS: u64 = 20;
/// Artifacts of one org that a round removes.
const ARTIFACTS: u64 = 50;
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
    Ok(went)
}

/// The moment so many days ago.
fn before(now: Timestamp, days: u32) -> Timestamp {
    now.plus_ms(-i64::from(days) * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day() {
        assert_eq!(before(Timestamp::from_unix_ms(3 * DAY_MS + 1), 3), Timestamp::from_unix_ms(1));
    }
}
