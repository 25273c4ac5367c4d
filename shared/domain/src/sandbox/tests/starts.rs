//! Starts that fail, and when one is given up.

use super::*;

#[test]
fn a_start_that_cannot_work_fails_at_once_and_says_why() {
    check(
        &[(1, PlaceGiven), (2, failed(Refused)), (3, seen(1, 2)), (4, StartAsked)],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s start failed: refused -> failed (startfailed: no bwrap at 2s) epoch 1 version 3: release place, tell route, tell chat
        3s seen running under 1 -> unchanged: stop
        4s start asked -> queued (since 4s) epoch 2 version 4: tell route, tell chat
    "#]],
    );
}

#[test]
fn a_full_host_sends_a_sandbox_back_to_its_place_in_the_queue() {
    check(
        &[
            (5, PlaceGiven),
            (6, failed(NoPlace)),
            (7, PlaceGiven),
            (8, failed(NoPlace)),
            (9, PlaceGiven),
            (10, failed(NoPlace)),
            (11, PlaceGiven),
            (12, seen(1, 12)),
            (13, PlaceGiven),
        ],
        expect![[r#"
            5s place given -> starting (since 5s) epoch 1 version 2: tell route, tell chat, create
            6s start failed: noplace -> queued (since 0s) epoch 1 version 3: release place, tell route, tell chat
            7s place given -> starting (since 7s) epoch 1 version 4: tell route, tell chat, create
            8s start failed: noplace -> queued (since 0s) epoch 1 version 5: release place, tell route, tell chat
            9s place given -> starting (since 9s) epoch 1 version 6: tell route, tell chat, create
            10s start failed: noplace -> queued (since 0s) epoch 1 version 7: release place, tell route, tell chat
            11s place given -> starting (since 11s) epoch 1 version 8: tell route, tell chat, create
            12s seen running under 1 -> ready (used 12s) epoch 1 version 9: open run 1 from 12s, tell route, tell chat
            13s place given -> refused: NotQueued
        "#]],
    );
}

#[test]
fn three_starts_in_five_minutes_that_do_not_stay_are_a_crash_loop() {
    check(
        &[
            (1, PlaceGiven),
            (2, failed(Broke)),
            // The second start ran for a moment: its host says from when to when.
            (5, ended(2, 3, 4)),
            (6, seen(3, 6)),
            (7, ended(3, 6, 7)),
            (8, StartAsked),
            (300, StartAsked),
            (301, StartAsked),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s start failed: broke -> starting (since 2s) epoch 2 version 3: tell route, tell chat, stop, create
            5s seen ended under 2 -> starting (since 5s) epoch 3 version 4: open run 2 from 3s, close run 2 3s..4s, tell route, tell chat, stop, create
            6s seen running under 3 -> ready (used 6s) epoch 3 version 5: open run 3 from 6s, tell route, tell chat
            7s seen ended under 3 -> failed (crashloop: out of memory at 7s) epoch 3 version 6: close run 3 6s..7s, release place, tell route, tell chat, alert
            8s start asked -> refused: crash loop until 301s
            300s start asked -> refused: crash loop until 301s
            301s start asked -> queued (since 301s) epoch 4 version 7: tell route, tell chat
        "#]],
    );
}

#[test]
fn starts_that_were_ended_on_purpose_or_long_ago_do_not_count() {
    check(
        &[
            (1, PlaceGiven),
            (2, seen(1, 2)),
            (3, stop()),
            (4, ended(2, 2, 4)),
            (5, StartAsked),
            (6, PlaceGiven),
            (7, seen(3, 7)),
            (8, stop()),
            (9, ended(4, 7, 9)),
            (10, StartAsked),
            (11, PlaceGiven),
            (12, seen(5, 12)),
            (13, ended(5, 12, 13)),
            (14, StartAsked),
            (15, PlaceGiven),
            (16, seen(6, 16)),
            (600, used(6, 16, 599)),
            (601, ended(6, 16, 600)),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s stop asked: requested -> stopping (requested) epoch 2 version 4: set epoch, tell route, tell chat, stop
            4s seen ended under 2 -> stopped (requested at 4s) epoch 2 version 5: close run 1 2s..4s, release place, tell route, tell chat
            5s start asked -> queued (since 5s) epoch 3 version 6: tell route, tell chat
            6s place given -> starting (since 6s) epoch 3 version 7: tell route, tell chat, stop, create
            7s seen running under 3 -> ready (used 7s) epoch 3 version 8: open run 3 from 7s, tell route, tell chat
            8s stop asked: requested -> stopping (requested) epoch 4 version 9: set epoch, tell route, tell chat, stop
            9s seen ended under 4 -> stopped (requested at 9s) epoch 4 version 10: close run 3 7s..9s, release place, tell route, tell chat
            10s start asked -> queued (since 10s) epoch 5 version 11: tell route, tell chat
            11s place given -> starting (since 11s) epoch 5 version 12: tell route, tell chat, stop, create
            12s seen running under 5 -> ready (used 12s) epoch 5 version 13: open run 5 from 12s, tell route, tell chat
            13s seen ended under 5 -> failed (lost: out of memory at 13s) epoch 5 version 14: close run 5 12s..13s, release place, tell route, tell chat
            14s start asked -> queued (since 14s) epoch 6 version 15: tell route, tell chat
            15s place given -> starting (since 15s) epoch 6 version 16: tell route, tell chat, stop, create
            16s seen running under 6 -> ready (used 16s) epoch 6 version 17: open run 6 from 16s, tell route, tell chat
            600s seen running under 6 -> ready (used 599s) epoch 6 version 17: 
            601s seen ended under 6 -> failed (lost: out of memory at 600s) epoch 6 version 18: close run 6 16s..600s, release place, tell route, tell chat
        "#]],
    );
}
