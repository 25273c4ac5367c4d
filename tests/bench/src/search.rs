//! Finding what was said: words in a long chat, and how soon the org's search knows of a message.
//!
//! The lag is measured where the search looks: a message counts as known once its row can be read in Postgres, asked every
//! [`LOOK`]; a figure is too high by that at most, never too low.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::Plan;
use crate::listen::Listener;
use crate::opening;
use crate::report::{Report, Times};
use crate::rooms::{Room, Side, Socket};
use crate::setting::Setting;

/// Words that messages are made of; the first ones are the most frequent.
const VOCABULARY: f64 = 5_000.0;
const WORDS_PER_MESSAGE: u64 = 12;
const SEARCHES: u64 = 200;
/// Chats and messages a second of the lag, and for how long.
const CHATS: usize = 50;
const RATE: u64 = 200;
const SECONDS: u64 = 20;
const LOOK: Duration = Duration::from_millis(50);
/// What is not known by then is lost, and the run has no figure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two words in a chat of `long_chat` messages: the newest twenty that hold both.
pub(crate) async fn in_chat(setting: &Setting, plan: &Plan, report: &mut Report) -> Result<()> {
    let post = |number: u32| {
        let text: Vec<String> =
            (0..WORDS_PER_MESSAGE).map(|place| word(u64::from(number) * WORDS_PER_MESSAGE + place)).collect();
        json!({"type": "post", "id": number, "client_id": format!("0-{number}"), "text": text.join(" ")})
            .to_string()
    };
    let chat = opening::filled(setting, plan.long_chat, post).await?;
    let search = async |words: &str| -> Result<(f64, usize)> {
        let begun = Instant::now();
        let page = setting.signed("GET", &format!("/v1/chats/{chat}/search?q={words}"), None).await?;
        let found = page.get("items").and_then(serde_json::Value::as_array).context("no items")?.len();
        Ok((begun.elapsed().as_secs_f64() * 1000.0, found))
    };
    // The first search takes in what no search or telling has yet.
    let (first, _) = search("first").await?;
    let (mut times, mut hits) = (Vec::new(), 0);
    for number in 0..SEARCHES {
        let seed = 1_000_000_000 + number * 2;
        let (took, found) = search(&format!("{}%20{}", word(seed), word(seed + 1))).await?;
        times.push(took);
        hits += found;
    }
    ensure!(hits > 0, "nothing was ever found");
    let Times { p50, p95, most, .. } = Times::of(times);
    report.line(&format!(
        "two words in a chat of {} messages: p50 {p50:.1}, p95 **{p95:.1}**, most {most:.1} ms of {SEARCHES} (goal p95 ≤ 20 \
         ms); {hits} found; the first search {first:.0} ms",
        plan.long_chat,
    ));
    Ok(())
}

/// A word by a number: small ones of the vocabulary come most often. The same number gives the same word.
pub(crate) fn word(number: u64) -> String {
    // SplitMix64 (Steele, Lea, Flood 2014), as a source of numbers without a pattern.
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let share = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    let mut place = (VOCABULARY * share * share * share) as u64 + 20;
    let mut letters = String::new();
    while place > 0 {
        letters.push(char::from(b'a' + u8::try_from(place % 20).unwrap_or(0)));
        place /= 20;
    }
    letters
}

/// Which message, and when.
type Moment = ((String, u64), Instant);

