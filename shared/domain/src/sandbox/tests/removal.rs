//! Sandboxes that shall go with their files: the wish is kept, and they are gone once their host says so.

use super::*;

#[test]
fn a_queued_sandbox_can_be_stopped_and_destroyed() {
    check(
        &[
            (1, stop()),
            (2, PlaceGiven),
            (3, StartAsked),
            (4, DestroyAsked),
            (5, DestroyAsked),
            (6, StartAsked),
        ],
        expect![[r#"
            1s stop asked: requested -> stopped (requested at 1s) epoch 2 version 2: tell route, tell chat
            2s place given -> refused: NotQueued
            3s start asked -> queued (since 3s) epoch 3 version 3: tell route, tell chat
            4s destroy asked -> stopped (requested, goes since 4s) epoch 4 version 4: destroy, tell route, tell chat
            5s destroy asked -> unchanged: destroy
            6s start asked -> refused: Destroyed
        "#]],
    );
}

#[test]
fn a_running_sandbox_is_stopped_before_it_is_destroyed() {
    check(
        &[
            (1, PlaceGiven),
            (2, seen(1, 2)),
            (3, DestroyAsked),
            (4, StartAsked),
            (5, ended(2, 2, 4)),
            (6, DestroyAsked),
            (7, StartAsked),
            (8, Missing),
            (9, DestroyAsked),
            (10, Missing),
            // What was restored from elsewhere, or came late.
            (11, ended(2, 2, 4)),
            (12, seen(2, 8)),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s destroy asked -> stopping (requested, goes) epoch 2 version 4: set epoch, tell route, tell chat, stop
            4s start asked -> refused: Destroyed
            5s seen ended under 2 -> stopped (requested, goes since 5s) epoch 2 version 5: close run 1 2s..4s, release place, destroy, tell route, tell chat
            6s destroy asked -> unchanged: destroy
            7s start asked -> refused: Destroyed
            8s missing -> destroyed (at 8s) epoch 2 version 6: tell route, tell chat
            9s destroy asked -> unchanged
            10s missing -> unchanged
            11s seen ended under 2 -> unchanged: destroy
            12s seen running under 2 -> unchanged: destroy
        "#]],
    );
}

#[test]
fn the_wish_to_destroy_outlives_whoever_had_it() {
    // It was stopped by somebody else already, who is gone; nobody was told; its host knows nothing of it any more.
    check(
        &[(1, PlaceGiven), (2, seen(1, 2)), (3, stop()), (4, DestroyAsked), (5, seen(2, 2)), (6, Missing)],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s stop asked: requested -> stopping (requested) epoch 2 version 4: set epoch, tell route, tell chat, stop
            4s destroy asked -> stopping (requested, goes) epoch 2 version 4: stop
            5s seen running under 2 -> stopping (requested, goes) epoch 2 version 4: stop
            6s missing -> destroyed (at 6s) epoch 2 version 5: close run 1 2s..5s, release place, tell route, tell chat
        "#]],
    );
    // While it starts.
    check(
        &[
            (1, PlaceGiven),
            (2, DestroyAsked),
            (3, seen(1, 2)),
            (4, ended(2, 2, 4)),
            (5, ended(2, 2, 4)),
            (6, Missing),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s destroy asked -> stopping (requested, goes) epoch 2 version 3: tell route, tell chat, stop
            3s seen running under 1 -> stopping (requested, goes) epoch 2 version 3: open run 1 from 2s, stop
            4s seen ended under 2 -> stopped (requested, goes since 4s) epoch 2 version 4: close run 1 2s..4s, release place, destroy, tell route, tell chat
            5s seen ended under 2 -> unchanged: destroy
            6s missing -> destroyed (at 6s) epoch 2 version 5: tell route, tell chat
        "#]],
    );
}

#[test]
fn a_sandbox_is_gone_only_once_its_host_says_so() {
    check(
        &[
            (1, PlaceGiven),
            (2, seen(1, 2)),
            (3, DestroyAsked),
            (4, Unreachable),
            (183, Unreachable),
            (184, Unreachable),
            (185, DestroyAsked),
            (186, Unreachable),
            // It was the network alone: there it still runs.
            (400, seen(2, 2)),
            (401, Missing),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s destroy asked -> stopping (requested, goes) epoch 2 version 4: set epoch, tell route, tell chat, stop
            4s unreachable -> unchanged
            183s unreachable -> stopped (requested: its files go as soon as its executor answers, goes since 183s) epoch 2 version 5: close run 1 2s..2s, release place, tell route, tell chat
            184s unreachable -> unchanged
            185s destroy asked -> unchanged: destroy
            186s unreachable -> unchanged
            400s seen running under 2 -> unchanged: destroy
            401s missing -> destroyed (at 401s) epoch 2 version 6: tell route, tell chat
        "#]],
    );
    check(
        &[
            (1, PlaceGiven),
            (2, failed(Refused)),
            (3, DestroyAsked),
            (4, Unreachable),
            (5, ended(1, 2, 3)),
            (6, Missing),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s start failed: refused -> failed (startfailed: no bwrap at 2s) epoch 1 version 3: release place, tell route, tell chat
            3s destroy asked -> stopped (startfailed: no bwrap, goes since 3s) epoch 1 version 4: destroy, tell route, tell chat
            4s unreachable -> stopped (startfailed: its files go as soon as its executor answers, goes since 3s) epoch 1 version 5: tell route, tell chat
            5s seen ended under 1 -> unchanged: destroy
            6s missing -> destroyed (at 6s) epoch 1 version 6: tell route, tell chat
        "#]],
    );
}
