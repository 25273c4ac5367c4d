//! Forks: from the message to the summary, and every way to be too late.

use super::*;

/// The fork that began at an event.
pub(super) fn fork(seq: u64) -> ForkId {
    ForkId::new(chat_id(), Seq(seq))
}

pub(super) fn begin(client_id: &str, from: u64) -> ChatCommand {
    let (message, client_id) = (message(from), client_id.to_owned());
    ChatCommand::CreateFork {
        fork: CreateFork { message, description: " Which port? ".to_owned(), client_id },
        most: limits::OPEN_FORKS_PER_CHAT as u32,
    }
}

pub(super) fn post_in(of: u64, client_id: &str, text: &str) -> ChatCommand {
    let (client_id, text) = (client_id.to_owned(), text.to_owned());
    ChatCommand::Post(PostMessage {
        client_id,
        text,
        reply_to: None,
        fork: Some(fork(of)),
        attachments: vec![],
    })
}

pub(super) fn accept(of: u64, summary: &str, evidence: &[u64]) -> ChatCommand {
    let evidence = evidence.iter().map(|seq| message(*seq)).collect();
    let accepted = AcceptFork { summary: summary.to_owned(), evidence, draft: None };
    ChatCommand::AcceptFork { fork: fork(of), accepted }
}

pub(super) fn abandon(of: u64) -> ChatCommand {
    ChatCommand::AbandonFork { fork: fork(of) }
}

pub(super) fn draft(of: u64) -> ChatCommand {
    ChatCommand::DraftFork { fork: fork(of) }
}

impl World {
    /// A chat whose first message, 6, has a fork, 7.
    fn forked() -> Self {
        let mut world = Self::begun();
        world.post(ADA, "c1", "hello");
        world.run(user(ADA), begin("f1", 6));
        world.trace.clear();
        world
    }

    fn with_default_agent(mut self) -> Self {
        let default_agent = Some(Some(DEMO.parse().unwrap()));
        self.run(user(ADA), ChatCommand::Update(UpdateChat { title: None, default_agent }));
        self.trace.clear();
        self
    }

    /// What the log says of the fork that a command names, read the slow way.
    pub(super) fn fork_facts(&self, facts: &mut Facts, actor: Actor, command: &ChatCommand) {
        let named = match command {
            ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. } => post.fork,
            ChatCommand::DraftFork { fork }
            | ChatCommand::AcceptFork { fork, .. }
            | ChatCommand::AbandonFork { fork } => Some(*fork),
            ChatCommand::CreateFork { fork: create, .. } => {
                self.log.iter().find_map(|event| match &event.body {
                    EventBody::ForkCreated { fork, client_id, .. }
                        if event.actor == actor && client_id.as_ref() == Some(&create.client_id) =>
                    {
                        Some(*fork)
                    }
                    _ => None,
                })
            }
            _ => None,
        };
        let Some(named) = named else { return };
        facts.fork = self.forks.get(&named).cloned();
        let resolution = facts.fork.as_ref().and_then(|fork| fork.resolution.as_ref());
        let summary = resolution.map(|resolution| resolution.message);
        for event in &self.log {
            match &event.body {
                EventBody::MessagePosted(posted) if posted.fork == Some(named) => {
                    facts.newest = Some(posted.message);
                    facts.within.push(posted.message);
                }
                EventBody::MessagePosted(posted) if Some(posted.message) == summary => {
                    facts.summary = Some(posted.text.clone());
                }
                EventBody::MessageDeleted { message } => facts.within.retain(|there| there != message),
                _ => {}
            }
        }
        facts.newest = facts.newest.filter(|newest| facts.within.contains(newest));
    }

    fn stands(&self, of: u64) -> &Fork {
        self.forks.get(&fork(of)).unwrap()
    }
}

