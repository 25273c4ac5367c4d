//! Archives: an idle chat moves to R2, and its object keeps no more than where to.
//!
//! Invariants: the object gives up its rows only after R2 was read back and proved to have them all, and R2 gives up its
//! copy only once the object has everything again. One archive is one try: what was begun and not finished is never gone on
//! with, since the chat may have changed meanwhile; another begins under another name. So whoever comes too late writes
//! where nobody reads.

use slipway_contract::Timestamp;
use slipway_contract::http::chats::ArchivePhase;

#[cfg(test)]
mod tests;

/// How long an archive is kept after the chat was brought back from it, in milliseconds: a week to notice what is wrong.
pub const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// The first wait after a try that came to nothing, in milliseconds; each further one is twice as long.
const AGAIN_MS: i64 = 10 * 60 * 1000;
/// The longest of these waits is 2^7 of the first: most of a day.
const LONGEST: u32 = 7;

/// How an archive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveState {
    /// The object is read out into R2. The object has everything, R2 perhaps a part.
    Exporting,
    /// R2 has it, and is read back. The object has everything.
    Verifying,
    /// R2 has proved to have everything. The object is asked to give up its rows; whether it did is not known.
    Wiping,
    /// R2 has everything, the object nothing but where to find it.
    Archived,
    /// The object has everything again; R2 still does.
    Restored {
        /// Since when.
        at: Timestamp,
    },
    /// The object has everything; what is left in R2 goes.
    Removing,
}

impl ArchiveState {
    /// Whether there can be no other archive of the same chat beside it: it is being made, or is the chat's only copy.
    #[must_use]
    pub const fn is_current(self) -> bool {
        match self {
            Self::Exporting | Self::Verifying | Self::Wiping | Self::Archived => true,
            Self::Restored { .. } | Self::Removing => false,
        }
    }

    /// How it stands, as people are told; nothing of one that makes way for another.
    #[must_use]
    pub const fn phase(self) -> Option<ArchivePhase> {
        match self {
            Self::Exporting => Some(ArchivePhase::Exporting),
            Self::Verifying => Some(ArchivePhase::Verifying),
            Self::Wiping => Some(ArchivePhase::Wiping),
            Self::Archived => Some(ArchivePhase::Archived),
            Self::Restored { .. } | Self::Removing => None,
        }
    }

    /// What is to be done next.
    #[must_use]
    pub const fn deed(self, now: Timestamp) -> Deed {
        match self {
            Self::Exporting => Deed::GiveUp,
            Self::Verifying => Deed::Verify,
            Self::Wiping => Deed::Wipe,
            Self::Archived => Deed::Rest,
            Self::Restored { at } if now.since(at) < KEPT_MS => Deed::Rest,
            Self::Restored { .. } => Deed::Outlive,
            Self::Removing => Deed::Remove,
        }
    }
}

/// What somebody who finds an archive as it stands has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Who exported is gone: that is noted, and another may begin.
    GiveUp,
    /// Read everything back from R2.
    Verify,
    /// Ask the object to give up its rows.
    Wipe,
    /// Note that it was kept for long enough.
    Outlive,
    /// Remove from R2 what is there of it.
    Remove,
    /// Nothing.
    Rest,
}

/// What happened to an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The object refused to be exported; R2 has nothing.
    Blocked,
    /// R2 has taken in everything, the manifest last.
    Exported,
    /// It was not brought to its end, and nobody goes on with it.
    GivenUp,
    /// What R2 gives back is what the object gave.
    Verified,
    /// It is not.
    Unfit,
    /// The object has given up its rows, now or before.
    Wiped,
    /// The object has everything, and does not give it up for this archive, now or later: it was written to since, or was
    /// brought back from this very archive.
    Unsealed,
    /// The object has everything again.
    Restored,
    /// A newer archive of the same chat is whole, and the object's rows are given up for that one.
    Superseded,
    /// It was kept for long enough.
    Outlived,
    /// R2 has nothing of it.
    Removed,
}

/// What a fact makes of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stands so now.
    To(ArchiveState),
    /// It stands as it did: the fact is old news, or says nothing about it.
    Stay,
    /// Nothing is left of it.
    Forget,
}

/// What a fact makes of an archive. Facts may come late, twice and in any order.
#[must_use]
pub const fn step(state: ArchiveState, fact: Fact, now: Timestamp) -> Step {
    use ArchiveState::{Archived, Exporting, Removing, Restored, Verifying, Wiping};
    match state {
        Exporting => match fact {
            Fact::Blocked => Step::Forget,
            Fact::Exported => Step::To(Verifying),
            Fact::GivenUp | Fact::Unsealed => Step::To(Removing),
            Fact::Verified
            | Fact::Unfit
            | Fact::Wiped
            | Fact::Restored
            | Fact::Superseded
            | Fact::Outlived
            | Fact::Removed => Step::Stay,
        },
        Verifying => match fact {
            Fact::Verified => Step::To(Wiping),
            Fact::Unfit | Fact::Unsealed => Step::To(Removing),
            Fact::Blocked
            | Fact::Exported
            | Fact::GivenUp
            | Fact::Wiped
            | Fact::Restored
            | Fact::Superseded
            | Fact::Outlived
            | Fact::Removed => Step::Stay,
        },
        // From here on the object may have given up its rows whatever else is heard, so a copy that proves unfit now is kept:
        // it may be the only one.
        Wiping | Archived => match fact {
            Fact::Wiped if matches!(state, Wiping) => Step::To(Archived),
            // Whether it was never wiped, or was wiped and brought back, nobody knows; both times the object has everything.
            Fact::Unsealed | Fact::Restored => Step::To(Restored { at: now }),
            Fact::Wiped
            | Fact::Blocked
            | Fact::Exported
            | Fact::GivenUp
            | Fact::Verified
            | Fact::Unfit
            | Fact::Superseded
            | Fact::Outlived
            | Fact::Removed => Step::Stay,
        },
        Restored { at } => match fact {
            Fact::Superseded => Step::To(Removing),
            Fact::Outlived if now.since(at) >= KEPT_MS => Step::To(Removing),
            Fact::Outlived
            | Fact::Blocked
            | Fact::Exported
            | Fact::GivenUp
            | Fact::Verified
            | Fact::Unfit
            | Fact::Wiped
            | Fact::Unsealed
            | Fact::Restored
            | Fact::Removed => Step::Stay,
        },
        Removing => match fact {
            Fact::Removed => Step::Forget,
            Fact::Blocked
            | Fact::Exported
            | Fact::GivenUp
            | Fact::Verified
            | Fact::Unfit
            | Fact::Wiped
            | Fact::Unsealed
            | Fact::Restored
            | Fact::Superseded
            | Fact::Outlived => Step::Stay,
        },
    }
}

/// When a chat that could not be archived `tries` times is looked at again.
#[must_use]
pub fn again(tries: u64, now: Timestamp) -> Timestamp {
    let doubled = u32::try_from(tries.saturating_sub(1)).unwrap_or(LONGEST).min(LONGEST);
    now.plus_ms(AGAIN_MS << doubled)
}
