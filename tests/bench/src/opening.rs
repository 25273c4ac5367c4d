//! Opening a chat: what the chat is, its newest 50 events, and the socket up to its first frame.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest as _};

use crate::Plan;
use crate::listen::Listener;
use crate::report::Report;
use crate::rooms::Side;
use crate::setting::Setting;

const SHORT: u64 = 100;
/// Posts under way at once while a chat is filled.
const WINDOW: u32 = 100;
const TRIES: usize = 40;
/// A server that does not answer for this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A long chat against a short one.
pub(crate) async fn run(setting: &Setting, plan: &Plan, report: &mut Report) -> Result<()> {
    let post = |number| Side::Ours.post(number, 0);
    let short = filled(setting, SHORT, post).await?;
    let begun = Instant::now();
    let long = filled(setting, plan.long_chat, post).await?;
    let rate = plan.long_chat as f64 / begun.elapsed().as_secs_f64();
    let mut ratios = Vec::new();
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..TRIES {
        let long = open(setting, &long).await?;
        let short = open(setting, &short).await?;
        ratios.push(long / short);
        times.0.push(long);
        times.1.push(short);
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    report.line(&format!(
        "opening a chat of {} messages against one of {SHORT}: **{:.2}** × (median of {TRIES} pairs; {:.1} ms against \
         {:.1} ms; filled at {rate:.0} messages/s)",
        plan.long_chat,
        median(&mut ratios),
        median(&mut times.0),
        median(&mut times.1),
    ));
    Ok(())
}

/// A fresh chat with so many messages; `post` makes the frame of each.
pub(crate) async fn filled(setting: &Setting, messages: u64, post: impl Fn(u32) -> String) -> Result<String> {
    let chat = setting.chat().await?;
    post_all(setting, &chat, messages, post).await?;
    Ok(chat)
}

/// Posts so many messages over one socket; `post` makes the frame of each, whose `id` is its number. Their ids, by number.
pub(crate) async fn post_all(
    setting: &Setting,
    chat: &str,
    messages: u64,
    post: impl Fn(u32) -> String,
) -> Result<Vec<String>> {
    let mut socket = connect(setting, chat, None).await?;
    let mut listener = Listener::default();
    let mut ids = vec![String::new(); usize::try_from(messages)?];
    let (mut sent, mut done) = (0_u64, 0_u64);
    while done < messages {
        while sent < messages && sent - done < u64::from(WINDOW) {
            socket.feed(Message::text(post(u32::try_from(sent)?))).await?;
            sent += 1;
        }
        socket.flush().await?;
        let frame = timeout(PATIENCE, socket.next()).await.context("no answer")?;
        if let Message::Text(text) = frame.context("the socket ended")??
            && let Some(number) = listener.hear(Side::Ours, &text)?.done
        {
            let frame: serde_json::Value = serde_json::from_str(&text)?;
            let id = frame.get("message").and_then(serde_json::Value::as_str).context("no message")?;
            *ids.get_mut(number as usize).context("an answer to nothing")? = id.to_owned();
            done += 1;
        }
    }
    let _closed = socket.close(None).await;
    Ok(ids)
}

/// Milliseconds until the chat, its newest page and the socket's greeting are there.
async fn open(setting: &Setting, chat: &str) -> Result<f64> {
    let begun = Instant::now();
    setting.signed("GET", &format!("/v1/chats/{chat}"), None).await?;
    let page = setting.signed("GET", &format!("/v1/chats/{chat}/events?limit=50"), None).await?;
    let head = page.get("head").and_then(serde_json::Value::as_u64).context("no head")?;
    let mut socket = connect(setting, chat, Some(head)).await?;
    socket.next().await.context("no greeting")??;
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let _closed = socket.close(None).await;
    Ok(took)
}

async fn connect(setting: &Setting, chat: &str, after: Option<u64>) -> Result<crate::rooms::Socket> {
    let mut request = setting.chat_socket(chat, 0, after).await?.into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "slipway.v1".parse()?);
    Ok(connect_async(request).await?.0)
}
