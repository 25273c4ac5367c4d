//! The life of a sandbox, told as traces: one line for each thing that happens, saying what came of it.

mod any;
mod removal;
mod starts;

use expect_test::{Expect, expect};

use super::*;

/// One second of the tests' clock.
fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000)
}

fn second(time: Timestamp) -> String {
    format!("{}s", time.unix_ms() / 1000)
}

fn reason(reason: SandboxReason) -> String {
    format!("{reason:?}").to_lowercase()
}

fn told(end: &End) -> String {
    end.detail
        .as_ref()
        .map_or_else(|| reason(end.reason), |detail| format!("{}: {detail}", reason(end.reason)))
}

fn render(sandbox: &Sandbox) -> String {
    let state = format!("{:?}", sandbox.state()).to_lowercase();
    let of = match &sandbox.phase {
        Phase::Queued { since } => format!("since {}", second(*since)),
        Phase::Starting { since, .. } => format!("since {}", second(*since)),
        Phase::Ready { used_at, .. } | Phase::Idle { used_at, .. } => format!("used {}", second(*used_at)),
        Phase::Stopping { end, removed, .. } if *removed => format!("{}, goes", told(end)),
        Phase::Stopping { end, .. } => told(end),
        Phase::Removing { end, since } => format!("{}, goes since {}", told(end), second(*since)),
        Phase::Stopped { end, at } | Phase::Failed { end, at } => format!("{} at {}", told(end), second(*at)),
        Phase::Destroyed { at } => format!("at {}", second(*at)),
    };
    format!("{state} ({of}) epoch {} version {}", sandbox.epoch, sandbox.version)
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::OpenUsage(run) => format!("open run {} from {}", run.epoch, second(run.from)),
        Effect::CloseUsage { run, until } => {
            format!("close run {} {}..{}", run.epoch, second(run.from), second(*until))
        }
        Effect::ReleasePlace => "release place".to_owned(),
        Effect::SetEpoch => "set epoch".to_owned(),
        Effect::Stop => "stop".to_owned(),
        Effect::Create => "create".to_owned(),
        Effect::Destroy => "destroy".to_owned(),
        Effect::TellRoute => "tell route".to_owned(),
        Effect::TellChat => "tell chat".to_owned(),
        Effect::Alert => "alert".to_owned(),
    }
}

fn name(happened: &Happened) -> String {
    match happened {
        Happened::StartAsked => "start asked".to_owned(),
        Happened::PlaceGiven => "place given".to_owned(),
        Happened::StartFailed { why, .. } => format!("start failed: {}", format!("{why:?}").to_lowercase()),
        Happened::Used => "used".to_owned(),
        Happened::Passed => "passed".to_owned(),
        Happened::Seen(seen) if seen.running => format!("seen running under {}", seen.epoch),
        Happened::Seen(seen) => format!("seen ended under {}", seen.epoch),
        Happened::Missing => "missing".to_owned(),
        Happened::Unreachable => "unreachable".to_owned(),
        Happened::StopAsked { reason: why, .. } => format!("stop asked: {}", reason(*why)),
        Happened::AccessRevoked => "access revoked".to_owned(),
        Happened::DestroyAsked => "destroy asked".to_owned(),
    }
}

fn seen(epoch: u64, started: i64) -> Happened {
    Happened::Seen(Sighting {
        epoch,
        running: true,
        started_at: Some(at(started)),
        ended_at: None,
        because: None,
        used_at: None,
    })
}

fn used(epoch: u64, started: i64, used: i64) -> Happened {
    Happened::Seen(Sighting {
        epoch,
        running: true,
        started_at: Some(at(started)),
        ended_at: None,
        because: None,
        used_at: Some(at(used)),
    })
}

fn ended(epoch: u64, started: i64, ended: i64) -> Happened {
    Happened::Seen(Sighting {
        epoch,
        running: false,
        started_at: Some(at(started)),
        ended_at: Some(at(ended)),
        because: Some("out of memory".to_owned()),
        used_at: None,
    })
}

