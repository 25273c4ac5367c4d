//! The speed of the demo model: its answer is there at once and is told as a model of that speed would.

use std::collections::VecDeque;

use slipway_llm::StreamEvent;

/// Time between two batches, in milliseconds: below it nobody sees a difference, and each costs a timer.
pub(crate) const BATCH_MS: i64 = 80;

/// An answer on its way.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    waiting: VecDeque<StreamEvent>,
    per_second: u32,
    begun: i64,
    told: u64,
}

impl Pace {
    /// `per_second` pieces of text a second, all at once for 0, from `now` (milliseconds) on.
    pub(crate) fn new(events: Vec<StreamEvent>, per_second: u32, now: i64) -> Self {
        Self { waiting: events.into(), per_second, begun: now, told: 0 }
    }

    /// Events that are due, and whether there will be more.
    pub(crate) fn due(&mut self, now: i64) -> (Vec<StreamEvent>, bool) {
        let elapsed = u64::try_from(now - self.begun).unwrap_or_default();
        let allowed = match self.per_second {
            0 => u64::MAX,
            speed => elapsed.saturating_mul(speed.into()) / 1_000 + 1,
        };
        let mut due = Vec::new();
        while let Some(event) = self.waiting.pop_front() {
            if let StreamEvent::Text(_) = event {
                if self.told >= allowed {
                    self.waiting.push_front(event);
                    break;
                }
                self.told += 1;
            }
            due.push(event);
        }
        (due, !self.waiting.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use slipway_llm::FinishReason;

    use super::*;

    fn answer(words: usize) -> Vec<StreamEvent> {
        let mut events: Vec<StreamEvent> = (0..words).map(|n| StreamEvent::Text(format!("{n} "))).collect();
        events.push(StreamEvent::Finished { reason: FinishReason::Stop });
        events
    }

    /// How many events each look gives, at the given milliseconds.
    fn told(per_second: u32, words: usize, at: &[i64]) -> Vec<(usize, bool)> {
        let mut pace = Pace::new(answer(words), per_second, 1_000);
        at.iter().map(|at| pace.due(1_000 + at)).map(|(due, more)| (due.len(), more)).collect()
    }

    #[test]
    fn words_come_at_their_speed_the_first_at_once() {
        assert_eq!(told(50, 100, &[0, 80, 160, 1_000]), [(1, true), (4, true), (4, true), (42, true)]);
    }

    #[test]
    fn a_late_look_catches_up_and_a_clock_that_stands_gives_nothing() {
        assert_eq!(
            told(50, 60, &[0, 0, 1_000, 60_000, 60_000]),
            [(1, true), (0, true), (50, true), (10, false), (0, false)]
        );
    }

    #[test]
    fn without_a_speed_all_comes_at_once() {
        assert_eq!(told(0, 20_000, &[0]), [(20_001, false)]);
    }
}
