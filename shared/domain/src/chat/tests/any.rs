//! What holds for any commands in any order.

use proptest::prelude::*;

use super::forks::{abandon, accept, begin, draft, post_in};
use super::keeps::{pin, post_files};
use super::*;

fn any_state() -> impl Strategy<Value = SandboxState> {
    prop_oneof![Just(SandboxState::Ready), Just(SandboxState::Stopped), Just(SandboxState::Destroyed)]
}

fn any_question() -> impl Strategy<Value = ApprovalAsk> {
    let rule =
        prop_oneof![Just(SelfApproval::Never), Just(SelfApproval::WhenAlone), Just(SelfApproval::Always)];
    (1..3_u8, rule, 1..5_u32).prop_map(|(quorum, self_approval, life_s)| ApprovalAsk {
        quorum,
        self_approval,
        life_s,
        ..question()
    })
}

fn any_option() -> impl Strategy<Value = Option<ApprovalOption>> {
    prop_oneof![Just(None), Just(Some(ApprovalOption::New)), Just(Some(ApprovalOption::Reuse))]
}

/// What people do with forks.
fn any_fork_command(text: impl Strategy<Value = &'static str> + 'static) -> BoxedStrategy<ChatCommand> {
    let forks = || 5..15_u64;
    let default_agent = || Some(Some(DEMO.parse().unwrap()));
    prop_oneof![
        3 => (0..5_u8, 5..15_u64).prop_map(|(id, from)| begin(&format!("f{id}"), from)),
        3 => (forks(), 0..5_u8, text).prop_map(|(of, id, text)| post_in(of, &format!("c{id}"), text)),
        2 => forks().prop_map(draft),
        1 => (forks(), 5..25_u64).prop_map(|(of, evidence)| accept(of, "@demo so", &[evidence])),
        1 => forks().prop_map(|of| accept(of, "so", &[])),
        1 => forks().prop_map(abandon),
        1 => Just(()).prop_map(move |()| ChatCommand::Update(UpdateChat {
            title: None,
            default_agent: default_agent(),
        })),
    ]
    .boxed()
}

/// What comes from outside: a command and who gives it.
fn any_command() -> impl Strategy<Value = (Actor, ChatCommand)> {
    let text = prop_oneof![Just("hi"), Just("@demo hi"), Just(""), Just("@other @demo both")];
    let of_person = prop_oneof![
        (0..5_u8, text.clone()).prop_map(|(id, text)| post(&format!("c{id}"), text)),
        (5..25_u64, text.clone())
            .prop_map(|(seq, text)| ChatCommand::Edit { message: message(seq), text: text.to_owned() }),
        (5..25_u64).prop_map(|seq| ChatCommand::Delete { message: message(seq) }),
        (5..25_u64, any::<bool>()).prop_map(|(seq, on)| react(seq, "👍", on)),
        (0..30_u64).prop_map(|seq| ChatCommand::MarkRead { seq: Seq(seq) }),
        (5..25_u64).prop_map(|seq| ChatCommand::CancelTurn { turn: TurnId::new(chat_id(), Seq(seq)) }),
        (5..40_u64, any::<bool>(), any_option()).prop_map(|(seq, approve, option)| {
            let decision = if approve { ApprovalDecision::Approve } else { ApprovalDecision::Deny };
            let decision = DecideApproval { decision, option, reason: None };
            ChatCommand::Decide { approval: approval(seq), decision, guests: vec![] }
        }),
        any_fork_command(text.clone()),
        (5..25_u64, any::<bool>()).prop_map(|(seq, on)| pin(seq, on)),
        (0..5_u8, text, 0..3_u8, 0..3_u8).prop_map(|(id, text, named, found)| post_files(
            &format!("c{id}"),
            text,
            &[named],
            &[found]
        )),
        Just(ChatCommand::RemoveParticipant { participant: DEMO.parse().unwrap() }),
        Just(ChatCommand::Create {
            org: ORG.parse().unwrap(),
            channel: "chan_00000000000000000000000000000001".parse().unwrap(),
            title: "again".to_owned(),
            creator: participant(ADA, None),
            agents: vec![],
        }),
    ];
    let of_system = prop_oneof![
        any_question().prop_map(asked),
        (1..4_u8, 1..5_u64, any_state())
            .prop_map(|(n, version, state)| ChatCommand::SandboxChanged(status(n, version, state))),
        (1..4_u8).prop_map(|n| ChatCommand::ArtifactSaved(artifact(n))),
    ];
    prop_oneof![
        3 => (any::<bool>(), of_person).prop_map(|(ada, command)| (user(if ada { ADA } else { BOB }), command)),
        1 => of_system.prop_map(|command| (Actor::System, command)),
    ]
}

