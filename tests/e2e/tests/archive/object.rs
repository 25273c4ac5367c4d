//! What the chat's own object promises: nothing is lost on the way out and back, to the byte, whoever comes at once, whoever
//! dies in between, and whichever version wrote the archive.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::person_deletions::whole;
use e2e::{Person, World, eventually};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::Value;
use slipway_contract::approval::ApprovalState;
use slipway_contract::events::EventBody;
use slipway_contract::http::approvals::ApprovalDecision;
use slipway_contract::http::chats::Chat;
use slipway_contract::socket::ClientFrame;
use slipway_contract::{ChatId, ProblemCode, Seq};
use tokio::task::block_in_place;
use xtask::testbed::Testbed;

use crate::hatch::{Hatch, fixture};
use crate::scene::{Scene, kept, own_stack};

/// Every page that a person can read of a chat, as the bytes that come over the wire.
async fn pages(scene: &Scene, person: &Person) -> Result<Vec<String>> {
    let chat = scene.chat.id;
    let described: Chat = person.describe(chat).await?;
    let mut paths = vec![format!("/v1/chats/{chat}"), format!("/v1/chats/{chat}/forks")];
    paths.extend((0..described.head.0).step_by(7).flat_map(|after| {
        let events = format!("/v1/chats/{chat}/events");
        [format!("{events}?after={after}&limit=7"), format!("{events}?before={}&limit=7", after + 1)]
    }));
    for fork in person.forks(chat, "").await?.items {
        paths.push(format!("/v1/chats/{chat}/events?fork={}&limit=200", fork.id));
    }
    let mut bodies = Vec::new();
    for path in paths {
        let answer = person.get(&path).await?;
        answer.done()?;
        bodies.push(answer.body);
    }
    Ok(bodies)
}

/// Lines of the Workers' log about a chat that have this event and, if given, were asked this.
fn told(bed: &Testbed, chat: ChatId, event: &str, asked: Option<&str>) -> Result<usize> {
    let text = fs::read_to_string(bed.folder().join("logs/workers.jsonl"))?;
    let has = |line: &Value, name: &str, value: &str| line.get(name).and_then(Value::as_str) == Some(value);
    // The last line may be half written.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|line| {
        has(line, "event", event)
            && has(line, "chat", &chat.to_string())
            && asked.is_none_or(|asked| has(line, "asked", asked))
    });
    Ok(lines.count())
}

