//! How long a step may wait, and when its caller hears that it still works. Times are milliseconds.
//!
//! Invariant: a step that hears nothing, or never ends, is late at a known time; its caller is never without a word for
//! longer than [`ALIVE_MS`].

use slipway_llm::{ErrorKind, ProviderError};

/// The caller gives a step up that is silent for 60 s.
const ALIVE_MS: i64 = 15_000;
/// The database is near: what has not answered by then will not.
const AGENT_MS: i64 = 10_000;

/// The longest waits for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From the call to the answer's first byte.
    pub(crate) first_byte_ms: i64,
    /// Between two bytes.
    pub(crate) silence_ms: i64,
    /// From the step's beginning to its end.
    pub(crate) step_ms: i64,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The agent's settings.
    Agent,
    /// The provider's first byte.
    FirstByte,
    /// Further bytes.
    More,
}

/// What is to be done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing, for so long.
    Wait(i64),
    /// Tell the caller that the step still works.
    Alive,
    /// Give the step up.
    Late(Late),
}

/// Why a step is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// What it waits for did not come.
    Silent(Awaited),
    /// It goes on and on.
    Endless,
}

/// The clock of one step.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    limits: Limits,
    begun: i64,
    awaited: Awaited,
    heard: i64,
    told: i64,
}

impl Watch {
    pub(crate) const fn new(limits: Limits, now: i64) -> Self {
        Self { limits, begun: now, awaited: Awaited::Agent, heard: now, told: now }
    }

    /// The step waits for this from now on; also the sign of life when it came and more of it is awaited.
    pub(crate) const fn awaits(&mut self, awaited: Awaited, now: i64) {
        self.awaited = awaited;
        self.heard = now;
    }

    /// The caller was told something.
    pub(crate) const fn told(&mut self, now: i64) {
        self.told = now;
    }

    pub(crate) fn look(&self, now: i64) -> Look {
        let patience = match self.awaited {
            Awaited::Agent => AGENT_MS,
            Awaited::FirstByte => self.limits.first_byte_ms,
            Awaited::More => self.limits.silence_ms,
        };
        let silent = self.heard.saturating_add(patience);
        let endless = self.begun.saturating_add(self.limits.step_ms);
        let alive = self.told.saturating_add(ALIVE_MS);
        if endless <= now {
            Look::Late(Late::Endless)
        } else if silent <= now {
            Look::Late(Late::Silent(self.awaited))
        } else if alive <= now {
            Look::Alive
        } else {
            Look::Wait(silent.min(endless).min(alive) - now)
        }
    }
}

impl Late {
    /// The failure of the provider that this means; none when it is not the provider that is late.
    pub(crate) fn of_provider(self, provider: &'static str) -> Option<ProviderError> {
        let message = match self {
            Self::Silent(Awaited::Agent) => return None,
            Self::Silent(Awaited::FirstByte) => "the provider did not answer in time",
            Self::Silent(Awaited::More) => "the provider stopped in the middle of its answer",
            Self::Endless => "the answer took too long",
        };
        Some(ProviderError::new(ErrorKind::Timeout, provider, message))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const LIMITS: Limits = Limits { first_byte_ms: 60_000, silence_ms: 20_000, step_ms: 100_000 };

    /// Hears at the given seconds, then looks as often as it is told to; each look is one line.
    fn check(awaited: Awaited, heard: &[i64], expect: Expect) {
        let mut watch = Watch::new(LIMITS, 0);
        watch.awaits(awaited, 0);
        let mut told = String::new();
        let (mut now, mut heard) = (0, heard.iter().map(|second| second * 1_000).peekable());
        loop {
            if let Some(at) = heard.next_if(|at| *at <= now) {
                watch.awaits(Awaited::More, at);
            }
            let look = watch.look(now);
            told.push_str(&format!("{}s {look:?}\n", now / 1_000));
            match look {
                Look::Wait(time) => now += time.min(heard.peek().map_or(i64::MAX, |at| at - now)),
                Look::Alive => watch.told(now),
                Look::Late(_) => break,
            }
        }
        expect.assert_eq(&told);
    }

    #[test]
    fn a_provider_that_never_answers_is_late_after_the_first_limit() {
        check(
            Awaited::FirstByte,
            &[],
            expect![[r#"
                0s Wait(15000)
                15s Alive
                15s Wait(15000)
                30s Alive
                30s Wait(15000)
                45s Alive
                45s Wait(15000)
                60s Late(Silent(FirstByte))
            "#]],
        );
    }

    #[test]
    fn a_provider_that_falls_silent_is_late_after_its_last_byte() {
        check(
            Awaited::FirstByte,
            &[18, 30],
            expect![[r#"
                0s Wait(15000)
                15s Alive
                15s Wait(15000)
                18s Wait(12000)
                30s Alive
                30s Wait(15000)
                45s Alive
                45s Wait(5000)
                50s Late(Silent(More))
            "#]],
        );
    }

    #[test]
    fn a_database_that_does_not_answer_is_given_up_soon() {
        check(
            Awaited::Agent,
            &[],
            expect![[r#"
                0s Wait(10000)
                10s Late(Silent(Agent))
            "#]],
        );
    }

    #[test]
    fn an_answer_without_end_is_given_up_though_it_speaks() {
        let mut watch = Watch::new(LIMITS, 0);
        for now in (0..100_000).step_by(1_000) {
            watch.awaits(Awaited::More, now);
            watch.told(now);
            assert!(matches!(watch.look(now), Look::Wait(_)), "at {now}");
        }
        assert_eq!(watch.look(100_000), Look::Late(Late::Endless));
    }
}
