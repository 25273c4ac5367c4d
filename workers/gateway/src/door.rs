//! What a route object decides: who passes under which epoch, and how often.
//!
//! Invariant: a route only moves forward (its epoch and its version grow), and access of an older epoch never passes. The
//! buckets are in memory: an object that was put away comes back with full ones, which a pause of their refilling time
//! would have given as well.

use slipway_contract::objects::route::{Route, RouteLease};
use slipway_contract::{OrgId, ProblemCode, Timestamp};
use slipway_domain::preview::bucket::{Bucket, Rate, Taken};

use crate::settings::Rates;

/// How long an answer holds. A revoked access ends everywhere within this, if the executor did not end it before.
const VALID_MS: u32 = 500;
/// How long a sandbox that the orchestrator does not know is not asked for again.
const UNKNOWN_MS: i64 = 5_000;
/// A sandbox that does not run as far as is known here is asked for again after this.
const DOUBTED_MS: i64 = 5_000;

/// The state of one sandbox's route.
#[derive(Debug)]
pub(crate) struct Door {
    rates: Rates,
    route: Option<Route>,
    /// Whose look-up found nothing, and when.
    unknown: Option<(OrgId, Timestamp)>,
    /// When the orchestrator last answered.
    looked_up: Option<Timestamp>,
    requests: Bucket,
    sockets: Bucket,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The org of the token.
    pub(crate) org: OrgId,
    /// The epoch of the token.
    pub(crate) epoch: u64,
    /// Requests.
    pub(crate) requests: u32,
    /// Sockets.
    pub(crate) sockets: u32,
}

impl Door {
    /// With full buckets, and what was stored.
    pub(crate) const fn new(rates: Rates, route: Option<Route>, now: Timestamp) -> Self {
        let (requests, sockets) = (Bucket::full(rates.requests, now), Bucket::full(rates.sockets, now));
        Self { rates, route, unknown: None, looked_up: None, requests, sockets }
    }

    /// Whether the orchestrator should be asked before this is answered: nothing is known, or the token is newer than what
    /// is known, or what is known to be no use may be old news.
    pub(crate) fn needs_look_up(&self, ask: Ask, now: Timestamp) -> bool {
        let recently = |at: Timestamp, ms| now.since(at) < ms;
        match &self.route {
            None => !self.unknown.is_some_and(|(org, at)| org == ask.org && recently(at, UNKNOWN_MS)),
            Some(route) if route.org != ask.org || ask.epoch < route.epoch => false,
            Some(route) => {
                let doubtful = route.epoch < ask.epoch || !route.state.is_usable();
                doubtful && !self.looked_up.is_some_and(|at| recently(at, DOUBTED_MS))
            }
        }
    }

    /// Takes over what is newer; says whether it should be stored.
    pub(crate) fn set(&mut self, route: Route) -> bool {
        let newer = self
            .route
            .as_ref()
            .is_none_or(|known| route.version > known.version && route.epoch >= known.epoch);
        if newer {
            self.route = Some(route);
            self.unknown = None;
        }
        newer
    }

    /// The orchestrator answered a look-up of `org`; says whether its answer should be stored.
    pub(crate) fn found(&mut self, org: OrgId, route: Option<Route>, now: Timestamp) -> bool {
        self.looked_up = Some(now);
        let Some(route) = route.filter(|route| route.org == org) else {
            self.unknown = Some((org, now));
            return false;
        };
        self.set(route)
    }

