//! Pins: who may, what may be pinned, and what is left when two come at once or the runtime dies.

use std::collections::BTreeSet;

use anyhow::Result;
use e2e::{Team, World, eventually};
use futures::future::try_join_all;
use reqwest::Method;
use slipway_contract::events::EventBody;
use slipway_contract::http::chats::Chat;
use slipway_contract::{Actor, MessageId, ProblemCode, Seq, limits};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

use crate::scene::{Scene, count};

fn is_pin(body: &EventBody) -> bool {
    matches!(body, EventBody::MessagePinned { .. } | EventBody::MessageUnpinned { .. })
}

#[tokio::test]
async fn whoever_takes_part_pins_messages_and_takes_pins_back() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(3).await?;
    let mut socket = scene.ada.socket(scene.chat.id, None).await?;
    let chat: Chat = scene.bo.pinning(notes[2], true).send().await?.read()?;
    assert_eq!(chat.pins[0].by, Actor::User { id: scene.bo.id() });
    scene.ada.pinning(notes[0], true).send().await?.done()?;
    // The same again is no second pin, whoever asks.
    let again: Chat = scene.ada.pinning(notes[2], true).send().await?.read()?;
    assert_eq!(again.pins[0], chat.pins[0]);
    assert_eq!(scene.pins().await?, [notes[2], notes[0]], "in the order in which they were pinned");
    scene.ada.pinning(notes[2], false).send().await?.done()?;
    scene.bo.pinning(notes[2], false).send().await?.done()?;
    assert_eq!(scene.pins().await?, [notes[0]]);
    let head = scene.ada.describe(scene.chat.id).await?.head;
    socket.reach(head).await?;
    assert_eq!(count(&socket.events, is_pin), 3);
    Ok(())
}

#[tokio::test]
async fn what_is_no_message_of_the_chat_itself_is_not_pinned() -> Result<()> {
    let world = World::shared()?;
    let (scene, other) = (Scene::open(&world).await?, Scene::open(&world).await?);
    let notes = scene.notes(2).await?;
    let fork = scene.bo.fork(notes[0], "fork").await?.id;
    let inside = scene.bo.post_in(fork, "inside", "8080").await?;
    scene.bo.delete(notes[1]).await?.done()?;
    let before = scene.ada.log(scene.chat.id).await?.len();
    scene.refused(inside, ProblemCode::ForkNested).await?;
    scene.refused(notes[1], ProblemCode::MessageDeleted).await?;
    scene.refused(MessageId::new(scene.chat.id, Seq(1)), ProblemCode::NotFound).await?;
    scene.refused(MessageId::new(scene.chat.id, Seq(99_999)), ProblemCode::NotFound).await?;
    // Another's message, under the own chat and under its own.
    let theirs = other.notes(1).await?[0];
    let path = format!("/v1/chats/{}/messages/{theirs}/pin", scene.chat.id);
    scene.bo.call(Method::PUT, &path).send().await?.refused(ProblemCode::NotFound)?;
    scene.refused(theirs, ProblemCode::NotFound).await?;
    let path = format!("/v1/chats/{}/messages/msg_1/pin", scene.chat.id);
    scene.bo.call(Method::PUT, &path).send().await?.refused(ProblemCode::InvalidParameter)?;
    assert_eq!(scene.ada.log(scene.chat.id).await?.len(), before);
    assert!(other.pins().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn people_of_the_org_who_do_not_take_part_find_nothing_to_pin() -> Result<()> {
    let (team, bo, _) = Team::of_two(&World::shared()?).await?;
    let chat = team.chat("Alone", &[]).await?;
    let message = team.owner.post(chat.id, "c", "mine").await?.message;
    bo.pinning(message, true).send().await?.refused(ProblemCode::NotFound)?;
    bo.pinning(message, false).send().await?.refused(ProblemCode::NotFound)?;
    assert!(team.owner.describe(chat.id).await?.pins.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_deleted_message_is_pinned_no_more_whatever_comes_first() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(8).await?;
    let race = async |note: MessageId| {
        let (pinned, deleted) =
            tokio::try_join!(scene.ada.pinning(note, true).send(), scene.bo.delete(note))?;
        deleted.done()?;
        if pinned.is_success() { Ok(()) } else { pinned.refused(ProblemCode::MessageDeleted).map(drop) }
    };
    try_join_all(notes.iter().map(|note| race(*note))).await?;
    assert!(scene.pins().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn of_many_at_once_each_is_pinned_once_and_fifty_in_all() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(limits::PINS_PER_CHAT + 2).await?;
    let twice = [&scene.ada, &scene.bo].into_iter().flat_map(|by| notes.iter().map(move |note| (by, *note)));
    let answers = try_join_all(twice.map(|(by, note)| by.pinning(note, true).send())).await?;
    for refused in answers.iter().filter(|answer| !answer.is_success()) {
        refused.refused(ProblemCode::LimitReached)?;
    }
    let pins = scene.pins().await?;
    let once: BTreeSet<u64> = pins.iter().map(|pin| pin.seq().0).collect();
    assert_eq!((pins.len(), once.len()), (limits::PINS_PER_CHAT, limits::PINS_PER_CHAT));
    assert_eq!(count(&scene.ada.log(scene.chat.id).await?, is_pin), limits::PINS_PER_CHAT);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_that_were_acknowledged_survive_the_death_of_the_runtime() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    let notes = scene.notes(2).await?;
    scene.pin(notes[0], true).await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    // Nobody knows whether this one comes before the death: it is asked again until somebody answers.
    let sent = scene.bo.pinning(notes[1], true).try_send().await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    drop(sent);
    let chat: Chat = eventually("the pin", async || {
        let Some(answer) = scene.bo.pinning(notes[1], true).try_send().await? else { return Ok(None) };
        if answer.status == 503 { Ok(None) } else { answer.read().map(Some) }
    })
    .await?;
    assert_eq!(chat.pins.iter().map(|pin| pin.message).collect::<Vec<_>>(), notes);
    assert_eq!(count(&scene.ada.log(scene.chat.id).await?, is_pin), 2);
    Ok(())
}
