//! Appends, durable and acknowledged: many senders in one chat, one sender, many chats with one sender each.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
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

/// A server that does not answer for this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// `senders` sockets in one chat, each posting as soon as its last post is acknowledged.
pub(crate) async fn one_chat(
    setting: &Setting,
    plan: &Plan,
    senders: usize,
    report: &mut Report,
) -> Result<()> {
    let what = format!("append, one chat, {senders} sender{}", if senders == 1 { "" } else { "s" });
    measure(setting, plan, &what, 1, senders, report).await
}

/// One sender in each of `chats` chats.
pub(crate) async fn many_chats(
    setting: &Setting,
    plan: &Plan,
    chats: usize,
    report: &mut Report,
) -> Result<()> {
    measure(setting, plan, &format!("append, {chats} chats, 1 sender each"), chats, 1, report).await
}

async fn measure(
    setting: &Setting,
    plan: &Plan,
    what: &str,
    rooms: usize,
    senders: usize,
    report: &mut Report,
) -> Result<()> {
    let (mut pairs, mut discarded) = (Vec::new(), 0);
    for pair in 0..plan.rounds {
        let before = machine::flushes_per_second(setting.folder())?;
        let ours = round(setting, plan, Side::Ours, pair, rooms, senders).await?;
        let peer = round(setting, plan, Side::Peer, pair, rooms, senders).await?;
        let after = machine::flushes_per_second(setting.folder())?;
        if (after / before - 1.0).abs() > 0.25 && pairs.len() + plan.rounds - pair > 1 {
            discarded += 1;
        } else {
            pairs.push((ours, peer));
        }
    }
    report.pairs(what, &pairs, discarded);
    Ok(())
}

async fn round(
    setting: &Setting,
    plan: &Plan,
    side: Side,
    pair: usize,
    rooms: usize,
    senders: usize,
) -> Result<Round> {
    let mut sockets: Vec<Socket> = Vec::new();
    for room in 0..rooms {
        let room = Room::create(setting, side, &format!("append-{rooms}-{senders}-{pair}-{room}")).await?;
        for number in 0..senders {
            sockets.push(room.join(setting, number).await?);
        }
    }
    // Warm-up, not counted.
    let until = Instant::now() + Duration::from_millis(500);
    let warmed =
        try_join_all(sockets.into_iter().enumerate().map(|(n, socket)| send(side, n, 0, socket, until)))
            .await?;
    let cpu = machine::cpu_time(setting.workerd())?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs(plan.seconds);
    let sent = try_join_all(
        warmed.into_iter().enumerate().map(|(n, (socket, ids, _))| send(side, n, ids, socket, until)),
    )
    .await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = machine::cpu_time(setting.workerd())?.saturating_sub(cpu);
    let latencies: Vec<f64> = sent.iter().flat_map(|(_, _, latencies)| latencies.iter().copied()).collect();
    let operations = latencies.len() as u64;
    for (mut socket, ..) in sent {
        // A peer that closes first is no failure.
        let _closed = socket.close(None).await;
    }
    Ok(Round::of(latencies, operations, seconds, cpu))
}

/// Posts until `until`; gives the socket back with the next request's id and the latencies in milliseconds.
async fn send(
    side: Side,
    client: usize,
    first: u32,
    mut socket: Socket,
    until: Instant,
) -> Result<(Socket, u32, Vec<f64>)> {
    let mut listener = Listener::default();
    let mut latencies = Vec::new();
    let mut id = first;
    while Instant::now() < until {
        let begun = Instant::now();
        socket.send(Message::text(side.post(id, client))).await?;
        loop {
            let frame = timeout(PATIENCE, socket.next())
                .await
                .context("no answer")?
                .context("the socket ended")??;
            let Message::Text(text) = frame else { bail!("an odd frame: {frame:?}") };
            if listener.hear(side, &text)?.done == Some(id) {
                break;
            }
        }
        latencies.push(begun.elapsed().as_secs_f64() * 1000.0);
        id += 1;
    }
    Ok((socket, id, latencies))
}
