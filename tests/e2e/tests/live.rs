//! What is unread, in one chat and in all, on one device and on another; whom a message concerns; and an index that lost
//! rows.

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, World, eventually};
use reqwest::Method;
use slipway_contract::events::EventBody;
use slipway_contract::http::chats::Chat;
use slipway_contract::http::messages::{PostMessage, Posted};
use slipway_contract::http::orgs::Role;
use slipway_contract::http::unread::Unread;
use slipway_contract::socket::{ClientFrame, ServerFrame};
use slipway_contract::{ChatId, MessageId, ParticipantId, ProblemCode, UserId};
use tokio::task::block_in_place;
use xtask::database;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

const MINUTELY: &str = "* * * * *";

/// Unread messages and mentions of a chat.
fn counts(unread: &Unread, chat: ChatId) -> Option<(u64, u64)> {
    let found = unread.chats.iter().find(|one| one.chat == chat);
    found.map(|found| (found.unread, found.mentions))
}

/// Waits until somebody has so many unread messages and mentions in a chat, by the poll and by its line in the list.
async fn stands(person: &Person, chat: &Chat, expected: (u64, u64)) -> Result<()> {
    eventually(&format!("{expected:?} unread"), async || {
        let polled = counts(&person.unread(chat.org, "").await?, chat.id).unwrap_or_default();
        let line = person.summary(chat).await?.map(|line| (line.unread, line.mentions)).unwrap_or_default();
        Ok((polled == expected && line == expected).then_some(()))
    })
    .await
}

/// Posts an answer to a message.
async fn answer(person: &Person, chat: &Chat, to: MessageId, text: &str) -> Result<Posted> {
    let post = PostMessage {
        client_id: text.to_owned(),
        text: text.to_owned(),
        reply_to: Some(to),
        fork: None,
        attachments: Vec::new(),
    };
    person.send(Method::POST, &format!("/v1/chats/{}/messages", chat.id), &post).await?.read()
}

/// Whom a message concerns, as the log tells it.
async fn concerned(person: &Person, message: MessageId) -> Result<Vec<UserId>> {
    let log = person.log(message.chat()).await?;
    let found = log.into_iter().find_map(|event| {
        if let EventBody::MessagePosted(posted) = event.body
            && posted.message == message
        {
            Some(posted.mentions)
        } else {
            None
        }
    });
    found.context("the log does not tell of the message")
}

#[tokio::test]
async fn whoever_is_named_or_answered_is_told_so_until_they_have_read_it() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let plain = team.owner.post(chat.id, "plain", "hello").await?;
    stands(&bo, &chat, (1, 0)).await?;
    let named = team.owner.post(chat.id, "named", "and you, @bo?").await?;
    assert_eq!(concerned(&bo, named.message).await?, [bo.id()]);
    stands(&bo, &chat, (2, 1)).await?;
    let code = team.owner.post(chat.id, "code", "`@Bo` and @Boris and @everyone").await?;
    assert!(concerned(&bo, code.message).await?.is_empty());
    let own = bo.post(chat.id, "own", "@Acme Owner, yes").await?;
    assert_eq!(concerned(&bo, own.message).await?, [team.owner.id()]);
    stands(&bo, &chat, (0, 0)).await?;
    stands(&team.owner, &chat, (1, 1)).await?;

    let answered = answer(&team.owner, &chat, own.message, "good").await?;
    assert_eq!(concerned(&bo, answered.message).await?, [bo.id()]);
    let to_herself = answer(&team.owner, &chat, plain.message, "to myself").await?;
    assert!(concerned(&bo, to_herself.message).await?.is_empty());
    stands(&bo, &chat, (2, 1)).await?;
    // What was deleted concerns nobody, and the log does not say whom it did.
    team.owner.delete(answered.message).await?.done()?;
    assert!(concerned(&bo, answered.message).await?.is_empty());
    stands(&bo, &chat, (2, 0)).await?;
    Ok(())
}

