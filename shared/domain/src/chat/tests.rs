//! The rules of a chat, told as traces: one line a command, saying what came of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "each fact comes from a few kinds of events")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use slipway_contract::events::{TurnFailureCode, Usage};
use slipway_contract::http::chats::{TurnState, UpdateChat};
use slipway_contract::http::messages::PostMessage;
use slipway_contract::{ParticipantRole, limits};

use super::turns::{StepEnd, failure};
use super::*;

const ADA: &str = "user_000000000000000000000000000000a1";
const BOB: &str = "user_000000000000000000000000000000b2";
const EVE: &str = "user_000000000000000000000000000000e5";
const DEMO: &str = "agent_000000000000000000000000000000d1";
const OTHER: &str = "agent_000000000000000000000000000000d2";
const CHAT: &str = "chat_000000000000000000000000000000c1";
const ORG: &str = "org_00000000000000000000000000000001";

fn user(id: &str) -> Actor {
    Actor::User { id: id.parse().unwrap() }
}

fn participant(id: &str, slug: Option<&str>) -> Participant {
    let name = slug.unwrap_or("person").to_owned();
    let slug = slug.map(|slug| slug.parse().unwrap());
    Participant { id: id.parse().unwrap(), name, slug, role: ParticipantRole::Member }
}

fn chat_id() -> ChatId {
    CHAT.parse().unwrap()
}

/// A chat beside its whole log, from which facts are read the slow way.
#[derive(Default)]
struct World {
    chat: Option<Chat>,
    log: Vec<Event>,
    now: i64,
    trace: String,
}

impl World {
    fn begun() -> Self {
        let mut world = Self::default();
        world.run(Actor::System, create());
        world.run(
            Actor::System,
            ChatCommand::AddParticipant { participant: participant(BOB, None), by: user(ADA) },
        );
        world.trace.clear();
        world
    }

    fn facts(&self, actor: Actor, command: &ChatCommand) -> Facts {
        let named = match command {
            ChatCommand::Post(post) => post.reply_to,
            ChatCommand::Edit { message, .. }
            | ChatCommand::Delete { message }
            | ChatCommand::React { message, .. } => Some(*message),
            _ => None,
        };
        let mut facts = Facts::default();
        let mut reactions: Vec<(Actor, String)> = Vec::new();
        for event in &self.log {
            match &event.body {
                EventBody::MessagePosted(posted) => {
                    if let ChatCommand::MarkRead { seq } = command
                        && event.seq <= *seq
                    {
                        facts.messages_at += 1;
                    }
                    if let ChatCommand::Post(post) = command
                        && posted.client_id.as_ref() == Some(&post.client_id)
                        && event.actor == actor
                    {
                        facts.earlier =
                            Some(Posted { message: posted.message, seq: event.seq, at: event.at });
                    }
                    if Some(posted.message) == named {
                        facts.message = Some(MessageFacts {
                            author: event.actor,
                            deleted: false,
                            text: posted.text.clone(),
                            edits: 0,
                            reacted: false,
                            emoji_known: false,
                            emoji: 0,
                            reactions: 0,
                        });
                    }
                }
                EventBody::MessageEdited { message, text } if Some(*message) == named => {
                    let known = facts.message.as_mut().unwrap();
                    known.edits += 1;
                    known.text.clone_from(text);
                }
                EventBody::MessageDeleted { message } if Some(*message) == named => {
                    facts.message.as_mut().unwrap().deleted = true;
                }
                EventBody::ReactionAdded { message, emoji } if Some(*message) == named => {
                    reactions.push((event.actor, emoji.clone()));
                }
                EventBody::ReactionRemoved { message, emoji } if Some(*message) == named => {
                    reactions.retain(|r| *r != (event.actor, emoji.clone()));
                }
                EventBody::TurnCompleted { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Completed);
                }
                EventBody::TurnFailed { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Failed);
                }
                EventBody::TurnCancelled { turn, .. } if is_cancel(command, *turn) => {
                    facts.ended = Some(TurnState::Cancelled);
                }
                _ => {}
            }
        }
        if let (Some(known), ChatCommand::React { emoji, .. }) = (&mut facts.message, command) {
            known.reacted = reactions.contains(&(actor, emoji.clone()));
            known.emoji_known = reactions.iter().any(|(_, other)| other == emoji);
            let mut distinct: Vec<_> = reactions.iter().map(|(_, emoji)| emoji).collect();
            distinct.sort();
            distinct.dedup();
            known.emoji = distinct.len();
            known.reactions = reactions.len();
        }
        facts
    }

    fn decide(&self, actor: Actor, command: &ChatCommand) -> Result<Decision, Problem> {
        let facts = self.facts(actor, command);
        let ask = Ask { actor, org: None, command, facts: &facts, now: Timestamp::from_unix_ms(self.now) };
        decide(self.chat.as_ref(), chat_id(), ask)
    }

    fn run(&mut self, actor: Actor, command: ChatCommand) {
        drop(self.ask(actor, command));
    }

    fn ask(&mut self, actor: Actor, command: ChatCommand) -> Result<Answer, Problem> {
        let decided = self.decide(actor, &command);
        self.settle(decided)
    }

    fn settle(&mut self, decided: Result<Decision, Problem>) -> Result<Answer, Problem> {
        let mut line = match &decided {
            Ok(decision) if decision.events.is_empty() => "nothing new".to_owned(),
            Ok(decision) => decision.events.iter().map(told).collect::<Vec<_>>().join(", "),
            Err(problem) => format!("refused: {:?}", problem.code),
        };
        let answer = decided.map(|decision| {
            match &mut self.chat {
                Some(chat) => chat.apply(&decision),
                None => self.chat = Chat::begun_by(chat_id(), &decision),
            }
            for change in &decision.turns {
                if let TurnChange::Put(turn) = change {
                    write!(line, " [{:?}]", turn.phase).unwrap();
                }
            }
            self.log.extend(decision.events);
            decision.answer
        });
        writeln!(self.trace, "{line}").unwrap();
        answer
    }

    fn post(&mut self, by: &str, client_id: &str, text: &str) {
        self.run(user(by), post(client_id, text));
    }

    fn turn(&self) -> TurnId {
        *self.chat.as_ref().unwrap().turns.keys().next().unwrap()
    }

    fn start(&mut self) {
        let decided = self.chat.as_ref().unwrap().start_turn(self.turn(), Timestamp::from_unix_ms(self.now));
        drop(self.settle(decided));
    }

    fn end(&mut self, attempt: u8, end: StepEnd) {
        let now = Timestamp::from_unix_ms(self.now);
        let decided = self.chat.as_ref().unwrap().end_step(self.turn(), attempt, end, now);
        drop(self.settle(decided));
    }
}

