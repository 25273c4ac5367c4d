//! How long a sign-in has to wait, from the failures before it. Counted before the password is looked at, so that many
//! guesses at once do not slip through together.

use slipway_contract::Timestamp;

/// Failures older than this are forgotten.
pub const FORGET_MS: i64 = 60 * 60 * 1000;
/// The longest wait: a stranger who knows an address can keep its owner out for no longer than this at a time.
pub const LONGEST_WAIT_MS: i64 = 15 * 60 * 1000;

/// What failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The address that was given, whether it has an account or not.
    Address,
    /// The client's network address. Many people may share one.
    Client,
}

impl Subject {
    /// Failures that cost no waiting.
    const fn free(self) -> u64 {
        match self {
            Self::Address => 5,
            Self::Client => 50,
        }
    }
}

/// Failed attempts in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub failures: u64,
    /// The last one.
    pub last_at: Timestamp,
}

impl Attempts {
    /// Failures that still count.
    fn remembered(self, now: Timestamp) -> u64 {
        if now.since(self.last_at) > FORGET_MS { 0 } else { self.failures }
    }

    /// Milliseconds until the next attempt may be made; 0 for now. Each failure beyond the free ones doubles the wait,
    /// from 1 s on.
    pub fn wait_ms(self, subject: Subject, now: Timestamp) -> i64 {
        let Some(beyond) = self.remembered(now).checked_sub(subject.free()) else { return 0 };
        let pause = 1_000_i64.saturating_mul(1_i64 << beyond.min(20)).min(LONGEST_WAIT_MS);
        (pause - now.since(self.last_at)).max(0)
    }

    /// The same after one more attempt, which counts as failed until it succeeds.
    #[must_use]
    pub fn after_one_more(self, now: Timestamp) -> Self {
        Self { failures: self.remembered(now).saturating_add(1), last_at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    fn after(failures: u64) -> Attempts {
        Attempts { failures, last_at: at(0) }
    }

    #[test]
    fn the_wait_doubles_from_one_second_to_a_quarter_of_an_hour() {
        let waits = (0..17).map(|n| after(n).wait_ms(Subject::Address, at(0)) / 1000).collect::<Vec<_>>();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(after(u64::MAX).wait_ms(Subject::Address, at(0)), LONGEST_WAIT_MS);
        assert_eq!(after(49).wait_ms(Subject::Client, at(0)), 0);
        assert_eq!(after(50).wait_ms(Subject::Client, at(0)), 1000);
    }

    #[test]
    fn waiting_counts_from_the_last_attempt() {
        assert_eq!(after(7).wait_ms(Subject::Address, at(1_500)), 2_500);
        assert_eq!(after(7).wait_ms(Subject::Address, at(4_000)), 0);
    }

    #[test]
    fn an_hour_without_attempts_is_forgotten() {
        assert_eq!(after(9).after_one_more(at(FORGET_MS)), Attempts { failures: 10, last_at: at(FORGET_MS) });
        assert_eq!(after(9).after_one_more(at(FORGET_MS + 1)).failures, 1);
    }
}
