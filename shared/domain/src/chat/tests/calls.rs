//! Calls of tools: performed one after the other, asked about, cut, and ended with their turn.

use super::*;

/// An agent's tool that asks people first.
fn asking() -> World {
    let mut world = World::begun();
    world.calling(&["start_sandbox"]);
    world.end_call(CallEnd::Ask(Box::new(question())));
    world.trace.clear();
    world
}

#[test]
fn calls_are_performed_one_after_the_other_and_the_chat_answers_its_own_at_once() {
    let mut world = World::begun();
    world.calling(&["list_participants", "run_command", "list_participants", "read_file"]);
    let turn = world.turn();
    assert_eq!(world.due(), format!("{turn}.0.1"));
    world.end_call(result("ran"));
    assert_eq!(world.due(), format!("{turn}.0.3"));
    world.end_call(result("read"));
    world.start();
    world.end(1, called(&["run_command"]));
    assert_eq!(world.due(), format!("{turn}.1.0"));
    world.end_call(result("again"));
    world.start();
    world.end(1, answered("done"));
    check(
        &world,
        expect![[r#"
            6 message.posted "@demo go", 7 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
            8 turn.started [Running { attempt: 1 }]
            9 turn.tool_called, 10 turn.tool_called, 11 turn.tool_called, 12 turn.tool_called, 13 turn.tool_returned "person\ndemo (agent demo)\nother (agent other)\nperson" [Calling 2 of 4: Due { failed: 0, not_before: Timestamp(0) }]
            14 turn.tool_returned "ran", 15 turn.tool_returned "person\ndemo (agent demo)\nother (agent other)\nperson" [Calling 4 of 4: Due { failed: 0, not_before: Timestamp(0) }]
            16 turn.tool_returned "read" [Queued { failed: 0, not_before: Timestamp(0) }]
            nothing new [Running { attempt: 1 }]
            17 turn.tool_called [Calling 1 of 1: Due { failed: 0, not_before: Timestamp(0) }]
            18 turn.tool_returned "again" [Queued { failed: 0, not_before: Timestamp(0) }]
            nothing new [Running { attempt: 1 }]
            19 message.posted "done", 20 turn.completed
        "#]],
    );
}

#[test]
fn a_result_that_comes_twice_or_too_late_counts_for_nothing() {
    let mut world = World::begun();
    world.calling(&["run_command", "run_command"]);
    let (turn, first) = (world.turn(), world.due());
    world.end_call(result("one"));
    world.trace.clear();
    world.end_call_named(turn, &first, result("one again"));
    let second = world.due();
    world.end_call(result("two"));
    world.end_call_named(turn, &second, result("two again"));
    world.run(user(ADA), ChatCommand::CancelTurn { turn });
    world.end_call_named(turn, &second, result("late"));
    check(
        &world,
        expect![[r#"
            refused: TurnEnded
            12 turn.tool_returned "two" [Queued { failed: 0, not_before: Timestamp(0) }]
            refused: TurnEnded
            13 turn.cancelled
            refused: TurnEnded
        "#]],
    );
}

#[test]
fn a_call_that_is_cut_is_asked_again_under_its_name_until_the_tenth_time() {
    let mut world = World::begun();
    world.calling(&["run_command"]);
    world.trace.clear();
    let key = world.due();
    world.end_call(CallEnd::Cut);
    world.end_call(CallEnd::Later { after_ms: 3_000 });
    for _ in 0..9 {
        world.end_call(CallEnd::Cut);
        assert_eq!(world.due(), key);
    }
    world.trace.clear();
    world.end_call(CallEnd::Cut);
    check(
        &world,
        expect![[r#"
            10 turn.tool_returned "The tool could not be reached." [Queued { failed: 0, not_before: Timestamp(0) }]
        "#]],
    );
    assert!(world.told().1);
}

#[test]
fn a_turn_waits_for_people_and_goes_on_with_what_came_of_it() {
    let mut world = asking();
    let chat = world.chat.as_ref().unwrap();
    let shown = chat.describe(BOB.parse().unwrap());
    assert_eq!(shown.open_turns[0].state, TurnState::Waiting);
    assert_eq!(
        (shown.open_approvals[0].turn, shown.open_approvals[0].user),
        (Some(world.turn()), Some(ADA.parse().unwrap()))
    );
    assert!(chat.due_calls().next().is_none());
    world.run(user(ADA), answer(10, true));
    world.run(user(BOB), answer(10, true));
    world.end_act(approval(10), ActEnd::Ended { done: true, detail: "The sandbox runs.".to_owned() });
    assert_eq!(world.told(), ("The sandbox runs.".to_owned(), false));
    world.start();
    world.end(1, answered("done"));
    check(
        &world,
        expect![[r#"
            refused: NotYoursToDecide
            11 approval.voted, 12 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            13 approval.carried_out "The sandbox runs.", 14 turn.tool_returned "The sandbox runs." [Queued { failed: 0, not_before: Timestamp(0) }] <Ended(Approved)>
            nothing new [Running { attempt: 1 }]
            15 message.posted "done", 16 turn.completed
        "#]],
    );
}

#[test]
fn the_agent_is_told_who_denied_and_why_that_nobody_answered_and_that_it_failed() {
    let mut world = asking();
    let decision = DecideApproval {
        decision: ApprovalDecision::Deny,
        option: None,
        reason: Some(" too dear ".to_owned()),
    };
    world.run(user(BOB), ChatCommand::Decide { approval: approval(10), decision, guests: vec![] });
    assert_eq!(world.told(), ("Denied by person: too dear".to_owned(), true));
    let mut world = asking();
    world.run(user(BOB), answer(10, false));
    assert_eq!(world.told(), ("Denied by person.".to_owned(), true));
    let mut world = asking();
    world.now = 86_400_000;
    world.expire();
    assert_eq!(world.told(), ("Nobody answered within 24 hours.".to_owned(), true));
    check(
        &world,
        expect![[r#"
            11 approval.closed "expired", 12 turn.tool_returned "Nobody answered within 24 hours." [Queued { failed: 0, not_before: Timestamp(86400000) }] <Ended(Expired)>
        "#]],
    );
    let mut world = asking();
    world.run(user(BOB), answer(10, true));
    world.end_act(approval(10), ActEnd::Ended { done: false, detail: "No place.".to_owned() });
    assert_eq!(world.told(), ("No place.".to_owned(), true));
}

#[test]
fn a_result_that_raises_a_question_is_told_with_how_it_ended() {
    let met_refused_hosts = |content: &str| CallEnd::Answered {
        content: content.to_owned(),
        is_error: false,
        effects: vec![],
        ask: Some(Box::new(question())),
    };
    let mut world = World::begun();
    world.calling(&["run_command", "run_command"]);
    world.end_call(met_refused_hosts("exit 6"));
    world.run(user(BOB), answer(11, true));
    world.end_act(approval(11), ActEnd::Ended { done: true, detail: "Allowed.".to_owned() });
    assert_eq!(world.told(), ("exit 6\n\nAllowed.".to_owned(), false));
    world.end_call(met_refused_hosts("exit 7"));
    world.trace.clear();
    world.run(user(BOB), answer(16, false));
    assert_eq!(world.told(), ("exit 7\n\nDenied by person.".to_owned(), true));
    check(
        &world,
        expect![[r#"
            17 approval.voted, 18 approval.closed "denied", 19 turn.tool_returned "exit 7\n\nDenied by person." [Queued { failed: 0, not_before: Timestamp(0) }] <Ended(Denied)>
        "#]],
    );
}

#[test]
fn what_a_turn_asked_is_withdrawn_when_it_is_stopped_or_its_agent_leaves() {
    let mut world = asking();
    let turn = world.turn();
    world.run(user(BOB), ChatCommand::CancelTurn { turn });
    world.run(user(BOB), answer(10, true));
    check(
        &world,
        expect![[r#"
            11 turn.cancelled, 12 approval.closed "withdrawn" <Ended(Withdrawn)>
            refused: ApprovalEnded
        "#]],
    );
    let mut world = asking();
    world.run(user(ADA), ChatCommand::RemoveParticipant { participant: DEMO.parse().unwrap() });
    check(
        &world,
        expect![[r#"
            11 participant.left, 12 turn.failed "agent_unavailable", 13 approval.closed "withdrawn" <Ended(Withdrawn)>
        "#]],
    );
}

#[test]
fn what_was_approved_is_carried_out_though_its_turn_has_ended() {
    let mut world = asking();
    let turn = world.turn();
    world.run(user(BOB), answer(10, true));
    world.run(user(ADA), ChatCommand::CancelTurn { turn });
    world.end_act(approval(10), ActEnd::Ended { done: true, detail: "It runs.".to_owned() });
    check(
        &world,
        expect![[r#"
            11 approval.voted, 12 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            13 turn.cancelled
            14 approval.carried_out "It runs." <Ended(Approved)>
        "#]],
    );
}

#[test]
fn a_stopped_turn_keeps_what_its_agent_said_before_it_called() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    world.start();
    let StepEnd::Called { calls, usage, .. } = called(&["run_command"]) else { panic!() };
    world.end(1, StepEnd::Called { text: "Let me see.".to_owned(), calls, usage, measured: None });
    world.trace.clear();
    world.run(user(ADA), ChatCommand::CancelTurn { turn: world.turn() });
    check(
        &world,
        expect![[r#"
            10 message.posted "Let me see.", 11 turn.cancelled
        "#]],
    );
}

#[test]
fn an_agent_answers_others_while_one_of_its_turns_waits_for_people() {
    let mut world = asking();
    world.post(BOB, "c2", "@demo and this?");
    let due = world.chat.as_ref().unwrap().due_turns(Timestamp::from_unix_ms(0));
    assert_eq!(due.iter().map(|turn| turn.seq().0).collect::<Vec<_>>(), [12]);
    let decided = world.chat.as_ref().unwrap().start_turn(due[0], Timestamp::from_unix_ms(0));
    drop(world.settle(decided));
    world.run(user(BOB), answer(10, false));
    // The older turn's next step waits until the agent is free again.
    assert!(world.chat.as_ref().unwrap().due_turns(Timestamp::from_unix_ms(0)).is_empty());
    let now = Timestamp::from_unix_ms(0);
    let decided =
        world.chat.as_ref().unwrap().end_step(due[0], 1, answered("yes"), &Unsummed::default(), now);
    drop(world.settle(decided));
    assert_eq!(world.chat.unwrap().due_turns(now).len(), 1);
}

#[test]
fn a_question_too_many_is_an_error_for_the_agent_and_a_long_reason_is_cut() {
    let mut world = World::begun();
    for _ in 0..limits::OPEN_APPROVALS_PER_CHAT {
        world.run(Actor::System, asked(question()));
    }
    world.calling(&["start_sandbox", "start_sandbox"]);
    world.trace.clear();
    world.end_call(CallEnd::Ask(Box::new(question())));
    assert_eq!(world.told(), ("Too many approvals of this chat are waiting already.".to_owned(), true));
    world.run(user(BOB), answer(6, false));
    let long = ApprovalAsk { reason: "é".repeat(600), ..question() };
    world.end_call(CallEnd::Ask(Box::new(long)));
    let chat = world.chat.as_ref().unwrap();
    let asked = chat.approvals.last().unwrap();
    assert_eq!(asked.ask.reason.chars().count(), limits::REASON_CHARS);
}

#[test]
fn what_a_tool_did_stands_in_the_log_beside_its_result_and_an_artifact_once() {
    let mut world = World::begun();
    world.run(Actor::System, ChatCommand::ArtifactSaved(artifact(1)));
    world.calling(&["save_artifact"]);
    world.trace.clear();
    world.end_call(CallEnd::Answered {
        content: "Saved.".to_owned(),
        is_error: false,
        effects: vec![
            ToolEffect::PreviewOpened { sandbox: sandbox(1), port: 8080 },
            ToolEffect::ArtifactSaved(artifact(1)),
            ToolEffect::ArtifactSaved(artifact(2)),
        ],
        ask: None,
    });
    check(
        &world,
        expect![[r#"
            11 preview.opened, 12 artifact.saved "a.txt", 13 turn.tool_returned "Saved." [Queued { failed: 0, not_before: Timestamp(0) }]
        "#]],
    );
}

#[test]
fn older_results_and_arguments_are_shortened_when_a_turn_grows_long() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    let long = "x".repeat(limits::TOOL_RESULT_BYTES);
    for _ in 0..14 {
        world.start();
        let StepEnd::Called { mut calls, usage, .. } = called(&["write_file"]) else { panic!() };
        calls[0].arguments = serde_json::json!({ "path": "a", "content": long });
        world.end(1, StepEnd::Called { text: String::new(), calls, usage, measured: None });
        world.end_call(result(&long));
    }
    let turn = &world.chat.as_ref().unwrap().turns[0];
    let stored = serde_json::to_string(&turn.steps).unwrap().len();
    assert!(stored < 200 * 1024, "{stored}");
    let newest = turn.steps.last().unwrap();
    assert_eq!(newest.results[0].content, long);
    assert_eq!(newest.calls[0].arguments["content"], long);
    let oldest = &turn.steps[0].results[0].content;
    assert!(oldest.len() < 2_200 && oldest.contains("14336 bytes left out"), "{oldest}");
    assert!(world.told().0 == long);
    world.start();
    let StepEnd::Called { mut calls, usage, .. } = called(&["write_file"]) else { panic!() };
    calls[0].arguments = serde_json::json!({ "content": "x".repeat(512 * 1024) });
    world.trace.clear();
    world.end(1, StepEnd::Called { text: String::new(), calls, usage, measured: None });
    check(
        &world,
        expect![[r#"
            37 turn.failed "refused"
        "#]],
    );
}

#[test]
fn a_turn_of_too_many_steps_fails() {
    let mut world = World::begun();
    world.post(ADA, "c1", "@demo go");
    for _ in 0..24 {
        world.start();
        world.end(1, called(&["list_participants"]));
    }
    let EventBody::TurnFailed { failure, .. } = &world.log.last().unwrap().body else { panic!() };
    assert_eq!(failure.code, TurnFailureCode::TooManySteps);
    assert_eq!(world.log.iter().filter(|e| matches!(e.body, EventBody::ToolReturned { .. })).count(), 23);
}

#[test]
fn stored_turns_keep_their_meaning() {
    let turn = |phase: &str| {
        format!(
            r#"{{"id":"turn_000000000000000000000000000000c100000007","agent":"agent_000000000000000000000000000000d1","cause":"msg_000000000000000000000000000000c100000006","depth":0,"steps":[],"usage":{{"input_tokens":0,"output_tokens":0}},"phase":{phase}}}"#
        )
    };
    let stored = [
        turn(r#"{"queued":{"failed":1,"not_before":"2026-11-20T08:15:30.123Z"}}"#),
        turn(r#"{"running":{"attempt":2}}"#),
        turn(
            r#"{"calling":{"text":"I","calls":[{"id":"1","name":"run_command","arguments":{}}],"results":[],"state":{"due":{"failed":0,"not_before":"2026-11-20T08:15:30.123Z"}}}}"#,
        ),
        turn(
            r#"{"calling":{"text":"I","calls":[{"id":"1","name":"run_command","arguments":{}}],"results":[],"state":{"asked":{"approval":"appr_000000000000000000000000000000c10000000a"}}}}"#,
        ),
    ];
    for text in stored {
        let turn: Turn = serde_json::from_str(&text).unwrap();
        assert_eq!(turn.user, None);
        assert_eq!(serde_json::to_string(&turn).unwrap(), text);
    }
}