#[test]
fn a_fork_begins_from_a_message_and_its_summary_lands_in_the_chat() {
    let mut world = World::begun();
    world.post(ADA, "c1", "hello");
    world.run(user(ADA), begin("f1", 6));
    world.run(user(ADA), begin("f1", 6));
    world.run(user(BOB), post_in(7, "c1", "8080"));
    world.run(user(ADA), post_in(7, "c2", "yes"));
    world.run(user(ADA), accept(7, "8080 it is", &[8, 9, 8]));
    check(
        &world,
        expect![[r#"
        6 message.posted "hello"
        7 fork.created "Which port?"
        nothing new
        8 message.posted "8080"
        9 message.posted "yes"
        10 fork.resolved, 11 message.posted "8080 it is"
    "#]],
    );
    let chat = world.chat.as_ref().unwrap();
    assert_eq!((chat.message_count, chat.forks.len()), (2, 0));
    let fork = world.stands(7);
    assert_eq!((fork.state, fork.message_count), (ForkState::Resolved, 2));
    assert_eq!(fork.participants, [BOB.parse().unwrap(), ADA.parse().unwrap()]);
    let resolution = fork.resolution.as_ref().unwrap();
    assert_eq!((resolution.message, resolution.by), (message(11), user(ADA)));
    assert_eq!(resolution.evidence, [message(8), message(9)]);
    let EventBody::MessagePosted(summary) = &world.log.last().unwrap().body else { panic!() };
    assert_eq!((summary.fork, summary.reply_to), (None, Some(message(6))));
}

#[test]
fn what_is_said_in_a_fork_is_neither_unread_nor_the_newest_message_of_the_chat() {
    let mut world = World::forked();
    world.post(ADA, "c2", "more");
    let before = world.chat.clone().unwrap();
    world.run(user(BOB), post_in(7, "c1", "aside"));
    let chat = world.chat.as_ref().unwrap();
    assert_eq!(chat.message_count, before.message_count);
    assert_eq!(chat.last_message, before.last_message);
    // Bob has not read the chat by writing beside it.
    assert_eq!(chat.describe(BOB.parse().unwrap()).unread, 2);
    assert_eq!(chat.describe(ADA.parse().unwrap()).unread, 0);
    assert_eq!(chat.describe(ADA.parse().unwrap()).open_forks.len(), 1);
}

#[test]
fn of_two_who_accept_the_first_wins_and_the_second_is_told_so() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "8080"));
    world.run(user(ADA), accept(7, "8080", &[8]));
    world.run(user(BOB), accept(7, "8080", &[8]));
    world.run(user(ADA), accept(7, "8080", &[8]));
    world.run(user(ADA), accept(7, "9090", &[8]));
    world.run(user(ADA), accept(7, "8080", &[]));
    world.run(user(BOB), abandon(7));
    world.run(user(BOB), draft(7));
    check(
        &world,
        expect![[r#"
        8 message.posted "8080"
        9 fork.resolved, 10 message.posted "8080"
        refused: ForkEnded
        nothing new
        refused: ForkEnded
        refused: ForkEnded
        refused: ForkEnded
        refused: ForkEnded
    "#]],
    );
}

#[test]
fn nothing_is_added_to_a_fork_that_has_ended_but_what_is_there_may_go() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "8080"));
    world.run(user(ADA), react(8, "👍", true));
    world.run(user(BOB), abandon(7));
    world.run(user(ADA), abandon(7));
    world.run(user(BOB), post_in(7, "c2", "late"));
    // A retry of what was posted in time.
    world.run(user(BOB), post_in(7, "c1", "8080"));
    world.run(user(BOB), ChatCommand::Edit { message: message(8), text: "9090".to_owned() });
    world.run(user(BOB), react(8, "👍", true));
    world.run(user(ADA), react(8, "👍", false));
    world.run(user(ADA), accept(7, "8080", &[]));
    world.run(user(BOB), ChatCommand::Delete { message: message(8) });
    world.run(user(BOB), post_in(5, "c3", "no fork"));
    check(
        &world,
        expect![[r#"
        8 message.posted "8080"
        9 reaction.added "👍"
        10 fork.abandoned
        nothing new
        refused: ForkEnded
        nothing new
        refused: ForkEnded
        refused: ForkEnded
        11 reaction.removed "👍"
        refused: ForkEnded
        12 message.deleted
        refused: NotFound
    "#]],
    );
}

#[test]
fn a_fork_begins_only_from_a_message_of_the_chat_that_is_there() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "inside"));
    world.run(user(BOB), begin("f1", 8));
    world.run(user(BOB), begin("f2", 5));
    world.run(user(BOB), begin("", 6));
    world.post(BOB, "c2", "gone");
    world.run(user(BOB), ChatCommand::Delete { message: message(9) });
    world.run(user(BOB), begin("f3", 9));
    world.run(Actor::Agent { id: DEMO.parse().unwrap() }, begin("f4", 6));
    world.run(user(EVE), begin("f5", 6));
    let reply = PostMessage {
        client_id: "c3".to_owned(),
        text: "about that".to_owned(),
        reply_to: Some(message(8)),
        fork: None,
        attachments: vec![],
    };
    world.run(user(BOB), ChatCommand::Post(reply));
    check(
        &world,
        expect![[r#"
        8 message.posted "inside"
        refused: ForkNested
        refused: InvalidField
        refused: InvalidField
        9 message.posted "gone"
        10 message.deleted
        refused: MessageDeleted
        refused: Forbidden
        refused: NotFound
        refused: InvalidField
    "#]],
    );
}

#[test]
fn the_limit_of_open_forks_counts_those_that_are_open() {
    let mut world = World::forked();
    for n in 1..limits::OPEN_FORKS_PER_CHAT {
        world.ask(user(BOB), begin(&format!("f{n}"), 6)).unwrap();
    }
    world.trace.clear();
    world.run(user(BOB), begin("full", 6));
    world.run(user(BOB), abandon(7));
    world.run(user(BOB), begin("full", 6));
    check(
        &world,
        expect![[r#"
        refused: LimitReached
        12 fork.abandoned
        13 fork.created "Which port?"
    "#]],
    );
}

#[test]
fn a_summary_has_words_and_rests_on_messages_of_its_fork() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "8080"));
    world.run(user(BOB), post_in(7, "c2", "oops"));
    world.run(user(BOB), ChatCommand::Delete { message: message(9) });
    world.run(user(ADA), accept(7, " ", &[]));
    world.run(user(ADA), accept(7, &"x".repeat(limits::FORK_SUMMARY_BYTES + 1), &[]));
    world.run(user(ADA), accept(7, "so", &[6]));
    world.run(user(ADA), accept(7, "so", &[9]));
    world.run(user(ADA), accept(7, "so", &[8, 99]));
    let draft = Some(message(6));
    let accepted = AcceptFork { summary: "so".to_owned(), evidence: vec![], draft };
    world.run(user(ADA), ChatCommand::AcceptFork { fork: fork(7), accepted });
    check(
        &world,
        expect![[r#"
        8 message.posted "8080"
        9 message.posted "oops"
        10 message.deleted
        refused: InvalidField
        refused: TooLarge
        refused: InvalidField
        refused: InvalidField
        refused: InvalidField
        refused: InvalidField
    "#]],
    );
}

#[test]
fn the_default_agent_drafts_into_the_fork_and_its_draft_asks_nobody() {
    let mut world = World::forked().with_default_agent();
    world.run(user(BOB), draft(7));
    world.run(user(ADA), draft(7));
    assert_eq!(world.stands(7).drafting, Some(world.turn()));
    assert_eq!(
        world.chat.as_ref().unwrap().turns[0].cause,
        message(6),
        "an empty fork's draft answers its message"
    );
    world.start();
    world.end(1, answered("@other 8080"));
    check(
        &world,
        expect![[r#"
        9 turn.queued [Queued { failed: 0, not_before: Timestamp(0) }]
        nothing new
        10 turn.started [Running { attempt: 1 }]
        11 message.posted "@other 8080", 12 turn.completed
    "#]],
    );
    let fork = world.stands(7);
    assert_eq!((fork.drafting, fork.draft), (None, Some(message(11))));
    // A draft that is taken back is none.
    world.run(user(ADA), ChatCommand::Delete { message: message(11) });
    assert_eq!(world.stands(7).draft, None);
}

#[test]
fn without_a_default_agent_and_after_a_failure_there_is_no_draft() {
    let mut world = World::forked();
    world.run(user(BOB), draft(7));
    assert_eq!(world.trace, "nothing new\n");
    let mut world = world.with_default_agent();
    world.run(user(BOB), draft(7));
    world.start();
    let failure = failure(TurnFailureCode::Authentication, "no key");
    world.end(1, StepEnd::Failed { failure, retryable: false, retry_after_ms: None });
    let fork = world.stands(7);
    assert_eq!((fork.state, fork.drafting, fork.draft), (ForkState::Open, None, None));
}

#[test]
fn the_end_of_a_fork_ends_its_turns_and_theirs_alone() {
    for end in [accept(7, "so", &[]), abandon(7)] {
        let mut world = World::forked();
        world.run(user(BOB), post_in(7, "c1", "@demo look"));
        world.post(BOB, "c2", "@other you");
        let turn = world.turn();
        world.start();
        world.trace.clear();
        world.run(user(ADA), end);
        assert!(world.trace.starts_with("13 turn.cancelled, 14 fork."), "{}", world.trace);
        let chat = world.chat.as_ref().unwrap();
        assert_eq!(chat.turns.iter().map(|turn| turn.fork).collect::<Vec<_>>(), [None]);
        let late = chat.end_step(turn, 1, answered("late"), &Unsummed::default(), Timestamp::default());
        assert_eq!(late.unwrap_err().code, ProblemCode::TurnEnded);
    }
}

#[test]
fn an_agent_answers_where_it_was_asked_and_so_do_those_that_it_asks() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "@demo look"));
    world.start();
    world.end(1, answered("@other you too"));
    world.start();
    world.end(1, answered("done"));
    let places = world.log.iter().skip(7).filter_map(|event| match &event.body {
        EventBody::MessagePosted(posted) => Some(posted.fork),
        EventBody::TurnQueued { fork, .. } => Some(*fork),
        _ => None,
    });
    let places = places.collect::<Vec<_>>();
    assert_eq!(places, [Some(fork(7)); 5]);
    assert_eq!(world.stands(7).participants.len(), 3);
}

#[test]
fn what_waits_for_people_in_a_fork_is_withdrawn_with_it() {
    let mut world = World::forked();
    world.run(user(BOB), post_in(7, "c1", "@demo run"));
    world.start();
    world.end(1, called(&["run"]));
    world.end_call(CallEnd::Ask(Box::new(question())));
    world.trace.clear();
    world.run(user(ADA), abandon(7));
    check(
        &world,
        expect![[r#"
            13 turn.cancelled, 14 approval.closed "withdrawn", 15 fork.abandoned <Ended(Withdrawn)>
        "#]],
    );
    assert_eq!(world.chat.as_ref().unwrap().approvals, []);
}
