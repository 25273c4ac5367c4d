//! What is looked after by the clock, once a minute: sandboxes that nobody uses, that broke, that wait, whoever was not
//! told, chats that nobody uses, what orgs keep no longer, deletions, and what context items mean.
//!
//! Invariants: one round of a sweep at a time, by a lease; a round is bounded and the next goes on where it stopped; a
//! sweep that fails keeps no other from its work. What a sweep does, it does as anybody would: by a fact that happens to a
//! sandbox.

mod archive;
mod attachments;
mod deletions;
mod embeddings;
mod idle;
mod owners;
mod queue;
mod quota;
mod reconcile;
mod reindex;
mod retell;
mod retention;
mod settle;
mod snapshots;
mod unseen;

use slipway_contract::{Problem, SandboxId, Timestamp};
use slipway_edge::log::{Level, Line};
use slipway_store::page::{Page, Slice};
use slipway_store::sandboxes::due::Due;
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::sweeps;

use crate::errand::Errand;
use crate::sandboxes::Changes;

/// Rows that a round looks at.
const ROWS: u32 = 100;
/// How long a round may take, in milliseconds; what it did not come to, the next does.
const ROUND_MS: i64 = 40_000;
/// How long a round is one owner's, in milliseconds: the longest round, and one slow executor at its end.
const LEASE_MS: i64 = 3 * 60_000;

/// A sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    /// What executors have, against what is written.
    Reconcile,
    /// Running sandboxes that no executor told of.
    Unseen,
    /// Starts, stops and removals that nobody drives any more.
    Settle,
    /// Sandboxes that nobody uses.
    Idle,
    /// Orgs and people that have used up their month.
    Quota,
    /// People who are gone.
    Owners,
    /// Places for those who wait.
    Queue,
    /// Chats, routes and executors that do not know the newest.
    Retell,
    /// What orgs keep no longer.
    Retention,
    /// Deletions that nobody drives.
    Deletions,
    /// Files of what has ended, and what is left over of snapshots.
    Snapshots,
    /// Files of chats that shall go.
    Attachments,
    /// Chats that are to tell the index everything once more.
    Reindex,
    /// Chats that nobody uses, and archives that stand in the middle.
    Archive,
    /// Context items of which it is not known what they mean.
    Embeddings,
}

impl Sweep {
    /// What ended gives its place to who waits, and what changed is told: so these come late. Snapshots and archives take
    /// long, so they come last, before what waits for a provider.
    const ALL: [Self; 15] = [
        Self::Reconcile,
        Self::Unseen,
        Self::Settle,
        Self::Idle,
        Self::Quota,
        Self::Owners,
        Self::Queue,
        Self::Retell,
        Self::Retention,
        Self::Deletions,
        Self::Attachments,
        Self::Reindex,
        Self::Snapshots,
        Self::Archive,
        Self::Embeddings,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Reconcile => "sandboxes_reconcile",
            Self::Unseen => "sandboxes_unseen",
            Self::Settle => "sandboxes_settle",
            Self::Idle => "sandboxes_idle",
            Self::Quota => "sandboxes_quota",
            Self::Owners => "sandboxes_owners",
            Self::Queue => "sandboxes_queue",
            Self::Retell => "sandboxes_retell",
            Self::Retention => "retention",
            Self::Deletions => "deletions",
            Self::Snapshots => "snapshots",
            Self::Archive => "archive",
            Self::Attachments => "attachments",
            Self::Reindex => "reindex",
            Self::Embeddings => "embeddings",
        }
    }
}

/// All of them, one after the other.
pub(crate) async fn all(errand: Errand) {
    let hosts = errand.hosts();
    let mut changes = Changes::new(&errand, &hosts);
    for sweep in Sweep::ALL {
        round(&mut changes, sweep).await;
    }
}

/// How a round went.
#[derive(Debug, Default)]
struct Round {
    /// Sandboxes (or orgs, chats, deletions or context items) that were looked at.
    looked: usize,
    /// Of these, how many could not be done with.
    failed: usize,
    /// Where the next round goes on; absent when this one came to the end.
    cursor: Option<String>,
}

