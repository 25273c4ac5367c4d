//! Rotation of refresh tokens. A session is a family: each token names its generation, and only the newest is good.
//!
//! Invariant: a token older than the newest ends the family (somebody has a copy), except the last one for a moment: the
//! reply that carried its successor may have been lost, and two tabs may have asked at once. Both then get that successor.

use slipway_contract::Timestamp;

/// A session that nobody used for so long is over.
pub const IDLE_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// A session is over so long after the sign-in, however often it was used.
pub const LIFE_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// How long the last token still gets its successor told.
pub const GRACE_MS: i64 = 10_000;

/// A session as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The newest token's.
    pub generation: u64,
    /// The sign-in.
    pub created_at: Timestamp,
    /// When the newest token was made.
    pub rotated_at: Timestamp,
    /// By log-out or reuse.
    pub ended: bool,
}

/// What becomes of a session when one of its tokens is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Good: the session moves on to this generation.
    Rotate {
        /// The next token's generation.
        to: u64,
    },
    /// Good, but known: the newest token is told once more.
    Repeat {
        /// The newest token's generation.
        newest: u64,
    },
    /// An old token: end the session, for the thief and the robbed alike.
    Reused,
    /// It is over already.
    Ended,
}

impl SessionState {
    /// Decides on a token whose authenticity was checked.
    pub fn present(&self, generation: u64, now: Timestamp) -> Rotation {
        let over = now.since(self.rotated_at) > IDLE_MS || now.since(self.created_at) > LIFE_MS;
        if self.ended || over || generation > self.generation {
            // From the future: the database was restored to an older state. Nobody is accused of theft for that.
            return Rotation::Ended;
        }
        if generation == self.generation {
            return Rotation::Rotate { to: generation.saturating_add(1) };
        }
        let last = generation.saturating_add(1) == self.generation;
        if last && now.since(self.rotated_at) <= GRACE_MS {
            return Rotation::Repeat { newest: self.generation };
        }
        Rotation::Reused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn session() -> SessionState {
        SessionState {
            generation: 7,
            created_at: Timestamp::from_unix_ms(0),
            rotated_at: Timestamp::from_unix_ms(DAY),
            ended: false,
        }
    }

    #[track_caller]
    fn check(session: SessionState, generation: u64, at: i64, expected: Rotation) {
        assert_eq!(session.present(generation, Timestamp::from_unix_ms(at)), expected);
    }

    #[test]
    fn the_newest_token_moves_the_session_on() {
        check(session(), 7, DAY, Rotation::Rotate { to: 8 });
        check(session(), 7, DAY + IDLE_MS, Rotation::Rotate { to: 8 });
    }

    #[test]
    fn the_last_token_gets_its_successor_for_ten_seconds_and_ends_the_family_then() {
        check(session(), 6, DAY + GRACE_MS, Rotation::Repeat { newest: 7 });
        check(session(), 6, DAY + GRACE_MS + 1, Rotation::Reused);
    }

    #[test]
    fn an_older_token_ends_the_family_at_once() {
        check(session(), 5, DAY, Rotation::Reused);
        check(session(), 0, DAY, Rotation::Reused);
    }

    #[test]
    fn nothing_opens_a_session_that_is_over() {
        check(SessionState { ended: true, ..session() }, 7, DAY, Rotation::Ended);
        check(SessionState { ended: true, ..session() }, 3, DAY, Rotation::Ended);
        check(session(), 7, DAY + IDLE_MS + 1, Rotation::Ended);
        let busy = SessionState { rotated_at: Timestamp::from_unix_ms(89 * DAY), ..session() };
        check(busy, 7, LIFE_MS, Rotation::Rotate { to: 8 });
        check(busy, 7, LIFE_MS + 1, Rotation::Ended);
    }

    #[test]
    fn a_token_from_a_future_that_was_rolled_back_is_refused_without_blame() {
        check(session(), 8, DAY, Rotation::Ended);
    }
}
