//! A deletion: how far it is, and what becomes of it by what a try came to.
//!
//! `asked → closed → emptied → forgotten → verified → done`. Each step may be tried again at any time, by whoever takes the
//! deletion up next, and finds less to do then.
//!
//! Invariants: a step is never skipped, and the end is reached only after nothing was found to be left; what is found to be
//! left leads back to where it is removed; a deletion is never given up, only tried less often.

#[cfg(test)]
mod tests;

use slipway_contract::Timestamp;
use slipway_contract::http::deletions::{DeletedCount, DeletionState, DeletionStep};

/// How long to wait for parts that go on by themselves, in milliseconds.
const PARTS_MS: i64 = 2_000;
/// The first wait after a try that came to nothing, in milliseconds; each further one is twice as long.
const FIRST_MS: i64 = 2_000;
/// The longest wait between tries, in milliseconds.
const LONGEST_MS: i64 = 60 * 60_000;
/// Tries in a row that came to nothing, after which somebody should look: with the waits between them, eight minutes.
const STUCK: u32 = 8;

/// A deletion as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The last step that it has come through.
    pub step: DeletionStep,
    /// Tries in a row that came to nothing.
    pub tries: u32,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// Where a long step goes on.
    pub cursor: Option<String>,
    /// What was removed.
    pub removed: Vec<DeletedCount>,
    /// What was found to be left.
    pub leftovers: Vec<DeletedCount>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// What a try of the next step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is done with.
    Through,
    /// A part is done, and the next can be at once.
    Partly {
        /// Where it goes on.
        cursor: Option<String>,
    },
    /// It waits for parts of the deletion, which go on by themselves.
    AwaitsParts,
    /// Something that it needs did not do what it was asked.
    Held,
    /// There is something left that should have been removed.
    Left(Vec<DeletedCount>),
}

impl Deletion {
    /// One that was just asked for.
    pub const fn asked(now: Timestamp) -> Self {
        Self {
            step: DeletionStep::Asked,
            tries: 0,
            due_at: now,
            cursor: None,
            removed: Vec::new(),
            leftovers: Vec::new(),
            ended_at: None,
        }
    }

    /// How it goes.
    pub const fn state(&self) -> DeletionState {
        match self.step {
            DeletionStep::Done => DeletionState::Done,
            DeletionStep::Asked
            | DeletionStep::Closed
            | DeletionStep::Emptied
            | DeletionStep::Forgotten
            | DeletionStep::Verified => {
                if self.tries >= STUCK {
                    DeletionState::Stuck
                } else {
                    DeletionState::Running
                }
            }
        }
    }

    /// How it stands after a try of its next step, which removed so much.
    #[must_use]
    pub fn after(&self, came: Came, removed: &[DeletedCount], now: Timestamp) -> Self {
        let mut next = self.clone();
        for one in removed {
            next.count(*one);
        }
        match came {
            Came::Through => {
                next.step = following(self.step);
                (next.tries, next.cursor, next.due_at) = (0, None, now);
            }
            Came::Partly { cursor } => (next.tries, next.cursor, next.due_at) = (0, cursor, now),
            Came::AwaitsParts => (next.tries, next.due_at) = (0, now.plus_ms(PARTS_MS)),
            Came::Held => next.wait(now),
            Came::Left(leftovers) => {
                next.step = next.step.min(DeletionStep::Closed);
                (next.leftovers, next.cursor) = (leftovers, None);
                next.wait(now);
            }
        }
        match next.step {
            DeletionStep::Verified => next.leftovers.clear(),
            DeletionStep::Done => next.ended_at = next.ended_at.or(Some(now)),
            DeletionStep::Asked | DeletionStep::Closed | DeletionStep::Emptied | DeletionStep::Forgotten => {}
        }
        next
    }

    /// Comes again, later and later.
    fn wait(&mut self, now: Timestamp) {
        self.due_at = now.plus_ms((FIRST_MS << self.tries.min(20)).min(LONGEST_MS));
        self.tries = self.tries.saturating_add(1);
    }

    fn count(&mut self, more: DeletedCount) {
        if more.count == 0 {
            return;
        }
        match self.removed.iter_mut().find(|one| one.kind == more.kind) {
            Some(one) => {
                one.count = one.count.saturating_add(more.count);
                one.bytes = one.bytes.saturating_add(more.bytes);
            }
            None => self.removed.push(more),
        }
    }
}

/// The step after one.
const fn following(step: DeletionStep) -> DeletionStep {
    match step {
        DeletionStep::Asked => DeletionStep::Closed,
        DeletionStep::Closed => DeletionStep::Emptied,
        DeletionStep::Emptied => DeletionStep::Forgotten,
        DeletionStep::Forgotten => DeletionStep::Verified,
        DeletionStep::Verified | DeletionStep::Done => DeletionStep::Done,
    }
}
