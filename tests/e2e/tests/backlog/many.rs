//! A long backlog in one chat, with edits and deletions among what waits: told by bounded portions, and in the end as it
//! became.

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, World, within};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use slipway_contract::MessageId;
use slipway_contract::http::messages::Posted;
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

use crate::scene::{CAUGHT_UP, Index, TOLD, told_by_portions};

/// How many messages wait.
const BACKLOG: &str = "SLIPWAY_E2E_BACKLOG";
/// Without it: two bursts of twenty full portions each with the pause between them, so that all of the way is gone, in about
/// a minute on two cores. 100,000 go the same way five times as long.
const MESSAGES: usize = 20_000;
/// In each stretch of so many messages, some are changed.
const STRETCH: usize = 200;
/// Changes that are under way at once.
const AT_ONCE: usize = 8;

/// What becomes of a message while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Edited { times: usize },
    Deleted,
    EditedAndDeleted,
}

impl Fate {
    const fn of(number: usize) -> Self {
        match number % STRETCH {
            7 => Self::Edited { times: 1 },
            11 => Self::Edited { times: 3 },
            13 => Self::Deleted,
            17 => Self::EditedAndDeleted,
            _ => Self::Stays,
        }
    }

    async fn befall(self, bo: &Person, message: MessageId, number: usize) -> Result<()> {
        let edits = match self {
            Self::Stays | Self::Deleted => 0,
            Self::Edited { times } => times,
            Self::EditedAndDeleted => 1,
        };
        for edit in 0..edits {
            let text = if edit + 1 == edits { mended(number) } else { format!("on the way to {number}") };
            bo.edit(message, &text).await?.done()?;
        }
        if matches!(self, Self::Deleted | Self::EditedAndDeleted) {
            bo.delete(message).await?.done()?;
        }
        Ok(())
    }
}

fn said(number: usize) -> String {
    format!("squall n{number}")
}

fn mended(number: usize) -> String {
    format!("mended m{number}")
}

/// A message is found across the org by its own words as it is now, and by no others.
async fn is_found_as_it_is(
    bo: &Person,
    team: &Team,
    message: MessageId,
    number: usize,
    fate: Fate,
) -> Result<()> {
    let (first, last) = match fate {
        Fate::Stays => (vec![message], vec![]),
        Fate::Edited { .. } => (vec![], vec![message]),
        Fate::Deleted | Fate::EditedAndDeleted => (vec![], vec![]),
    };
    for (typed, expected) in [(said(number), first), (mended(number), last)] {
        let found = bo.search_org(team.org, &format!("\"{typed}\"")).await?;
        ensure!(found == expected, "{typed} ({fate:?}): {found:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_of_one_chat_is_told_by_portions_and_ends_in_its_last_form() -> Result<()> {
    let count: usize = env::var(BACKLOG).ok().map_or(Ok(MESSAGES), |count| count.parse())?;
    ensure!(
        count >= 2 * STRETCH && count.is_multiple_of(STRETCH),
        "{BACKLOG} is no multiple of {STRETCH}, or only one"
    );
    let limit = CAUGHT_UP + Duration::from_secs(count as u64 / 100);
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    block_in_place(|| bed.postgres.stop());

    let begun = Instant::now();
    let messages = (0..count).map(|number| (format!("client-{number}"), said(number)));
    let posted: Vec<Posted> = bo.post_many(chat.id, messages).await?;
    ensure!(posted.len() == count, "{} were answered", posted.len());
    let changed = || (0..count).zip(&posted).filter(|(number, _)| Fate::of(*number) != Fate::Stays);
    stream::iter(changed().map(|(number, posted)| Fate::of(number).befall(&bo, posted.message, number)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    println!("{count} messages wait after {:.1} s", begun.elapsed().as_secs_f64());

    block_in_place(|| bed.postgres.start_again())?;
    let index = Index::open(&bed).await?;
    within(limit, "the first portion in the index", async || Ok((index.count().await? > 0).then_some(())))
        .await?;
    let begun = Instant::now();
    // What is told already and what is told last change while it catches up.
    let late = [
        (1, Fate::Edited { times: 1 }),
        (3, Fate::Deleted),
        (count - STRETCH + 21, Fate::Deleted),
        (count - STRETCH + 23, Fate::Edited { times: 1 }),
    ];
    for (number, fate) in late {
        let message = posted.get(number).context("no such message")?.message;
        fate.befall(&bo, message, number).await?;
    }
    let log = bo.log(chat.id).await?;
    index.follows(chat.id, &log, limit).await?;
    println!("caught up {:.1} s after the first portion", begun.elapsed().as_secs_f64());

    let looks = [0, 7, 11, 13, 17, 199, 207, 211, 213, 217, count - 1];
    let looks = looks.map(|number| (number, Fate::of(number))).into_iter().chain(late);
    for (number, fate) in looks {
        let message = posted.get(number).context("no such message")?.message;
        is_found_as_it_is(&bo, &team, message, number, fate).await?;
        let there = matches!(fate, Fate::Stays).then_some(message);
        let in_chat = bo.search_chat(chat.id, &format!("\"n{number}\"")).await?;
        ensure!(in_chat == there.into_iter().collect::<Vec<_>>(), "n{number} ({fate:?}) in its chat");
    }
    let row = team.owner.summary(&chat).await?.context("the chat is not listed")?;
    assert_eq!(row.message_count, team.owner.describe(chat.id).await?.message_count);
    // Those that never changed came new, so the log counts them.
    let fresh = count - changed().count() - late.len();
    told_by_portions(&bed, chat.id, fresh as u64, TOLD).await
}