/// What the object's own work comes to.
#[derive(Clone, Debug)]
enum Own {
    Step(bool),
    Call(CallEnd),
    Act(ActEnd),
    Time(i64),
}

fn any_own() -> impl Strategy<Value = Own> {
    let effects = || vec![ToolEffect::ArtifactSaved(artifact(1))];
    prop_oneof![
        3 => any::<bool>().prop_map(Own::Step),
        1 => Just(Own::Call(result("ok"))),
        1 => any_question().prop_map(|ask| Own::Call(CallEnd::Ask(Box::new(ask)))),
        1 => any_question().prop_map(move |ask| Own::Call(CallEnd::Answered {
            content: "met".to_owned(),
            is_error: true,
            effects: effects(),
            ask: Some(Box::new(ask)),
        })),
        1 => Just(Own::Call(CallEnd::Cut)),
        1 => Just(Own::Call(CallEnd::Later { after_ms: 1_000 })),
        1 => any::<bool>().prop_map(|done| Own::Act(ActEnd::Ended { done, detail: "so".to_owned() })),
        1 => Just(Own::Act(ActEnd::Cut)),
        1 => (1..3_000_i64).prop_map(Own::Time),
    ]
}

impl World {
    /// Does a piece of the object's own work, if there is any.
    fn work(&mut self, own: Own) {
        let now = Timestamp::from_unix_ms(self.now);
        let chat = self.chat.as_ref().unwrap();
        match own {
            Own::Step(calls) => {
                let Some(turn) = chat.due_turns(now).first().copied() else { return };
                let decided = chat.start_turn(turn, now);
                assert!(self.settle(decided).is_ok());
                let chat = self.chat.as_ref().unwrap();
                let TurnPhase::Running { attempt } = chat.turn(turn).unwrap().phase else { panic!() };
                let end = if calls { called(&["list_participants", "run"]) } else { answered("@other ok") };
                let decided = chat.end_step(turn, attempt, end, &self.always_due(), now);
                assert!(self.settle(decided).is_ok());
            }
            Own::Call(end) => {
                let Some((turn, key)) = chat.due_calls().map(|(turn, key, _)| (turn.id, key)).next() else {
                    return;
                };
                let decided = chat.end_call(turn, &key, end, &self.saved(), now);
                assert!(self.settle(decided).is_ok());
            }
            Own::Act(end) => {
                let Some(approval) = chat.acting().map(|(approval, _)| approval.id).next() else { return };
                let decided = chat.end_act(approval, end, now);
                assert!(self.settle(decided).is_ok());
            }
            Own::Time(ms) => {
                self.now += ms;
                self.expire();
            }
        }
    }

    /// As if all that stands were long ago: every answer wants a summary.
    fn always_due(&self) -> Unsummed {
        let deleted = |of: MessageId| {
            let deletes =
                |event: &Event| matches!(event.body, EventBody::MessageDeleted { message } if message == of);
            self.log.iter().any(deletes)
        };
        let own = self.log.iter().filter_map(|event| match &event.body {
            EventBody::MessagePosted(posted) if posted.fork.is_none() => Some(posted.message),
            _ => None,
        });
        let own: Vec<MessageId> = own.filter(|message| !deleted(*message)).collect();
        let from = own.first().map(|first| first.seq());
        Unsummed { from, messages: 21, full: false, last: own.last().copied(), failed_at: None }
    }