fn failed(why: StartFailure) -> Happened {
    Happened::StartFailed { why, detail: "no bwrap".to_owned() }
}

fn stop() -> Happened {
    Happened::StopAsked { reason: SandboxReason::Requested, detail: None }
}

/// Runs a history from a sandbox that was approved at 0 s, and compares its trace.
#[track_caller]
fn check(history: &[(i64, Happened)], expected: Expect) {
    let mut sandbox = Sandbox::new(at(0));
    let mut trace = String::new();
    for (second, happened) in history {
        let line = match decide(&sandbox, happened, at(*second), &Rules::default()) {
            Ok(step) => {
                let effects = step.effects.iter().map(effect).collect::<Vec<_>>().join(", ");
                let changed = step.next != sandbox;
                sandbox = step.next;
                match (changed, effects.is_empty()) {
                    (true, _) => format!("{}: {effects}", render(&sandbox)),
                    (false, false) => format!("unchanged: {effects}"),
                    (false, true) => "unchanged".to_owned(),
                }
            }
            Err(Refusal::CrashLoop { until }) => format!("refused: crash loop until {}", self::second(until)),
            Err(refusal) => format!("refused: {refusal:?}"),
        };
        trace.push_str(&format!("{second}s {} -> {line}\n", name(happened)));
    }
    expected.assert_eq(&trace);
}

use Happened::{AccessRevoked, DestroyAsked, Missing, Passed, PlaceGiven, StartAsked, Unreachable, Used};
use StartFailure::{Broke, NoPlace, Refused};

