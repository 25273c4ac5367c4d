//! Leases over time: granted, used up, renewed, refused, forgotten.

use slipway_contract::sandbox::SandboxState;

use super::*;

const fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(1_800_000_000_000 + ms)
}

fn key() -> Key {
    (OrgId::fresh(1, [2; 10]), SandboxId::fresh(1, [1; 10]), 3)
}

fn route(version: u64) -> Route {
    Route {
        org: key().0,
        sandbox: key().1,
        epoch: 3,
        version,
        state: SandboxState::Ready,
        executor: "http://executor".to_owned(),
    }
}

fn grant(requests: u32) -> RouteLease {
    RouteLease { route: route(1), requests, sockets: 0, valid_ms: 500, retry_after_s: 2 }
}

/// Asked and answered at once.
fn filled(requests: u32, now: Timestamp) -> Leases {
    let mut leases = Leases::default();
    assert_eq!(leases.take(key(), now), Standing::Ask(LEAST));
    leases.granted(key(), grant(requests), now, now);
    leases
}

/// Requests that pass at `now` until the object must be asked; and what they asked for beside it.
fn passing(leases: &mut Leases, now: Timestamp) -> (u32, Vec<u32>) {
    let (mut passed, mut asked) = (0, Vec::new());
    while let Standing::Pass { renew, .. } = leases.take(key(), now) {
        passed += 1;
        asked.extend(renew);
    }
    (passed, asked)
}

fn passes(leases: &mut Leases, ms: i64) -> bool {
    matches!(leases.take(key(), at(ms)), Standing::Pass { .. })
}

#[test]
fn as_many_requests_pass_as_were_granted_and_one_of_them_asks_for_more() {
    let mut leases = filled(16, at(0));
    let (passed, asked) = passing(&mut leases, at(10));
    assert_eq!((passed, asked.len()), (16, 1), "{asked:?}");
}

#[test]
fn a_route_is_believed_no_longer_than_its_object_said_counted_from_the_question() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(key(), at(0)), Standing::Ask(LEAST));
    leases.granted(key(), grant(16), at(0), at(100));
    assert!(passes(&mut leases, 499));
    assert!(!passes(&mut leases, 500));
}

#[test]
fn the_second_half_of_a_lease_is_when_it_is_renewed_and_only_once() {
    let mut leases = filled(16, at(0));
    let renews = |leases: &mut Leases, ms| {
        let Standing::Pass { renew, .. } = leases.take(key(), at(ms)) else { panic!("refused at {ms}") };
        renew.is_some()
    };
    assert!(!renews(&mut leases, 249));
    assert!(renews(&mut leases, 250));
    assert!(!renews(&mut leases, 251));
    assert!(!renews(&mut leases, 499));
    leases.granted(key(), grant(16), at(250), at(260));
    assert!(!renews(&mut leases, 300));
    // Believed from the second question on.
    assert!(passes(&mut leases, 749));
    assert!(!passes(&mut leases, 750));
}

#[test]
fn of_many_that_come_at_once_one_asks_and_next_time_for_all() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(key(), at(0)), Standing::Ask(LEAST));
    for _ in 0..30 {
        assert_eq!(leases.take(key(), at(0)), Standing::Wait);
    }
    leases.granted(key(), grant(16), at(0), at(1));
    assert_eq!(passing(&mut leases, at(2)).0, 16);
    assert_eq!(leases.take(key(), at(3)), Standing::Wait, "one of the sixteen asked for more");
    leases.granted(key(), grant(16), at(2), at(4));
    assert!(matches!(leases.take(key(), at(5)), Standing::Pass { .. }));
}

#[test]
fn who_asks_and_never_comes_back_holds_the_others_up_for_a_second() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(key(), at(0)), Standing::Ask(LEAST));
    for _ in 0..30 {
        assert_eq!(leases.take(key(), at(ASKING_MS - 1)), Standing::Wait);
    }
    assert_eq!(leases.take(key(), at(ASKING_MS)), Standing::Ask(64), "for those who waited too");
    leases.unanswered(key(), at(ASKING_MS));
    assert!(matches!(leases.take(key(), at(ASKING_MS)), Standing::Ask(_)));
}

#[test]
fn what_is_left_is_used_before_more_is_taken_out_of_the_bucket() {
    let mut leases = filled(16, at(0));
    assert!(matches!(leases.take(key(), at(1)), Standing::Pass { .. }));
    // A request a second takes one a second.
    for second in 1..100 {
        let now = at(second * 1000);
        assert_eq!(leases.take(key(), now), Standing::Ask(1), "after {second} s");
        leases.granted(key(), grant(1), now, now);
        assert!(matches!(leases.take(key(), now), Standing::Pass { .. }));
    }
}