    fn count(&self, is: impl Fn(&EventBody) -> bool) -> usize {
        self.log.iter().filter(|event| is(&event.body)).count()
    }
}

/// Nothing waits for what will never come.
fn check_waiting(chat: &Chat, now: i64) {
    for turn in &chat.turns {
        let TurnPhase::Calling(calling) = &turn.phase else { continue };
        match &calling.state {
            CallState::Due { .. } => assert!(turn.due_call().is_some()),
            CallState::Asked { approval, .. } => {
                assert_eq!(chat.approval(*approval).unwrap().turn, Some(turn.id))
            }
        }
    }
    for approval in &chat.approvals {
        match approval.phase {
            ApprovalPhase::Open => {
                assert!(approval.expires_at.unix_ms() > now || chat.next_expiry().is_some())
            }
            ApprovalPhase::Acting { .. } => assert!(approval.option.is_some()),
            ApprovalPhase::Ended(_) => panic!("an approval that is over is forgotten"),
        }
    }
}

/// One turn at most sums up, and no message that it may have read was changed since it was queued.
fn check_summary(chat: &Chat, log: &[Event]) {
    let open: Vec<&Turn> = chat.turns.iter().filter(|turn| turn.summary).collect();
    assert!(open.len() <= 1, "two turns sum up");
    let Some(open) = open.first() else { return };
    let is_own = |of: MessageId| {
        let mut posts = log.iter().filter(|event| event.seq == of.seq());
        posts.any(|event| matches!(&event.body, EventBody::MessagePosted(posted) if posted.fork.is_none()))
    };
    for event in log.iter().filter(|event| event.seq > open.id.seq()) {
        if let EventBody::MessageDeleted { message } | EventBody::MessageEdited { message, .. } = &event.body
        {
            assert!(
                !is_own(*message) || message.seq() > open.cause.seq(),
                "it may quote what was taken back"
            );
        }
    }
}

/// Each fork agrees with the log, ends once, and has nothing behind its end.
fn check_forks(world: &World) {
    let chat = world.chat.as_ref().unwrap();
    let open = world.forks.values().filter(|fork| fork.state == ForkState::Open);
    assert_eq!(open.cloned().collect::<Vec<_>>(), chat.forks);
    assert!(chat.forks.len() <= limits::OPEN_FORKS_PER_CHAT);
    for fork in world.forks.values() {
        let of_fork = |event: &&Event| match &event.body {
            EventBody::MessagePosted(posted) => posted.fork == Some(fork.id),
            EventBody::TurnQueued { fork: of, .. } => *of == Some(fork.id),
            EventBody::ForkCreated { fork: of, .. }
            | EventBody::ForkResolved { fork: of, .. }
            | EventBody::ForkAbandoned { fork: of } => *of == fork.id,
            _ => false,
        };
        let events: Vec<&Event> = world.log.iter().filter(of_fork).collect();
        let is_end = |event: &&&Event| {
            matches!(event.body, EventBody::ForkResolved { .. } | EventBody::ForkAbandoned { .. })
        };
        let ends = events.iter().filter(is_end).count();
        assert_eq!(ends, usize::from(fork.state != ForkState::Open), "a fork ends once");
        assert!(ends == 0 || is_end(&events.last().unwrap()), "nothing follows the end");
        let said = events.iter().filter(|event| matches!(event.body, EventBody::MessagePosted(_))).count();
        assert_eq!(fork.message_count, said as u64);
        let works = |turn: &Turn| turn.fork == Some(fork.id);
        assert!(fork.state == ForkState::Open || !chat.turns.iter().any(works), "its turns end with it");
        let drafting = chat.turns.iter().filter(|turn| works(turn) && turn.draft).map(|turn| turn.id);
        assert_eq!(drafting.collect::<Vec<_>>(), fork.drafting.into_iter().collect::<Vec<_>>());
        if let Some(resolution) = &fork.resolution {
            let summary = world.log.iter().find(|event| event.seq == resolution.message.seq()).unwrap();
            let EventBody::MessagePosted(summary) = &summary.body else { panic!("no summary") };
            assert_eq!((summary.message, summary.fork), (resolution.message, None));
        }
    }
}