    /// The route.
    pub(crate) const fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// Grants what there is, up to what is asked for.
    ///
    /// # Errors
    /// `not_found` for another org or an unknown sandbox; `access_revoked` for an older epoch; `unavailable` when nothing
    /// is known because the orchestrator could not be asked.
    pub(crate) fn lease(&mut self, ask: Ask, now: Timestamp) -> Result<RouteLease, ProblemCode> {
        let Some(route) = &self.route else {
            let unknown = self.unknown.is_some_and(|(org, _)| org == ask.org);
            return Err(if unknown { ProblemCode::NotFound } else { ProblemCode::Unavailable });
        };
        if route.org != ask.org {
            return Err(ProblemCode::NotFound);
        }
        if ask.epoch < route.epoch {
            return Err(ProblemCode::AccessRevoked);
        }
        // The token was made under an epoch that nobody told us of: not before we know it.
        if ask.epoch > route.epoch {
            return Err(ProblemCode::Unavailable);
        }
        let requests = take(&mut self.requests, ask.requests, self.rates.requests, now);
        let sockets = take(&mut self.sockets, ask.sockets, self.rates.sockets, now);
        let wait =
            |wanted: u32, taken: Taken| if wanted > 0 && taken.granted == 0 { taken.wait_ms } else { 0 };
        let wait_ms = wait(ask.requests, requests).max(wait(ask.sockets, sockets));
        Ok(RouteLease {
            route: route.clone(),
            requests: requests.granted,
            sockets: sockets.granted,
            valid_ms: VALID_MS,
            retry_after_s: u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX),
        })
    }
}

fn take(bucket: &mut Bucket, wanted: u32, rate: Rate, now: Timestamp) -> Taken {
    let (left, taken) = bucket.take(wanted, rate, now);
    *bucket = left;
    taken
}

#[cfg(test)]
mod tests {
    use slipway_contract::SandboxId;
    use slipway_contract::sandbox::SandboxState;

    use super::*;