/// From the acknowledgement of a message until the org's search knows it, at a steady rate over many chats.
pub(crate) async fn lag(setting: &Setting, report: &mut Report) -> Result<()> {
    let mut sockets = Vec::new();
    for number in 0..CHATS {
        let room = Room::create(setting, Side::Ours, &format!("lag-{number}")).await?;
        sockets.push((room.name().to_owned(), room.join(setting, 0).await?));
    }
    let (acknowledged, mut moments) = mpsc::unbounded_channel::<Moment>();
    let (stop, stopped) = oneshot::channel();
    let looker = tokio::spawn(look(setting.bed().database.admin_url.to_string(), stopped));
    let each = Duration::from_micros(1_000_000 * CHATS as u64 / RATE);
    let posts = u32::try_from(SECONDS * RATE / CHATS as u64)?;
    let senders = sockets.into_iter().enumerate().map(|(number, (chat, socket))| {
        let acknowledged = acknowledged.clone();
        let delay = each * u32::try_from(number).unwrap_or(0) / CHATS as u32;
        async move {
            sleep(delay).await;
            send(chat, socket, number, posts, each, &acknowledged).await
        }
    });
    futures::future::try_join_all(senders).await?;
    drop(acknowledged);
    let mut sent = Vec::new();
    while let Some(moment) = moments.recv().await {
        sent.push(moment);
    }
    let newest = sent.iter().fold(HashMap::<String, u64>::new(), |mut newest, ((chat, seq), _)| {
        let known = newest.entry(chat.clone()).or_default();
        *known = (*known).max(*seq);
        newest
    });
    let _gone = stop.send(newest);
    let looks = timeout(PATIENCE, looker).await.context("the org's search never knew all")???;
    let mut lags = Vec::new();
    for ((chat, seq), at) in &sent {
        let known = looks.iter().find(|(_, known)| known.get(chat).is_some_and(|newest| newest >= seq));
        let (seen, _) = known.context("a message that is never known")?;
        lags.push(seen.saturating_duration_since(*at).as_secs_f64() * 1000.0);
    }
    let Times { p50, p95, p99, most } = Times::of(lags);
    report.line(&format!(
        "from the acknowledgement until the org's search knows a message, {RATE} messages/s over {CHATS} chats for {SECONDS} s: \
         p50 {p50:.0}, p95 {p95:.0}, p99 **{p99:.0}**, most {most:.0} ms of {} (goal p99 ≤ 2,000 ms)",
        sent.len(),
    ));
    Ok(())
}

/// Posts at a steady pace, whether answers come or not, and notes when each is acknowledged.
async fn send(
    chat: String,
    socket: Socket,
    client: usize,
    posts: u32,
    each: Duration,
    acknowledged: &mpsc::UnboundedSender<Moment>,
) -> Result<()> {
    let (mut sink, mut stream) = socket.split();
    let mut ticks = interval(each);
    let mut listener = Listener::default();
    let (mut sent, mut done) = (0, 0);
    while done < posts {
        tokio::select! {
            _ = ticks.tick(), if sent < posts => {
                sink.send(Message::text(Side::Ours.post(sent, client))).await?;
                sent += 1;
            }
            frame = timeout(PATIENCE, stream.next()) => {
                let frame = frame.context("no answer")?.context("the socket ended")??;
                let Message::Text(text) = frame else { bail!("an odd frame: {frame:?}") };
                if listener.hear(Side::Ours, &text)?.done.is_some() {
                    let frame: serde_json::Value = serde_json::from_str(&text)?;
                    let seq = frame.get("seq").and_then(serde_json::Value::as_u64).context("no seq")?;
                    acknowledged.send(((chat.clone(), seq), Instant::now()))?;
                    done += 1;
                }
            }
        }
    }
    Ok(())
}

/// What was known when, chat by chat, until all that it is told of in the end is known.
type Looks = Vec<(Instant, HashMap<String, u64>)>;

async fn look(url: String, mut stopped: oneshot::Receiver<HashMap<String, u64>>) -> Result<Looks> {
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    let _driver = tokio::spawn(connection);
    let (mut looks, mut wanted) = (Looks::new(), None);
    let mut ticks = interval(LOOK);
    loop {
        ticks.tick().await;
        let rows = client.query("SELECT chat_id, max(seq) FROM messages GROUP BY chat_id", &[]).await?;
        let mut known = HashMap::new();
        for row in rows {
            known.insert(row.try_get::<_, String>(0)?, u64::try_from(row.try_get::<_, i64>(1)?)?);
        }
        if let Ok(newest) = stopped.try_recv() {
            wanted = Some(newest);
        }
        let all = wanted.as_ref().is_some_and(|wanted| {
            wanted.iter().all(|(chat, seq)| known.get(chat).is_some_and(|newest| newest >= seq))
        });
        looks.push((Instant::now(), known));
        if all {
            return Ok(looks);
        }
    }
}
