//! Who is here, and when the listeners are told: changes gather, so that a crowd that comes at once costs each listener a
//! few frames and not one for each newcomer.
//!
//! Invariant: all listeners believe the same. Whoever is on the list is believed to be here; newcomers are told the list as
//! it stands, the others its changes; and only a telling takes somebody off it.

use slipway_contract::{Timestamp, UserId, limits};

/// Tellings are at least this far apart, in milliseconds.
pub const GATHER_MS: i64 = 2_000;
/// Who is back within this time was never gone, in milliseconds: a connection that broke, a page that was loaded anew.
pub const FLAP_MS: i64 = 5_000;

/// Who is here, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    people: Vec<Here>,
    told_at: Option<Timestamp>,
    /// The only ones whom the listeners know by name; absent while they know everybody.
    named: Option<Vec<UserId>>,
}

/// Somebody whom the listeners believe to be here, or are about to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Here {
    user: UserId,
    told: bool,
    gone_at: Option<Timestamp>,
}

/// What the listeners are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// How many are here.
    pub count: usize,
    /// Who came.
    pub came: Vec<UserId>,
    /// Who went.
    pub went: Vec<UserId>,
    /// What takes the place of all that was told before: everybody, or the first of many.
    pub present: Option<Vec<UserId>>,
}

impl Presence {
    /// Those who are here and know of each other; somebody with several connections may be named several times.
    pub fn of(users: impl Iterator<Item = UserId>) -> Self {
        let mut presence = Self::default();
        for user in users {
            if presence.find(user).is_none() {
                presence.people.push(Here { user, told: true, gone_at: None });
            }
        }
        // Whom of many the listeners know, nobody remembers.
        presence.named = presence.is_crowd().then(Vec::new);
        presence
    }

    /// Somebody is here, now or again. Who is here alone need not be told of: their own hello said so.
    pub fn came(&mut self, user: UserId) {
        let told = self.people.is_empty();
        match self.find(user) {
            Some(known) => known.gone_at = None,
            None => self.people.push(Here { user, told, gone_at: None }),
        }
    }

    /// Somebody's last connection is gone.
    pub fn left(&mut self, user: UserId, now: Timestamp) {
        match self.find(user) {
            Some(known) => known.gone_at = known.gone_at.or(Some(now)),
            // The connection woke the object by its end, and is not among those that the object then finds.
            None => self.people.push(Here { user, told: true, gone_at: Some(now) }),
        }
    }

    /// How many are here.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// Those whom newcomers are told by name.
    pub fn first(&self) -> Vec<UserId> {
        self.people.iter().take(limits::PRESENT_NAMED).map(|here| here.user).collect()
    }

    /// From when on there is something to tell.
    pub fn next(&self) -> Option<Timestamp> {
        let earliest = self.told_at.map_or(Timestamp::from_unix_ms(0), |at| at.plus_ms(GATHER_MS));
        if self.people.iter().any(|here| !here.told) {
            return Some(earliest);
        }
        let gone = self.people.iter().filter_map(|here| here.gone_at).min()?;
        Some(gone.plus_ms(FLAP_MS).max(earliest))
    }

    /// Tells what changed since it was told last; `None` when nothing did.
    pub fn digest(&mut self, now: Timestamp) -> Option<Digest> {
        let mut digest = Digest::default();
        self.people.retain_mut(|here| {
            let gone = here.gone_at.is_some_and(|at| now.since(at) >= FLAP_MS);
            if gone {
                digest.went.push(here.user);
            } else if !here.told {
                here.told = true;
                digest.came.push(here.user);
            }
            !gone
        });
        if digest.came.is_empty() && digest.went.is_empty() {
            return None;
        }
        self.told_at = Some(now);
        digest.count = self.people.len();
        let named = self.is_crowd().then(|| self.first());
        if named.is_some() || self.named.is_some() {
            digest.present = (named != self.named).then(|| self.first());
            (digest.came, digest.went) = (Vec::new(), Vec::new());
        }
        self.named = named;
        Some(digest)
    }

    fn is_crowd(&self) -> bool {
        self.people.len() > limits::PRESENT_NAMED
    }

    fn find(&mut self, user: UserId) -> Option<&mut Here> {
        self.people.iter_mut().find(|here| here.user == user)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(1_800_000_000_000 + ms)
    }

    fn user(number: u8) -> UserId {
        let mut bytes = [0; 10];
        bytes[9] = number;
        UserId::fresh(1_800_000_000_000, bytes)
    }

    /// Who is who in the expected output.
    fn names(users: &[UserId]) -> Vec<u8> {
        users.iter().map(|one| (0..=255).find(|number| user(*number) == *one).unwrap()).collect()
    }