    const RATES: Rates =
        Rates { requests: Rate { per_minute: 600, burst: 120 }, sockets: Rate { per_minute: 60, burst: 30 } };

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + ms)
    }

    fn org(number: u8) -> OrgId {
        OrgId::fresh(1, [number; 10])
    }

    fn route(epoch: u64, version: u64, state: SandboxState) -> Route {
        let executor = "http://executor".to_owned();
        Route { org: org(1), sandbox: SandboxId::fresh(1, [1; 10]), epoch, version, state, executor }
    }

    fn ready(epoch: u64) -> Door {
        Door::new(RATES, Some(route(epoch, epoch, SandboxState::Ready)), at(0))
    }

    fn ask(epoch: u64) -> Ask {
        Ask { org: org(1), epoch, requests: 1, sockets: 0 }
    }

    #[test]
    fn access_passes_under_its_own_epoch_alone() {
        let mut door = ready(5);
        assert_eq!(door.lease(ask(5), at(0)).unwrap().requests, 1);
        assert_eq!(door.lease(ask(4), at(0)), Err(ProblemCode::AccessRevoked));
        assert_eq!(door.lease(ask(0), at(0)), Err(ProblemCode::AccessRevoked));
        assert_eq!(door.lease(ask(6), at(0)), Err(ProblemCode::Unavailable));
        assert_eq!(door.lease(Ask { org: org(2), ..ask(5) }, at(0)), Err(ProblemCode::NotFound));
        assert_eq!(door.lease(Ask { org: org(2), ..ask(4) }, at(0)), Err(ProblemCode::NotFound));
    }

    #[test]
    fn a_route_only_moves_forward() {
        let table = [
            (5, 8, true),
            (6, 8, true),
            (6, 7, false),
            (5, 7, false),
            (4, 8, false),
            (4, 6, false),
            (6, 6, false),
        ];
        for (epoch, version, moves) in table {
            let mut door = Door::new(RATES, Some(route(5, 7, SandboxState::Ready)), at(0));
            let set = route(epoch, version, SandboxState::Stopped);
            assert_eq!(door.set(set.clone()), moves, "{epoch} {version}");
            assert_eq!(door.route() == Some(&set), moves, "{epoch} {version}");
        }
    }

    #[test]
    fn no_order_of_news_lowers_the_epoch() {
        use proptest::prelude::*;
        proptest!(|(news in proptest::collection::vec((0_u64..6, 0_u64..12), 1..30))| {
            let mut door = Door::new(RATES, None, at(0));
            let (mut epoch, mut version) = (0, 0);
            for (new_epoch, new_version) in news {
                door.set(route(new_epoch, new_version, SandboxState::Ready));
                let known = door.route().unwrap();
                prop_assert!(known.epoch >= epoch && known.version >= version);
                (epoch, version) = (known.epoch, known.version);
            }
        });
    }

    #[test]
    fn what_is_not_known_is_looked_up_once_in_five_seconds() {
        let mut door = Door::new(RATES, None, at(0));
        assert!(door.needs_look_up(ask(1), at(0)));
        assert_eq!(door.lease(ask(1), at(0)), Err(ProblemCode::Unavailable));
        assert!(!door.found(org(1), None, at(0)));
        assert!(!door.needs_look_up(ask(1), at(UNKNOWN_MS - 1)));
        assert_eq!(door.lease(ask(1), at(1)), Err(ProblemCode::NotFound));
        assert!(door.needs_look_up(ask(1), at(UNKNOWN_MS)));
        // Another org's question is its own.
        assert!(door.needs_look_up(Ask { org: org(2), ..ask(1) }, at(1)));
        assert!(door.found(org(1), Some(route(1, 1, SandboxState::Ready)), at(2)));
        assert!(door.lease(ask(1), at(2)).is_ok());
    }

    #[test]
    fn what_the_orchestrator_finds_for_another_org_is_not_found() {
        let mut door = Door::new(RATES, None, at(0));
        assert!(!door.found(org(2), Some(route(1, 1, SandboxState::Ready)), at(0)));
        assert_eq!(door.route(), None);
        assert_eq!(door.lease(Ask { org: org(2), ..ask(1) }, at(0)), Err(ProblemCode::NotFound));
    }

    #[test]
    fn old_news_is_asked_about_again_and_good_news_is_not() {
        assert!(!ready(5).needs_look_up(ask(5), at(60_000)));
        assert!(!ready(5).needs_look_up(ask(4), at(0)), "a revoked access asks for nothing");
        assert!(!ready(5).needs_look_up(Ask { org: org(2), ..ask(6) }, at(0)), "nor does another org's");
        assert!(ready(5).needs_look_up(ask(6), at(0)), "a token newer than the route");
        let mut door = Door::new(RATES, Some(route(5, 7, SandboxState::Starting)), at(0));
        assert!(door.needs_look_up(ask(5), at(0)));
        assert!(!door.found(org(1), Some(route(5, 7, SandboxState::Starting)), at(0)), "nothing new");
        assert!(!door.needs_look_up(ask(5), at(DOUBTED_MS - 1)));
        assert!(door.needs_look_up(ask(5), at(DOUBTED_MS)));
        assert!(door.found(org(1), Some(route(5, 8, SandboxState::Ready)), at(DOUBTED_MS)));
        assert!(!door.needs_look_up(ask(5), at(60_000)));
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut door = ready(1);
        let many = |requests| Ask { requests, ..ask(1) };
        assert_eq!(door.lease(many(100), at(0)).unwrap().requests, 100);
        assert_eq!(door.lease(many(100), at(0)).unwrap().requests, 20);
        let empty = door.lease(many(100), at(0)).unwrap();
        assert_eq!((empty.requests, empty.retry_after_s, empty.valid_ms), (0, 1, 500));
        assert_eq!(door.lease(many(100), at(1_000)).unwrap().requests, 10);
        assert_eq!(door.lease(many(1_000), at(600_000)).unwrap().requests, 120);
    }

    #[test]
    fn sockets_have_a_bucket_of_their_own() {
        let mut door = ready(1);
        let sockets = Ask { requests: 0, sockets: 1, ..ask(1) };
        for number in 0..30 {
            assert_eq!(door.lease(sockets, at(0)).unwrap().sockets, 1, "socket {number}");
        }
        let refused = door.lease(sockets, at(0)).unwrap();
        assert_eq!((refused.sockets, refused.retry_after_s), (0, 1));
        assert_eq!(door.lease(ask(1), at(0)).unwrap().requests, 1);
        assert_eq!(door.lease(sockets, at(1_000)).unwrap().sockets, 1);
    }

    #[test]
    fn ten_thousand_attempts_open_no_more_sockets_than_the_bucket_holds() {
        let mut door = ready(1);
        let sockets = Ask { requests: 0, sockets: 1, ..ask(1) };
        let opened: u32 = (0..10_000).map(|_| door.lease(sockets, at(0)).unwrap().sockets).sum();
        assert_eq!(opened, 30);
    }
}