fn is_cancel(command: &ChatCommand, id: TurnId) -> bool {
    matches!(command, ChatCommand::CancelTurn { turn } if *turn == id)
}

fn told(event: &Event) -> String {
    let json = serde_json::to_value(&event.body).unwrap();
    let text = json.get("text").or(json.get("emoji")).or(json.get("title"));
    let detail = text.map(|text| format!(" {text}")).unwrap_or_default();
    let code = json.pointer("/failure/code").map(|code| format!(" {code}")).unwrap_or_default();
    format!("{} {}{detail}{code}", event.seq, json["type"].as_str().unwrap())
}

fn create() -> ChatCommand {
    ChatCommand::Create {
        org: ORG.parse().unwrap(),
        channel: "chan_00000000000000000000000000000001".parse().unwrap(),
        title: " First ".to_owned(),
        creator: participant(ADA, None),
        agents: vec![participant(DEMO, Some("demo")), participant(OTHER, Some("other"))],
    }
}

fn post(client_id: &str, text: &str) -> ChatCommand {
    ChatCommand::Post(PostMessage { client_id: client_id.to_owned(), text: text.to_owned(), reply_to: None })
}

fn message(seq: u64) -> MessageId {
    MessageId::new(chat_id(), Seq(seq))
}

fn react(seq: u64, emoji: &str, on: bool) -> ChatCommand {
    ChatCommand::React { message: message(seq), emoji: emoji.to_owned(), on }
}

fn answered(text: &str) -> StepEnd {
    let usage = Usage { input_tokens: 5, output_tokens: 7 };
    StepEnd::Answered { text: text.to_owned(), cut: false, model: "demo".to_owned(), usage }
}

fn overloaded() -> StepEnd {
    StepEnd::Failed {
        failure: failure(TurnFailureCode::ProviderUnavailable, "busy"),
        retryable: true,
        retry_after_ms: None,
    }
}

fn check(world: &World, expected: Expect) {
    expected.assert_eq(&world.trace);
}

