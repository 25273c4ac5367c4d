//! Whom a message concerns.

use super::*;

const CLEO: &str = "user_000000000000000000000000000000c3";

/// Ada begins, and Bob, Cleo and two agents take part, under these names.
fn named(ada: &str, bob: &str, cleo: &str) -> World {
    let mut world = World::begun();
    for (id, name) in [(ADA, ada), (BOB, bob), (CLEO, cleo)] {
        let participant = Participant { name: name.to_owned(), ..participant(id, None) };
        world.run(Actor::System, ChatCommand::AddParticipant { participant, by: Actor::System });
    }
    world
}

/// Whom the newest message concerns, by the last two characters of their ids.
fn concerned(world: &World) -> Vec<String> {
    let newest = world.log.iter().rev().find_map(|event| match &event.body {
        EventBody::MessagePosted(posted) => Some(&posted.mentions),
        _ => None,
    });
    newest.unwrap().iter().map(|id| id.to_string().split_off(35)).collect()
}

#[test]
fn people_are_mentioned_by_their_names_as_they_are() {
    let mut world = named("Ada Lovelace", "Ada", "Zoë Ärzte");
    let mut number = 0;
    let mut check = |text: &str, expected: &[&str]| {
        number += 1;
        world.post(BOB, &format!("c{number}"), text);
        assert_eq!(concerned(&world), expected, "{text}");
    };
    check("@Ada Lovelace, look", &["a1"]);
    check("@ada lovelace look", &["a1"]);
    check("(@ADA LOVELACE)", &["a1"]);
    check("@Ada", &[]); // It is Bob's own name.
    check("@Ada Lovelaces, @Adam", &[]);
    check("@zoË ärzte and @Ada Lovelace and @Zoë Ärzte", &["c3", "a1"]);
    check("@Zoë", &[]);
    check("`@Ada Lovelace`\n```\n@Ada Lovelace\n```", &[]);
    check("mail ada@Ada Lovelace", &[]);
    check("@everyone @here @", &[]);
    check("Ada Lovelace", &[]);
}

#[test]
fn the_longest_name_that_fits_wins_and_all_who_bear_it_are_mentioned() {
    let mut world = named("Ann", "Ann Lee", "ann lee");
    world.post(ADA, "c1", "@Ann Lee?");
    assert_eq!(concerned(&world), ["b2", "c3"]);
    world.post(BOB, "c2", "@Ann Le");
    assert_eq!(concerned(&world), ["a1"]);
}

#[test]
fn who_is_answered_is_concerned_and_nobody_by_what_they_say_themselves() {
    let mut world = named("Ada", "Bob", "Cleo");
    world.post(ADA, "c1", "hello");
    let hello = world.log.last().unwrap().seq.0;
    let reply = |text: &str| PostMessage {
        client_id: text.to_owned(),
        text: text.to_owned(),
        reply_to: Some(message(hello)),
        fork: None,
        attachments: vec![],
    };
    world.run(user(BOB), ChatCommand::Post(reply("and hello @Cleo, @Ada")));
    assert_eq!(concerned(&world), ["a1", "c3"]);
    world.run(user(ADA), ChatCommand::Post(reply("me again, @Ada")));
    assert!(concerned(&world).is_empty());
    // Who left is nobody's business any more.
    let participant = ADA.parse().unwrap();
    world.run(user(ADA), ChatCommand::RemoveParticipant { participant });
    world.run(user(BOB), ChatCommand::Post(reply("too late, @Ada")));
    assert!(concerned(&world).is_empty());
}

#[test]
fn an_agents_answer_concerns_who_asked_and_whom_it_names() {
    let mut world = named("Ada", "Bob", "Cleo");
    world.post(BOB, "c1", "@demo go");
    world.start();
    world.end(1, answered("done, @cleo"));
    assert_eq!(concerned(&world), ["b2", "c3"]);
}

#[test]
fn of_many_who_are_named_twenty_are_mentioned() {
    let mut world = named("Ada", "Bob", "Cleo");
    let mut text = String::new();
    for number in 0..25 {
        let id = format!("user_000000000000000000000000000001{number:02}");
        let participant = Participant { name: format!("P{number}"), ..participant(&id, None) };
        world.run(Actor::System, ChatCommand::AddParticipant { participant, by: Actor::System });
        write!(text, "@P{number} ").unwrap();
    }
    world.post(ADA, "c1", &text);
    assert_eq!(concerned(&world).len(), limits::PEOPLE_MENTIONED);
    // Names behind many other signs are not looked for: each is held against everybody.
    world.post(ADA, "c2", &format!("{}@Bob", "@nobody ".repeat(60)));
    assert!(concerned(&world).is_empty());
}