    /// How many are here, who came, who went, who is named instead.
    type Told = (usize, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

    fn told(presence: &mut Presence, ms: i64) -> Option<Told> {
        let Digest { count, came, went, present } = presence.digest(at(ms))?;
        Some((count, names(&came), names(&went), present.as_deref().map(names)))
    }

    /// What a listener believes who applies what it is told.
    #[derive(Default)]
    struct Listener {
        present: BTreeSet<UserId>,
        count: usize,
    }

    impl Listener {
        fn hello(presence: &Presence) -> Self {
            Self { present: presence.first().into_iter().collect(), count: presence.count() }
        }

        fn hear(&mut self, digest: &Digest) {
            if let Some(present) = &digest.present {
                self.present = present.iter().copied().collect();
            }
            self.present.extend(&digest.came);
            self.present.retain(|user| !digest.went.contains(user));
            self.count = digest.count;
        }
    }

    #[test]
    fn who_is_here_alone_is_told_to_nobody_and_the_second_at_once() {
        let mut presence = Presence::default();
        presence.came(user(1));
        assert_eq!((presence.next(), presence.first()), (None, vec![user(1)]));
        presence.came(user(2));
        assert!(presence.next().unwrap() <= at(0));
        assert_eq!(told(&mut presence, 0), Some((2, vec![2], vec![], None)));
        assert_eq!((presence.next(), told(&mut presence, 0)), (None, None));
    }

    #[test]
    fn changes_gather_for_two_seconds() {
        let mut presence = Presence::default();
        (1..=2).for_each(|number| presence.came(user(number)));
        told(&mut presence, 0).unwrap();
        (3..=9).for_each(|number| presence.came(user(number)));
        assert_eq!(presence.next(), Some(at(GATHER_MS)));
        assert_eq!(told(&mut presence, GATHER_MS), Some((9, (3..=9).collect(), vec![], None)));
    }

    #[test]
    fn who_is_back_within_five_seconds_was_never_gone() {
        let mut presence = Presence::of([1, 2].map(user).into_iter());
        presence.left(user(2), at(0));
        assert_eq!(presence.next(), Some(at(FLAP_MS)));
        assert_eq!(presence.count(), 2, "newcomers believe what the others believe");
        presence.came(user(2));
        assert_eq!((presence.next(), told(&mut presence, FLAP_MS)), (None, None));

        presence.left(user(2), at(0));
        presence.left(user(2), at(4_000));
        assert_eq!(told(&mut presence, FLAP_MS - 1), None);
        assert_eq!(told(&mut presence, FLAP_MS), Some((1, vec![], vec![2], None)), "counted from the first");
    }

    #[test]
    fn a_departure_that_wakes_the_object_is_told_too() {
        let mut presence = Presence::of([user(1)].into_iter());
        presence.left(user(2), at(0));
        assert_eq!(told(&mut presence, FLAP_MS), Some((1, vec![], vec![2], None)));
    }

    #[test]
    fn of_more_than_fifty_only_the_first_fifty_are_named() {
        let mut presence = Presence::default();
        (0..50).for_each(|number| presence.came(user(number)));
        assert_eq!(told(&mut presence, 0), Some((50, (1..50).collect(), vec![], None)));
        presence.came(user(50));
        let first: Vec<u8> = (0..50).collect();
        assert_eq!(told(&mut presence, 2_000), Some((51, vec![], vec![], Some(first.clone()))));
        (51..100).for_each(|number| presence.came(user(number)));
        assert_eq!(told(&mut presence, 4_000), Some((100, vec![], vec![], None)), "the same are named");
        assert_eq!((presence.first().len(), presence.count()), (50, 100));
        presence.left(user(0), at(4_000));
        let first: Vec<u8> = (1..=50).collect();
        assert_eq!(told(&mut presence, 9_000), Some((99, vec![], vec![], Some(first))));
        (50..100).for_each(|number| presence.left(user(number), at(9_000)));
        let all: Vec<u8> = (1..50).collect();
        assert_eq!(told(&mut presence, 14_000), Some((49, vec![], vec![], Some(all))), "all are named again");
        presence.came(user(99));
        assert_eq!(told(&mut presence, 16_000), Some((50, vec![99], vec![], None)));
    }

    #[test]
    fn a_crowd_that_an_object_finds_when_it_wakes_is_named_anew_with_the_next_change() {
        let mut presence = Presence::of((0..60).chain(0..60).map(user));
        assert_eq!((presence.count(), presence.next()), (60, None));
        presence.came(user(60));
        assert_eq!(told(&mut presence, 0), Some((61, vec![], vec![], Some((0..50).collect()))));
    }

    #[test]
    fn every_listener_believes_the_same_whenever_it_came() {
        // A fixed walk through all that may happen; 70 people, so that the list is short and long by turns.
        let mut dice = 7_u64;
        let mut draw = |most: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % most
        };
        let mut presence = Presence::default();
        let mut here = BTreeSet::new();
        let mut listeners: Vec<Listener> = Vec::new();
        let (mut now, mut tellings) = (0, 0);
        for step in 0..6_000 {
            now += i64::try_from(draw(300)).unwrap();
            let one = user(u8::try_from(draw(70)).unwrap());
            // Many come for a while, then many go.
            if (draw(10) < 7) == ((step / 400) % 2 == 0) {
                presence.came(one);
                if here.insert(one) && listeners.len() < 200 {
                    listeners.push(Listener::hello(&presence));
                }
            } else if here.remove(&one) {
                presence.left(one, at(now));
            }
            if presence.next().is_some_and(|due| due <= at(now))
                && let Some(digest) = presence.digest(at(now))
            {
                tellings += 1;
                listeners.iter_mut().for_each(|listener| listener.hear(&digest));
                let named: BTreeSet<UserId> = presence.first().into_iter().collect();
                for listener in &listeners {
                    assert_eq!((&listener.present, listener.count), (&named, presence.count()), "at {step}");
                }
            }
            assert!(here.iter().all(|one| presence.people.iter().any(|known| known.user == *one)));
        }
        assert!(tellings > 200 && i64::from(tellings) <= now / GATHER_MS + 1, "{tellings} in {now} ms");
        assert_eq!(listeners.len(), 200);
    }
}
