//! Fan-out: one sender, many listeners; from the send to the last listener.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::Plan;
use crate::listen::Listener;
use crate::machine;
use crate::report::{Report, Round};
use crate::rooms::{Room, Side, Socket};
use crate::setting::Setting;

const PATIENCE: Duration = Duration::from_secs(30);
/// Messages that are under way at once in the throughput rounds.
const WINDOW: u32 = 32;

/// Deliveries a second with a full window, and the latency of lone messages.
pub(crate) async fn run(setting: &Setting, plan: &Plan, listeners: usize, report: &mut Report) -> Result<()> {
    for (name, window) in [("full window", WINDOW), ("lone message", 1)] {
        let mut pairs = Vec::new();
        for pair in 0..plan.rounds {
            let ours = round(setting, plan, Side::Ours, pair, listeners, window).await?;
            let peer = round(setting, plan, Side::Peer, pair, listeners, window).await?;
            pairs.push((ours, peer));
        }
        report.pairs(&format!("fan-out 1 → {listeners}, {name}, deliveries"), &pairs, 0);
    }
    Ok(())
}

async fn round(
    setting: &Setting,
    plan: &Plan,
    side: Side,
    pair: usize,
    listeners: usize,
    window: u32,
) -> Result<Round> {
    let room = Room::create(setting, side, &format!("fanout-{listeners}-{window}-{pair}")).await?;
    let mut sockets = Vec::new();
    for number in 0..listeners {
        sockets.push(room.join(setting, number).await?);
    }
    let mut sender = room.join(setting, listeners).await?;
    let cpu = machine::cpu_time(setting.workerd())?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(plan.seconds);
    let mut latencies = Vec::new();
    let mut hearing: Vec<(Socket, Listener)> =
        sockets.into_iter().map(|socket| (socket, Listener::default())).collect();
    let (mut id, mut total) = (0, 0_u64);
    while Instant::now() < until {
        let sent = Instant::now();
        for _ in 0..window {
            sender.send(Message::text(side.post(id, 0))).await?;
            id += 1;
        }
        total += u64::from(window);
        let hear = hearing.iter_mut().map(|(socket, listener)| hear_until(side, socket, listener, total));
        let (_, ()) = futures::try_join!(try_join_all(hear), drain(side, &mut sender, window))?;
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = machine::cpu_time(setting.workerd())?.saturating_sub(cpu);
    let delivered: u64 = hearing.iter().map(|(_, listener)| listener.delivered).sum();
    ensure!(delivered == total * listeners as u64, "{delivered} deliveries of {}", total * listeners as u64);
    for (mut socket, _) in hearing {
        let _closed = socket.close(None).await;
    }
    Ok(Round::of(latencies, delivered, seconds, cpu))
}

async fn hear_until(side: Side, socket: &mut Socket, listener: &mut Listener, total: u64) -> Result<()> {
    while listener.delivered < total {
        listener.hear(side, &next(socket).await?)?;
    }
    Ok(())
}

/// The sender's own socket: all its posts acknowledged.
async fn drain(side: Side, socket: &mut Socket, mut posts: u32) -> Result<()> {
    let mut listener = Listener::default();
    while posts > 0 {
        posts -= u32::from(listener.hear(side, &next(socket).await?)?.done.is_some());
    }
    Ok(())
}

async fn next(socket: &mut Socket) -> Result<tokio_tungstenite::tungstenite::Utf8Bytes> {
    let frame =
        timeout(PATIENCE, socket.next()).await.context("nothing came")?.context("the socket ended")??;
    Ok(frame.into_text()?)
}
