//! How many bytes a sandbox's previews may carry, both ways together.
//!
//! Invariant: what is under way is never cut, only slowed down to the rate; what is new is refused before that, so that who
//! comes in does not find everything at a crawl.

use slipway_contract::Timestamp;

use super::bucket::{Bucket, Rate, Taken};

/// What a sandbox may carry unless its host says otherwise.
///
/// 20 MiB a second: the fifty sandboxes of a host at once fill nine tenths of its 10 Gbit/s. 2 GiB at once: far more than
/// pages of people ever need (a page in development has some ten MiB), and no more than two minutes of the rate.
pub const RATE: Rate = Rate { per_minute: 20 * 60 * 1024 * 1024, burst: 2 * 1024 * 1024 * 1024 };
/// After how long a sandbox that carries nothing lets in again, in seconds: who is refused is told so.
pub const RETRY_S: u32 = 10;

/// What is left for a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    rate: Rate,
    bucket: Bucket,
}

impl Allowance {
    /// All of it.
    #[must_use]
    pub const fn whole(rate: Rate, now: Timestamp) -> Self {
        Self { rate, bucket: Bucket::full(rate, now) }
    }

    /// Whether a new request or socket is let in: while there is as much left as gathers in [`RETRY_S`] (half of the
    /// burst, should that be less).
    #[must_use]
    pub fn lets_in(&self, now: Timestamp) -> bool {
        let gathers = self.rate.per_minute / 60 * RETRY_S;
        self.bucket.holds(gathers.min(self.rate.burst / 2).max(1), self.rate, now)
    }

    /// Takes up to `wanted` bytes for what is under way.
    pub fn take(&mut self, wanted: u32, now: Timestamp) -> Taken {
        let (bucket, taken) = self.bucket.take(wanted, self.rate, now);
        self.bucket = bucket;
        taken
    }

    /// Puts back what was taken and did not move.
    pub fn give_back(&mut self, bytes: u32) {
        self.bucket = self.bucket.give_back(bytes, self.rate);
    }
}
