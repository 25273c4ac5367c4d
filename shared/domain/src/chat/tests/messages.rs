//! Messages, reactions, people and read markers.

use super::*;

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
