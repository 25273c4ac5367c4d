//! Deletions, as they go on: whatever is due is taken up, its next step is tried, and what came of that is written down.
//!
//! Invariants: a step may die anywhere and be tried again, for each looks for what is still there; what it removed is
//! counted in the write that ends it; nothing is waited for here but for moments: what must wait comes again by being due.

mod chat;
pub(crate) mod object;
mod parts;
mod person;
pub(crate) mod places;

use core::time::Duration;

use slipway_contract::http::deletions::{DeletedCount, DeletionState, DeletionStep, DeletionSubject};
use slipway_contract::{Actor, DeletionId, OrgId, Problem, ProblemCode, Timestamp};
use slipway_domain::deletion::Came;
use slipway_edge::log::{Level, Line};
use slipway_store::deletions::{self, Due, DueScope, NewDeletion, Stored};
use worker::Delay;

use crate::sandboxes::Changes;

/// How long a deletion is one driver's, in milliseconds: longer than any step takes.
const LEASE_MS: i64 = 3 * 60_000;
/// What is due within this time is waited for, in milliseconds.
const SOON_MS: i64 = 2_500;

/// What trying a step came to.
pub(crate) struct Tried {
    came: Came,
    removed: Vec<DeletedCount>,
}

impl Tried {
    /// The step is done with.
    const fn through(removed: Vec<DeletedCount>) -> Self {
        Self { came: Came::Through, removed }
    }

    /// There is more to do at once.
    const fn partly(removed: Vec<DeletedCount>) -> Self {
        Self { came: Came::Partly { cursor: None }, removed }
    }

    const fn new(came: Came) -> Self {
        Self { came, removed: Vec::new() }
    }
}

/// How many were gone on with, and how many of these were held up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) tried: usize,
    pub(crate) held: usize,
}

/// Goes on with all deletions that are due, one step after the other, until nothing is or the time is over.
///
/// # Errors
/// The database cannot be reached.
pub(crate) async fn all_due(changes: &mut Changes<'_>, until: Timestamp) -> Result<Tally, Problem> {
    let mut tally = Tally::default();
    let mut missed = None;
    loop {
        let now = changes.errand.now();
        if now >= until {
            return Ok(tally);
        }
        let mut rows = changes.link.sweeps().await?;
        let next = deletions::next_due(&mut rows, now.plus_ms(SOON_MS), now).await;
        let Some((due, at)) = changes.link.written(rows, next).await? else { return Ok(tally) };
        if at > now {
            Delay::from(Duration::from_millis(at.since(now).unsigned_abs())).await;
            continue;
        }
        tally.tried += 1;
        match drive(changes, due).await {
            Ok(Driven::On) => {}
            Ok(Driven::Held) => tally.held += 1,
            // Once, that is somebody else; who misses the same one again leaves it to them.
            Ok(Driven::Missed) if missed == Some(due.id) => return Ok(tally),
            Ok(Driven::Missed) => missed = Some(due.id),
            Err(problem) => {
                line(changes, Level::Warn, "deletion_not_written", due).code(problem.code).emit();
                // Not its step, but writing it down failed: it stays this driver's until its lease ends.
                return Err(problem);
            }
        }
    }
}

fn line(changes: &Changes<'_>, level: Level, event: &'static str, due: Due) -> Line {
    let line = Line::new(level, event).request(changes.errand.request).deletion(due.id);
    match due.scope {
        DueScope::Org(org) => line.org(org),
        DueScope::Person(user) => line.user(user),
    }
}

/// What became of a deletion that was taken up.
enum Driven {
    /// Its step came to something.
    On,
    /// It has to wait for something.
    Held,
    /// Somebody else was faster.
    Missed,
}

