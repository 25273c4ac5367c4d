//! The token bucket of a sandbox's previews: a steady rate, and a burst after a quiet time.
//!
//! Invariant: from any moment on, no more is granted than the burst and what the rate gives for the time since. Whole
//! numbers only, so that nothing is gained or lost by asking often.

use serde::{Deserialize, Serialize};
use slipway_contract::Timestamp;

/// Parts of one token: at a rate of n a minute, n parts come in a millisecond.
const PARTS: u64 = 60_000;

/// How much may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens a minute.
    pub per_minute: u32,
    /// The most tokens that gather.
    pub burst: u32,
}

/// What is in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Tokens, in 60,000th parts of one.
    pub tokens: u64,
    /// When that was so.
    pub at: Timestamp,
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Tokens, from 0 to what was wanted.
    pub granted: u32,
    /// Milliseconds until there is a token again; 0 when one is left, `u64::MAX` when there never is one.
    pub wait_ms: u64,
}

impl Bucket {
    /// A full one.
    pub const fn full(rate: Rate, now: Timestamp) -> Self {
        Self { tokens: full(rate), at: now }
    }

    /// Takes up to `wanted` tokens. A clock that went back adds nothing and takes nothing away.
    #[must_use]
    pub fn take(self, wanted: u32, rate: Rate, now: Timestamp) -> (Self, Taken) {
        let passed = u64::try_from(now.since(self.at)).unwrap_or(0);
        let gained = passed.saturating_mul(u64::from(rate.per_minute));
        let tokens = self.tokens.saturating_add(gained).min(full(rate));
        let granted = u32::try_from(tokens / PARTS).unwrap_or(u32::MAX).min(wanted);
        let left = tokens.saturating_sub(u64::from(granted).saturating_mul(PARTS));
        let wait_ms = match PARTS.saturating_sub(left) {
            0 => 0,
            _ if rate.per_minute == 0 || rate.burst == 0 => u64::MAX,
            missing => missing.div_ceil(u64::from(rate.per_minute)),
        };
        (Self { tokens: left, at: self.at.max(now) }, Taken { granted, wait_ms })
    }

    /// Puts back what was taken and not needed. No more gathers by that than in a quiet time.
    #[must_use]
    pub fn give_back(self, tokens: u32, rate: Rate) -> Self {
        let more = u64::from(tokens).saturating_mul(PARTS);
        Self { tokens: self.tokens.saturating_add(more).min(full(rate)), ..self }
    }

    /// Whether there are at least so many tokens.
    #[must_use]
    pub fn holds(self, tokens: u32, rate: Rate, now: Timestamp) -> bool {
        self.take(0, rate, now).0.tokens >= u64::from(tokens).saturating_mul(PARTS)
    }
}

/// The parts of a full bucket.
const fn full(rate: Rate) -> u64 {
    rate.burst as u64 * PARTS
}
