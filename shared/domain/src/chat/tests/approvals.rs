//! Approvals: who may answer, what an answer does, and every way in which a question ends.

use super::*;

fn with(change: impl FnOnce(&mut ApprovalAsk)) -> ChatCommand {
    let mut ask = question();
    change(&mut ask);
    asked(ask)
}

fn answer_as(seq: u64, approve: bool, option: Option<ApprovalOption>, reason: Option<&str>) -> ChatCommand {
    let decision = if approve { ApprovalDecision::Approve } else { ApprovalDecision::Deny };
    let decision = DecideApproval { decision, option, reason: reason.map(str::to_owned) };
    ChatCommand::Decide { approval: approval(seq), decision, guests: vec![] }
}

#[test]
fn what_one_person_asks_another_approves_and_it_is_carried_out() {
    let mut world = World::begun();
    world.run(Actor::System, asked(question()));
    assert_eq!(world.chat.as_ref().unwrap().describe(BOB.parse().unwrap()).open_approvals.len(), 1);
    let given = world.ask(user(BOB), answer(6, true)).unwrap();
    assert_eq!(world.chat.as_ref().unwrap().acting().count(), 1);
    // The answer was lost and is given again, while it is carried out and after.
    assert_eq!(world.ask(user(BOB), answer(6, true)).unwrap(), given);
    world.end_act(approval(6), ActEnd::Ended { done: true, detail: "It runs.".to_owned() });
    assert_eq!(world.ask(user(BOB), answer(6, true)).unwrap(), given);
    world.end_act(approval(6), ActEnd::Ended { done: true, detail: "Twice?".to_owned() });
    check(
        &world,
        expect![[r#"
            6 approval.requested <Open>
            7 approval.voted, 8 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            nothing new
            9 approval.carried_out "It runs." <Ended(Approved)>
            nothing new
            refused: ApprovalEnded
        "#]],
    );
    let Answer::Approval(given) = given else { panic!() };
    assert_eq!(
        (given.state, given.votes.len(), given.user),
        (ApprovalState::Approved, 1, Some(ADA.parse().unwrap()))
    );
    let chat = world.chat.unwrap();
    assert!(chat.approvals.is_empty() && chat.describe(BOB.parse().unwrap()).open_approvals.is_empty());
}

#[test]
fn only_people_who_take_part_answer_and_only_slipway_puts_a_persons_question() {
    let mut world = World::begun();
    world.run(user(ADA), asked(question()));
    world.run(
        Actor::System,
        ChatCommand::RequestApproval { ask: Box::new(question()), by: EVE.parse().unwrap(), client_id: None },
    );
    world.run(Actor::System, with(|ask| ask.reason = "é".repeat(501)));
    world.run(Actor::System, with(|ask| ask.reason = "é".repeat(500)));
    world.run(user(EVE), answer(6, true));
    world.run(Actor::Agent { id: DEMO.parse().unwrap() }, answer(6, true));
    world.run(Actor::System, answer(6, true));
    world.run(user(BOB), answer(5, true));
    world.run(user(BOB), answer_as(6, false, None, Some(&"x".repeat(501))));
    check(
        &world,
        expect![[r#"
            refused: NotFound
            refused: NotFound
            refused: InvalidField
            6 approval.requested <Open>
            refused: NotFound
            refused: Forbidden
            refused: NotFound
            refused: NotFound
            refused: InvalidField
        "#]],
    );
}

#[test]
fn who_caused_a_question_approves_it_only_as_its_rule_says() {
    let mut world = World::begun();
    let rules = [SelfApproval::Never, SelfApproval::WhenAlone, SelfApproval::Always];
    for rule in rules {
        world.run(Actor::System, with(|ask| ask.self_approval = rule));
    }
    for seq in 6..=8 {
        world.run(user(ADA), answer(seq, true));
    }
    world.run(Actor::System, ChatCommand::RemoveParticipant { participant: BOB.parse().unwrap() });
    for seq in 6..=7 {
        world.run(user(ADA), answer(seq, true));
    }
    // Taking one's own question back is always allowed.
    world.run(user(ADA), answer(6, false));
    check(
        &world,
        expect![[r#"
            6 approval.requested <Open>
            7 approval.requested <Open>
            8 approval.requested <Open>
            refused: NotYoursToDecide
            refused: NotYoursToDecide
            9 approval.voted, 10 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            11 participant.left
            refused: NotYoursToDecide
            12 approval.voted, 13 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            14 approval.voted, 15 approval.closed "denied" <Ended(Denied)>
        "#]],
    );
}

#[test]
fn a_guest_is_nobody_to_wait_for_and_people_are_counted_when_the_answer_comes() {
    let approving = |seq, guests: &[&str]| ChatCommand::Decide {
        approval: approval(seq),
        decision: DecideApproval { decision: ApprovalDecision::Approve, option: None, reason: None },
        guests: guests.iter().map(|guest| guest.parse().unwrap()).collect(),
    };
    let mut world = World::begun();
    for _ in 0..2 {
        world.run(Actor::System, asked(question()));
    }
    world.run(Actor::System, with(|ask| ask.self_approval = SelfApproval::Never));
    world.run(user(ADA), approving(6, &[]));
    world.run(user(ADA), approving(6, &[EVE]));
    world.run(user(ADA), approving(6, &[BOB]));
    world.run(user(ADA), approving(8, &[BOB]));
    // Somebody comes who could answer.
    world.run(
        Actor::System,
        ChatCommand::AddParticipant { participant: participant(EVE, None), by: user(ADA) },
    );
    world.run(user(ADA), approving(7, &[BOB]));
    check(
        &world,
        expect![[r#"
        6 approval.requested <Open>
        7 approval.requested <Open>
        8 approval.requested <Open>
        refused: NotYoursToDecide
        refused: NotYoursToDecide
        9 approval.voted, 10 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
        refused: NotYoursToDecide
        11 participant.joined
        refused: NotYoursToDecide
    "#]],
    );
}

#[test]
fn what_is_asked_again_under_the_same_name_is_one_question_however_it_stands() {
    let named = |by: &str, client_id: &str| ChatCommand::RequestApproval {
        ask: Box::new(question()),
        by: by.parse().unwrap(),
        client_id: Some(client_id.to_owned()),
    };
    let earlier = |by: &str, client_id: &str| ChatCommand::EarlierApproval {
        by: by.parse().unwrap(),
        client_id: client_id.to_owned(),
    };
    let mut world = World::begun();
    world.run(Actor::System, earlier(ADA, "one"));
    let first = world.ask(Actor::System, named(ADA, "one")).unwrap();
    assert_eq!(world.ask(Actor::System, named(ADA, "one")).unwrap(), first);
    assert_eq!(world.ask(Actor::System, earlier(ADA, "one")).unwrap(), first);
    // Another name, and another person's same name, are other questions; no name is never the same.
    world.run(Actor::System, named(ADA, "two"));
    world.run(Actor::System, named(BOB, "one"));
    world.run(Actor::System, asked(question()));
    world.run(Actor::System, asked(question()));
    world.run(user(BOB), answer_as(6, false, None, None));
    let Answer::Approval(over) = world.ask(Actor::System, named(ADA, "one")).unwrap() else { panic!() };
    assert_eq!((over.id, over.state), (approval(6), ApprovalState::Denied));
    world.run(Actor::System, named(ADA, ""));
    world.run(Actor::System, named(ADA, &"é".repeat(33)));
    world.run(Actor::System, named(EVE, "one"));
    world.run(Actor::System, earlier(EVE, "one"));
    world.run(user(ADA), earlier(ADA, "one"));
    check(
        &world,
        expect![[r#"
        refused: NotFound
        6 approval.requested <Open>
        nothing new
        nothing new
        7 approval.requested <Open>
        8 approval.requested <Open>
        9 approval.requested <Open>
        10 approval.requested <Open>
        11 approval.voted, 12 approval.closed "denied" <Ended(Denied)>
        nothing new
        refused: InvalidField
        refused: InvalidField
        refused: NotFound
        refused: NotFound
        refused: NotFound
    "#]],
    );
}

#[test]
fn a_quorum_takes_so_many_people_and_one_denial_ends_it() {
    let mut world = World::begun();
    world.run(
        Actor::System,
        ChatCommand::AddParticipant { participant: participant(EVE, None), by: user(ADA) },
    );
    for _ in 0..2 {
        world.run(Actor::System, with(|ask| ask.quorum = 2));
    }
    world.trace.clear();
    world.run(user(BOB), answer(7, true));
    world.run(user(BOB), answer(7, true));
    world.run(user(BOB), answer(7, false));
    world.run(user(BOB), answer_as(7, true, Some(ApprovalOption::Reuse), None));
    world.run(user(EVE), answer_as(7, true, Some(ApprovalOption::Reuse), None));
    world.run(user(EVE), answer(7, true));
    world.run(user(BOB), answer_as(8, true, Some(ApprovalOption::Reuse), None));
    world.run(user(EVE), answer(8, false));
    world.run(user(ADA), answer(8, true));
    check(
        &world,
        expect![[r#"
            9 approval.voted <Open>
            nothing new
            refused: NotYoursToDecide
            refused: NotYoursToDecide
            refused: InvalidField
            10 approval.voted, 11 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            12 approval.voted <Open>
            13 approval.voted, 14 approval.closed "denied" <Ended(Denied)>
            refused: ApprovalEnded
        "#]],
    );
}

#[test]
fn only_what_a_question_offers_can_be_chosen() {
    let mut world = World::begun();
    world.run(
        Actor::System,
        with(|ask| {
            ask.action = ApprovalAction::AllowHosts { sandbox: sandbox(1), hosts: vec!["a.org".to_owned()] }
        }),
    );
    world.run(Actor::System, asked(question()));
    world.run(user(BOB), answer_as(6, true, Some(ApprovalOption::Reuse), None));
    world.run(user(BOB), answer_as(7, true, Some(ApprovalOption::Reuse), None));
    assert_eq!(
        world.chat.as_ref().unwrap().approval(approval(7)).unwrap().option,
        Some(ApprovalOption::Reuse)
    );
    check(
        &world,
        expect![[r#"
            6 approval.requested <Open>
            7 approval.requested <Open>
            refused: InvalidField
            8 approval.voted, 9 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
        "#]],
    );
}

#[test]
fn of_two_at_once_the_second_sees_the_first() {
    let mut world = World::begun();
    world.run(
        Actor::System,
        ChatCommand::AddParticipant { participant: participant(EVE, None), by: user(ADA) },
    );
    world.run(Actor::System, asked(question()));
    world.trace.clear();
    world.run(user(BOB), answer(7, true));
    world.run(user(EVE), answer(7, true));
    world.run(user(EVE), answer(7, false));
    check(
        &world,
        expect![[r#"
            8 approval.voted, 9 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            refused: ApprovalEnded
            refused: ApprovalEnded
        "#]],
    );
}

#[test]
fn a_question_ends_unanswered_at_its_time_and_not_a_moment_before() {
    let mut world = World::begun();
    world.run(Actor::System, with(|ask| ask.life_s = 60));
    world.run(Actor::System, asked(question()));
    let chat = world.chat.as_ref().unwrap();
    assert_eq!(chat.next_expiry(), Some(Timestamp::from_unix_ms(60_000)));
    world.now = 59_999;
    world.expire();
    world.now = 60_000;
    // The alarm may be late: the answer is, too.
    world.run(user(BOB), answer(6, true));
    world.expire();
    world.run(user(BOB), answer(6, true));
    world.expire();
    world.run(user(BOB), answer(7, true));
    check(
        &world,
        expect![[r#"
            6 approval.requested <Open>
            7 approval.requested <Open>
            nothing new
            refused: ApprovalEnded
            8 approval.closed "expired" <Ended(Expired)>
            refused: ApprovalEnded
            nothing new
            9 approval.voted, 10 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(60000) }>
        "#]],
    );
    assert_eq!(world.chat.unwrap().next_expiry(), None);
}

#[test]
fn a_chat_with_too_many_open_questions_refuses_further_ones_until_one_is_answered() {
    let mut world = World::begun();
    for _ in 0..limits::OPEN_APPROVALS_PER_CHAT {
        world.run(Actor::System, asked(question()));
    }
    world.trace.clear();
    world.run(Actor::System, asked(question()));
    world.run(user(BOB), answer(6, true));
    world.run(Actor::System, asked(question()));
    check(
        &world,
        expect![[r#"
            refused: LimitReached
            26 approval.voted, 27 approval.closed "approved" <Acting { cuts: 0, not_before: Timestamp(0) }>
            28 approval.requested <Open>
        "#]],
    );
}

#[test]
fn what_is_approved_is_asked_again_when_it_must_wait_or_was_cut_ten_times_in_a_row_at_most() {
    let mut world = World::begun();
    world.run(Actor::System, asked(question()));
    world.run(user(BOB), answer(6, true));
    world.trace.clear();
    world.end_act(approval(6), ActEnd::Cut);
    world.end_act(approval(6), ActEnd::Later { after_ms: 5_000 });
    world.end_act(approval(6), ActEnd::Later { after_ms: 0 });
    for _ in 0..9 {
        world.end_act(approval(6), ActEnd::Cut);
    }
    let at: Vec<_> = world.chat.as_ref().unwrap().acting().map(|(approval, at)| (approval.id, at)).collect();
    assert_eq!(at, [(approval(6), Timestamp::from_unix_ms(30_000))]);
    world.end_act(approval(6), ActEnd::Cut);
    check(
        &world,
        expect![[r#"
            nothing new <Acting { cuts: 1, not_before: Timestamp(1000) }>
            nothing new <Acting { cuts: 0, not_before: Timestamp(5000) }>
            nothing new <Acting { cuts: 0, not_before: Timestamp(200) }>
            nothing new <Acting { cuts: 1, not_before: Timestamp(1000) }>
            nothing new <Acting { cuts: 2, not_before: Timestamp(2000) }>
            nothing new <Acting { cuts: 3, not_before: Timestamp(4000) }>
            nothing new <Acting { cuts: 4, not_before: Timestamp(8000) }>
            nothing new <Acting { cuts: 5, not_before: Timestamp(16000) }>
            nothing new <Acting { cuts: 6, not_before: Timestamp(30000) }>
            nothing new <Acting { cuts: 7, not_before: Timestamp(30000) }>
            nothing new <Acting { cuts: 8, not_before: Timestamp(30000) }>
            nothing new <Acting { cuts: 9, not_before: Timestamp(30000) }>
            9 approval.carried_out "It could not be carried out: what does it cannot be reached." <Ended(Approved)>
        "#]],
    );
}

#[test]
fn a_stored_approval_keeps_its_meaning() {
    let stored = r#"{"id":"appr_000000000000000000000000000000c100000006","asked_by":{"kind":"user","id":"user_000000000000000000000000000000a1"},"user":"user_000000000000000000000000000000a1","turn":null,"ask":{"action":{"kind":"start_sandbox","size":"small","hosts":[],"reuse":"sbx_00000000000000000000000000000001"},"risk":"high","reason":"to show it","quorum":1,"self_approval":"when_alone","life_s":86400},"votes":[{"user":"user_000000000000000000000000000000b2","approve":true}],"option":"new","asked_at":"1970-01-01T00:00:00.000Z","expires_at":"1970-01-02T00:00:00.000Z","version":2,"phase":{"acting":{"cuts":0,"not_before":"1970-01-01T00:00:00.000Z"}}}"#;
    let mut world = World::begun();
    world.run(Actor::System, asked(question()));
    world.run(user(BOB), answer(6, true));
    let chat = world.chat.unwrap();
    let kept = chat.approval(approval(6)).unwrap();
    // The version counts what the inbox shows: the question, and its end with the vote.
    let kept = Approval { version: 2, ..kept.clone() };
    assert_eq!(serde_json::to_string(&kept).unwrap(), stored);
    assert_eq!(serde_json::from_str::<Approval>(stored).unwrap(), kept);
}
