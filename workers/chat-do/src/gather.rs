//! Streamed text on its way to the people who watch: each frame costs every viewer a message, so text gathers a little.

use slipway_edge::clock;

use crate::orchestrator::SILENCE_MS;

/// Text gathers this long before it is told, in milliseconds.
const GATHER_MS: i64 = 60;

/// When gathered text is due: the first at once, then what gathers.
#[derive(Default)]
pub(crate) struct Pace {
    since: Option<i64>,
    told: i64,
}

impl Pace {
    /// Text came; whether what has gathered is due.
    pub(crate) fn gathered(&mut self) -> bool {
        let now = clock::now().unix_ms();
        let since = *self.since.get_or_insert(now);
        since + GATHER_MS <= now || self.told + GATHER_MS <= now
    }

    /// Whether text waits to be told.
    pub(crate) const fn is_gathering(&self) -> bool {
        self.since.is_some()
    }

    /// What had gathered is told now.
    pub(crate) fn told(&mut self) {
        (self.since, self.told) = (None, clock::now().unix_ms());
    }

    /// How long to wait for more, in milliseconds.
    pub(crate) fn patience(&self) -> i64 {
        self.since.map_or(SILENCE_MS, |since| (since + GATHER_MS - clock::now().unix_ms()).max(1))
    }
}