/// Waits until the log says that so many of something were handed to the chat's object, and none more.
pub(crate) async fn served(bed: &Testbed, chat: ChatId, what: &str, times: usize) -> Result<()> {
    eventually(&format!("{what} {times} times"), async || {
        let told = told(bed, chat, "archive_served", Some(what))?;
        ensure!(told <= times, "{what} was served {told} times, not {times}");
        Ok((told == times).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_is_as_it_was_and_the_chat_goes_on_from_there() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let (ada, bo, chat) = (&scene.ada, &scene.bo, scene.chat.id);
    let odd =
        "tab\t quote\" backslash\\ \u{1} \u{7f} \u{2028} line\r\n \u{1f9d1}\u{200d}\u{1f680} [\"]\\u0041";
    let odd_message = bo.post(chat, "odd", odd).await?.message;
    bo.react(odd_message, "\u{1f9d1}\u{200d}\u{1f680}", true).await?.done()?;
    bo.react(odd_message, "\u{1f44d}", true).await?.done()?;
    bo.react(odd_message, "\u{1f44d}", false).await?.done()?;
    let given_up = ada.fork(odd_message, "given up").await?.id;
    ada.fork_call(given_up, "abandon").send().await?.done()?;
    let asked = bo.ask_sandbox(chat).await?;
    ada.deciding(asked.id, ApprovalDecision::Deny, Some("not today")).send().await?.done()?;
    // Bo has read up to somewhere, and Ada said more.
    let read = ada.post(chat, "read", "zanzibar is read").await?.seq;
    let unread = ada.post(chat, "unread", "zanzibar is not").await?.message;
    let mut socket = bo.socket(chat, None).await?;
    socket.send(&ClientFrame::Read { seq: read }).await?;
    eventually("Bo's read marker", async || {
        let chat = bo.describe(chat).await?;
        Ok((chat.read == read && chat.unread == 1).then_some(()))
    })
    .await?;
    socket.leave().await?;
    eventually("Bo's read marker in the list", async || {
        let row = bo.summary(&scene.chat).await?;
        Ok(row.filter(|row| row.unread == 1).map(drop))
    })
    .await?;
    let found = bo.search_chat(chat, "zanzibar").await?;
    ensure!(found.len() == 2 && found.first() == Some(&unread), "{found:?}");
    let before = (pages(&scene, ada).await?, pages(&scene, bo).await?);
    let (log, head) = (ada.log(chat).await?, ada.describe(chat).await?.head);
    ensure!(log.iter().any(|event| matches!(event.body, EventBody::ApprovalClosed { .. })), "no approval");

    scene.away().await?;
    assert_eq!(bo.summary(&scene.chat).await?.map(|row| (row.archived, row.unread)), Some((true, 1)));
    assert_eq!(bo.search_org(scene.team.org, "zanzibar").await?, found, "the org finds what is away");
    scene.listed(true).await?;

    assert_eq!(bo.search_chat(chat, "zanzibar").await?, found);
    assert_eq!((pages(&scene, ada).await?, pages(&scene, bo).await?), before);
    let mut socket = ada.socket(chat, Some(Seq::START)).await?;
    socket.reach(head).await?;
    assert_eq!(socket.events, log);
    scene.listed(false).await?;
    assert_eq!(bo.summary(&scene.chat).await?.map(|row| row.unread), Some(1));

    // What was said, asked and decided before is known; what comes now comes next.
    assert_eq!(bo.post(chat, "odd", odd).await?.message, odd_message);
    let decided = ada.deciding(asked.id, ApprovalDecision::Approve, None).send().await?.problem()?.code;
    ensure!(matches!(decided, ProblemCode::ApprovalEnded | ProblemCode::NotYoursToDecide), "{decided:?}");
    assert!(
        ada.inbox("open").await?.iter().all(|open| open.state == ApprovalState::Open && open.id != asked.id)
    );
    ada.fork_call(given_up, "abandon").send().await?.done()?;
    let next = socket.post("next", "zanzibar again").await?;
    assert_eq!(next.seq, head.next());
    assert_eq!(ada.search_chat(chat, "zanzibar").await?.len(), 3);
    bo.edit(odd_message, "a quokka by now").await?.done()?;
    ensure!(bo.search_chat(chat, "quokka").await? == [odd_message]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_at_once_waits_for_one_return() -> Result<()> {
    let (bed, scene) = own_stack().await?;
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    let chat = scene.chat.id;
    let (ada, bo) = (&scene.ada, &scene.bo);
    let looks = (0..20).map(|number| async move {
        match number % 4 {
            0 => bo.describe(chat).await.map(drop),
            1 => bo.events(chat, "limit=200").await.map(drop),
            2 => bo.search_chat(chat, "9090").await.map(drop),
            _ => ada.ticket(chat).await.map(drop),
        }
    });
    try_join_all(looks).await?;
    assert_eq!(scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    served(&bed, chat, "manifest", 1).await
}

/// A chat of some 12 MB, three parts and a rest, that has left; what Bo saw of it before.
pub(crate) async fn a_long_chat_away() -> Result<(Testbed, Scene, Value)> {
    let (bed, scene) = own_stack().await?;
    let long = "All work and no play. ".repeat(2_700);
    for number in 0..200 {
        scene.ada.post(scene.chat.id, &format!("long-{number}"), &long).await?;
    }
    let before = scene.seen_by(&scene.bo).await?;
    scene.away().await?;
    Ok((bed, scene, before))
}

/// Waits until somebody answers again; the chat is as it was then, and goes on.
pub(crate) async fn is_whole(scene: &Scene, before: &Value) -> Result<()> {
    let path = format!("/v1/chats/{}", scene.chat.id);
    eventually("an answer", async || {
        let answer = scene.bo.call(Method::GET, &path).try_send().await?;
        Ok(answer.filter(|answer| answer.status != 503).map(drop))
    })
    .await?;
    assert_eq!(&scene.seen_by(&scene.bo).await?, before);
    scene.listed(false).await?;
    let next = scene.bo.post(scene.chat.id, "next", "Here we are.").await?;
    let head = before.pointer("/chat/head").and_then(Value::as_u64).context("no head")?;
    assert_eq!(next.seq, Seq(head + 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_that_dies_between_two_parts_goes_on_where_it_was() -> Result<()> {
    let (mut bed, scene, before) = a_long_chat_away().await?;
    let chat = scene.chat.id;
    let archive = kept(&bed, chat)?.pop().context("R2 has no archive")?;
    let [_, second, _, ..] = archive.parts.as_slice() else { bail!("{} parts", archive.parts.len()) };
    let (bytes, mut damaged) = (fs::read(second)?, fs::read(second)?);
    *damaged.get_mut(99).context("a short part")? ^= 1;
    fs::write(second, &damaged)?;
    // The first part comes in, the second does not.
    scene.bo.posting(chat, "early", "Too early.").send().await?.refused(ProblemCode::ArchiveDamaged)?;
    served(&bed, chat, "part", 1).await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    fs::write(second, &bytes)?;
    is_whole(&scene, &before).await?;
    // Every part came in once.
    served(&bed, chat, "part", archive.parts.len()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_that_is_killed_wherever_it_is_comes_to_its_end() -> Result<()> {
    let (mut bed, scene, before) = a_long_chat_away().await?;
    let chat = scene.chat.id;
    for _ in 0..3 {
        let served = told(&bed, chat, "archive_served", Some("part"))?;
        let bo = scene.bo.clone();
        let opened =
            tokio::spawn(async move { bo.call(Method::GET, &format!("/v1/chats/{chat}")).try_send().await });
        // In the middle of a part, between two, or a moment behind the last.
        eventually("a part on its way", async || {
            let here = told(&bed, chat, "chat_restored", None)? > 0;
            Ok((here || told(&bed, chat, "archive_served", Some("part"))? > served).then_some(()))
        })
        .await?;
        block_in_place(|| bed.stack.kill_workerd())?;
        opened.await??;
    }
    is_whole(&scene, &before).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_is_opened_and_deleted_at_once_stays_gone() -> Result<()> {
    let (bed, scene, _) = a_long_chat_away().await?;
    let chat = scene.chat.id;
    // Its parts come behind this answer. How many are back when the deletion reaches the object is up to the machine.
    scene.bo.describe(chat).await?;
    let deletion = scene.ada.delete_chat(chat).await?;
    whole(&scene.ada.deleted(deletion.id).await?)?;
    assert_eq!(told(&bed, chat, "archive_damaged", None)?, 0);
    scene.bo.get(&format!("/v1/chats/{chat}")).await?.refused(ProblemCode::NotFound)?;
    scene.bo.posting(chat, "late", "Hello?").send().await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_format_1_comes_back_as_it_was_written() -> Result<()> {
    let (bed, hatch) = Hatch::stack()?;
    let world = World::of(&bed)?;
    let (team, bo, chat) = e2e::Team::of_two(&world).await?;
    let ada = &team.owner;
    let archive = fixture(&team, &bo, chat.id)?;
    // The object takes back only what ends where the chat ended that it gave away.
    let head = archive.manifest.head;
    for seq in chat.head.next().0..=head.0 {
        ada.post(chat.id, &format!("before-{seq}"), "This is not in the archive.").await?;
    }
    hatch.replace(&archive).await?;

    let back = ada.describe(chat.id).await?;
    assert_eq!((back.title.as_str(), back.head), ("Of \"old\" times", head));
    assert_eq!((back.message_count, back.unread), (4, 0));
    assert_eq!(bo.describe(chat.id).await?.unread, 1);
    let log = ada.get(&format!("/v1/chats/{}/events?after=0&limit=200", chat.id)).await?;
    let log: Value = log.read()?;
    assert_eq!(log.get("events"), Some(&Value::Array(archive.events()?)));
    let [open] = back.open_forks.as_slice() else { bail!("{:?}", back.open_forks) };
    assert_eq!(open.description, "Still open");
    assert_eq!(ada.forks(chat.id, "").await?.items.len(), 2);
    let found = bo.search_chat(chat.id, "8080").await?;
    ensure!(found.iter().map(|message| message.seq()).eq([Seq(5)]), "{found:?}");
    ensure!(bo.search_chat(chat.id, "slip").await?.is_empty(), "what was deleted is found");
    assert_eq!(ada.post(chat.id, "one", "the same again").await?.seq, Seq(4));
    assert_eq!(bo.post(chat.id, "new", "Still here.").await?.seq, head.next());
    Ok(())
}
