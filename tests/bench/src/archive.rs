//! A long chat leaves its object for R2 and comes back: how long that takes, what it weighs, what memory it needs, and
//! that nothing of it changes on the way. The peer packs the same events into R2 and puts them back in bulk, without reading
//! anything back, comparing it, or being able to go on in the middle.
//!
//! Each way out and each way back has a workerd of its own, in which a short chat went both ways before: the object is cold,
//! the Workers are not, and memory that other work took is no part of the figure.

mod kept;
mod long;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use self::kept::Kept;
use self::long::Long;
use crate::Plan;
use crate::machine::{self, Peak};
use crate::report::{Report, spread};
use crate::setting::{Setting, text};

/// Messages of the chat that goes before.
const SHORT: u64 = 400;
const LOOK: Duration = Duration::from_millis(10);
/// What has not happened by then does not happen. The org's search hears of a long chat in pieces, with pauses in between.
const PATIENCE: Duration = Duration::from_secs(600);
/// The peer's chat.
const NAME: &str = "long";

/// One way out and back, in milliseconds and bytes.
struct Round {
    out: f64,
    out_memory: Option<u64>,
    page: f64,
    back: f64,
    back_memory: Option<u64>,
    search: f64,
    peer_out: f64,
    peer_back: f64,
    peer_share: f64,
}

/// A long chat, out and back as often as there are rounds.
pub(crate) async fn run(setting: &mut Setting, plan: &Plan, report: &mut Report) -> Result<()> {
    setting.renew().await?;
    let index = Index::open(setting).await?;
    let short = long::filled(setting, SHORT).await?;
    let chat = long::filled(setting, plan.long_chat).await?;
    index.knows(&short).await?;
    index.knows(&chat).await?;
    let (mut rounds, mut discarded, mut first) = (Vec::new(), 0, None::<Kept>);
    // What comes back is held against what left by leaving again.
    let tries = plan.rounds.max(2);
    for number in 0..tries {
        setting.renew().await?;
        let flushes = machine::flushes_per_second(setting.folder())?;
        let (round, kept) = round(setting, &index, &short, &chat, number == 0).await?;
        match &first {
            Some(first) => ensure!(kept.digest == first.digest, "the chat came back as another one"),
            None => first = Some(kept),
        }
        let after = machine::flushes_per_second(setting.folder())?;
        if (after / flushes - 1.0).abs() > 0.25 && rounds.len() + tries - number > 1 {
            discarded += 1;
        } else {
            rounds.push(round);
        }
    }
    let kept = first.context("no archive")?;
    tell(report, &chat, &kept, &rounds, discarded);
    Ok(())
}

async fn round(
    setting: &mut Setting,
    index: &Index,
    short: &Long,
    chat: &Long,
    is_first: bool,
) -> Result<(Round, Kept)> {
    fresh(setting, index, short).await?;
    let (archive, out, out_memory) = leave(setting, index, &chat.chat).await?;
    let kept = Kept::read(setting, &chat.chat, &archive).await?;
    if is_first {
        for part in &kept.parts {
            ask_peer(setting, &format!("take?part={part}")).await?;
        }
    }
    let (peer_out, packed) = ask_peer(setting, "leave").await?;
    fresh(setting, index, short).await?;
    let Return { page, back, memory, search } = come_back(setting, index, &chat.chat, &archive).await?;
    let (peer_back, unpacked) = ask_peer(setting, "back").await?;
    let count = |value: &Value, what: &str| value.get(what).and_then(Value::as_f64).context("no count");
    let rows = count(&unpacked, "rows")?;
    ensure!(rows > 0.0 && rows == count(&packed, "rows")?, "the peer lost rows");
    let peer_share = count(&packed, "packed")? / count(&packed, "raw")?;
    let round =
        Round { out, out_memory, page, back, back_memory: memory, search, peer_out, peer_back, peer_share };
    Ok((round, kept))
}

