//! Turns: from the mention to the answer, and every way to fail.

use super::*;

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
    world.end(1, called(&["list_participants"]));
    world.start();
    world.end(1, answered("done"));
    check(
        &world,
        expect![[r#"
        6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        8 turn.started [Running { attempt: 1 }]
        9 turn.tool_called, 10 turn.tool_returned "person\ndemo (agent demo)\nother (agent other)\nperson" [Queued { failed: 0, not_before: Timestamp(0) }]
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
        chat.end_step(id, 2, answered("again"), &Unsummed::default(), Timestamp::default()).unwrap_err().code,
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
