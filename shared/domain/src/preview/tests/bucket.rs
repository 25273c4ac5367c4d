//! The bucket, for any sequence of requests.

use proptest::prelude::*;

use super::super::bucket::{Bucket, Rate};
use super::*;

const RATE: Rate = Rate { per_minute: 600, burst: 120 };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

#[test]
fn a_burst_passes_and_then_ten_a_second() {
    let (bucket, taken) = Bucket::full(RATE, at(0)).take(500, RATE, at(0));
    assert_eq!((taken.granted, taken.wait_ms), (120, 100));
    assert_eq!(bucket.take(1, RATE, at(99)).1.granted, 0);
    let (bucket, taken) = bucket.take(1, RATE, at(100));
    assert_eq!((taken.granted, taken.wait_ms), (1, 100));
    assert_eq!(bucket.take(50, RATE, at(1_150)).1, super::super::bucket::Taken { granted: 10, wait_ms: 50 });
    assert_eq!(bucket.take(u32::MAX, RATE, at(i64::MAX)).1.granted, 120, "no more than the burst gathers");
}

#[test]
fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
    let (bucket, _) = Bucket::full(RATE, at(1_000)).take(120, RATE, at(1_000));
    let (bucket, taken) = bucket.take(1, RATE, at(0));
    assert_eq!((taken.granted, bucket.at), (0, at(1_000)));
    assert_eq!(bucket.take(5, RATE, at(1_200)).1.granted, 2);
}

#[test]
fn a_rate_of_nothing_grants_what_is_there_and_then_nothing() {
    let still = Rate { per_minute: 0, burst: 2 };
    let (bucket, taken) = Bucket::full(still, at(0)).take(3, still, at(0));
    assert_eq!((taken.granted, taken.wait_ms), (2, u64::MAX));
    assert_eq!(bucket.take(1, still, at(i64::MAX)).1.granted, 0);
    let none = Rate { per_minute: 600, burst: 0 };
    assert_eq!(Bucket::full(none, at(0)).take(1, none, at(i64::MAX)).1.wait_ms, u64::MAX);
}

#[test]
fn a_lowered_burst_holds_at_once() {
    let low = Rate { per_minute: 60, burst: 5 };
    assert_eq!(Bucket::full(RATE, at(0)).take(100, low, at(0)).1.granted, 5);
}

#[test]
fn what_is_given_back_can_be_taken_again_and_never_overflows() {
    let (bucket, _) = Bucket::full(RATE, at(0)).take(100, RATE, at(0));
    assert!(bucket.holds(20, RATE, at(0)) && !bucket.holds(21, RATE, at(0)));
    assert!(bucket.holds(21, RATE, at(100)));
    let bucket = bucket.give_back(40, RATE);
    assert!(bucket.holds(60, RATE, at(0)) && !bucket.holds(61, RATE, at(0)));
    assert_eq!(bucket.give_back(u32::MAX, RATE), Bucket::full(RATE, at(0)));
}

fn any_rate() -> impl Strategy<Value = Rate> {
    (1..10_000_u32, 1..1_000_u32).prop_map(|(per_minute, burst)| Rate { per_minute, burst })
}

proptest! {
    #[test]
    fn never_more_passes_than_the_burst_and_the_rate_allow(
        rate in any_rate(),
        asks in proptest::collection::vec((-500..5_000_i64, 0..300_u32), 1..80),
    ) {
        let mut bucket = Bucket::full(rate, at(0));
        let (mut now, mut granted) = (0_i64, Vec::new());
        for (step, wanted) in asks {
            now = (now + step).max(0);
            let (next, taken) = bucket.take(wanted, rate, at(now));
            prop_assert!(taken.granted <= wanted);
            prop_assert!(next.at >= bucket.at);
            granted.push((next.at.unix_ms(), u64::from(taken.granted)));
            bucket = next;
        }
        for (first, (from, _)) in granted.iter().enumerate() {
            let mut sum = 0;
            for (to, taken) in &granted[first..] {
                sum += taken;
                let gained = u64::try_from(to - from).unwrap() * u64::from(rate.per_minute) / 60_000;
                // One more: a part of a token may have been left over from before.
                prop_assert!(sum <= u64::from(rate.burst) + gained + 1);
            }
        }
    }

    #[test]
    fn asking_often_loses_nothing(rate in any_rate(), steps in proptest::collection::vec(0..200_i64, 1..200)) {
        let (empty, _) = Bucket::full(rate, at(0)).take(rate.burst, rate, at(0));
        let (mut bucket, mut now) = (empty, 0);
        for step in steps {
            now += step;
            (bucket, _) = bucket.take(0, rate, at(now));
        }
        prop_assert_eq!(bucket, empty.take(0, rate, at(now)).0);
    }

    #[test]
    fn after_the_wait_there_is_a_token_and_before_it_there_is_none(rate in any_rate(), wanted in 0..2_000_u32) {
        let (bucket, taken) = Bucket::full(rate, at(0)).take(wanted, rate, at(0));
        let wait = i64::try_from(taken.wait_ms).unwrap();
        prop_assert_eq!(bucket.take(1, rate, at(wait)).1.granted, 1);
        if wait > 0 {
            prop_assert_eq!(bucket.take(1, rate, at(wait - 1)).1.granted, 0);
        }
    }

    #[test]
    fn a_bucket_survives_its_stored_form(tokens: u64, ms in 0..4_000_000_000_000_i64) {
        let bucket = Bucket { tokens, at: at(ms) };
        let text = serde_json::to_string(&bucket).unwrap();
        prop_assert_eq!(serde_json::from_str::<Bucket>(&text).unwrap(), bucket);
    }
}
