//! Presence: a crowd comes into one chat, and hears of itself. What is counted are the frames that are sent for it: with one
//! frame to each listener for each newcomer they would grow with the square of the crowd.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::machine;
use crate::report::Report;
use crate::rooms::{Side, Socket};
use crate::setting::Setting;

/// Members of one chat who come at once.
const CROWDS: [usize; 3] = [250, 500, 1_000];
/// Sockets that are being opened at a time.
const AT_ONCE: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);

/// Frames of presence, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    frames: usize,
    bytes: usize,
}

/// Has each crowd come, and counts what its members are told of each other.
pub(crate) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    for members in CROWDS {
        let chat = setting.chat().await?;
        for person in 1..members {
            setting.admit(&chat, person).await?;
        }
        let cpu = machine::cpu_time(setting.workerd())?;
        let begun = Instant::now();
        let mut sockets: Vec<Socket> = stream::iter(0..members)
            .map(|person| open(setting, &chat, person))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let first = sockets.first_mut().context("nobody came")?;
        let mut told = hear(first, |frame| is_presence(frame) && has_count(frame, members)).await?;
        let seconds = begun.elapsed().as_secs_f64();
        // After this message everybody has heard all that was told before.
        first.send(Message::text(Side::Ours.post(1, 0))).await?;
        for socket in &mut sockets {
            let heard = hear(socket, |frame| frame.contains(r#""type":"message.posted""#)).await?;
            told = Told { frames: told.frames + heard.frames, bytes: told.bytes + heard.bytes };
        }
        let cpu = machine::cpu_time(setting.workerd())?.saturating_sub(cpu);
        for mut socket in sockets {
            let _closed = socket.close(None).await;
        }
        ensure!(told.frames >= members, "{} frames to {members} members", told.frames);
        report.line(&format!(
            "presence, {members} members come within {seconds:.1} s: {} frames, {:.1} to each, {:.0} KB; {:.0} ms of \
             processor time in all (one by one: {} frames)",
            told.frames,
            told.frames as f64 / members as f64,
            told.bytes as f64 / 1000.0,
            cpu.as_secs_f64() * 1000.0,
            members * (members - 1) / 2,
        ));
    }
    Ok(())
}

async fn open(setting: &Setting, chat: &str, person: usize) -> Result<Socket> {
    let mut request = setting.chat_socket(chat, person, None).await?.into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("slipway.v1"));
    Ok(connect_async(request).await?.0)
}

/// Counts what a socket is told until a frame is the last one.
async fn hear(socket: &mut Socket, is_last: impl Fn(&str) -> bool) -> Result<Told> {
    let mut told = Told::default();
    loop {
        let frame = timeout(PATIENCE, socket.next()).await.context("nothing came")?;
        let frame = frame.context("the socket ended")??.into_text()?;
        if is_presence(&frame) {
            told = Told { frames: told.frames + 1, bytes: told.bytes + frame.len() };
        }
        if is_last(&frame) {
            return Ok(told);
        }
    }
}

fn is_presence(frame: &str) -> bool {
    frame.starts_with(r#"{"type":"presence""#)
}

fn has_count(frame: &str, count: usize) -> bool {
    let rest = frame.split_once(r#""count":"#).map(|(_, rest)| rest);
    rest.is_some_and(|rest| {
        rest.split(|c: char| !c.is_ascii_digit()).next() == Some(count.to_string().as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_presence_is_known_by_its_beginning_and_its_count() {
        let frame = r#"{"type":"presence","count":250,"came":["user_1"]}"#;
        assert!(is_presence(frame) && has_count(frame, 250));
        assert!(!has_count(frame, 25) && !has_count(frame, 2500));
        assert!(!is_presence(r#"{"type":"hello","count":250}"#));
    }
}
