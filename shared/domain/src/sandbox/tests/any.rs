//! What holds for any history.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn any_time() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::of((0_i64..4_000).prop_map(at))
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    (0_u64..12, any::<bool>(), any_time(), any_time(), any_time()).prop_map(
        |(epoch, running, started_at, ended_at, used_at)| Sighting {
            epoch,
            running,
            started_at,
            ended_at,
            because: None,
            used_at,
        },
    )
}

fn any_happened() -> impl Strategy<Value = Happened> {
    let why = prop_oneof![Just(NoPlace), Just(Refused), Just(Broke)];
    prop_oneof![
        2 => Just(StartAsked),
        4 => Just(PlaceGiven),
        1 => why.prop_map(failed),
        1 => Just(Used),
        2 => Just(Passed),
        6 => any_sighting().prop_map(Happened::Seen),
        1 => Just(Missing),
        1 => Just(Unreachable),
        1 => Just(stop()),
        1 => Just(AccessRevoked),
        1 => prop_oneof![9 => Just(stop()), 1 => Just(DestroyAsked)],
    ]
}

fn fixed(cases: u32) -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(3);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed(600))]

    #[test]
    fn epochs_grow_runs_do_not_overlap_and_places_are_given_back_once(
        history in proptest::collection::vec((0_i64..200, any_happened()), 1..60)
    ) {
        let mut sandbox = Sandbox::new(at(0));
        let mut now = at(0);
        let mut open: Option<Run> = None;
        let mut runs = BTreeSet::new();
        let mut places = 0;
        for (pause, happened) in history {
            now = now.plus_ms(pause * 1000);
            let Ok(step) = decide(&sandbox, &happened, now, &Rules::default()) else { continue };
            let next = &step.next;
            if sandbox.state() == SandboxState::Queued && happened == PlaceGiven {
                places += 1;
            }

            let raises = match &happened {
                Happened::StopAsked { .. } | DestroyAsked | AccessRevoked | StartAsked | Passed => 1,
                // A start is tried once more.
                Happened::StartFailed { .. } | Happened::Seen(_) => {
                    u64::from(sandbox.state() == SandboxState::Starting && next.state() == SandboxState::Starting)
                }
                PlaceGiven | Used | Missing | Unreachable => 0,
            };
            prop_assert!((sandbox.epoch..=sandbox.epoch + raises).contains(&next.epoch), "{happened:?}");
            let ends = |sandbox: &Sandbox| (sandbox.state(), sandbox.epoch, sandbox.end().cloned());
            let changed = u64::from(ends(next) != ends(&sandbox));
            prop_assert_eq!(next.version, sandbox.version + changed);
            for tell in [Effect::TellRoute, Effect::TellChat] {
                prop_assert_eq!(step.effects.contains(&tell), changed == 1);
            }

            for effect in &step.effects {
                match effect {
                    Effect::OpenUsage(run) => {
                        prop_assert_eq!(open, None, "two runs at once");
                        prop_assert!(runs.insert(run.epoch), "two runs under epoch {}", run.epoch);
                        open = Some(*run);
                    }
                    Effect::CloseUsage { run, until } => {
                        let opened = open.take();
                        prop_assert_eq!(opened.map(|run| (run.epoch, run.from)), Some((run.epoch, run.from)));
                        prop_assert!(*until >= run.from);
                    }
                    Effect::ReleasePlace => places -= 1,
                    Effect::Create => prop_assert_eq!(next.state(), SandboxState::Starting),
                    Effect::SetEpoch => prop_assert!(next.run().is_some()),
                    Effect::Destroy => {
                        prop_assert!(next.state() == SandboxState::Destroyed || next.is_doomed());
                        prop_assert!(!next.state().is_running());
                    }
                    Effect::Stop | Effect::TellRoute | Effect::TellChat | Effect::Alert => {}
                }
            }
            let of = |run: Run| (run.epoch, run.from);
            prop_assert_eq!(next.run().map(of), open.map(of), "usage is open exactly while it runs");
            prop_assert_eq!(places, i32::from(next.state().is_running()), "a place exactly while it runs");
            prop_assert!(next.starts.len() <= CRASH_STARTS);
            let going = |sandbox: &Sandbox| sandbox.is_doomed() || sandbox.state() == SandboxState::Destroyed;
            prop_assert!(going(next) || !going(&sandbox), "{happened:?}: what goes, stays gone");
            if next.state() == SandboxState::Destroyed && sandbox.state() != SandboxState::Destroyed {
                prop_assert!(sandbox.is_doomed() && happened == Missing, "{happened:?}");
            }

            sandbox = step.next;
        }
    }

    #[test]
    fn what_happens_twice_at_once_happens_once(
        history in proptest::collection::vec((0_i64..200, any_happened()), 1..40)
    ) {
        let mut sandbox = Sandbox::new(at(0));
        let mut now = at(0);
        for (pause, happened) in history {
            now = now.plus_ms(pause * 1000);
            let Ok(step) = decide(&sandbox, &happened, now, &Rules::default()) else { continue };
            // Revoking again is another revocation; a start that breaks again is another break, and what the host tells
            // may be news of the next start.
            let again = matches!(happened, AccessRevoked | Happened::StartFailed { .. })
                || sandbox.state() == SandboxState::Starting;
            if let Ok(second) = decide(&step.next, &happened, now, &Rules::default()) && !again {
                prop_assert_eq!(&second.next, &step.next, "{:?}", happened);
            }
            sandbox = step.next;
        }
    }
}