#[test]
fn who_is_busy_asks_for_twice_what_it_used_up_to_a_limit() {
    let mut leases = filled(400, at(0));
    let (passed, asked) = passing(&mut leases, at(10));
    // Asked when a third was left: 268 used, so 536, less the 132.
    assert_eq!((passed, asked), (400, vec![404]));
    let mut leases = filled(9_000, at(0));
    let (passed, asked) = passing(&mut leases, at(10));
    assert_eq!((passed, asked), (9_000, vec![MOST - 2_999]));
}

#[test]
fn through_a_pause_some_are_kept_and_the_next_question_is_small() {
    let mut leases = filled(400, at(0));
    assert_eq!(leases.take(key(), at(60_000)), Standing::Ask(1));
    leases.granted(key(), grant(1), at(60_000), at(60_000));
    assert_eq!(passing(&mut leases, at(60_001)).0, KEPT + 1);
}

#[test]
fn who_asked_passes_however_long_the_answer_took() {
    let mut leases = Leases::default();
    assert_eq!(leases.take(key(), at(0)), Standing::Ask(LEAST));
    leases.granted(key(), grant(1), at(0), at(900));
    assert_eq!(leases.take_answered(key()).map(|route| route.version), Ok(1));
    assert_eq!(leases.take_answered(key()), Err(Refusal::RateLimited { retry_after_s: 1 }));
    leases.refused(key(), Refusal::Revoked, at(900));
    assert_eq!(leases.take_answered(key()), Err(Refusal::Revoked));
}

#[test]
fn an_empty_bucket_is_believed_for_a_moment_with_its_waiting_time() {
    let mut leases = filled(0, at(0));
    for ms in [0, REFUSED_MS - 1] {
        let refused = Standing::Refused(Refusal::RateLimited { retry_after_s: 2 });
        assert_eq!(leases.take(key(), at(ms)), refused);
    }
    assert!(matches!(leases.take(key(), at(REFUSED_MS)), Standing::Ask(_)));
}

#[test]
fn nothing_granted_is_no_refusal_while_something_is_left() {
    let mut leases = filled(16, at(0));
    leases.granted(key(), grant(0), at(1), at(1));
    assert!(matches!(leases.take(key(), at(2)), Standing::Pass { .. }));
}

#[test]
fn a_refusal_ends_what_was_granted() {
    let mut leases = filled(16, at(0));
    leases.refused(key(), Refusal::Revoked, at(100));
    assert_eq!(leases.take(key(), at(101)), Standing::Refused(Refusal::Revoked));
    assert!(matches!(leases.take(key(), at(100 + REFUSED_MS)), Standing::Ask(_)));
}

#[test]
fn another_epoch_or_org_has_a_lease_of_its_own() {
    let mut leases = filled(16, at(0));
    let (org, sandbox, epoch) = key();
    assert_eq!(leases.take((org, sandbox, epoch + 1), at(1)), Standing::Ask(LEAST));
    let other = OrgId::fresh(2, [3; 10]);
    assert_eq!(leases.take((other, sandbox, epoch), at(1)), Standing::Ask(LEAST));
}

#[test]
fn an_older_answer_that_comes_late_changes_no_route() {
    let mut leases = filled(16, at(0));
    leases.granted(key(), RouteLease { route: route(5), ..grant(1) }, at(10), at(10));
    leases.granted(key(), RouteLease { route: route(4), ..grant(1) }, at(400), at(410));
    let Standing::Pass { route, .. } = leases.take(key(), at(420)) else { panic!("refused") };
    assert_eq!(route.version, 5);
    assert!(!passes(&mut leases, 510), "it did not make the newer route last");
}

#[test]
fn forgetting_asks_again_and_loses_nothing_that_was_granted() {
    let mut leases = filled(16, at(0));
    leases.forget(key());
    assert_eq!(leases.take(key(), at(1)), Standing::Ask(1));
    leases.granted(key(), grant(1), at(1), at(1));
    assert_eq!(passing(&mut leases, at(2)).0, 17);
}

#[test]
fn sockets_are_refused_apart_from_requests() {
    let mut leases = filled(16, at(0));
    assert_eq!(leases.no_sockets(key(), at(0)), None);
    leases.sockets_refused(key(), 7, at(0));
    assert_eq!(leases.no_sockets(key(), at(REFUSED_MS - 1)), Some(7));
    assert_eq!(leases.no_sockets(key(), at(REFUSED_MS)), None);
    assert!(matches!(leases.take(key(), at(1)), Standing::Pass { .. }));
}

#[test]
fn no_more_sandboxes_are_remembered_than_there_is_room_for() {
    let mut leases = Leases::default();
    for number in 0..3_000_u32 {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        leases.granted((key().0, SandboxId::fresh(1, random), 1), grant(1), at(0), at(0));
    }
    assert!(leases.0.len() <= REMEMBERED);
}