/// A fresh workerd in which a short chat has gone both ways.
async fn fresh(setting: &mut Setting, index: &Index, short: &Long) -> Result<()> {
    setting.restart()?;
    let path = format!("/v1/chats/{}", short.chat);
    let answers = async {
        // Connections of before are found dead by using them.
        while !matches!(setting.tried("GET", &path).await, Ok((200, _)))
            || ask_peer(setting, "").await.is_err()
        {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, answers).await.context("workerd does not answer again")?;
    let (archive, ..) = leave(setting, index, &short.chat).await?;
    come_back(setting, index, &short.chat, &archive).await.map(drop)
}

/// Archives a chat as soon as that is allowed: the archive, milliseconds from the call until R2 has the only copy, and by how
/// much workerd grew.
async fn leave(setting: &Setting, index: &Index, chat: &str) -> Result<(String, f64, Option<u64>)> {
    let until = Instant::now() + PATIENCE;
    let path = format!("/v1/chats/{chat}/archive");
    while Instant::now() < until {
        let peak = Peak::from_now(setting.workerd())?;
        let begun = Instant::now();
        let (status, answer) = setting.tried("POST", &path).await?;
        if status == 202 {
            let archive = text(&answer, "/archive")?;
            index.reaches(&archive, "archived").await?;
            let took = milliseconds(begun);
            return Ok((archive, took, peak.map(|peak| peak.growth()).transpose()?));
        }
        // What happened last is told first.
        let code = text(&answer, "/code")?;
        ensure!(matches!(code.as_str(), "archive_blocked" | "unavailable"), "{status}: {answer}");
        sleep(LOOK * 10).await;
    }
    bail!("the chat could never leave")
}

/// How a chat came back, in milliseconds and bytes.
struct Return {
    page: f64,
    back: f64,
    memory: Option<u64>,
    search: f64,
}

/// Opens an archived chat: until its newest page is there, until all of it is and that is known, and until its words are
/// found.
async fn come_back(setting: &Setting, index: &Index, chat: &str, archive: &str) -> Result<Return> {
    let peak = Peak::from_now(setting.workerd())?;
    let begun = Instant::now();
    let opened = async {
        setting.signed("GET", &format!("/v1/chats/{chat}"), None).await?;
        setting.signed("GET", &format!("/v1/chats/{chat}/events?limit=50"), None).await
    };
    timeout(PATIENCE, opened).await.context("the chat does not open")??;
    let page = milliseconds(begun);
    index.reaches(archive, "restored").await?;
    let back = milliseconds(begun);
    let memory = peak.map(|peak| peak.growth()).transpose()?;
    let begun = Instant::now();
    setting.signed("GET", &format!("/v1/chats/{chat}/search?q=first"), None).await?;
    Ok(Return { page, back, memory, search: milliseconds(begun) })
}

/// Has the peer do something with its rows: milliseconds and its answer.
async fn ask_peer(setting: &Setting, what: &str) -> Result<(f64, Value)> {
    let begun = Instant::now();
    let asked = async {
        let reply = setting.http().post(setting.peer(&format!("keep/{NAME}/{what}"))).send().await?;
        anyhow::Ok(reply.error_for_status()?.json().await?)
    };
    let answer = timeout(PATIENCE, asked).await.context("the peer does not answer")??;
    Ok((milliseconds(begun), answer))
}

/// What Postgres knows of chats and their archives.
struct Index {
    client: Client,
}

impl Index {
    async fn open(setting: &Setting) -> Result<Self> {
        let (client, connection) =
            tokio_postgres::connect(setting.bed().database.admin_url.as_str(), NoTls).await?;
        // Ends with the client; a failure shows itself in the client's calls.
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// Waits until the org's search knows everything in a chat.
    async fn knows(&self, chat: &Long) -> Result<()> {
        let newest = i64::try_from(chat.newest)?;
        let known = "SELECT 1 FROM messages WHERE chat_id = $1 AND seq >= $2";
        let until = Instant::now() + PATIENCE;
        while self.client.query_opt(known, &[&chat.chat, &newest]).await?.is_none() {
            ensure!(Instant::now() < until, "the org's search never knew all");
            sleep(LOOK * 10).await;
        }
        Ok(())
    }

    /// Waits until an archive stands so.
    async fn reaches(&self, archive: &str, wanted: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = "SELECT state FROM chat_archives WHERE archive_id = $1";
            let row = self.client.query_opt(asked, &[&archive]).await?.context("the archive was given up")?;
            let state: String = row.try_get(0)?;
            if state == wanted {
                return Ok(());
            }
            ensure!(state != "removing" && Instant::now() < until, "{archive} is {state}, not {wanted}");
            sleep(LOOK).await;
        }
    }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1_000.0
}

fn tell(report: &mut Report, chat: &Long, kept: &Kept, rounds: &[Round], discarded: usize) {
    let spread_of = |read: fn(&Round) -> f64| spread(&mut rounds.iter().map(read).collect::<Vec<f64>>());
    let most = |read: fn(&Round) -> Option<u64>| {
        let all: Option<Vec<u64>> = rounds.iter().map(read).collect();
        let most = all.and_then(|all| all.into_iter().max());
        most.map_or_else(|| "not known here".to_owned(), |most| format!("**{:.0}** MB", most as f64 / 1e6))
    };
    let share = kept.packed as f64 / kept.raw.max(1) as f64;
    report.line(&format!(
        "a chat of {} messages, {} forks, {} edits, reactions and deletions leaves for R2 and comes back: {} rows in {} parts; \
         {} rounds ({discarded} discarded), each way in a workerd of its own",
        chat.messages, chat.forks, chat.changes, kept.rows, kept.parts.len(), rounds.len(),
    ));
    report.line(&format!(
        "- out: {} s until R2 has the only copy (goal < 10 s), the peer {} s; rate, ours : peer {} (goal ≥ 0.5); workerd grew \
         by at most {} (goal < 100 MB)",
        spread_of(|round| round.out / 1_000.0),
        spread_of(|round| round.peer_out / 1_000.0),
        spread_of(|round| round.peer_out / round.out),
        most(|round| round.out_memory),
    ));
    report.line(&format!(
        "- back: the first page of the cold chat after {} ms (goal ≤ 300 ms), all of it after {} s (goal < 10 s), the peer {} s; \
         time, ours : peer {} (goal ≤ 2.5); workerd grew by at most {} (goal < 100 MB); the first search after that {} ms",
        spread_of(|round| round.page),
        spread_of(|round| round.back / 1_000.0),
        spread_of(|round| round.peer_back / 1_000.0),
        spread_of(|round| round.back / round.peer_back),
        most(|round| round.back_memory),
        spread_of(|round| round.search),
    ));
    report.line(&format!(
        "- in R2: {} bytes of {} bytes of JSON lines: **{share:.3}** (goal ≤ 0.35), the peer {}; every archive of the chat has \
         the same rows, SHA-256 {}",
        kept.packed,
        kept.raw,
        spread_of(|round| round.peer_share),
        kept.digest,
    ));
}