/// Pins agree with the log: messages of the chat itself that stand, each once.
fn check_pins(world: &World) {
    let mut pins: Vec<MessageId> = Vec::new();
    for event in &world.log {
        match &event.body {
            EventBody::MessagePinned { message } => {
                let posted = world.log.iter().find(|event| event.seq == message.seq()).unwrap();
                assert!(matches!(&posted.body, EventBody::MessagePosted(posted) if posted.fork.is_none()));
                assert!(!pins.contains(message), "pinned twice");
                pins.push(*message);
            }
            EventBody::MessageUnpinned { message } => {
                assert!(pins.contains(message), "unpinned without a pin");
                pins.retain(|pinned| pinned != message);
            }
            // Its pin goes with the next event.
            EventBody::MessageDeleted { message } if pins.contains(message) => {
                let next = world.log.iter().find(|next| next.seq == event.seq.next()).unwrap();
                assert_eq!(next.body, EventBody::MessageUnpinned { message: *message });
            }
            _ => {}
        }
    }
    let kept: Vec<MessageId> = world.chat.as_ref().unwrap().pins.iter().map(|pin| pin.message).collect();
    assert_eq!(kept, pins);
}

proptest! {
    #[test]
    fn any_commands_and_any_work_leave_a_log_without_gaps_and_a_chat_that_agrees_with_it(
        commands in proptest::collection::vec((any_command(), any_own()), 1..60)
    ) {
        let mut world = World::begun();
        for ((actor, command), own) in commands {
            let before = world.chat.clone();
            if world.ask(actor, command).is_err() {
                prop_assert_eq!(&before, &world.chat);
            }
            world.work(own);
            check_summary(world.chat.as_ref().unwrap(), &world.log);
            check_waiting(world.chat.as_ref().unwrap(), world.now);
        }
        let chat = world.chat.as_ref().unwrap();
        let numbers: Vec<u64> = world.log.iter().map(|event| event.seq.0).collect();
        prop_assert_eq!(numbers, (1..=chat.head.0).collect::<Vec<_>>());
        let posted =
            world.count(|body| matches!(body, EventBody::MessagePosted(posted) if posted.fork.is_none()));
        prop_assert_eq!(chat.message_count, posted as u64);
        let queued = world.count(|body| matches!(body, EventBody::TurnQueued { .. }));
        let ended = world.count(|body| matches!(
            body,
            EventBody::TurnCompleted { .. }
                | EventBody::TurnSummarised { .. }
                | EventBody::TurnFailed { .. }
                | EventBody::TurnCancelled { .. }
        ));
        prop_assert_eq!(queued - ended, chat.turns.len());
        let requested = world.count(|body| matches!(body, EventBody::ApprovalRequested { .. }));
        let closed = world.count(|body| matches!(body, EventBody::ApprovalClosed { .. }));
        let approved = world.count(
            |body| matches!(body, EventBody::ApprovalClosed { state: ApprovalState::Approved, .. })
        );
        let carried_out = world.count(|body| matches!(body, EventBody::ApprovalCarriedOut { .. }));
        prop_assert_eq!(requested - closed, chat.open_approvals().count());
        prop_assert_eq!(approved - carried_out, chat.acting().count());
        let artifacts = world.count(|body| matches!(body, EventBody::ArtifactSaved { .. }));
        prop_assert!(artifacts <= 3, "an artifact is told twice");
        check_forks(&world);
        check_pins(&world);
        for event in &world.log {
            match &event.body {
                EventBody::TurnQueued { turn, .. } => prop_assert_eq!(turn.seq(), event.seq),
                EventBody::ApprovalRequested { approval, .. } => prop_assert_eq!(approval.seq(), event.seq),
                _ => {}
            }
        }
    }
}
