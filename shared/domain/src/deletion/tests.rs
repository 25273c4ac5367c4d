//! How deletions go, told as traces: one line a try.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use slipway_contract::http::deletions::DeletedKind;

use super::*;

fn files(count: u64) -> DeletedCount {
    DeletedCount { kind: DeletedKind::Files, count, bytes: count * 10 }
}

fn partly(cursor: &str) -> Came {
    Came::Partly { cursor: Some(cursor.to_owned()) }
}

/// Tries, one after the other, each when it is due.
fn check(tries: &[(Came, u64)], expected: &Expect) {
    let mut deletion = Deletion::asked(Timestamp::from_unix_ms(0));
    let mut trace = String::new();
    for (came, removed) in tries {
        let now = deletion.due_at;
        deletion = deletion.after(came.clone(), &[files(*removed)], now);
        let count = |counts: &[DeletedCount]| counts.iter().map(|one| one.count).sum::<u64>();
        writeln!(
            trace,
            "{}s {:?} at {:?}, again after {} s, {} removed, {} left{}{}",
            now.unix_seconds(),
            deletion.state(),
            deletion.step,
            deletion.due_at.since(now) / 1000,
            count(&deletion.removed),
            count(&deletion.leftovers),
            deletion.cursor.as_ref().map_or(String::new(), |cursor| format!(", goes on at {cursor}")),
            deletion.ended_at.map_or("", |_| ", over"),
        )
        .unwrap();
    }
    expected.assert_eq(&trace);
}

#[test]
fn a_deletion_goes_through_its_steps_and_counts_what_they_removed() {
    check(
        &[
            (Came::Through, 0),
            (partly("b"), 100),
            (Came::Through, 3),
            (Came::AwaitsParts, 0),
            (Came::Through, 1),
            (Came::Through, 0),
            (Came::Through, 0),
            (Came::Through, 0),
        ],
        &expect![[r#"
            0s Running at Closed, again after 0 s, 0 removed, 0 left
            0s Running at Closed, again after 0 s, 100 removed, 0 left, goes on at b
            0s Running at Emptied, again after 0 s, 103 removed, 0 left
            0s Running at Emptied, again after 2 s, 103 removed, 0 left
            2s Running at Forgotten, again after 0 s, 104 removed, 0 left
            2s Running at Verified, again after 0 s, 104 removed, 0 left
            2s Done at Done, again after 0 s, 104 removed, 0 left, over
            2s Done at Done, again after 0 s, 104 removed, 0 left, over
        "#]],
    );
}

#[test]
fn what_is_held_up_is_tried_less_and_less_often_and_never_given_up() {
    let mut tries = vec![(Came::Held, 0); 13];
    tries.push((Came::Held, 2));
    tries.push((Came::Through, 0));
    check(
        &tries,
        &expect![[r#"
            0s Running at Asked, again after 2 s, 0 removed, 0 left
            2s Running at Asked, again after 4 s, 0 removed, 0 left
            6s Running at Asked, again after 8 s, 0 removed, 0 left
            14s Running at Asked, again after 16 s, 0 removed, 0 left
            30s Running at Asked, again after 32 s, 0 removed, 0 left
            62s Running at Asked, again after 64 s, 0 removed, 0 left
            126s Running at Asked, again after 128 s, 0 removed, 0 left
            254s Stuck at Asked, again after 256 s, 0 removed, 0 left
            510s Stuck at Asked, again after 512 s, 0 removed, 0 left
            1022s Stuck at Asked, again after 1024 s, 0 removed, 0 left
            2046s Stuck at Asked, again after 2048 s, 0 removed, 0 left
            4094s Stuck at Asked, again after 3600 s, 0 removed, 0 left
            7694s Stuck at Asked, again after 3600 s, 0 removed, 0 left
            11294s Stuck at Asked, again after 3600 s, 2 removed, 0 left
            14894s Running at Closed, again after 0 s, 2 removed, 0 left
        "#]],
    );
}

#[test]
fn what_is_left_is_removed_before_the_end() {
    check(
        &[
            (Came::Through, 0),
            (Came::Through, 2),
            (Came::Through, 0),
            (Came::Left(vec![files(5)]), 0),
            (Came::Through, 5),
            (Came::Through, 0),
            (Came::Through, 0),
            (Came::Through, 0),
        ],
        &expect![[r#"
            0s Running at Closed, again after 0 s, 0 removed, 0 left
            0s Running at Emptied, again after 0 s, 2 removed, 0 left
            0s Running at Forgotten, again after 0 s, 2 removed, 0 left
            0s Running at Closed, again after 2 s, 2 removed, 5 left
            2s Running at Emptied, again after 0 s, 7 removed, 5 left
            2s Running at Forgotten, again after 0 s, 7 removed, 5 left
            2s Running at Verified, again after 0 s, 7 removed, 0 left
            2s Done at Done, again after 0 s, 7 removed, 0 left, over
        "#]],
    );
}

#[test]
fn what_is_found_before_anybody_is_shut_out_does_not_skip_that() {
    let asked = Deletion::asked(Timestamp::from_unix_ms(0));
    let left = asked.after(Came::Left(vec![files(1)]), &[], Timestamp::from_unix_ms(0));
    assert_eq!(left.step, DeletionStep::Asked);
}

fn came() -> impl Strategy<Value = Came> {
    prop_oneof![
        3 => Just(Came::Through),
        1 => any::<bool>().prop_map(|more| Came::Partly { cursor: more.then(|| "c".to_owned()) }),
        1 => Just(Came::AwaitsParts),
        1 => Just(Came::Held),
        1 => (0_u64..3).prop_map(|count| Came::Left(vec![files(count)])),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_no_step_is_skipped_and_the_end_has_nothing_left(
        tries in prop::collection::vec((came(), 0_u64..4), 0..40),
    ) {
        let mut deletion = Deletion::asked(Timestamp::from_unix_ms(0));
        let mut total = 0;
        for (came, removed) in tries {
            if deletion.step == DeletionStep::Done {
                break;
            }
            let before = deletion.clone();
            deletion = before.after(came, &[files(removed)], before.due_at);
            total += removed;
            prop_assert!(deletion.step <= following(before.step));
            prop_assert!(deletion.due_at >= before.due_at);
            prop_assert_eq!(deletion.removed.iter().map(|one| one.count).sum::<u64>(), total);
            prop_assert_eq!(deletion.ended_at.is_some(), deletion.step == DeletionStep::Done);
            prop_assert!(deletion.step < DeletionStep::Verified || deletion.leftovers.is_empty());
        }
    }
}
