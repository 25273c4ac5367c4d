//! What executors have, held against what is written. What should not run is stopped, what ended is written down, and what
//! belongs to nobody is stopped, and removed once it has not run for a day.
//!
//! Invariant: a list is a moment old, so it decides nothing about a sandbox that is known: where it disagrees with the row,
//! the executor is asked for that sandbox again.

use slipway_contract::objects::executor::SandboxReport;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Problem, SandboxId, Timestamp};
use slipway_edge::log::Line;
use slipway_store::page::Slice;
use slipway_store::sandboxes::{self, StoredSandbox, due};
use slipway_store::{OrgDb, StoreError, usage};

use super::{ROWS, Round, each, list};
use crate::executor::Executor;
use crate::sandboxes::Changes;
use crate::settings::Host;

/// How old a sandbox that nobody knows must be before it is stopped, in milliseconds. Its row comes before it does, so
/// this is for clocks that differ.
const STRANGE_MS: i64 = 10 * 60_000;
/// How long it must not have run before its files go, in milliseconds: a database that was brought back from yesterday
/// knows nothing of today.
const GRACE_MS: i64 = 24 * 60 * 60_000;
/// Sandboxes of one executor that a round looks at beside those that do not run.
const RUNNING: usize = 500;

/// A sandbox of an executor.
struct Held<'h> {
    host: &'h Host,
    report: SandboxReport,
}

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let after: Option<SandboxId> = cursor.and_then(|cursor| cursor.parse().ok());
    let (held, silent) = held(changes).await;
    let (held, cursor) = chosen(held, after);
    let ids: Vec<SandboxId> = held.iter().map(|held| held.report.sandbox).collect();
    let known = list!(changes, due::known, &ids);
    for strange in held.iter().filter(|held| !known.iter().any(|due| due.sandbox == held.report.sandbox)) {
        clear(changes, strange).await;
    }
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| match held
        .iter()
        .find(|held| held.report.sandbox == row.id)
    {
        Some(held) => compare(changes, row, held).await,
        None => Ok(()),
    };
    let mut round = each(changes, Slice { items: known, more: false }, work).await;
    round.failed += silent;
    round.cursor = cursor.map(|id| id.to_string());
    Ok(round)
}

/// What all executors have, and how many gave no answer.
async fn held<'h>(changes: &mut Changes<'h>) -> (Vec<Held<'h>>, usize) {
    let (mut held, mut silent) = (Vec::new(), 0);
    for host in changes.hosts.iter() {
        match Executor::new(host, changes.errand).list().await {
            Ok(Some(list)) => held.extend(list.sandboxes.into_iter().map(|report| Held { host, report })),
            // Those that run there are asked for by the sweep of the unseen.
            Ok(None) => {}
            Err(error) => {
                silent += 1;
                Line::warn("executor_failed")
                    .request(changes.errand.request)
                    .name("asked", "list")
                    .name("cause", error.cause())
                    .emit();
            }
        }
    }
    (held, silent)
}

/// Those that run, and the next part of those that do not; with where to go on.
fn chosen(held: Vec<Held<'_>>, after: Option<SandboxId>) -> (Vec<Held<'_>>, Option<SandboxId>) {
    let (mut chosen, mut still): (Vec<Held<'_>>, Vec<Held<'_>>) =
        held.into_iter().partition(|held| held.report.running);
    chosen.truncate(RUNNING);
    still.sort_by_key(|held| held.report.sandbox);
    still.retain(|held| after.is_none_or(|after| held.report.sandbox > after));
    let most = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = still.len() > most;
    still.truncate(most);
    let last = still.last().map(|held| held.report.sandbox).filter(|_| more);
    chosen.extend(still);
    (chosen, last)
}

/// What an executor says of a sandbox, against its row.
async fn compare(changes: &mut Changes<'_>, row: StoredSandbox, held: &Held<'_>) -> Result<(), Problem> {
    if row.executor.as_deref() != Some(held.host.id.as_str()) {
        // Left over where it could not be made; its files are those of the template.
        if row.sandbox.state() == SandboxState::Destroyed {
            remove(changes, held).await;
        } else if held.report.running {
            stop(changes, held).await;
        }
        return Ok(());
    }
    match (verdict(&row, &held.report), row.sandbox.run()) {
        (Verdict::Agreed, Some(run)) => note(changes, &row, run.epoch, &held.report).await,
        (Verdict::Agreed, None) | (Verdict::Driven, _) => Ok(()),
        (Verdict::Differs, _) => {
            changes.look(&row).await?;
            Ok(())
        }
    }
}

/// How a row and a report go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Both say the same.
    Agreed,
    /// It is being started or stopped; whoever does that, or the sweep that goes on with it, asks for itself.
    Driven,
    /// They do not.
    Differs,
}

fn verdict(row: &StoredSandbox, report: &SandboxReport) -> Verdict {
    let runs = match row.sandbox.state() {
        SandboxState::Starting | SandboxState::Stopping => return Verdict::Driven,
        SandboxState::Destroyed => return Verdict::Differs,
        SandboxState::Ready | SandboxState::Idle => true,
        SandboxState::Queued | SandboxState::Stopped | SandboxState::Failed => false,
    };
    let current = !runs || report.epoch >= row.sandbox.epoch;
    let used = |at: Timestamp| report.used_at.is_some_and(|used| used > at);
    let woke = row.sandbox.state() == SandboxState::Idle && used(row.changed_at);
    if runs == report.running && current && !woke { Verdict::Agreed } else { Verdict::Differs }
}