#[tokio::test]
async fn a_marker_that_moves_on_one_device_clears_the_count_on_the_other() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let posted = team.owner.post(chat.id, "a", "@Bo, look").await?;
    stands(&bo, &chat, (1, 1)).await?;
    let cursor = bo.unread(team.org, "").await?.cursor;
    let (mut laptop, mut phone) = (bo.socket(chat.id, None).await?, bo.socket(chat.id, None).await?);
    laptop.send(&ClientFrame::Read { seq: posted.seq }).await?;
    // At once where the chat is open, and by the next poll elsewhere.
    let told = |frame: &ServerFrame| if let ServerFrame::Read { seq } = frame { Some(*seq) } else { None };
    assert_eq!(phone.wait_for("the marker", told).await?, posted.seq);
    eventually("the count on another device", async || {
        let changed = bo.unread(team.org, &format!("?since={cursor}")).await?;
        Ok((counts(&changed, chat.id) == Some((0, 0))).then_some(()))
    })
    .await?;
    stands(&bo, &chat, (0, 0)).await
}

#[tokio::test]
async fn what_did_not_change_is_told_in_a_few_bytes_and_nothing_to_who_takes_no_part() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let outsider = team.join("Outsider", Role::Member).await?;
    team.owner.post(chat.id, "a", "hello").await?;
    stands(&bo, &chat, (1, 0)).await?;
    let mut cursor = bo.unread(team.org, "").await?.cursor;
    // Work of others on the same server may put off that there is nothing more to tell.
    let quiet = eventually("an answer without anything", async || {
        let path = format!("/v1/orgs/{}/unread?since={cursor}&channel={}", team.org, chat.channel);
        let answer = bo.get(&path).await?;
        let unread: Unread = answer.read()?;
        cursor = unread.cursor;
        Ok((unread.chats.is_empty() && !unread.stirred).then_some(answer.body))
    })
    .await?;
    ensure!(quiet.len() < 60, "{quiet}");
    assert!(outsider.unread(team.org, "").await?.chats.is_empty());
    // Whoever looks at the channel's list hears that it changed, though the chat is not theirs.
    let before = outsider.unread(team.org, "").await?.cursor;
    team.owner.post(chat.id, "b", "again").await?;
    eventually("the channel stirs", async || {
        let query = format!("?since={before}&channel={}", chat.channel);
        let seen = outsider.unread(team.org, &query).await?;
        ensure!(seen.chats.is_empty(), "{seen:?}");
        Ok(seen.stirred.then_some(()))
    })
    .await?;
    // Who is put out has nothing unread there.
    stands(&bo, &chat, (2, 0)).await?;
    team.owner.dismiss(chat.id, ParticipantId::User { id: bo.id() }).await?.done()?;
    eventually("nothing unread where one takes no part", async || {
        Ok(bo.unread(team.org, "").await?.chats.is_empty().then_some(()))
    })
    .await
}

