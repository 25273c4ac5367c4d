//! What fits: how many tokens a text takes by what was counted before, which items are chosen, and how a count is shared
//! out over the parts that it was made of.
//!
//! Invariants: what was taken never exceeds the budget; shares sum to what was shared, exactly; equal input, equal choice.

use std::cmp::Reverse;

use slipway_contract::http::context::ContextScope;
use slipway_contract::objects::engine::Measured;
use slipway_contract::{ContextItemId, Timestamp};

/// Bytes of a token before anything was counted: English takes four and a half, code and other scripts two to three.
const GUESSED_BYTES: u64 = 3;
/// No tokenizer packs more bytes of real text into a token on average; a count beyond it is not believed.
const MOST_BYTES: u64 = 16;

/// How many tokens a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    bytes: u64,
    tokens: u64,
}

impl Measure {
    /// What was counted last, if it was counted of this model (`provider:model`); a guess before that. No text takes more
    /// than a token a byte, or less than one for 16 bytes, whatever a provider says.
    pub fn of(measured: Option<&Measured>, model: &str) -> Self {
        match measured {
            Some(known) if known.model == model && known.bytes > 0 && known.tokens > 0 => {
                let tokens = known.tokens.clamp(known.bytes.div_ceil(MOST_BYTES), known.bytes);
                Self { bytes: known.bytes, tokens }
            }
            Some(_) | None => Self { bytes: GUESSED_BYTES, tokens: 1 },
        }
    }

    /// The tokens that so many bytes take, rounded up.
    pub fn tokens(self, bytes: u64) -> u32 {
        let exact = (u128::from(bytes) * u128::from(self.tokens)).div_ceil(u128::from(self.bytes.max(1)));
        u32::try_from(exact).unwrap_or(u32::MAX)
    }
}

/// What may still be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    measure: Measure,
    tokens: u32,
    places: usize,
    left_out: u32,
}

impl Budget {
    /// So many tokens, in at most so many parts.
    pub const fn new(measure: Measure, tokens: u32, places: usize) -> Self {
        Self { measure, tokens, places, left_out: 0 }
    }

    /// Takes a part of so many bytes, or leaves it out; answers which.
    pub fn take(&mut self, bytes: u64) -> bool {
        let wanted = self.measure.tokens(bytes);
        let fits = self.places > 0 && wanted <= self.tokens;
        if fits {
            self.tokens -= wanted;
            self.places -= 1;
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
        fits
    }

    /// Parts that did not fit.
    pub const fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Tokens that are left.
    pub const fn tokens(&self) -> u32 {
        self.tokens
    }
}

/// An item that could be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub item: ContextItemId,
    /// Where it belongs.
    pub scope: ContextScope,
    /// Words that it has in common with what was said last; those of tags twice.
    pub relevance: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What it takes, in bytes.
    pub bytes: u64,
}

/// Items that fit.
pub type Chosen = Vec<ContextItemId>;

/// Chooses items until the budget is used up, the most fitting first: those that have a word in common with what was said
/// before those that have none; among either the chat's before its channel's before the org's, then by words in common,
/// then the newer. One that does not fit makes way for smaller ones behind it.
pub fn choose(mut candidates: Vec<Candidate>, budget: &mut Budget) -> Chosen {
    candidates.sort_unstable_by_key(|one| {
        let place = match one.scope {
            ContextScope::Chat => 0_u8,
            ContextScope::Channel => 1,
            ContextScope::Org => 2,
        };
        (one.relevance == 0, place, Reverse(one.relevance), Reverse(one.at), Reverse(one.item))
    });
    candidates.into_iter().filter(|one| budget.take(one.bytes)).map(|one| one.item).collect()
}

/// Shares a count out by length: each part gets its due to within one, and all of it is given to somebody. Where there is
/// no length at all, the first part gets it.
pub fn share(total: u32, lengths: &[u64]) -> Vec<u32> {
    let all: u128 = lengths.iter().map(|length| u128::from(*length)).sum();
    // What the parts up to one are due together; the last one's is the whole.
    let due = |sum: u128| u32::try_from(u128::from(total) * sum / all.max(1)).unwrap_or(total);
    let (mut sum, mut given) = (0_u128, 0_u32);
    let mut shares: Vec<u32> = lengths
        .iter()
        .map(|length| {
            sum += u128::from(*length);
            let until = due(sum);
            let own = until - given;
            given = until;
            own
        })
        .collect();
    if let Some(first) = shares.first_mut().filter(|_| all == 0) {
        *first = total;
    }
    shares
}