/// Tries the next step of one deletion.
async fn drive(changes: &mut Changes<'_>, due: Due) -> Result<Driven, Problem> {
    let begun = changes.errand.now();
    let owner = changes.errand.request.to_string();
    let until = begun.plus_ms(LEASE_MS);
    let claimed = match due.scope {
        DueScope::Org(org) => {
            let mut rows = changes.link.removal(org).await?;
            let claimed = deletions::claim(&mut rows, due, &owner, begun, until).await;
            changes.link.written(rows, claimed).await?
        }
        DueScope::Person(user) => {
            let mut rows = changes.link.erasure(user).await?;
            let claimed = deletions::claim(&mut rows, due, &owner, begun, until).await;
            changes.link.written(rows, claimed).await?
        }
    };
    let Some(stored) = claimed else { return Ok(Driven::Missed) };
    let tried = step(changes, &stored).await.unwrap_or_else(|problem| {
        line(changes, Level::Warn, "deletion_held", due)
            .code(problem.code)
            .name("step", name(&stored))
            .emit();
        Tried::new(Came::Held)
    });
    let driven = if tried.came == Came::Held { Driven::Held } else { Driven::On };
    if let Came::Left(leftovers) = &tried.came {
        let left =
            leftovers.iter().map(|one| usize::try_from(one.count).unwrap_or(usize::MAX)).sum::<usize>();
        line(changes, Level::Warn, "deletion_left_something", due).count("left", left).emit();
    }
    let next = stored.deletion.after(tried.came, &tried.removed, changes.errand.now());
    match due.scope {
        DueScope::Org(org) => {
            let mut rows = changes.link.removal(org).await?;
            let mut done = deletions::advance(&mut rows, &stored, &owner, &next).await;
            if done.is_ok() && next.step == DeletionStep::Done {
                done = deletions::audit(&mut rows, stored.id, stored.subject, &told(&next.removed)).await;
            }
            changes.link.written(rows, done).await?;
        }
        DueScope::Person(user) => {
            let mut rows = changes.link.erasure(user).await?;
            let done = deletions::advance(&mut rows, &stored, &owner, &next).await;
            changes.link.written(rows, done).await?;
        }
    }
    if next.state() == DeletionState::Stuck && stored.deletion.state() != DeletionState::Stuck {
        line(changes, Level::Error, "deletion_stuck", due).name("step", name(&stored)).emit();
    }
    if next.step != stored.deletion.step {
        let line = line(changes, Level::Info, "deletion_went_on", due).name("after", name(&stored));
        line.name("subject", kind(stored.subject)).took(begun).emit();
    }
    Ok(driven)
}

/// The step after the last one that is done with.
async fn step(changes: &mut Changes<'_>, stored: &Stored) -> Result<Tried, Problem> {
    let org = stored.org.ok_or(ProblemCode::Internal);
    match (stored.subject, stored.deletion.step) {
        (_, DeletionStep::Verified | DeletionStep::Done) => Ok(Tried::through(Vec::new())),
        (DeletionSubject::Person { id }, last) => person::step(changes, stored, id, last).await,
        (DeletionSubject::Chat { id }, last) => {
            chat::step(changes, chat::At { org: org?, chat: id, deletion: stored.id }, last).await
        }
        (DeletionSubject::Channel { id }, last) => {
            parts::step(changes, org?, stored, parts::Whole::Channel(id), last).await
        }
        (DeletionSubject::Org { .. }, last) => {
            parts::step(changes, org?, stored, parts::Whole::Org, last).await
        }
    }
}

/// What the audit log says of it: kinds and counts.
fn told(removed: &[DeletedCount]) -> String {
    serde_json::to_string(removed).unwrap_or_default()
}

const fn name(stored: &Stored) -> &'static str {
    match stored.deletion.step {
        DeletionStep::Asked => "asked",
        DeletionStep::Closed => "closed",
        DeletionStep::Emptied => "emptied",
        DeletionStep::Forgotten => "forgotten",
        DeletionStep::Verified => "verified",
        DeletionStep::Done => "done",
    }
}

const fn kind(subject: DeletionSubject) -> &'static str {
    match subject {
        DeletionSubject::Chat { .. } => "chat",
        DeletionSubject::Channel { .. } => "channel",
        DeletionSubject::Org { .. } => "org",
        DeletionSubject::Person { .. } => "person",
    }
}

/// Removes the rows of tables, in their order, so many at a time; whether that is all of them.
async fn forget(
    changes: &mut Changes<'_>,
    org: OrgId,
    tables: &'static [deletions::Rows],
    subject: &str,
) -> Result<(Vec<DeletedCount>, bool), Problem> {
    /// Rows that one statement removes: less than a second's work.
    const ROWS: u64 = 2_000;
    /// Statements of one try.
    const ROUNDS: usize = 20;
    let mut removed = Vec::new();
    let mut rounds = 0;
    for table in tables {
        loop {
            let mut rows = changes.link.removal(org).await?;
            let went = deletions::remove(&mut rows, table, subject, ROWS).await;
            let went = changes.link.written(rows, went).await?;
            removed.push(went);
            rounds += 1;
            if went.count < ROWS {
                break;
            }
            if rounds >= ROUNDS {
                return Ok((removed, false));
            }
        }
    }
    Ok((removed, true))
}

/// What tables still have.
async fn left(
    changes: &mut Changes<'_>,
    org: OrgId,
    tables: &[&'static [deletions::Rows]],
    subject: &str,
) -> Result<Vec<DeletedCount>, Problem> {
    let mut left = Vec::new();
    for table in tables.iter().copied().flatten() {
        let mut rows = changes.link.removal(org).await?;
        let count = deletions::count(&mut rows, table, subject).await;
        left.push(changes.link.written(rows, count).await?);
    }
    left.retain(|one| one.count > 0);
    Ok(left)
}

/// A deletion that Slipway itself asks for.
pub(crate) const fn by_slipway(id: DeletionId, now: Timestamp) -> NewDeletion {
    NewDeletion { id, by: Actor::System, parent: None, now }
}

/// Through if nothing is left.
fn verdict(left: Vec<DeletedCount>) -> Tried {
    if left.is_empty() { Tried::through(Vec::new()) } else { Tried::new(Came::Left(left)) }
}