#[test]
fn a_sandbox_starts_is_used_and_stops_when_nobody_uses_it() {
    check(
        &[
            (1, PlaceGiven),
            (2, seen(1, 2)),
            (100, Used),
            (399, Passed),
            (400, Passed),
            (500, Used),
            (800, Passed),
            (810, used(1, 2, 700)),
            (1299, Passed),
            (1300, Passed),
            (1301, seen(1, 2)),
            (1303, ended(2, 2, 1302)),
            (1303, ended(2, 2, 1302)),
            (2000, Passed),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            100s used -> ready (used 100s) epoch 1 version 3: 
            399s passed -> unchanged
            400s passed -> idle (used 100s) epoch 1 version 4: tell route, tell chat
            500s used -> ready (used 500s) epoch 1 version 5: tell route, tell chat
            800s passed -> idle (used 500s) epoch 1 version 6: tell route, tell chat
            810s seen running under 1 -> ready (used 700s) epoch 1 version 7: tell route, tell chat
            1299s passed -> idle (used 700s) epoch 1 version 8: tell route, tell chat
            1300s passed -> stopping (idle) epoch 2 version 9: set epoch, tell route, tell chat, stop
            1301s seen running under 1 -> stopping (idle) epoch 2 version 9: stop
            1303s seen ended under 2 -> stopped (idle at 1302s) epoch 2 version 10: close run 1 2s..1302s, release place, tell route, tell chat
            1303s seen ended under 2 -> unchanged
            2000s passed -> unchanged
        "#]],
    );
}

#[test]
fn a_stopped_sandbox_can_be_started_again_under_another_epoch() {
    check(
        &[
            (1, PlaceGiven),
            (2, seen(1, 2)),
            (3, stop()),
            (3, stop()),
            (4, StartAsked),
            (5, ended(2, 2, 4)),
            (6, StartAsked),
            (6, StartAsked),
            (7, PlaceGiven),
            // What the host tells of the run before changes nothing.
            (8, ended(2, 2, 4)),
            (9, seen(3, 9)),
            (10, ended(2, 2, 4)),
            (11, Missing),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s stop asked: requested -> stopping (requested) epoch 2 version 4: set epoch, tell route, tell chat, stop
            3s stop asked: requested -> unchanged
            4s start asked -> refused: StillStopping
            5s seen ended under 2 -> stopped (requested at 4s) epoch 2 version 5: close run 1 2s..4s, release place, tell route, tell chat
            6s start asked -> queued (since 6s) epoch 3 version 6: tell route, tell chat
            6s start asked -> unchanged
            7s place given -> starting (since 7s) epoch 3 version 7: tell route, tell chat, stop, create
            8s seen ended under 2 -> unchanged: create
            9s seen running under 3 -> ready (used 9s) epoch 3 version 8: open run 3 from 9s, tell route, tell chat
            10s seen ended under 2 -> unchanged
            11s missing -> failed (lost at 9s) epoch 3 version 9: close run 3 9s..9s, release place, tell route, tell chat
        "#]],
    );
}

#[test]
fn a_revoked_access_raises_the_epoch_and_nothing_else() {
    check(
        &[
            (1, AccessRevoked),
            (2, PlaceGiven),
            (3, AccessRevoked),
            // The host was given the epoch of the start, and gets the newer one now.
            (4, seen(2, 4)),
            (5, AccessRevoked),
            (6, AccessRevoked),
            // It has not heard of the last one.
            (7, seen(4, 4)),
            (8, seen(5, 4)),
            (9, stop()),
            (10, AccessRevoked),
            (11, ended(7, 4, 10)),
            (12, AccessRevoked),
            (13, DestroyAsked),
            (14, AccessRevoked),
        ],
        expect![[r#"
            1s access revoked -> queued (since 0s) epoch 2 version 2: tell route, tell chat
            2s place given -> starting (since 2s) epoch 2 version 3: tell route, tell chat, stop, create
            3s access revoked -> starting (since 2s) epoch 3 version 4: tell route, tell chat
            4s seen running under 2 -> ready (used 4s) epoch 3 version 5: open run 2 from 4s, set epoch, tell route, tell chat
            5s access revoked -> ready (used 4s) epoch 4 version 6: set epoch, tell route, tell chat
            6s access revoked -> ready (used 4s) epoch 5 version 7: set epoch, tell route, tell chat
            7s seen running under 4 -> ready (used 4s) epoch 5 version 7: set epoch
            8s seen running under 5 -> ready (used 4s) epoch 5 version 7: 
            9s stop asked: requested -> stopping (requested) epoch 6 version 8: set epoch, tell route, tell chat, stop
            10s access revoked -> stopping (requested) epoch 7 version 9: set epoch, tell route, tell chat
            11s seen ended under 7 -> stopped (requested at 10s) epoch 7 version 10: close run 2 4s..10s, release place, tell route, tell chat
            12s access revoked -> stopped (requested at 10s) epoch 8 version 11: tell route, tell chat
            13s destroy asked -> stopped (requested, goes since 13s) epoch 8 version 11: destroy
            14s access revoked -> stopped (requested, goes since 13s) epoch 9 version 12: tell route, tell chat
        "#]],
    );
}

#[test]
fn a_sandbox_that_its_host_lost_ends_when_it_was_last_seen() {
    let history = [(1, PlaceGiven), (2, seen(1, 2)), (60, seen(1, 2)), (120, Missing), (180, seen(1, 2))];
    check(
        &history,
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
        60s seen running under 1 -> ready (used 2s) epoch 1 version 3: 
        120s missing -> failed (lost at 60s) epoch 1 version 4: close run 1 2s..60s, release place, tell route, tell chat
        180s seen running under 1 -> unchanged: stop
    "#]],
    );
}

#[test]
fn a_host_out_of_reach_is_waited_for_and_then_given_up() {
    check(
        &[
            (1, PlaceGiven),
            (2, Unreachable),
            (3, seen(1, 3)),
            (60, seen(1, 3)),
            (239, Unreachable),
            (240, Unreachable),
            // It was only the network: what runs there without a place must stop.
            (300, seen(1, 3)),
            (301, StartAsked),
            (302, PlaceGiven),
            (303, seen(1, 3)),
            (304, Unreachable),
            (482, Unreachable),
        ],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s unreachable -> unchanged
            3s seen running under 1 -> ready (used 3s) epoch 1 version 3: open run 1 from 3s, tell route, tell chat
            60s seen running under 1 -> ready (used 3s) epoch 1 version 3: 
            239s unreachable -> unchanged
            240s unreachable -> failed (executorunavailable at 60s) epoch 1 version 4: close run 1 3s..60s, release place, tell route, tell chat
            300s seen running under 1 -> unchanged: stop
            301s start asked -> queued (since 301s) epoch 2 version 5: tell route, tell chat
            302s place given -> starting (since 302s) epoch 2 version 6: tell route, tell chat, stop, create
            303s seen running under 1 -> unchanged: stop, create
            304s unreachable -> unchanged
            482s unreachable -> failed (executorunavailable at 482s) epoch 2 version 7: release place, tell route, tell chat
        "#]],
    );
}

#[test]
fn a_stop_that_the_host_does_not_confirm_frees_the_place_after_a_while() {
    check(
        &[(1, PlaceGiven), (2, seen(1, 2)), (3, stop()), (100, Unreachable), (183, Unreachable)],
        expect![[r#"
            1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
            2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 2s, tell route, tell chat
            3s stop asked: requested -> stopping (requested) epoch 2 version 4: set epoch, tell route, tell chat, stop
            100s unreachable -> unchanged
            183s unreachable -> stopped (requested at 2s) epoch 2 version 5: close run 1 2s..2s, release place, tell route, tell chat
        "#]],
    );
}

#[test]
fn a_start_that_nobody_knows_the_end_of_is_made_again() {
    check(
        &[(1, PlaceGiven), (60, Missing), (61, seen(1, 61))],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        60s missing -> unchanged: create
        61s seen running under 1 -> ready (used 61s) epoch 1 version 3: open run 1 from 61s, tell route, tell chat
    "#]],
    );
}

#[test]
fn a_stop_while_it_starts_counts_what_ran_meanwhile() {
    check(
        &[(1, PlaceGiven), (2, stop()), (3, ended(1, 2, 3))],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s stop asked: requested -> stopping (requested) epoch 2 version 3: tell route, tell chat, stop
        3s seen ended under 1 -> stopped (requested at 3s) epoch 2 version 4: open run 1 from 2s, close run 1 2s..3s, release place, tell route, tell chat
    "#]],
    );
    check(
        &[(1, PlaceGiven), (2, stop()), (3, seen(1, 2)), (4, Missing)],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s stop asked: requested -> stopping (requested) epoch 2 version 3: tell route, tell chat, stop
        3s seen running under 1 -> stopping (requested) epoch 2 version 3: open run 1 from 2s, stop
        4s missing -> stopped (requested at 3s) epoch 2 version 4: close run 1 2s..3s, release place, tell route, tell chat
    "#]],
    );
    check(
        &[(1, PlaceGiven), (2, stop()), (3, Missing)],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s stop asked: requested -> stopping (requested) epoch 2 version 3: tell route, tell chat, stop
        3s missing -> stopped (requested at 3s) epoch 2 version 4: release place, tell route, tell chat
    "#]],
    );
}

#[test]
fn an_executors_clock_before_ours_makes_no_run_of_negative_length() {
    check(
        &[(1, PlaceGiven), (2, seen(1, 5)), (3, Missing)],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 5s, tell route, tell chat
        3s missing -> failed (lost at 5s) epoch 1 version 4: close run 1 5s..5s, release place, tell route, tell chat
    "#]],
    );
    check(
        &[(1, PlaceGiven), (2, seen(1, 5)), (3, ended(1, 5, 4))],
        expect![[r#"
        1s place given -> starting (since 1s) epoch 1 version 2: tell route, tell chat, create
        2s seen running under 1 -> ready (used 2s) epoch 1 version 3: open run 1 from 5s, tell route, tell chat
        3s seen ended under 1 -> failed (lost: out of memory at 5s) epoch 1 version 4: close run 1 5s..5s, release place, tell route, tell chat
    "#]],
    );
}
