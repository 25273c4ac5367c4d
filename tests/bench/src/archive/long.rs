//! A chat with something of everything in it, as long as is wished.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use slipway_contract::limits;

use crate::opening::post_all;
use crate::search::word;
use crate::setting::{Setting, text};

/// One fork for so many messages.
const MESSAGES_PER_FORK: u64 = 200;
const FORK_MESSAGES: u64 = 4;
/// Of so many forks one is given up, the others are settled.
const GIVEN_UP: usize = 5;
/// Calls under way at once.
const WINDOW: usize = 8;
/// An edit and a reaction for so many messages.
const CHANGE: usize = 100;
/// A deletion for so many messages.
const DELETION: usize = 200;
const THUMB: &str = "%F0%9F%91%8D";

/// A chat that is filled.
pub(super) struct Long {
    pub(super) chat: String,
    pub(super) messages: u64,
    pub(super) forks: usize,
    /// Edits, reactions and deletions.
    pub(super) changes: usize,
    /// Number of the newest message's event.
    pub(super) newest: u64,
}

/// A fresh chat with so many messages, those in forks among them.
pub(super) async fn filled(setting: &Setting, messages: u64) -> Result<Long> {
    setting.configure("max_forks_per_thread", json!(limits::OPEN_FORKS_MAX)).await?;
    let chat = setting.chat().await?;
    let forks = usize::try_from(messages / MESSAGES_PER_FORK)?;
    // A settled fork brings a message too, and the last one comes last.
    let own = messages.saturating_sub(forks as u64 * (FORK_MESSAGES + 1) + 1);
    let posted = post_all(setting, &chat, own, |number| post("own", number, None)).await?;
    let step = posted.len() / forks.max(1) / 10 * 10;
    let bases: Vec<&str> = posted.iter().step_by(step.max(1)).map(String::as_str).take(forks).collect();
    let mut settled = 0;
    for (batch, bases) in bases.chunks(limits::OPEN_FORKS_MAX as usize).enumerate() {
        settled += fork(setting, &chat, batch, bases).await?;
    }
    let changes = change(setting, &chat, &posted).await?;
    let rest = messages.saturating_sub(own + bases.len() as u64 * FORK_MESSAGES + settled).max(1);
    let last = post_all(setting, &chat, rest, |number| post("rest", number, None)).await?;
    let newest = last.last().and_then(|id| id.get(id.len().checked_sub(8)?..)).context("no message")?;
    Ok(Long {
        messages: own + bases.len() as u64 * FORK_MESSAGES + settled + rest,
        forks: bases.len(),
        changes,
        newest: u64::from_str_radix(newest, 16)?,
        chat,
    })
}

/// Begins a fork from each message, talks in all of them, and ends them; how many were settled.
async fn fork(setting: &Setting, chat: &str, batch: usize, bases: &[&str]) -> Result<u64> {
    let forks: Vec<String> = stream::iter(bases.iter().enumerate())
        .map(|(number, base)| async move {
            let body = json!({
                "message": base, "description": said(number as u64, 8), "client_id": format!("fork-{batch}-{number}"),
            });
            let fork = setting.signed("POST", &format!("/v1/chats/{chat}/forks"), Some(&body)).await?;
            text(&fork, "/id")
        })
        .buffered(WINDOW)
        .try_collect()
        .await?;
    let talk = forks.len() as u64 * FORK_MESSAGES;
    let posted = post_all(setting, chat, talk, |number| {
        let fork = forks.get(number as usize % forks.len()).map(String::as_str);
        post(&format!("in-{batch}"), number, fork)
    })
    .await?;
    let ended =
        stream::iter(forks.iter().zip(&posted).enumerate()).map(|(number, (fork, first))| async move {
            let path = format!("/v1/chats/{chat}/forks/{fork}");
            if number % GIVEN_UP == 0 {
                setting.signed("POST", &format!("{path}/abandon"), None).await?;
                return anyhow::Ok(0);
            }
            let body = json!({"summary": said(number as u64, 60), "evidence": [first]});
            setting.signed("POST", &format!("{path}/accept"), Some(&body)).await?;
            Ok(1)
        });
    ended.buffer_unordered(WINDOW).try_fold(0, |sum, one| async move { Ok(sum + one) }).await
}

/// Edits some messages, reacts to some and deletes some: others than those that forks begin from. How many that were.
async fn change(setting: &Setting, chat: &str, posted: &[String]) -> Result<usize> {
    let changes = posted.iter().enumerate().filter_map(|(number, message)| {
        let path = format!("/v1/chats/{chat}/messages/{message}");
        if number % CHANGE == 1 {
            Some(("PATCH", path, Some(json!({"text": said(number as u64 + 7, 50)}))))
        } else if number % CHANGE == 2 {
            Some(("PUT", format!("{path}/reactions/{THUMB}"), None))
        } else if number % DELETION == 3 {
            Some(("DELETE", path, None))
        } else {
            None
        }
    });
    let changes: Vec<_> = changes.collect();
    let made = stream::iter(&changes).map(|(method, path, body)| async move {
        setting.signed(method, path, body.as_ref()).await.map(drop)
    });
    made.buffer_unordered(WINDOW).try_collect::<Vec<()>>().await?;
    Ok(changes.len())
}

/// The frame that posts a message of 10 to 100 words, some 200 bytes.
fn post(kind: &str, number: u32, fork: Option<&str>) -> String {
    let words = 10 + u64::from(number) * 7_919 % 91;
    let mut frame = json!({
        "type": "post", "id": number, "client_id": format!("{kind}-{number}"), "text": said(number.into(), words),
    });
    if let (Some(fork), Some(frame)) = (fork, frame.as_object_mut()) {
        frame.insert("fork".to_owned(), fork.into());
    }
    frame.to_string()
}

/// So many words, of which some come far more often than others.
fn said(number: u64, words: u64) -> String {
    let words: Vec<String> = (0..words).map(|place| word(number * 128 + place)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::post;

    #[test]
    fn messages_are_of_varied_length_about_200_bytes() {
        let lengths: Vec<usize> = (0..1_000)
            .map(|number| {
                let frame: serde_json::Value = serde_json::from_str(&post("own", number, None)).unwrap();
                frame["text"].as_str().unwrap().len()
            })
            .collect();
        let mean = lengths.iter().sum::<usize>() / lengths.len();
        assert!((180..=220).contains(&mean), "{mean}");
        assert!(lengths.iter().any(|length| *length < 60) && lengths.iter().any(|length| *length > 320));
    }
}
