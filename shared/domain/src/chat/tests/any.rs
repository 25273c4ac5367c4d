//! What holds for any commands in any order.

use proptest::prelude::*;

use super::*;

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