/// It runs, and has sent so much.
async fn note(
    changes: &mut Changes<'_>,
    row: &StoredSandbox,
    run_epoch: u64,
    report: &SandboxReport,
) -> Result<(), Problem> {
    let now = changes.errand.now();
    let mut rows = changes.link.rows(row.org).await?;
    let noted = match noted(&mut rows, row.id, run_epoch, report.egress_bytes, now).await {
        Ok(()) => changes.link.commit(rows).await,
        Err(error) => Err(error),
    };
    noted.map_err(|error| changes.errand.refuse(&error))
}

async fn noted(
    rows: &mut OrgDb,
    sandbox: SandboxId,
    run_epoch: u64,
    egress_bytes: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    sandboxes::saw(rows, sandbox, now).await?;
    if egress_bytes > 0 {
        usage::egress(rows, sandbox, run_epoch, egress_bytes, now).await?;
    }
    Ok(())
}

/// What becomes of a sandbox that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strange {
    Left,
    Stopped,
    Removed,
}

fn strange(report: &SandboxReport, now: Timestamp) -> Strange {
    // Its id holds the time when it was made (UUIDv7: milliseconds since the Unix epoch in the first 48 bits).
    let made = i64::try_from(report.sandbox.uuid().as_u128() >> 80).unwrap_or(i64::MAX);
    let age = now.since(Timestamp::from_unix_ms(made));
    let still = now.since(report.ended_at.unwrap_or(Timestamp::from_unix_ms(made)));
    if age < STRANGE_MS {
        Strange::Left
    } else if report.running {
        Strange::Stopped
    } else if still >= GRACE_MS {
        Strange::Removed
    } else {
        Strange::Left
    }
}

async fn clear(changes: &mut Changes<'_>, held: &Held<'_>) {
    match strange(&held.report, changes.errand.now()) {
        Strange::Left => {}
        Strange::Stopped => stop(changes, held).await,
        Strange::Removed => remove(changes, held).await,
    }
}

async fn remove(changes: &mut Changes<'_>, held: &Held<'_>) {
    let removed = Executor::new(held.host, changes.errand).destroy(held.report.sandbox).await;
    told(changes, held, "strange_sandbox_removed", removed.is_ok());
}

async fn stop(changes: &mut Changes<'_>, held: &Held<'_>) {
    let stopped = Executor::new(held.host, changes.errand).stop(held.report.sandbox).await;
    told(changes, held, "strange_sandbox_stopped", stopped.is_ok());
}

fn told(changes: &Changes<'_>, held: &Held<'_>, event: &'static str, done: bool) {
    Line::warn(event)
        .request(changes.errand.request)
        .sandbox(held.report.sandbox)
        .name("outcome", if done { "done" } else { "failed" })
        .emit();
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn id(age_ms: i64, last: u8) -> SandboxId {
        let made = u64::try_from(NOW.plus_ms(-age_ms).unix_ms()).unwrap();
        SandboxId::fresh(made, [last; 10])
    }

    fn report(sandbox: SandboxId, running: bool) -> SandboxReport {
        SandboxReport {
            sandbox,
            epoch: 1,
            running,
            started_at: None,
            ended_at: None,
            ended_because: None,
            blank: false,
            used_at: None,
            cpu_ms: 0,
            memory_bytes: 0,
            disk_bytes: 0,
            egress_bytes: 0,
            ports: Vec::new(),
            refused_hosts: Vec::new(),
        }
    }

    #[test]
    fn what_nobody_knows_is_stopped_and_removed_after_a_day() {
        let ended = |age_ms, ended_ms: i64| SandboxReport {
            ended_at: Some(NOW.plus_ms(-ended_ms)),
            ..report(id(age_ms, 0), false)
        };
        let table = [
            (report(id(60_000, 0), true), Strange::Left),
            (report(id(STRANGE_MS, 0), true), Strange::Stopped),
            (report(id(STRANGE_MS, 0), false), Strange::Left),
            (report(id(GRACE_MS, 0), false), Strange::Removed),
            (ended(2 * GRACE_MS, GRACE_MS - 1), Strange::Left),
            (ended(2 * GRACE_MS, GRACE_MS), Strange::Removed),
            // From the future: a clock that differs.
            (report(id(-60_000, 0), true), Strange::Left),
        ];
        for (report, expected) in table {
            assert_eq!(strange(&report, NOW), expected, "{report:?}");
        }
    }

    #[test]
    fn those_that_run_are_always_looked_at_and_the_others_part_by_part() {
        let host =
            crate::settings::Hosts::read(|_| Some(r#"[{"id":"a","url":"http://a","key":"k"}]"#.to_owned()))
                .unwrap();
        let host = host.get("a").unwrap();
        let all = || {
            (0..250_u8)
                .rev()
                .map(|n| Held { host, report: report(id(0, n), n % 50 == 0) })
                .collect::<Vec<_>>()
        };
        let (mut seen, mut after, mut rounds) = (Vec::new(), None, 0);
        loop {
            let (part, cursor) = chosen(all(), after);
            assert_eq!(part.iter().filter(|held| held.report.running).count(), 5);
            assert!(part.len() <= 105);
            seen.extend(part.iter().filter(|held| !held.report.running).map(|held| held.report.sandbox));
            rounds += 1;
            after = cursor;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rounds, 3);
        let mut expected: Vec<_> = (0..250_u8).filter(|n| n % 50 != 0).map(|n| id(0, n)).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }
}
