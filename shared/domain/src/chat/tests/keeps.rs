//! What agents are given beside what was said last: pins, files, summaries.

use slipway_contract::http::attachments::Attachment;
use slipway_contract::objects::engine::Measured;

use super::forks::{begin, post_in};
use super::*;

pub(super) fn pin(seq: u64, on: bool) -> ChatCommand {
    ChatCommand::Pin { message: message(seq), on }
}

pub(super) fn file(n: u8) -> Attachment {
    Attachment {
        id: format!("att_{n:032x}").parse().unwrap(),
        chat: chat_id(),
        name: format!("{n}.txt"),
        media_type: "text/plain".to_owned(),
        bytes: 3,
        pixels: None,
        by: user(ADA),
        created_at: Timestamp::default(),
    }
}

/// A message that names files, and those that were looked up for it.
pub(super) fn post_files(client_id: &str, text: &str, named: &[u8], found: &[u8]) -> ChatCommand {
    ChatCommand::PostFiles {
        post: PostMessage {
            client_id: client_id.to_owned(),
            text: text.to_owned(),
            reply_to: None,
            fork: None,
            attachments: named.iter().map(|n| file(*n).id).collect(),
        },
        attachments: found.iter().map(|n| file(*n)).collect(),
    }
}

fn pinned(world: &World) -> Vec<u64> {
    let chat = world.chat.as_ref().unwrap().describe(ADA.parse().unwrap());
    chat.pins.iter().map(|pin| pin.message.seq().0).collect()
}

