//! What was acknowledged is there: once, at its place, whatever was killed in between.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::chat_socket::{Opened, answer_to};
use e2e::dice::Dice;
use e2e::{ChatSocket, Heard, Person, World, eventually};
use futures::future::try_join_all;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::SocketTicket;
use slipway_contract::http::messages::Posted;
use slipway_contract::http::orgs::Role;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{ChatId, ProblemCode, Seq, limits};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

/// Kills of workerd; the acknowledged messages between two are about [`BETWEEN`].
const KILLS: &str = "SLIPWAY_E2E_KILLS";
/// Acknowledged messages between two kills: at least, and less than. 200 kills come to more than 200,000.
const BETWEEN: (u64, u64) = (600, 1_500);
/// Posts that a socket's writer has under way at once.
const WINDOW: usize = 16;
/// After a failed attempt: as long as a client waits at least.
const PAUSE: Duration = Duration::from_millis(20);

/// What the writers know.
#[derive(Debug, Default)]
struct Ledger {
    /// By client id, where each message went.
    acknowledged: Mutex<HashMap<String, Seq>>,
    count: AtomicU64,
    retried: AtomicU64,
    stop: AtomicBool,
}

impl Ledger {
    /// Writes an acknowledgement down; a second one must say the same.
    fn acknowledge(&self, client_id: &str, seq: Seq) -> Result<()> {
        let mut known = self.acknowledged.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        match known.insert(client_id.to_owned(), seq) {
            None => {
                self.count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Some(first) if first == seq => Ok(()),
            Some(first) => bail!("{client_id} was acknowledged at {first} and at {seq}"),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn name(writer: usize, number: u64) -> String {
    format!("w{writer}-{number}")
}

/// Opens a socket as soon as somebody answers.
async fn connect(person: &Person, chat: ChatId, after: Option<Seq>) -> Result<Option<ChatSocket>> {
    let path = format!("/v1/chats/{chat}/socket-ticket");
    let Some(answer) = person.call(reqwest::Method::POST, &path).try_send().await? else { return Ok(None) };
    if answer.status == 503 {
        return Ok(None);
    }
    let ticket: SocketTicket = answer.read()?;
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let query = format!("ticket={}{after}", ticket.ticket);
    match ChatSocket::attempt(&person.world, chat, &query, Some(limits::SOCKET_PROTOCOL)).await? {
        Opened::Open(socket) => Ok(Some(*socket)),
        Opened::Unreachable(_) => Ok(None),
        Opened::Refused(answer) if answer.status == 503 => Ok(None),
        // The ticket was made by a process that died before it could be used.
        Opened::Refused(answer) => {
            answer.refused(ProblemCode::TicketInvalid)?;
            Ok(None)
        }
        Opened::Shut { problem, code } => bail!("shut with {code}: {problem:?}"),
    }
}

/// Posts one message after the other, each again and again until it is acknowledged.
async fn write_by_http(person: Person, chat: ChatId, writer: usize, ledger: Arc<Ledger>) -> Result<()> {
    let mut number = 0;
    while !ledger.stopped() {
        let client_id = name(writer, number);
        loop {
            match person.posting(chat, &client_id, &client_id).try_send().await? {
                Some(answer) if answer.status == 503 => {}
                Some(answer) => {
                    ledger.acknowledge(&client_id, answer.read::<Posted>()?.seq)?;
                    break;
                }
                None => {}
            }
            ledger.retried.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        number += 1;
    }
    Ok(())
}

/// Keeps several posts under way; after a break, sends what was not acknowledged again, in order.
async fn write_by_socket(person: Person, chat: ChatId, writer: usize, ledger: Arc<Ledger>) -> Result<()> {
    let mut next = 0;
    let mut open: BTreeMap<u64, Option<u32>> = BTreeMap::new();
    while !(ledger.stopped() && open.is_empty()) {
        let Some(mut socket) = connect(&person, chat, None).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        ledger.retried.fetch_add(open.len() as u64, Ordering::Relaxed);
        let mut alive = true;
        for (number, asked) in &mut open {
            let client_id = name(writer, *number);
            *asked = socket.begin_post(&client_id, &client_id, None).await.ok();
            alive &= asked.is_some();
        }
        while alive && !(ledger.stopped() && open.is_empty()) {
            while open.len() < WINDOW && !ledger.stopped() && alive {
                let client_id = name(writer, next);
                let asked = socket.begin_post(&client_id, &client_id, None).await.ok();
                alive = asked.is_some();
                open.insert(next, asked);
                next += 1;
            }
            match socket.hear().await? {
                Heard::Frame(frame) => settle(writer, &frame, &mut open, &ledger)?,
                Heard::Broken => alive = false,
                Heard::Closed { code, reason } => bail!("writer {writer} closed: {code} {reason}"),
            }
            socket.events.clear();
        }
    }
    Ok(())
}

fn settle(
    writer: usize,
    frame: &ServerFrame,
    open: &mut BTreeMap<u64, Option<u32>>,
    ledger: &Ledger,
) -> Result<()> {
    for (number, asked) in open.iter() {
        let Some(answer) = asked.and_then(|asked| answer_to(frame, asked)) else { continue };
        let number = *number;
        let posted = answer.map_err(|problem| anyhow::anyhow!("writer {writer} refused: {problem:?}"))?;
        ledger.acknowledge(&name(writer, number), posted.seq)?;
        open.remove(&number);
        return Ok(());
    }
    Ok(())
}

/// A message as the readers remember it.
type Told = (Seq, Option<String>);

fn told(event: &Event) -> Told {
    let said = if let EventBody::MessagePosted(said) = &event.body { said.client_id.clone() } else { None };
    (event.seq, said)
}

/// Reads everything from the start, coming back after every break, until the log has ended at `end`.
async fn read(person: Person, chat: ChatId, end: Arc<AtomicU64>) -> Result<Vec<Told>> {
    let mut heard: Vec<Told> = Vec::new();
    let last = |heard: &[Told]| heard.last().map_or(Seq::START, |(seq, _)| *seq);
    let over = |heard: &[Told]| {
        let end = end.load(Ordering::Relaxed);
        end > 0 && last(heard).0 >= end
    };
    while !over(&heard) {
        // Who is far behind pages until they are not.
        let path = format!("/v1/chats/{chat}/events?after={}&limit=200", last(&heard));
        let Some(page) = person.call(reqwest::Method::GET, &path).try_send().await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if page.status == 503 {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let page: slipway_contract::http::chats::EventsPage = page.read()?;
        for event in &page.events {
            ensure!(event.seq == last(&heard).next(), "after {} came {}", last(&heard), event.seq);
            heard.push(told(event));
        }
        if page.head.0 - last(&heard).0 > limits::REPLAY_EVENTS / 2 {
            continue;
        }
        let Some(mut socket) = connect(&person, chat, Some(last(&heard))).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while !over(&heard) {
            match socket.hear_within(Duration::from_millis(200)).await? {
                None | Some(Heard::Frame(_)) => {}
                Some(Heard::Broken) => break,
                Some(Heard::Closed { code, reason }) => bail!("a reader was closed: {code} {reason}"),
            }
            heard.extend(socket.events.drain(..).map(|event| told(&event)));
        }
    }
    Ok(heard)
}

/// Everything acknowledged is in the log exactly once and where it was said to be, and each writer's in its order.
fn agrees(log: &[Told], ledger: &Ledger) -> Result<()> {
    let acknowledged = ledger.acknowledged.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
    let mut found: HashMap<&str, Seq> = HashMap::new();
    let mut newest: HashMap<&str, u64> = HashMap::new();
    for (seq, said) in log {
        let Some(client_id) = said else { continue };
        ensure!(found.insert(client_id, *seq).is_none(), "{client_id} is there twice");
        let (writer, number) = client_id.split_once('-').context("a message of nobody")?;
        let number: u64 = number.parse()?;
        let expected = newest.get(writer).map_or(0, |newest| newest + 1);
        ensure!(number == expected, "of {writer}, {number} came where {expected} should");
        newest.insert(writer, number);
    }
    for (client_id, seq) in acknowledged.iter() {
        ensure!(
            found.get(client_id.as_str()) == Some(seq),
            "{client_id} was acknowledged at {seq} and is at {:?}",
            found.get(client_id.as_str())
        );
    }
    ensure!(
        found.len() == acknowledged.len(),
        "{} messages, {} acknowledged",
        found.len(),
        acknowledged.len()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_runtime_is_killed() -> Result<()> {
    let kills: u32 = env::var(KILLS).ok().map_or(Ok(20), |kills| kills.parse())?;
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let team = world.team("Acme").await?;
    let mut people = vec![team.owner.clone()];
    for n in 1..4 {
        people.push(team.join(&format!("Person {n}"), Role::Member).await?);
    }
    let chat = team.chat("Storm", &[&people[1], &people[2], &people[3]]).await?;

    let ledger = Arc::new(Ledger::default());
    let end = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for writer in 0..16 {
        let (person, ledger) = (people[writer % 4].clone(), Arc::clone(&ledger));
        writers.push(if writer < 8 {
            tokio::spawn(write_by_http(person, chat.id, writer, ledger))
        } else {
            tokio::spawn(write_by_socket(person, chat.id, writer, ledger))
        });
    }
    let readers: Vec<_> =
        people.iter().map(|person| tokio::spawn(read(person.clone(), chat.id, Arc::clone(&end)))).collect();

    let mut dice = Dice::new(1);
    let begun = Instant::now();
    for kill in 0..kills {
        let goal = ledger.count.load(Ordering::Relaxed) + dice.roll(BETWEEN.0, BETWEEN.1);
        eventually(&format!("{goal} acknowledged before kill {kill}"), async || {
            if let Some(ended) = writers.iter().position(tokio::task::JoinHandle::is_finished) {
                bail!("writer {ended} gave up");
            }
            Ok((ledger.count.load(Ordering::Relaxed) >= goal).then_some(()))
        })
        .await?;
        block_in_place(|| bed.stack.kill_workerd())?;
    }
    ledger.stop.store(true, Ordering::Relaxed);
    for writer in try_join_all(writers).await? {
        writer?;
    }
    let log: Vec<Told> = people[0].log(chat.id).await?.iter().map(told).collect();
    end.store(log.len() as u64, Ordering::Relaxed);
    agrees(&log, &ledger)?;
    for heard in try_join_all(readers).await? {
        assert!(heard? == log, "a reader was told another story");
    }
    let count = ledger.count.load(Ordering::Relaxed);
    // The index follows, however often its teller was killed.
    eventually("the index to know every message", async || {
        Ok(people[1].summary(&chat).await?.filter(|row| row.message_count == count))
    })
    .await?;
    println!(
        "{count} acknowledged, {} retried, {kills} kills, 0 lost, 0 doubled, {:.1} s",
        ledger.retried.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_the_whole_stack_was_killed() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let team = world.team("Acme").await?;
    let bo = team.join("Bo", Role::Guest).await?;
    team.owner.add_to_channel(team.org, team.channel, bo.id()).await?.done()?;
    let chat = team.chat("Kept", &[&bo]).await?;
    let message = bo.post(chat.id, "kept", "kept").await?.message;
    team.owner.react(message, "👍", true).await?.done()?;
    let mut socket = team.owner.socket(chat.id, None).await?;
    let before = (team.owner.log(chat.id).await?, bo.describe(chat.id).await?, bo.me().await?);
    let (token, cookie) = (bo.token(), bo.cookie());

    block_in_place(|| {
        bed.stack.kill();
        bed.stack.restart()
    })?;

    assert_eq!(socket.hear().await?, Heard::Broken);
    let after = (team.owner.log(chat.id).await?, bo.describe(chat.id).await?, bo.me().await?);
    assert_eq!(after, before);
    assert_eq!((bo.token(), bo.cookie()), (token, cookie), "nobody had to sign in again");
    bo.refresh().await?;
    assert_eq!(bo.post(chat.id, "kept", "kept").await?.message, message);
    let row = eventually("the message in the list", async || {
        Ok(bo.summary(&chat).await?.filter(|row| row.preview == "kept"))
    });
    assert_eq!(row.await?.message_count, 1);
    let mut again = team.owner.socket(chat.id, Some(socket.last())).await?;
    let posted = again.post("next", "next").await?;
    again.reach(posted.seq).await?;
    assert_eq!(posted.seq, Seq(before.0.len() as u64 + 1));
    Ok(())
}
