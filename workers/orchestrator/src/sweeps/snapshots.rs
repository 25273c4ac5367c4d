//! Stopped sandboxes whose last run nobody has kept the files of get a snapshot, and what is left over of snapshots goes.
//!
//! Invariant: what fails is tried again later and later, and given up in the end; what is tried makes way for the others
//! first, whatever becomes of it.

use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{Actor, Problem, ProblemCode, SandboxId, SnapshotId, Timestamp};
use slipway_edge::log::Line;
use slipway_store::page::Page;
use slipway_store::sandboxes::{StoredSandbox, due};
use slipway_store::snapshots::{self, Owed};

use super::{ROWS, Round, each, list, page};
use crate::sandboxes::Changes;
use crate::snapshots::TAKEN_MS;

/// Snapshots that a round takes: each may have to wait for an executor that brings the sandbox up.
const TAKES: u32 = 5;
/// When one that never came to its end is left over for certain, in milliseconds: several times what one may take.
const LEFT_OVER_MS: i64 = 4 * TAKEN_MS;
/// How often a snapshot is tried. With the times in between ([`again`]) that is three days: long enough for a host that
/// comes back after a weekend.
const TRIES: u64 = 12;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let now = changes.errand.now();
    let all = Page::<SnapshotId> { limit: ROWS, after: None };
    let left = list!(changes, snapshots::left_over, now.plus_ms(-LEFT_OVER_MS), &all);
    for one in left.items {
        // What fails is in the log, and the next round tries again.
        let _left_over = changes.remove_snapshot(one.org, one.sandbox, one.snapshot).await;
    }
    let few = Page::<SandboxId> { limit: TAKES, ..page(cursor) };
    let part = list!(changes, due::unkept, now, &few);
    Ok(each(changes, part, keep).await)
}

async fn keep(changes: &mut Changes<'_>, row: StoredSandbox) -> Result<(), Problem> {
    let Some(owed) = attempt(changes, &row).await? else { return Ok(()) };
    if row.sandbox.state().is_running() || row.sandbox.is_doomed() {
        return Ok(());
    }
    if owed.tries > TRIES {
        Line::error("snapshot_given_up").request(changes.errand.request).org(row.org).sandbox(row.id).emit();
        return settle(changes, &row, owed).await;
    }
    let away = || Problem::from(ProblemCode::Unavailable);
    match changes.executor(&row).ok_or_else(away)?.report(row.id).await {
        // It runs again, or is about to.
        Ok(report) if report.running => return Ok(()),
        // There is nothing to keep, and what was kept before must not make way for that.
        Ok(report) if report.blank => return settle(changes, &row, owed).await,
        Ok(_) => {}
        Err(error) if error.code() == Some(ExecutorCode::NotFound) => {
            return settle(changes, &row, owed).await;
        }
        Err(error) => return Err(error.into()),
    }
    changes.take_snapshot(&row, SnapshotCause::Stopped, Actor::System).await?;
    settle(changes, &row, owed).await
}

/// Says that it is tried now, so that what fails comes last.
async fn attempt(changes: &mut Changes<'_>, row: &StoredSandbox) -> Result<Option<Owed>, Problem> {
    let now = changes.errand.now();
    let mut rows = changes.link.rows(row.org).await?;
    let owed = match snapshots::attempt(&mut rows, row.id, now, |tries| again(now, tries)).await {
        Ok(owed) => changes.link.commit(rows).await.map(|()| owed),
        Err(error) => Err(error),
    };
    owed.map_err(|error| changes.errand.refuse(&error))
}

async fn settle(changes: &mut Changes<'_>, row: &StoredSandbox, owed: Owed) -> Result<(), Problem> {
    let mut rows = changes.link.rows(row.org).await?;
    let settled = match snapshots::settle(&mut rows, row.id, owed.run_epoch).await {
        Ok(()) => changes.link.commit(rows).await,
        Err(error) => Err(error),
    };
    settled.map_err(|error| changes.errand.refuse(&error))
}

/// When it is tried again: after two minutes, then each time after twice as long.
fn again(now: Timestamp, tries: u64) -> Timestamp {
    let minutes = 1_i64 << tries.clamp(1, TRIES);
    now.plus_ms(minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_later_and_later_for_some_days() {
        let now = Timestamp::from_unix_ms(0);
        let minutes = |tries| again(now, tries).unix_ms() / 60_000;
        assert_eq!([1, 2, 3, 11].map(minutes), [2, 4, 8, 2048]);
        assert_eq!(minutes(u64::MAX), minutes(TRIES));
        let days = (1..TRIES).map(minutes).sum::<i64>() / (24 * 60);
        assert!((2..7).contains(&days), "{days}");
    }
}
