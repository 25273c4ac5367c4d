//! An hour without Postgres: all that is said is taken, and found once Postgres is back, each message once and in its order,
//! though the whole stack dies in the middle of catching up.

use std::time::Instant;

use anyhow::{Result, ensure};
use e2e::{Person, World, eventually};
use futures::future::{try_join, try_join_all};
use slipway_contract::http::chats::Chat;
use slipway_contract::http::orgs::Role;
use slipway_contract::{ChatId, MessageId};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

use crate::gate::Gate;
use crate::scene::{CAUGHT_UP, Index, found, wanted};

/// One a second for an hour, in all chats together. By their number, not by the clock: the hour itself adds nothing but
/// longer pauses between tries, which end at a minute.
const MESSAGES: usize = 3_600;
/// A word for each chat that stands in all its messages and nowhere else, and begins no other.
const WORDS: [&str; 6] = ["alder", "birch", "cedar", "hazel", "maple", "rowan"];
/// Of each chat's messages, those that come one by one over REST; the others come over a socket.
const BY_REST: usize = 60;
/// Each chat needs two tellings at least, so these are fewer than all.
const LET_THROUGH: i64 = 4;

/// Says a chat's share, by two people at once.
async fn say(ada: &Person, bo: &Person, chat: ChatId, word: &str) -> Result<()> {
    let each = MESSAGES / WORDS.len();
    let by_rest = async {
        for number in 0..BY_REST {
            let (client_id, text) = (format!("rest-{number}"), format!("{word} of the hour r{number}"));
            // A connection that ends before the answer is tried again under the same id, as every client does.
            let posted =
                eventually("an answer", async || ada.posting(chat, &client_id, &text).try_send().await);
            posted.await?.done()?;
        }
        Ok(())
    };
    let texts =
        (BY_REST..each).map(|number| (format!("socket-{number}"), format!("{word} of the hour s{number}")));
    let (_, posted) = try_join(by_rest, bo.post_many(chat, texts)).await?;
    ensure!(posted.len() == each - BY_REST, "{} were answered", posted.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_in_an_hour_without_postgres_is_found_once_and_in_order_though_the_stack_dies()
-> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let team = world.team("Acme").await?;
    let (ada, bo) = (team.owner.clone(), team.join("Bo", Role::Member).await?);
    let mut chats: Vec<(Chat, &str)> = Vec::new();
    for word in WORDS {
        chats.push((team.chat(word, &[&bo]).await?, word));
    }
    for (chat, word) in &chats {
        bo.post(chat.id, "before", &format!("{word} before the hour")).await?;
        let log = bo.log(chat.id).await?;
        Index::open(&bed).await?.follows(chat.id, &log, CAUGHT_UP).await?;
    }
    Gate::set(&bed, LET_THROUGH).await?;
    block_in_place(|| bed.postgres.stop());

    let begun = Instant::now();
    try_join_all(chats.iter().map(|(chat, word)| say(&ada, &bo, chat.id, word))).await?;
    println!("{MESSAGES} messages without Postgres in {:.1} s", begun.elapsed().as_secs_f64());
    let mut logs = Vec::new();
    for (chat, _) in &chats {
        logs.push(bo.log(chat.id).await?);
    }

    block_in_place(|| bed.postgres.start_again())?;
    let gate = Gate::again(&bed, LET_THROUGH).await?;
    gate.caught().await?;
    let index = Index::open(&bed).await?;
    let half = index.count().await?;
    ensure!(half < MESSAGES + WORDS.len(), "it had caught up before anything died");
    // kill -9 of everything, with tellings under way that are not committed and others that nobody could note.
    block_in_place(|| bed.stack.kill());
    gate.open().await?;
    block_in_place(|| bed.stack.restart())?;

    // Nobody comes: the chats' objects go on by themselves.
    let begun = Instant::now();
    for ((chat, _), log) in chats.iter().zip(&logs) {
        index.follows(chat.id, log, CAUGHT_UP).await?;
    }
    println!("{half} rows when it died, all {:.1} s after its start", begun.elapsed().as_secs_f64());
    for ((chat, word), log) in chats.iter().zip(&logs) {
        let newest_first: Vec<MessageId> =
            wanted(log).iter().rev().map(|row| MessageId::new(chat.id, row.seq)).collect();
        ensure!(newest_first.len() == MESSAGES / WORDS.len() + 1);
        ensure!(found(&bo, team.org, word).await? == newest_first, "the search tells {word} otherwise");
        ensure!(bo.log(chat.id).await? == *log, "the log of {word} is another");
        let row = ada.summary(chat).await?;
        let count = row.map(|row| row.message_count);
        ensure!(count == Some(newest_first.len() as u64), "{word} is listed with {count:?} messages");
    }
    Ok(())
}