/// One round, if nobody else does one.
async fn round(changes: &mut Changes<'_>, sweep: Sweep) {
    let begun = changes.errand.now();
    let line =
        |level| Line::new(level, "sweep_ended").request(changes.errand.request).name("sweep", sweep.name());
    let claimed = match claim(changes, sweep, begun).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return,
        Err(problem) => {
            line(Level::Warn).name("outcome", "not_begun").code(problem.code).took(begun).emit();
            return;
        }
    };
    let done = match sweep {
        Sweep::Reconcile => reconcile::sweep(changes, claimed.cursor).await,
        Sweep::Unseen => unseen::sweep(changes, claimed.cursor).await,
        Sweep::Settle => settle::sweep(changes, claimed.cursor).await,
        Sweep::Idle => idle::sweep(changes, claimed.cursor).await,
        Sweep::Quota => quota::sweep(changes, claimed.cursor).await,
        Sweep::Owners => owners::sweep(changes, claimed.cursor).await,
        Sweep::Queue => queue::sweep(changes, claimed.cursor).await,
        Sweep::Retell => retell::sweep(changes, claimed.cursor).await,
        Sweep::Retention => retention::sweep(changes, claimed.cursor).await,
        Sweep::Deletions => deletions::sweep(changes).await,
        Sweep::Snapshots => snapshots::sweep(changes, claimed.cursor).await,
        Sweep::Archive => archive::sweep(changes).await,
        Sweep::Attachments => attachments::sweep(changes, claimed.cursor).await,
        Sweep::Reindex => reindex::sweep(changes, claimed.cursor).await,
        Sweep::Embeddings => embeddings::sweep(changes, claimed.cursor).await,
    };
    let line =
        |level| Line::new(level, "sweep_ended").request(changes.errand.request).name("sweep", sweep.name());
    let line = match &done {
        Ok(round) => {
            let idle = round.looked == 0;
            let level = match round.failed {
                0 if idle => Level::Debug,
                0 => Level::Info,
                _ => Level::Warn,
            };
            let outcome = if round.cursor.is_some() { "goes_on" } else { "done" };
            line(level).name("outcome", outcome).count("looked", round.looked).count("failed", round.failed)
        }
        Err(problem) => line(Level::Warn).name("outcome", "failed").code(problem.code),
    };
    line.took(begun).emit();
    if let Err(problem) = end(changes, sweep, &done).await {
        Line::warn("sweep_not_ended").name("sweep", sweep.name()).code(problem.code).emit();
    }
}

async fn claim(
    changes: &mut Changes<'_>,
    sweep: Sweep,
    now: Timestamp,
) -> Result<Option<sweeps::Claim>, Problem> {
    let owner = changes.errand.request.to_string();
    let mut rows = changes.link.sweeps().await?;
    let claimed = match sweeps::claim(&mut rows, sweep.name(), &owner, now, now.plus_ms(LEASE_MS)).await {
        Ok(claimed) => changes.link.commit_sweeps(rows).await.map(|()| claimed),
        Err(error) => Err(error),
    };
    claimed.map_err(|error| changes.errand.refuse(&error))
}

/// Lets the next round come, from the beginning or from where this one stopped.
async fn end(changes: &mut Changes<'_>, sweep: Sweep, done: &Result<Round, Problem>) -> Result<(), Problem> {
    let owner = changes.errand.request.to_string();
    let now = changes.errand.now();
    let mut rows = changes.link.sweeps().await?;
    let ended = match done {
        Ok(Round { cursor: Some(cursor), .. }) => {
            sweeps::keep(&mut rows, sweep.name(), &owner, Some(cursor), now).await
        }
        Ok(Round { cursor: None, looked, failed }) => {
            let outcome = format!("looked at {looked}, {failed} failed");
            sweeps::finish(&mut rows, sweep.name(), &owner, now, &outcome).await
        }
        Err(problem) => {
            let outcome = format!("failed: {}", problem.title);
            sweeps::finish(&mut rows, sweep.name(), &owner, now, &outcome).await
        }
    };
    let kept = match ended {
        Ok(_) => changes.link.commit_sweeps(rows).await,
        Err(error) => Err(error),
    };
    kept.map_err(|error| changes.errand.refuse(&error))
}

/// The part of a list after a cursor.
fn page<K: core::str::FromStr>(cursor: Option<String>) -> Page<K> {
    Page { limit: ROWS, after: cursor.and_then(|cursor| cursor.parse().ok()) }
}

/// Does `each` for all of a part, until the round's time is over.
async fn each<'c, F>(changes: &mut Changes<'c>, part: Slice<Due>, mut work: F) -> Round
where
    F: AsyncFnMut(&mut Changes<'c>, StoredSandbox) -> Result<(), Problem>,
{
    let begun = changes.errand.now();
    let mut round = Round::default();
    let mut last: Option<SandboxId> = None;
    let mut more = part.more;
    for due in part.items {
        if changes.errand.now().since(begun) > ROUND_MS {
            more = true;
            break;
        }
        round.looked += 1;
        last = Some(due.sandbox);
        let done = match find(changes, due).await {
            Ok(Some(row)) => work(changes, row).await,
            Ok(None) => Ok(()),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = done {
            round.failed += 1;
            Line::warn("sandbox_not_swept")
                .request(changes.errand.request)
                .org(due.org)
                .sandbox(due.sandbox)
                .code(problem.code)
                .emit();
        }
    }
    round.cursor = last.filter(|_| more).map(|id| id.to_string());
    round
}

/// A sandbox as it is now.
async fn find(changes: &mut Changes<'_>, due: Due) -> Result<Option<StoredSandbox>, Problem> {
    let mut rows = changes.link.rows(due.org).await?;
    let found =
        sandboxes::find(&mut rows, due.sandbox).await.map_err(|error| changes.errand.refuse(&error))?;
    changes.link.done(rows);
    Ok(found)
}

/// Asks for a part of a list.
macro_rules! list {
    ($changes:ident, $query:path, $($argument:expr),*) => {{
        let mut rows = $changes.link.sweeps().await?;
        let part = $query(&mut rows, $($argument),*).await.map_err(|error| $changes.errand.refuse(&error))?;
        $changes.link.done_sweeps(rows);
        part
    }};
}
use list;
