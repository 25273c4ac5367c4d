//! The longest messages, by the hundred: pages, both searches, the index by portions, and the way to R2 and back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, World, within};
use reqwest::Method;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::{ArchiveStatus, Chat};
use slipway_contract::limits;
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::scene::{CAUGHT_UP, Index, TOLD_BYTES, told_by_portions};

/// Some 19 MB: more than one page of the log, more portions of the index than one burst has (20 of 8), five parts of an
/// archive; half a minute on two cores.
const MESSAGES: usize = 300;
/// Excerpts are some 240 characters each, so a page of what was found has a size of its own.
const FOUND_BYTES: usize = 128 * 1024;
/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";
/// An archive that its request could not end is gone on with after its lease of three minutes.
const MOVED: Duration = Duration::from_secs(300);

/// A text of exactly the longest size, with a word of its own at each end.
fn text(number: usize) -> String {
    let (mut text, end) = (format!("pelican p{number} "), format!(" q{number}"));
    while text.len() < limits::MESSAGE_BYTES - end.len() {
        text.push_str("all work and no play, ");
    }
    text.truncate(limits::MESSAGE_BYTES - end.len());
    text + &end
}

/// What was said, as the log has it.
fn texts(log: &[Event]) -> Vec<&str> {
    log.iter()
        .filter_map(|event| {
            if let EventBody::MessagePosted(said) = &event.body { Some(said.text.as_str()) } else { None }
        })
        .collect()
}

/// Both searches find the first, one in the middle and the last message, by the words at their beginnings and ends.
async fn are_found(bo: &Person, team: &Team, chat: &Chat, log: &[Event]) -> Result<()> {
    for number in [0, MESSAGES / 2, MESSAGES - 1] {
        let text = text(number);
        let said = log.iter().find_map(|event| {
            if let EventBody::MessagePosted(said) = &event.body
                && said.text == text
            {
                return Some(said.message);
            }
            None
        });
        let said = said.with_context(|| format!("message {number} is not in the log"))?;
        for typed in [format!("\"p{number}\""), format!("\"q{number}\"")] {
            ensure!(bo.search_chat(chat.id, &typed).await? == [said], "{typed} in the chat");
            ensure!(bo.search_org(team.org, &typed).await? == [said], "{typed} across the org");
        }
    }
    let most = format!("&limit={}", limits::FOUND_MAX);
    for answer in [
        bo.try_search_chat(chat.id, "pelican", &most).await?,
        bo.try_search_org(team.org, "pelican", &most).await?,
    ] {
        answer.done()?;
        ensure!(answer.body.len() < FOUND_BYTES, "a page of what was found has {} bytes", answer.body.len());
    }
    Ok(())
}

/// Waits until the list says that the chat is archived; the clock helps.
async fn archived(bed: &mut Testbed, person: &Person, chat: &Chat) -> Result<()> {
    within(MOVED, "a chat that can be archived", async || {
        let path = format!("/v1/chats/{}/archive", chat.id);
        let Some(answer) = person.call(Method::POST, &path).try_send().await? else { return Ok(None) };
        // What comes by itself is in the way for a moment.
        if answer.status == 503 || answer.status == 409 {
            return Ok(None);
        }
        answer.read::<ArchiveStatus>().map(Some)
    })
    .await?;
    within(MOVED, "a list that says archived", async || {
        if person.summary(chat).await?.is_some_and(|row| row.archived) {
            return Ok(Some(()));
        }
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        Ok(None)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_the_longest_messages_are_read_found_archived_and_brought_back() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let begun = Instant::now();
    let posted =
        bo.post_many(chat.id, (0..MESSAGES).map(|number| (format!("{number}"), text(number)))).await?;
    ensure!(posted.len() == MESSAGES, "{} were answered", posted.len());
    println!("{MESSAGES} messages of 64 KiB in {:.1} s", begun.elapsed().as_secs_f64());

    let log = team.owner.log(chat.id).await?;
    let said: Vec<String> = (0..MESSAGES).map(text).collect();
    ensure!(texts(&log) == said, "the log has other texts, or in another order");
    let page = bo.events(chat.id, &format!("limit={}", limits::PAGE_MAX)).await?;
    let newest = log.len().saturating_sub(limits::PAGE_MAX as usize);
    ensure!(log.get(newest..) == Some(page.events.as_slice()), "the newest page is another");

    let index = Index::open(&bed).await?;
    index.follows(chat.id, &log, CAUGHT_UP).await?;
    println!("in the index after {:.1} s", begun.elapsed().as_secs_f64());
    told_by_portions(&bed, chat.id, MESSAGES as u64, (TOLD_BYTES / limits::MESSAGE_BYTES) as u64).await?;
    are_found(&bo, &team, &chat, &log).await?;

    let begun = Instant::now();
    archived(&mut bed, &team.owner, &chat).await?;
    println!("archived in {:.1} s", begun.elapsed().as_secs_f64());
    let typed = format!("\"q{}\"", MESSAGES - 1);
    ensure!(bo.search_org(team.org, &typed).await?.len() == 1, "the org finds what is away");
    let begun = Instant::now();
    within(MOVED, "the chat's return", async || {
        let path = format!("/v1/chats/{}", chat.id);
        let answer = bo.call(Method::GET, &path).try_send().await?;
        Ok(answer.filter(|answer| answer.status != 503).map(drop))
    })
    .await?;
    ensure!(team.owner.log(chat.id).await? == log, "it came back otherwise");
    println!("back in {:.1} s", begun.elapsed().as_secs_f64());
    are_found(&bo, &team, &chat, &log).await?;
    let next = bo.post(chat.id, "next", "and on it goes").await?;
    assert_eq!(Some(next.seq), log.last().map(|event| event.seq.next()));
    let log = bo.log(chat.id).await?;
    index.follows(chat.id, &log, CAUGHT_UP).await
}
