//! What a sandbox's previews may carry.

use super::super::bucket::Rate;
use super::super::bytes::{Allowance, RATE, RETRY_S};
use super::*;

/// 1,000 bytes a second, 100,000 at once.
const SMALL: Rate = Rate { per_minute: 60_000, burst: 100_000 };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

#[test]
fn who_is_new_is_refused_before_what_is_under_way_slows_down() {
    let mut left = Allowance::whole(SMALL, at(0));
    assert!(left.lets_in(at(0)));
    assert_eq!(left.take(90_000, at(0)).granted, 90_000);
    assert!(left.lets_in(at(0)));
    assert_eq!(left.take(1, at(0)).granted, 1);
    assert!(!left.lets_in(at(0)));
    assert_eq!(left.take(50_000, at(0)).granted, 9_999);
    assert_eq!(left.take(1, at(0)).granted, 0);
    assert_eq!(left.take(5_000, at(3_000)).granted, 3_000);
}

#[test]
fn a_sandbox_that_carries_nothing_lets_in_when_it_said() {
    for rate in [SMALL, RATE] {
        let mut left = Allowance::whole(rate, at(0));
        while left.take(u32::MAX, at(0)).granted > 0 {}
        let told = i64::from(RETRY_S) * 1_000;
        assert!(!left.lets_in(at(told - 1)) && left.lets_in(at(told)), "{rate:?}");
    }
}

#[test]
fn a_burst_below_what_gathers_lets_in_all_the_same() {
    let mut left = Allowance::whole(Rate { per_minute: 60_000, burst: 10 }, at(0));
    assert!(left.lets_in(at(0)));
    left.take(6, at(0));
    assert!(!left.lets_in(at(0)));
    left.give_back(1);
    assert!(left.lets_in(at(0)));
}

#[test]
fn a_large_download_ends_by_itself() {
    let (mut left, mut now, mut missing) = (Allowance::whole(RATE, at(0)), 0, 3_u64 << 30);
    while missing > 0 {
        missing -= u64::from(left.take(u32::try_from(missing).unwrap_or(u32::MAX), at(now)).granted);
        now += 20;
    }
    // A third of it was over the burst: a GiB at 20 MiB/s.
    assert_eq!(now / 1_000, 51);
}