#[tokio::test]
async fn whoever_asks_hears_that_something_was_deleted_and_counts_it_no_more() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    let stranger = World::shared()?.team("Elsewhere").await?;
    let outsider = team.join("Outsider", Role::Member).await?;
    let kept = team.owner.chat(team.org, team.channel, "Kept").await?;
    team.owner.admit(kept.id, bo.id()).await?;
    team.owner.post(kept.id, "kept", "hello").await?;
    team.owner.post(chat.id, "a", "@Bo, look").await?;
    stands(&bo, &chat, (1, 1)).await?;
    stands(&bo, &kept, (1, 0)).await?;
    let before = bo.unread(team.org, "").await?.cursor;
    let elsewhere = stranger.owner.unread(stranger.org, "").await?.cursor;
    team.owner.delete_chat(chat.id).await?;

    // At once, and with what is left to count.
    let told = bo.unread(team.org, &format!("?since={before}")).await?;
    assert_eq!((told.anew, counts(&told, chat.id), counts(&told, kept.id)), (true, None, Some((1, 0))));
    // Who took no part hears no more than that.
    let seen = outsider.get(&format!("/v1/orgs/{}/unread?since={before}", team.org)).await?;
    let unread: Unread = seen.read()?;
    ensure!(unread.anew && unread.chats.is_empty() && !seen.body.contains(&chat.id.to_string()), "{seen}");
    let far = stranger.owner.unread(stranger.org, &format!("?since={elsewhere}")).await?;
    assert!(!far.anew, "another org hears of it");
    // Once is enough; work of others on the same server may put off that it was.
    let mut cursor = told.cursor;
    eventually("an answer that goes on", async || {
        let next = bo.unread(team.org, &format!("?since={cursor}")).await?;
        cursor = next.cursor;
        Ok((!next.anew).then_some(()))
    })
    .await?;
    let channel = team.owner.try_delete_channel(team.org, team.channel).await?;
    e2e::person_deletions::accepted(&channel)?;
    let told = bo.unread(team.org, &format!("?since={cursor}")).await?;
    assert!(told.anew && told.chats.is_empty(), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_nowhere_begins_anew_and_what_is_none_is_refused() -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::shared()?).await?;
    team.owner.post(chat.id, "a", "hello").await?;
    stands(&bo, &chat, (1, 0)).await?;
    let anew = bo.unread(team.org, "?since=9000000000000000").await?;
    assert_eq!((anew.anew, counts(&anew, chat.id)), (true, Some((1, 0))));
    for query in ["since=x", "since=-1", "since=1.5", "since=99999999999999999999", "channel=x", "more=1"] {
        let path = format!("/v1/orgs/{}/unread?{query}", team.org);
        bo.get(&path).await?.refused(ProblemCode::InvalidParameter)?;
    }
    let stranger = World::shared()?.team("Strangers").await?;
    let path = format!("/v1/orgs/{}/unread", team.org);
    stranger.owner.at(team.org).get(&path).await?.refused(ProblemCode::NotFound).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_index_lost_come_back_when_chats_tell_it_anew() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let kept = team.owner.chat(team.org, team.channel, "Kept").await?;
    let edited = team.owner.post(chat.id, "one", "needle one").await?.message;
    let deleted = team.owner.post(chat.id, "two", "needle two").await?.message;
    let last = team.owner.post(chat.id, "three", "needle three for @Bo").await?.message;
    team.owner.edit(edited, "needle changed").await?.done()?;
    team.owner.delete(deleted).await?.done()?;
    eventually("the search knows both", async || {
        Ok((bo.search_org(team.org, "needle").await? == [last, edited]).then_some(()))
    })
    .await?;
    stands(&bo, &chat, (3, 1)).await?;

    let id = chat.id.to_string();
    assert_eq!(world.sql("DELETE FROM messages WHERE chat_id = $1", &id).await?, 3);
    assert_eq!(world.sql("DELETE FROM chat_people WHERE chat_id = $1", &id).await?, 2);
    assert!(bo.search_org(team.org, "needle").await?.is_empty());
    assert!(bo.unread(team.org, "").await?.chats.is_empty());
    let url = bed.database.owner_url.clone();
    let marked = block_in_place(|| database::reindex(&url, Some(&team.org.to_string())))?;
    assert_eq!((marked, block_in_place(|| database::to_reindex(&url))?), (2, 2));
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(block_in_place(|| database::to_reindex(&url))?, 0);
    eventually("the search knows both again", async || {
        Ok((bo.search_org(team.org, "needle").await? == [last, edited]).then_some(()))
    })
    .await?;
    stands(&bo, &chat, (3, 1)).await?;
    assert!(bo.search_org(team.org, "two").await?.is_empty(), "what was deleted came back");
    assert!(team.owner.summary(&kept).await?.is_some());
    // Where nothing was lost, nothing changes.
    block_in_place(|| database::reindex(&url, None))?;
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    team.owner.post(chat.id, "four", "needle four").await?;
    eventually("the search goes on", async || {
        Ok((bo.search_org(team.org, "needle").await?.len() == 3).then_some(()))
    })
    .await
}