#[test]
fn people_pin_messages_of_the_chat_and_take_pins_back() {
    let mut world = World::begun();
    world.post(ADA, "c1", "the port is 8080");
    world.post(BOB, "c2", "the host is a");
    world.run(user(BOB), pin(7, true));
    world.run(user(ADA), pin(6, true));
    world.run(user(ADA), pin(7, true));
    assert_eq!(pinned(&world), [7, 6]);
    let chat = world.chat.as_ref().unwrap();
    assert_eq!(chat.pins[0].by, user(BOB));
    world.run(user(ADA), pin(7, false));
    world.run(user(BOB), pin(7, false));
    assert_eq!(pinned(&world), [6]);
    check(
        &world,
        expect![[r#"
            6 message.posted "the port is 8080"
            7 message.posted "the host is a"
            8 message.pinned
            9 message.pinned
            nothing new
            10 message.unpinned
            nothing new
        "#]],
    );
}

#[test]
fn what_is_no_message_of_the_chat_itself_is_not_pinned() {
    let mut world = World::begun();
    world.post(ADA, "c1", "hello");
    world.run(user(ADA), begin("f1", 6));
    world.run(user(BOB), post_in(7, "c1", "inside"));
    world.post(BOB, "c2", "gone");
    world.run(user(BOB), ChatCommand::Delete { message: message(9) });
    world.trace.clear();
    for (by, seq) in [(BOB, 8), (BOB, 9), (BOB, 5), (BOB, 99), (EVE, 6)] {
        world.run(user(by), pin(seq, true));
    }
    world.run(user(BOB), pin(9, false));
    world.run(user(BOB), pin(99, false));
    world.run(Actor::Agent { id: DEMO.parse().unwrap() }, pin(6, true));
    let elsewhere = MessageId::new(ChatId::fresh(7, [7; 10]), Seq(6));
    world.run(user(BOB), ChatCommand::Pin { message: elsewhere, on: true });
    check(
        &world,
        expect![[r#"
            refused: ForkNested
            refused: MessageDeleted
            refused: NotFound
            refused: NotFound
            refused: NotFound
            nothing new
            refused: NotFound
            refused: Forbidden
            refused: NotFound
        "#]],
    );
}

#[test]
fn a_pinned_message_that_is_deleted_is_unpinned_in_the_same_decision() {
    let mut world = World::begun();
    world.post(ADA, "c1", "hello");
    world.run(user(BOB), pin(6, true));
    world.run(user(ADA), ChatCommand::Edit { message: message(6), text: "hello there".to_owned() });
    assert_eq!(pinned(&world), [6]);
    world.trace.clear();
    world.run(user(ADA), ChatCommand::Delete { message: message(6) });
    assert_eq!(pinned(&world), Vec::<u64>::new());
    check(
        &world,
        expect![[r#"
            9 message.deleted, 10 message.unpinned
        "#]],
    );
}

#[test]
fn at_most_fifty_messages_are_pinned() {
    let mut world = World::begun();
    for n in 0..=limits::PINS_PER_CHAT as u64 {
        world.post(ADA, &format!("c{n}"), "hello");
    }
    for n in 0..limits::PINS_PER_CHAT as u64 {
        world.run(user(ADA), pin(6 + n, true));
    }
    world.trace.clear();
    world.run(user(ADA), pin(56, true));
    world.run(user(ADA), pin(55, true));
    world.run(user(ADA), pin(55, false));
    world.run(user(ADA), pin(56, true));
    check(
        &world,
        expect![[r#"
            refused: LimitReached
            nothing new
            107 message.unpinned
            108 message.pinned
        "#]],
    );
}

#[test]
fn a_message_comes_with_the_files_that_it_names_and_may_say_nothing_then() {
    let mut world = World::begun();
    world.run(user(ADA), post_files("c1", "", &[1, 2], &[1, 2]));
    world.run(user(ADA), post_files("c1", "", &[1, 2], &[1, 2]));
    world.run(user(ADA), post_files("c2", "look", &[2, 1], &[1, 2]));
    world.run(user(ADA), post_files("c3", "look", &[1], &[]));
    world.run(user(ADA), post_files("c4", "look", &[], &[1]));
    world.run(user(ADA), post_files("c5", " ", &[], &[]));
    let many: Vec<u8> = (1..=11).collect();
    world.run(user(ADA), post_files("c6", "look", &many, &many));
    world.run(user(ADA), post_files("c8", "look", &[1, 1], &[1, 1]));
    let ChatCommand::PostFiles { post, .. } = post_files("c7", "look", &[1], &[1]) else { panic!() };
    world.run(user(ADA), ChatCommand::Post(post));
    check(
        &world,
        expect![[r#"
            6 message.posted ""
            nothing new
            refused: InvalidField
            refused: InvalidField
            refused: InvalidField
            refused: InvalidField
            refused: InvalidField
            refused: InvalidField
            refused: InvalidField
        "#]],
    );
    let EventBody::MessagePosted(posted) = &world.log.last().unwrap().body else { panic!() };
    assert_eq!(posted.attachments, [file(1), file(2)]);
    assert_eq!(world.chat.as_ref().unwrap().last_message.as_ref().unwrap().preview, "1.txt");
}

impl World {
    /// A chat whose messages up to 6 may be summed up: 7 asks the agent, who works on it.
    fn unsummed(messages: u64) -> Self {
        let mut world = Self::begun();
        world.post(BOB, "c1", "long ago");
        world.post(ADA, "c2", "@demo hi");
        world.start();
        world.unsummed = Unsummed { messages, last: Some(message(6)), ..Unsummed::default() };
        world.trace.clear();
        world
    }

    /// The same, with the turn that sums up at work.
    fn summing() -> Self {
        let mut world = Self::unsummed(21);
        world.end(1, answered("hello"));
        world.start();
        world.trace.clear();
        world
    }
}

#[test]
fn more_than_twenty_messages_before_the_recent_ones_are_summed_up_without_a_word() {
    let mut world = World::unsummed(20);
    world.end(1, answered("hello"));
    check(
        &world,
        expect![[r#"
            10 message.posted "hello", 11 turn.completed
        "#]],
    );
    let mut world = World::unsummed(21);
    world.end(1, answered("hello"));
    let turn = world.chat.as_ref().unwrap().turns[0].clone();
    assert_eq!((turn.cause, turn.user), (message(6), Some(ADA.parse().unwrap())));
    assert!(world.chat.as_ref().unwrap().describe(ADA.parse().unwrap()).open_turns[0].summary);
    world.start();
    world.unsummed = Unsummed { from: Some(Seq(6)), messages: 3, ..Unsummed::default() };
    let before = world.chat.as_ref().unwrap().message_count;
    world.end(1, answered("They met."));
    assert_eq!(world.chat.as_ref().unwrap().message_count, before);
    check(
        &world,
        expect![[r#"
            10 message.posted "hello", 11 turn.completed, 12 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
            13 turn.started [Running { attempt: 1 }]
            14 turn.summarised "They met."
        "#]],
    );
    let EventBody::TurnSummarised { from, to, .. } = &world.log.last().unwrap().body else { panic!() };
    assert_eq!((*from, *to), (Seq(6), Seq(6)));
}

#[test]
fn messages_that_fill_a_turn_are_summed_up_however_few() {
    let mut world = World::unsummed(7);
    world.unsummed.full = true;
    world.end(1, answered("hello"));
    assert!(world.trace.contains("12 turn.queued"), "{}", world.trace);
}

#[test]
fn a_long_chat_is_summed_up_turn_after_turn_one_at_a_time() {
    let mut world = World::unsummed(300);
    world.post(ADA, "c3", "@other hi");
    world.end(1, answered("hello"));
    world.trace.clear();
    // Another agent's answer, and another of the same agent, while one sums up.
    let now = Timestamp::default();
    for answer in ["yes", "no"] {
        let chat = world.chat.as_ref().unwrap();
        let turn = chat.turns.iter().find(|turn| !turn.summary).unwrap().id;
        let started = chat.start_turn(turn, now);
        drop(world.settle(started));
        let ended = world.chat.as_ref().unwrap().end_step(turn, 1, answered(answer), &world.unsummed, now);
        drop(world.settle(ended));
        world.post(ADA, answer, "@demo again");
        assert_eq!(world.chat.as_ref().unwrap().turns.iter().filter(|turn| turn.summary).count(), 1);
    }
    world.trace.clear();
    world.start();
    world.unsummed.from = Some(Seq(6));
    world.end(1, answered("so far"));
    check(
        &world,
        expect![[r#"
            25 turn.started [Running { attempt: 1 }]
            26 turn.summarised "so far", 27 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        "#]],
    );
}

#[test]
fn an_agent_answers_while_it_sums_up() {
    let mut world = World::summing();
    world.post(ADA, "c3", "@demo quick");
    let chat = world.chat.as_ref().unwrap();
    let asked = chat.turns.last().unwrap().id;
    assert_eq!(chat.due_turns(Timestamp::default()), [asked]);
    let mut world = World::unsummed(21);
    world.post(ADA, "c3", "@demo next");
    world.end(1, answered("hello"));
    let due = world.chat.as_ref().unwrap().due_turns(Timestamp::default());
    assert_eq!(due.len(), 2, "the question does not wait for the summary, nor the summary for the question");
}

#[test]
fn a_change_of_what_is_being_summed_up_ends_the_turn_and_later_messages_do_not() {
    for (by, change) in [
        (BOB, ChatCommand::Delete { message: message(6) }),
        (BOB, ChatCommand::Edit { message: message(6), text: "other".to_owned() }),
    ] {
        let mut world = World::summing();
        world.run(user(ADA), ChatCommand::Delete { message: message(7) });
        world.run(user(BOB), react(6, "👍", true));
        assert_eq!(world.chat.as_ref().unwrap().turns.len(), 1);
        let turn = world.turn();
        world.run(user(by), change);
        assert!(world.trace.ends_with("17 turn.cancelled\n"), "{}", world.trace);
        assert_eq!(world.log.last().unwrap().actor, Actor::System);
        let chat = world.chat.as_ref().unwrap();
        let late = chat.end_step(turn, 1, answered("They met."), &world.unsummed, Timestamp::default());
        assert_eq!(late.unwrap_err().code, ProblemCode::TurnEnded);
    }
}

#[test]
fn a_failed_summary_is_tried_again_after_twenty_more_messages() {
    for (more, queued) in [(19, false), (20, true)] {
        let mut world = World::unsummed(21);
        world.unsummed.failed_at = Some(world.chat.as_ref().unwrap().message_count);
        for n in 0..more {
            world.post(ADA, &format!("n{n}"), "more");
        }
        world.trace.clear();
        world.end(1, answered("hello"));
        assert_eq!(world.trace.contains("turn.queued"), queued, "after {more}: {}", world.trace);
    }
}

#[test]
fn a_turn_that_sums_up_calls_no_tools_and_says_nothing_when_it_is_stopped() {
    let mut world = World::summing();
    world.end(1, called(&["run"]));
    check(
        &world,
        expect![[r#"
            14 turn.failed "refused"
        "#]],
    );
    let mut world = World::summing();
    let command = ChatCommand::CancelTurn { turn: world.turn() };
    let facts = Facts::default();
    let ask =
        Ask { actor: user(ADA), org: None, command: &command, facts: &facts, now: Timestamp::default() };
    let stopped = world.chat.as_ref().unwrap().cancel_turn(world.turn(), "half a summ", ask);
    drop(world.settle(stopped));
    check(
        &world,
        expect![[r#"
            14 turn.cancelled
        "#]],
    );
}

#[test]
fn nothing_is_summed_up_for_a_turn_of_a_fork_or_where_the_queue_is_full() {
    let mut world = World::begun();
    world.post(BOB, "c1", "hello");
    world.run(user(BOB), begin("f1", 6));
    world.run(user(BOB), post_in(7, "c2", "@demo look"));
    world.start();
    world.unsummed = Unsummed { messages: 99, last: Some(message(6)), ..Unsummed::default() };
    world.end(1, answered("seen"));
    assert!(world.chat.as_ref().unwrap().turns.is_empty());

    let mut world = World::unsummed(99);
    for n in 1..limits::OPEN_TURNS_PER_CHAT {
        world.post(ADA, &format!("n{n}"), "@demo more");
    }
    world.trace.clear();
    world.end(1, answered("hello"));
    assert!(!world.trace.contains("turn.queued"), "{}", world.trace);
}

#[test]
fn a_long_summary_is_cut_between_characters() {
    let mut world = World::summing();
    world.unsummed = Unsummed { from: Some(Seq(6)), ..Unsummed::default() };
    world.end(1, answered(&"é".repeat(20_000)));
    let EventBody::TurnSummarised { text, .. } = &world.log.last().unwrap().body else { panic!() };
    assert_eq!(text.len(), 16 * 1024);
}

#[test]
fn what_a_step_was_counted_as_and_its_receipt_are_kept() {
    let measured = Measured { model: "demo:demo".to_owned(), bytes: 300, tokens: 100 };
    let receipt = slipway_contract::events::Receipt { budget: 8_000, tokens: 100, ..Default::default() };
    let mut world = World::unsummed(0);
    let mut end = answered("hello");
    if let StepEnd::Answered { measured: counted, receipt: given, .. } = &mut end {
        (*counted, *given) = (Some(measured.clone()), Some(Box::new(receipt.clone())));
    }
    let chat = world.chat.as_ref().unwrap();
    let decided = chat.end_step(world.turn(), 1, end, &Unsummed::default(), Timestamp::default()).unwrap();
    assert_eq!(decided.measured, Some((DEMO.parse().unwrap(), measured)));
    drop(world.settle(Ok(decided)));
    let EventBody::TurnCompleted { receipt: told, .. } = &world.log.last().unwrap().body else { panic!() };
    assert_eq!(told.as_deref(), Some(&receipt));
}

#[test]
fn texts_are_given_as_long_as_there_is_space_and_at_least_one() {
    use crate::chat::summaries::fitting;
    assert_eq!(fitting([3, 3, 3].into_iter(), 6), 2);
    assert_eq!(fitting([3, 9, 1].into_iter(), 6), 1);
    assert_eq!(fitting([9, 1].into_iter(), 6), 1);
}