#[test]
fn a_chat_begins_once_with_its_maker_and_agents() {
    let mut world = World::default();
    world.run(user(ADA), ChatCommand::Describe);
    world.run(user(ADA), create());
    world.run(Actor::System, create());
    world.run(Actor::System, create());
    check(
        &world,
        expect![[r#"
        refused: NotFound
        refused: NotFound
        1 chat.created "First", 2 participant.joined, 3 participant.joined, 4 participant.joined
        nothing new
    "#]],
    );
    let chat = world.chat.unwrap();
    assert_eq!(chat.people[0].participant.role, ParticipantRole::Moderator);
    assert_eq!(chat.describe(ADA.parse().unwrap()).head, Seq(4));
}

#[test]
fn a_retried_post_gives_the_first_answer_and_no_second_message() {
    let mut world = World::begun();
    let first = world.ask(user(ADA), post("c1", "hello"));
    assert_eq!(world.ask(user(ADA), post("c1", "hello, changed")), first);
    world.post(BOB, "c1", "mine");
    check(
        &world,
        expect![[r#"
        6 message.posted "hello"
        nothing new
        7 message.posted "mine"
    "#]],
    );
}

#[test]
fn strangers_and_callers_with_another_org_find_nothing() {
    let mut world = World::begun();
    world.post(EVE, "c1", "let me in");
    world.run(user(EVE), ChatCommand::Describe);
    world.run(user(EVE), react(1, "👍", true));
    check(
        &world,
        expect![[r#"
        refused: NotFound
        refused: NotFound
        refused: NotFound
    "#]],
    );
    let chat = world.chat.as_ref().unwrap();
    let other = Some("org_00000000000000000000000000000002".parse().unwrap());
    assert_eq!(chat.admitted(user(ADA), other).unwrap_err().code, ProblemCode::NotFound);
    assert!(chat.admitted(user(ADA), Some(chat.org)).is_ok());
}

#[test]
fn messages_are_edited_by_their_author_and_deleted_by_author_or_moderator() {
    let mut world = World::begun();
    world.post(BOB, "c1", "one");
    let edit = |text: &str| ChatCommand::Edit { message: message(6), text: text.to_owned() };
    world.run(user(ADA), edit("two"));
    world.run(user(BOB), edit("two"));
    world.run(user(BOB), edit("two"));
    world.run(user(BOB), edit("  "));
    world.run(user(BOB), ChatCommand::Delete { message: message(2) });
    world.run(user(ADA), ChatCommand::Delete { message: message(6) });
    world.run(user(BOB), ChatCommand::Delete { message: message(6) });
    world.run(user(BOB), edit("three"));
    world.post(ADA, "c2", "ada's");
    world.run(user(BOB), ChatCommand::Delete { message: message(9) });
    check(
        &world,
        expect![[r#"
        6 message.posted "one"
        refused: Forbidden
        7 message.edited "two"
        nothing new
        refused: InvalidField
        refused: NotFound
        8 message.deleted
        nothing new
        refused: MessageDeleted
        9 message.posted "ada's"
        refused: Forbidden
    "#]],
    );
}

#[test]
fn the_preview_follows_edits_and_forgets_a_deleted_message() {
    let mut world = World::begun();
    world.post(BOB, "c1", "one");
    let preview = |world: &World| world.chat.as_ref().unwrap().last_message.clone().unwrap().preview;
    assert_eq!(preview(&world), "one");
    world.run(user(BOB), ChatCommand::Edit { message: message(6), text: "two".to_owned() });
    assert_eq!(preview(&world), "two");
    world.run(user(BOB), ChatCommand::Delete { message: message(6) });
    assert_eq!(preview(&world), "");
}

#[test]
fn reactions_are_bounded_and_repeats_change_nothing() {
    let mut world = World::begun();
    world.post(BOB, "c1", "one");
    for emoji in ["👍", "👍", "not an emoji", "", "<b>", "🇩🇪", "1️⃣"] {
        world.run(user(ADA), react(6, emoji, true));
    }
    world.run(user(BOB), react(6, "👍", true));
    world.run(user(ADA), react(6, "👍", false));
    world.run(user(ADA), react(6, "👍", false));
    check(
        &world,
        expect![[r#"
        6 message.posted "one"
        7 reaction.added "👍"
        nothing new
        refused: InvalidField
        refused: InvalidField
        refused: InvalidField
        8 reaction.added "🇩🇪"
        9 reaction.added "1️⃣"
        10 reaction.added "👍"
        11 reaction.removed "👍"
        nothing new
    "#]],
    );
    for n in 0..30_u32 {
        let emoji = char::from_u32(0x1F600 + n).unwrap().to_string();
        world.run(user(ADA), react(6, &emoji, true));
    }
    assert_eq!(world.trace.matches("LimitReached").count(), 30 - (limits::EMOJI_PER_MESSAGE - 3));
}

#[test]
fn a_message_has_at_most_64_kib() {
    let mut world = World::begun();
    assert!(world.ask(user(ADA), post("c1", &"x".repeat(limits::MESSAGE_BYTES))).is_ok());
    assert_eq!(
        world.ask(user(ADA), post("c2", &"x".repeat(limits::MESSAGE_BYTES + 1))).unwrap_err().code,
        ProblemCode::TooLarge
    );
}

#[test]
fn read_markers_only_move_forward_and_own_posts_are_read() {
    let mut world = World::begun();
    world.post(BOB, "c1", "one");
    world.post(BOB, "c2", "two");
    let unread =
        |world: &World, who: &str| world.chat.as_ref().unwrap().describe(who.parse().unwrap()).unread;
    assert_eq!((unread(&world, ADA), unread(&world, BOB)), (2, 0));
    world.run(user(ADA), ChatCommand::MarkRead { seq: Seq(6) });
    assert_eq!(unread(&world, ADA), 1);
    world.run(user(ADA), ChatCommand::MarkRead { seq: Seq(2) });
    assert_eq!(unread(&world, ADA), 1);
    world.run(user(ADA), ChatCommand::MarkRead { seq: Seq(99) });
    assert!(world.trace.ends_with("refused: SeqInFuture\n"));
    world.post(ADA, "c3", "three");
    assert_eq!((unread(&world, ADA), unread(&world, BOB)), (0, 1));
}

#[test]
fn participants_come_by_the_orgs_word_and_go_by_a_moderators() {
    let mut world = World::begun();
    let eve = ChatCommand::AddParticipant { participant: participant(EVE, None), by: user(EVE) };
    let remove = |who: &str| ChatCommand::RemoveParticipant { participant: who.parse().unwrap() };
    world.run(user(EVE), eve.clone());
    world.run(Actor::System, eve.clone());
    world.run(Actor::System, eve);
    world.run(user(EVE), remove(BOB));
    world.run(user(ADA), remove(BOB));
    world.run(user(EVE), remove(EVE));
    world.run(user(EVE), ChatCommand::Describe);
    let by_stranger = ChatCommand::AddParticipant { participant: participant(BOB, None), by: user(EVE) };
    world.run(Actor::System, by_stranger);
    check(
        &world,
        expect![[r#"
        refused: NotFound
        6 participant.joined
        nothing new
        refused: Forbidden
        7 participant.left
        8 participant.left
        refused: NotFound
        refused: NotFound
    "#]],
    );
}

#[test]
fn the_default_agent_answers_messages_that_mention_none() {
    let mut world = World::begun();
    let set = |agent: Option<&str>| {
        ChatCommand::Update(UpdateChat {
            title: None,
            default_agent: Some(agent.map(|id| id.parse().unwrap())),
        })
    };
    world.run(user(BOB), set(Some("agent_000000000000000000000000000000ff")));
    world.run(user(BOB), set(Some(DEMO)));
    world.post(BOB, "c1", "anyone?");
    world.post(BOB, "c2", "@other you");
    world.run(user(ADA), ChatCommand::RemoveParticipant { participant: DEMO.parse().unwrap() });
    world.post(BOB, "c3", "anyone?");
    check(
        &world,
        expect![[r#"
        refused: InvalidField
        6 chat.default_agent_set
        7 message.posted "anyone?", 8 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        9 message.posted "@other you", 10 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        11 participant.left, 12 chat.default_agent_set, 13 turn.failed "agent_unavailable"
        14 message.posted "anyone?"
    "#]],
    );
}

#[test]
fn a_turn_runs_calls_a_tool_and_answers_in_one_decision() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    world.start();
    let call = slipway_contract::events::ToolCall {
        id: "1".to_owned(),
        name: "list_participants".to_owned(),
        arguments: serde_json::json!({}),
    };
    let result =
        slipway_contract::events::ToolResult { id: "1".to_owned(), content: "-".to_owned(), is_error: false };
    let usage = Usage { input_tokens: 1, output_tokens: 1 };
    world.end(1, StepEnd::Called { text: String::new(), calls: vec![call], results: vec![result], usage });
    world.start();
    world.end(1, answered("done"));
    check(
        &world,
        expect![[r#"
        6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        8 turn.started [Running { attempt: 1 }]
        9 turn.tool_called, 10 turn.tool_returned [Queued { failed: 0, not_before: Timestamp(0) }]
        nothing new [Running { attempt: 1 }]
        11 message.posted "done", 12 turn.completed
    "#]],
    );
    let EventBody::TurnCompleted { usage, .. } = &world.log.last().unwrap().body else { panic!() };
    assert_eq!(*usage, Usage { input_tokens: 6, output_tokens: 8 });
}

#[test]
fn a_failed_attempt_waits_longer_each_time_and_the_third_ends_the_turn() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    for attempt in 1..=3 {
        world.start();
        world.end(attempt, overloaded());
        world.now += 10_000;
    }
    check(
        &world,
        expect![[r#"
        6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        8 turn.started [Running { attempt: 1 }]
        nothing new [Queued { failed: 1, not_before: Timestamp(1000) }]
        9 turn.started [Running { attempt: 2 }]
        nothing new [Queued { failed: 2, not_before: Timestamp(14000) }]
        10 turn.started [Running { attempt: 3 }]
        11 turn.failed "provider_unavailable"
    "#]],
    );
    assert!(world.chat.unwrap().turns.is_empty());
}

#[test]
fn a_result_of_an_earlier_attempt_counts_for_nothing() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    let id = world.turn();
    world.start();
    world.end(1, StepEnd::interrupted());
    world.now = 1_000;
    world.start();
    world.trace.clear();
    world.end(1, answered("late"));
    world.end(2, answered("in time"));
    let chat = world.chat.as_ref().unwrap();
    assert_eq!(
        chat.end_step(id, 2, answered("again"), Timestamp::default()).unwrap_err().code,
        ProblemCode::TurnEnded
    );
    check(
        &world,
        expect![[r#"
        refused: TurnEnded
        10 message.posted "in time", 11 turn.completed
    "#]],
    );
}

#[test]
fn an_agent_works_on_one_turn_at_a_time() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo one");
    world.post(ADA, "c2", "@demo two");
    world.post(ADA, "c3", "@other three");
    let now = Timestamp::from_unix_ms(0);
    let due = world.chat.as_ref().unwrap().due_turns(now);
    assert_eq!(due.iter().map(|turn| turn.seq().0).collect::<Vec<_>>(), [7, 11]);
    world.start();
    assert_eq!(world.chat.as_ref().unwrap().due_turns(now).len(), 1);
    world.end(1, answered("ok"));
    assert_eq!(world.chat.as_ref().unwrap().due_turns(now).len(), 2);
}

#[test]
fn agents_that_call_each_other_stop_at_the_depth_limit() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    for answer in ["@other go", "@demo go", "@other go", "@demo go"] {
        world.start();
        world.end(1, answered(answer));
    }
    check(
        &world,
        expect![[r#"
        6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        8 turn.started [Running { attempt: 1 }]
        9 message.posted "@other go", 10 turn.completed, 11 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        12 turn.started [Running { attempt: 1 }]
        13 message.posted "@demo go", 14 turn.completed, 15 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        16 turn.started [Running { attempt: 1 }]
        17 message.posted "@other go", 18 turn.completed, 19 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        20 turn.started [Running { attempt: 1 }]
        21 message.posted "@demo go", 22 turn.completed, 23 turn.queued, 24 turn.failed "too_deep"
    "#]],
    );
    assert!(world.chat.unwrap().turns.is_empty());
}

#[test]
fn a_stopped_turn_keeps_what_was_said_and_can_be_stopped_again() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    let turn = world.turn();
    world.start();
    let command = ChatCommand::CancelTurn { turn };
    let facts = Facts::default();
    let ask = Ask {
        actor: user(BOB),
        org: None,
        command: &command,
        facts: &facts,
        now: Timestamp::from_unix_ms(5),
    };
    let decided = world.chat.as_ref().unwrap().cancel_turn(turn, "I was about", ask);
    assert!(world.settle(decided).is_ok());
    let again = world.ask(user(BOB), command);
    assert_eq!(again, Ok(Answer::Turn(TurnStatus { id: turn, state: TurnState::Cancelled })));
    world.run(user(EVE), ChatCommand::CancelTurn { turn });
    world.run(user(BOB), ChatCommand::CancelTurn { turn: TurnId::new(chat_id(), Seq(1)) });
    check(
        &world,
        expect![[r#"
        6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        8 turn.started [Running { attempt: 1 }]
        9 message.posted "I was about", 10 turn.cancelled
        nothing new
        refused: NotFound
        refused: NotFound
    "#]],
    );
}

#[test]
fn a_chat_with_too_many_open_turns_refuses_further_ones() {
    let mut world = World::begun();
    for n in 0..limits::OPEN_TURNS_PER_CHAT {
        world.post(ADA, &format!("c{n}"), "@demo go");
    }
    world.trace.clear();
    world.post(ADA, "last", "@demo go");
    check(
        &world,
        expect![[r#"
        46 message.posted "@demo go", 47 turn.queued, 48 turn.failed "queue_full"
    "#]],
    );
}

fn any_command() -> impl Strategy<Value = (bool, ChatCommand)> {
    let text = prop_oneof![Just("hi"), Just("@demo hi"), Just(""), Just("@other @demo both")];
    let command = prop_oneof![
        (0..5_u8, text.clone()).prop_map(|(id, text)| post(&format!("c{id}"), text)),
        (5..25_u64, text)
            .prop_map(|(seq, text)| ChatCommand::Edit { message: message(seq), text: text.to_owned() }),
        (5..25_u64).prop_map(|seq| ChatCommand::Delete { message: message(seq) }),
        (5..25_u64, any::<bool>()).prop_map(|(seq, on)| react(seq, "👍", on)),
        (0..30_u64).prop_map(|seq| ChatCommand::MarkRead { seq: Seq(seq) }),
        (5..25_u64).prop_map(|seq| ChatCommand::CancelTurn { turn: TurnId::new(chat_id(), Seq(seq)) }),
        Just(ChatCommand::Create {
            org: ORG.parse().unwrap(),
            channel: "chan_00000000000000000000000000000001".parse().unwrap(),
            title: "again".to_owned(),
            creator: participant(ADA, None),
            agents: vec![],
        }),
    ];
    (any::<bool>(), command)
}

proptest! {
    #[test]
    fn any_commands_leave_a_log_without_gaps_and_counts_that_agree_with_it(
        commands in proptest::collection::vec(any_command(), 1..60)
    ) {
        let mut world = World::begun();
        for (ada, command) in commands {
            let before = world.chat.clone();
            let refused = world.ask(user(if ada { ADA } else { BOB }), command).is_err();
            if refused {
                prop_assert_eq!(&before, &world.chat);
            }
            let due = world.chat.as_ref().unwrap().due_turns(Timestamp::from_unix_ms(world.now));
            if let Some(turn) = due.first() && refused {
                let now = Timestamp::from_unix_ms(world.now);
                let decided = world.chat.as_ref().unwrap().start_turn(*turn, now);
                prop_assert!(world.settle(decided).is_ok());
                let decided = world.chat.as_ref().unwrap().end_step(*turn, 1, answered("@other ok"), now);
                prop_assert!(world.settle(decided).is_ok());
            }
        }
        let chat = world.chat.unwrap();
        let numbers: Vec<u64> = world.log.iter().map(|event| event.seq.0).collect();
        prop_assert_eq!(numbers, (1..=chat.head.0).collect::<Vec<_>>());
        let posted = |event: &&Event| matches!(event.body, EventBody::MessagePosted(_));
        prop_assert_eq!(chat.message_count, world.log.iter().filter(posted).count() as u64);
        let queued = world.log.iter().filter(|e| matches!(e.body, EventBody::TurnQueued { .. })).count();
        let ended = world.log.iter().filter(|e| matches!(
            e.body,
            EventBody::TurnCompleted { .. } | EventBody::TurnFailed { .. } | EventBody::TurnCancelled { .. }
        )).count();
        prop_assert_eq!(queued - ended, chat.turns.len());
        for event in &world.log {
            if let EventBody::TurnQueued { turn, .. } = event.body {
                prop_assert_eq!(turn.seq(), event.seq);
            }
        }
    }
}
