//! Archives: every order of facts, losses and crashes.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);
const FACTS: [Fact; 11] = [
    Fact::Blocked,
    Fact::Exported,
    Fact::GivenUp,
    Fact::Verified,
    Fact::Unfit,
    Fact::Wiped,
    Fact::Unsealed,
    Fact::Restored,
    Fact::Superseded,
    Fact::Outlived,
    Fact::Removed,
];

/// What each fact makes of a state, without those that leave it as it is.
fn check(state: ArchiveState, now: Timestamp, expected: Expect) {
    let mut told = format!("to do: {:?}\n", state.deed(now));
    for fact in FACTS {
        match step(state, fact, now) {
            Step::To(next) => told.push_str(&format!("{fact:?} -> {next:?}\n")),
            Step::Forget => told.push_str(&format!("{fact:?} -> forgotten\n")),
            Step::Stay => {}
        }
    }
    expected.assert_eq(&told);
}

#[test]
fn an_archive_that_was_not_exported_to_its_end_is_given_up() {
    check(
        ArchiveState::Exporting,
        NOW,
        expect![[r#"
            to do: GiveUp
            Blocked -> forgotten
            Exported -> Verifying
            GivenUp -> Removing
            Unsealed -> Removing
        "#]],
    );
}

#[test]
fn nothing_is_wiped_that_was_not_read_back() {
    check(
        ArchiveState::Verifying,
        NOW,
        expect![[r#"
            to do: Verify
            Verified -> Wiping
            Unfit -> Removing
            Unsealed -> Removing
        "#]],
    );
}

#[test]
fn once_the_wipe_was_asked_for_only_the_objects_word_ends_it() {
    check(
        ArchiveState::Wiping,
        NOW,
        expect![[r#"
            to do: Wipe
            Wiped -> Archived
            Unsealed -> Restored { at: Timestamp(1000000) }
            Restored -> Restored { at: Timestamp(1000000) }
        "#]],
    );
    check(
        ArchiveState::Archived,
        NOW,
        expect![[r#"
            to do: Rest
            Unsealed -> Restored { at: Timestamp(1000000) }
            Restored -> Restored { at: Timestamp(1000000) }
        "#]],
    );
}

#[test]
fn a_chat_that_was_brought_back_keeps_its_archive_for_a_week() {
    let restored = ArchiveState::Restored { at: NOW };
    check(
        restored,
        NOW.plus_ms(KEPT_MS - 1),
        expect![[r#"
            to do: Rest
            Superseded -> Removing
        "#]],
    );
    check(
        restored,
        NOW.plus_ms(KEPT_MS),
        expect![[r#"
            to do: Outlive
            Superseded -> Removing
            Outlived -> Removing
        "#]],
    );
    check(
        ArchiveState::Removing,
        NOW,
        expect![[r#"
            to do: Remove
            Removed -> forgotten
        "#]],
    );
}

#[test]
fn what_could_not_be_archived_is_looked_at_later_and_later() {
    let minutes = |tries| again(tries, NOW).since(NOW) / 60_000;
    assert_eq!([0, 1, 2, 3, 8, 9, u64::MAX].map(minutes), [10, 10, 20, 40, 1280, 1280, 1280]);
}

/// The object, by which archive's rows it has given up or would give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Whole { sealed: Option<usize> },
    Stub(usize),
}

/// What R2 has of one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    Nothing,
    Part,
    /// All, as it was when the object had so many writes.
    All(u32),
}

/// A chat, R2 and the rows about its archives: what is really so, whatever anybody has heard of it.
struct World {
    object: Object,
    writes: u32,
    /// By archive: its row, what R2 has, and every fact that was true of it once.
    archives: Vec<(Option<ArchiveState>, Copy, Vec<Fact>)>,
    now: Timestamp,
}

/// One thing that happens. Whoever does something may die before it is noted; a fact once true may be noted at any time.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Somebody begins an archive, exports so far, and dies or not.
    Begin { whole: bool, noted: bool },
    /// Somebody does what an archive's row says.
    Deed { archive: usize, whole: bool, noted: bool },
    /// A fact that was true once is noted now.
    Late { archive: usize, fact: usize },
    /// Somebody writes into the chat.
    Write,
    /// Somebody opens the chat.
    Open { noted: bool },
    /// Time goes by.
    Days(i64),
}

impl World {
    fn new() -> Self {
        let object = Object::Whole { sealed: None };
        Self { object, writes: 0, archives: Vec::new(), now: NOW }
    }

    fn note(&mut self, archive: usize, fact: Fact, noted: bool) {
        let Some((row, _, facts)) = self.archives.get_mut(archive) else { return };
        facts.push(fact);
        let Some(state) = row.filter(|_| noted) else { return };
        match step(state, fact, self.now) {
            Step::To(next) => *row = Some(next),
            Step::Forget => *row = None,
            Step::Stay => return,
        }
        // As the store does: the older ones make way in the same transaction.
        if matches!(self.archives[archive].0, Some(ArchiveState::Archived)) && fact == Fact::Wiped {
            for older in 0..archive {
                self.note(older, Fact::Superseded, true);
            }
        }
    }

    fn open(&mut self, noted: bool) {
        if let Object::Stub(archive) = self.object {
            assert_eq!(self.archives[archive].1, Copy::All(self.writes), "both copies are gone");
            self.object = Object::Whole { sealed: None };
            self.note(archive, Fact::Restored, noted);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Begin { whole, noted } => {
                let current = |row: &(Option<ArchiveState>, Copy, Vec<Fact>)| {
                    row.0.is_some_and(ArchiveState::is_current)
                };
                let Object::Whole { .. } = self.object else { return };
                if self.archives.iter().any(current) {
                    return;
                }
                let archive = self.archives.len();
                self.object = Object::Whole { sealed: Some(archive) };
                let copy = if whole { Copy::All(self.writes) } else { Copy::Part };
                self.archives.push((Some(ArchiveState::Exporting), copy, Vec::new()));
                let fact = if whole { Fact::Exported } else { Fact::GivenUp };
                self.note(archive, fact, noted);
            }
            Act::Deed { archive, whole, noted } => {
                let Some(&(Some(state), copy, _)) = self.archives.get(archive) else { return };
                match state.deed(self.now) {
                    Deed::GiveUp => self.note(archive, Fact::GivenUp, noted),
                    Deed::Verify => {
                        let fits = matches!(copy, Copy::All(_)) && whole;
                        self.note(archive, if fits { Fact::Verified } else { Fact::Unfit }, noted);
                    }
                    Deed::Wipe => {
                        let fact = match self.object {
                            Object::Whole { sealed: Some(seal) } if seal == archive => {
                                self.object = Object::Stub(archive);
                                Fact::Wiped
                            }
                            Object::Stub(of) if of == archive => Fact::Wiped,
                            Object::Whole { .. } | Object::Stub(_) => Fact::Unsealed,
                        };
                        self.note(archive, fact, noted);
                    }
                    Deed::Outlive => self.note(archive, Fact::Outlived, noted),
                    Deed::Remove => {
                        if whole {
                            self.archives[archive].1 = Copy::Nothing;
                        } else if copy != Copy::Nothing {
                            self.archives[archive].1 = Copy::Part;
                        }
                        if whole {
                            self.note(archive, Fact::Removed, noted);
                        }
                    }
                    Deed::Rest => {}
                }
            }
            Act::Late { archive, fact } => {
                let Some((_, _, facts)) = self.archives.get(archive) else { return };
                let Some(&fact) = facts.get(fact % facts.len().max(1)) else { return };
                self.note(archive, fact, true);
            }
            Act::Write => {
                self.open(true);
                self.writes += 1;
                self.object = Object::Whole { sealed: None };
            }
            Act::Open { noted } => self.open(noted),
            Act::Days(days) => self.now = self.now.plus_ms(days * 24 * 60 * 60 * 1000),
        }
        if let Object::Stub(archive) = self.object {
            assert_eq!(self.archives[archive].1, Copy::All(self.writes), "both copies are gone");
        }
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let archive = 0_usize..3;
    let begin = (prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    let deed = (archive.clone(), prop::bool::weighted(0.7), prop::bool::weighted(0.6));
    prop_oneof![
        3 => begin.prop_map(|(whole, noted)| Act::Begin { whole, noted }),
        16 => deed.prop_map(|(archive, whole, noted)| Act::Deed { archive, whole, noted }),
        6 => (archive, 0_usize..8).prop_map(|(archive, fact)| Act::Late { archive, fact }),
        1 => Just(Act::Write),
        1 => any::<bool>().prop_map(|noted| Act::Open { noted }),
        1 => (1_i64..9).prop_map(Act::Days),
    ]
}

fn fixed(cases: u32) -> ProptestConfig {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(7);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed(2_000))]

    #[test]
    fn no_order_of_facts_and_deaths_loses_both_copies(acts in prop::collection::vec(any_act(), 1..60)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
    }

    #[test]
    fn whatever_happened_the_sweeps_bring_every_archive_to_rest(acts in prop::collection::vec(any_act(), 1..40)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        for _ in 0..4 {
            for archive in 0..world.archives.len() {
                world.act(Act::Deed { archive, whole: true, noted: true });
            }
        }
        for (state, copy, _) in &world.archives {
            match state {
                Some(state) => prop_assert_eq!(state.deed(world.now), Deed::Rest),
                // Nothing is left behind where nobody looks.
                None => prop_assert_eq!(*copy, Copy::Nothing),
            }
        }
    }
}

#[test]
fn the_histories_that_are_tried_come_to_every_end() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::new(fixed(1));
    let mut stubs = 0;
    let mut restored = 0;
    let mut gone = 0;
    for _ in 0..500 {
        let mut world = World::new();
        let acts = prop::collection::vec(any_act(), 1..60).new_tree(&mut runner).unwrap().current();
        for act in acts {
            world.act(act);
        }
        stubs += usize::from(matches!(world.object, Object::Stub(_)));
        restored += usize::from(
            world.archives.iter().any(|one| matches!(one.0, Some(ArchiveState::Restored { .. }))),
        );
        gone += usize::from(world.archives.iter().any(|one| one.0.is_none()));
    }
    assert!(stubs > 20 && restored > 20 && gone > 20, "{stubs} stubs, {restored} restored, {gone} gone");
}
