//! What this isolate was granted by the route objects, so that a warm preview asks its object some times a second at most.
//!
//! Invariant: a route is believed for as long as its object said, counted from when it was asked; a request is let through
//! only for one that the object granted. What was granted and not used stays good, but never more than [`KEPT`].

use std::collections::HashMap;
use std::rc::Rc;

use slipway_contract::objects::route::{Route, RouteLease};
use slipway_contract::{OrgId, SandboxId, Timestamp};

use crate::refusal::Refusal;

/// A route is asked for anew this long before it ends, so that nobody waits for it: milliseconds.
const EARLY_MS: i64 = 250;
/// An object that was asked and has not answered for this long is asked again: milliseconds.
const ASKING_MS: i64 = 1_000;
/// How long a refusal stands without asking again: milliseconds.
const REFUSED_MS: i64 = 250;
/// Requests asked for at once: the least, which a page's first files take, and the most.
const LEAST: u32 = 16;
const MOST: u32 = 4_096;
/// Granted requests that are kept through a pause. They were taken out of the bucket, so none is lost or doubled; but what
/// a busy moment took in advance may have been refilled since.
const KEPT: u32 = 64;
/// Sandboxes that are remembered.
const REMEMBERED: usize = 1_024;

/// Access to a sandbox under one epoch, by a token of one org: what was granted to its own org is nobody else's.
pub(crate) type Key = (OrgId, SandboxId, u64);

/// What a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Pass; and if so many are given, ask for more beside it.
    Pass {
        /// Where to.
        route: Rc<Route>,
        /// Requests to ask for.
        renew: Option<u32>,
    },
    /// Ask the object for so many first.
    Ask(u32),
    /// Look again in a moment: another request is asking.
    Wait,
    /// Nothing: the object said so a moment ago.
    Refused(Refusal),
}

/// All that was granted.
#[derive(Debug, Default)]
pub(crate) struct Leases(HashMap<Key, Lease>);

#[derive(Debug)]
struct Lease {
    route: Option<Rc<Route>>,
    /// Until when the route is believed.
    ends: Timestamp,
    left: u32,
    /// Passed, or had to wait, since the object last answered.
    used: u32,
    /// Until when somebody is believed to be asking.
    asking: Timestamp,
    refused: Option<(Refusal, Timestamp)>,
    no_sockets: Option<(u32, Timestamp)>,
}

impl Lease {
    const fn new() -> Self {
        let never = Timestamp::from_unix_ms(i64::MIN);
        Self { route: None, ends: never, left: 0, used: 0, asking: never, refused: None, no_sockets: None }
    }

    /// How many to ask for: twice what the time of one answer took, less what is left.
    fn wanted(&self) -> u32 {
        self.used.saturating_mul(2).clamp(LEAST, MOST).saturating_sub(self.left).max(1)
    }
}

impl Leases {
    /// One request.
    pub(crate) fn take(&mut self, key: Key, now: Timestamp) -> Standing {
        let lease = self.at(key, now);
        lease.used = lease.used.saturating_add(1);
        self.take_again(key, now)
    }

    /// The same request, after it was told to wait.
    pub(crate) fn take_again(&mut self, key: Key, now: Timestamp) -> Standing {
        let lease = self.at(key, now);
        if let Some(refusal) = lease.refused.filter(|(_, until)| now < *until).map(|(refusal, _)| refusal) {
            return Standing::Refused(refusal);
        }
        let asked = now < lease.asking;
        let Some(route) = lease.route.as_ref().filter(|_| now < lease.ends && lease.left > 0) else {
            if asked {
                return Standing::Wait;
            }
            lease.asking = now.plus_ms(ASKING_MS);
            return Standing::Ask(lease.wanted());
        };
        let route = Rc::clone(route);
        lease.left -= 1;
        let early = lease.ends.since(now) <= EARLY_MS || lease.left < lease.used / 2;
        let renew = (early && !asked).then(|| lease.wanted());
        if renew.is_some() {
            lease.asking = now.plus_ms(ASKING_MS);
        }
        Standing::Pass { route, renew }
    }

    /// The object's answer to a question of `asked`.
    pub(crate) fn granted(&mut self, key: Key, answer: RouteLease, asked: Timestamp, now: Timestamp) {
        let lease = self.at(key, now);
        // Answers may overtake each other: an older route is not believed for longer than it was.
        let newer = lease
            .route
            .as_ref()
            .is_none_or(|known| (known.epoch, known.version) <= (answer.route.epoch, answer.route.version));
        if newer {
            lease.route = Some(Rc::new(answer.route));
            lease.ends = lease.ends.max(asked.plus_ms(i64::from(answer.valid_ms)));
        }
        lease.left = lease.left.saturating_add(answer.requests);
        lease.used = 0;
        lease.asking = Timestamp::from_unix_ms(i64::MIN);
        lease.refused = None;
        if lease.left == 0 {
            let refusal = Refusal::RateLimited { retry_after_s: answer.retry_after_s.max(1) };
            lease.refused = Some((refusal, now.plus_ms(REFUSED_MS)));
        }
    }

    /// One request whose own question was answered just now: it passes however long the answer took.
    ///
    /// # Errors
    /// Nothing was granted, and nothing is left.
    pub(crate) fn take_answered(&mut self, key: Key) -> Result<Rc<Route>, Refusal> {
        let empty = Refusal::RateLimited { retry_after_s: 1 };
        let lease = self.0.get_mut(&key).ok_or(empty)?;
        if let Some((refusal, _)) = lease.refused {
            return Err(refusal);
        }
        let route = lease.route.as_ref().filter(|_| lease.left > 0).map(Rc::clone).ok_or(empty)?;
        lease.left -= 1;
        Ok(route)
    }

    /// The object refused.
    pub(crate) fn refused(&mut self, key: Key, refusal: Refusal, now: Timestamp) {
        let lease = self.at(key, now);
        *lease = Lease { refused: Some((refusal, now.plus_ms(REFUSED_MS))), ..Lease::new() };
    }

    /// Asking failed: the next request asks again.
    pub(crate) fn unanswered(&mut self, key: Key, now: Timestamp) {
        self.at(key, now).asking = Timestamp::from_unix_ms(i64::MIN);
    }

    /// The executor knows better: the next request asks the object.
    pub(crate) fn forget(&mut self, key: Key) {
        if let Some(lease) = self.0.get_mut(&key) {
            lease.ends = Timestamp::from_unix_ms(i64::MIN);
        }
    }

    /// When a socket may be tried again, in seconds, if the object said a moment ago that none may be opened.
    pub(crate) fn no_sockets(&self, key: Key, now: Timestamp) -> Option<u32> {
        let (retry_after_s, until) = self.0.get(&key)?.no_sockets?;
        (now < until).then_some(retry_after_s)
    }

    /// The object granted no socket.
    pub(crate) fn sockets_refused(&mut self, key: Key, retry_after_s: u32, now: Timestamp) {
        self.at(key, now).no_sockets = Some((retry_after_s, now.plus_ms(REFUSED_MS)));
    }

    fn at(&mut self, key: Key, now: Timestamp) -> &mut Lease {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, lease| now < lease.ends);
            if self.0.len() >= REMEMBERED {
                self.0.clear();
            }
        }
        let lease = self.0.entry(key).or_insert_with(Lease::new);
        // After a pause, what was granted for a busier time has been refilled in the bucket already.
        if lease.ends.plus_ms(ASKING_MS) < now {
            lease.left = lease.left.min(KEPT);
            lease.used = lease.used.min(KEPT);
        }
        lease
    }
}

#[cfg(test)]
mod tests;
