//! Rolling summaries: a long chat gets them, they are given, and none quotes what was taken back.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::{World, eventually};
use serde_json::json;
use slipway_contract::events::{EventBody, ReceiptKind};
use slipway_contract::http::chats::TurnState;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{MessageId, Seq};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::scene::{Scene, count, messages, parts, summaries};

fn is_posted(body: &EventBody) -> bool {
    matches!(body, EventBody::MessagePosted(_))
}

#[tokio::test]
async fn a_chat_of_several_hundred_messages_is_summed_up_and_the_next_answer_rests_on_it() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(250).await?;
    let mut socket = scene.bo.socket(scene.chat.id, Some(Seq::START)).await?;
    let (_, _, receipt) = scene.ask("first").await?;
    assert!(parts(&receipt, ReceiptKind::Summary).is_empty());
    let log = scene.rest().await?;
    let told = summaries(&log);
    let covered: Vec<(u64, u64)> = told.iter().map(|summary| (summary.from, summary.to)).collect();
    let first = notes[0].seq().0;
    assert_eq!(covered, [(first, notes[99].seq().0), (first, notes[199].seq().0)]);
    assert!(told.iter().all(|summary| !summary.text.trim().is_empty()));
    // Nothing was said in the chat, and nobody who watches was shown a word of it.
    assert_eq!(count(&log, is_posted), 252);
    assert_eq!(scene.ada.describe(scene.chat.id).await?.message_count, 252);
    socket.reach(log.last().context("no log")?.seq).await?;
    let shown = socket.unheard().any(|frame| {
        matches!(frame, ServerFrame::Delta { turn, .. } if told.iter().any(|summary| summary.turn == *turn))
    });
    assert!(!shown, "a summary was streamed");

    let (cause, _, receipt) = scene.ask("second").await?;
    let summary = parts(&receipt, ReceiptKind::Summary);
    let given: Vec<_> = summary.iter().map(|part| (part.from, part.to)).collect();
    assert_eq!(given, [(Some(Seq(first)), Some(notes[199].seq()))]);
    // Between what is summed up and what is given nothing is missing.
    let since = log.iter().filter(|event| event.seq > notes[199].seq()).filter_map(|event| {
        let EventBody::MessagePosted(posted) = &event.body else { return None };
        Some(posted.message)
    });
    let expected: Vec<MessageId> = since.chain([cause]).collect();
    assert_eq!(messages(&receipt, ReceiptKind::Message), expected);
    Ok(())
}

#[tokio::test]
async fn a_summary_of_an_edited_message_is_given_no_more_and_of_a_deleted_one_its_text_is_gone() -> Result<()>
{
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(70).await?;
    scene.ask("first").await?;
    let told = summaries(&scene.rest().await?);
    assert_eq!(told.len(), 1);

    scene.bo.edit(notes[3], "something else").await?.done()?;
    let (_, _, receipt) = scene.ask("edited").await?;
    assert!(parts(&receipt, ReceiptKind::Summary).is_empty());
    let told = summaries(&scene.rest().await?);
    assert_eq!(told.len(), 2, "it is summed up anew");
    assert!(told.iter().all(|summary| !summary.text.is_empty()));

    // Later messages are in no summary: they may change as they like.
    scene.bo.delete(notes[69]).await?.done()?;
    let (_, _, receipt) = scene.ask("later").await?;
    assert_eq!(parts(&receipt, ReceiptKind::Summary).len(), 1);

    scene.bo.delete(notes[4]).await?.done()?;
    let told = summaries(&scene.ada.log(scene.chat.id).await?);
    assert!(told.iter().all(|summary| summary.text.is_empty()));
    let (_, _, receipt) = scene.ask("deleted").await?;
    assert!(parts(&receipt, ReceiptKind::Summary).is_empty());
    let told = summaries(&scene.rest().await?);
    assert!(told.last().is_some_and(|summary| !summary.text.is_empty()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_summary_survives_its_process_and_is_told_once() -> Result<()> {
    let vars = [("DEMO_TOKENS_PER_SECOND".to_owned(), json!("10"))].into_iter().collect();
    let vars = BTreeMap::from([(Worker::Orchestrator, vars)]);
    let mut bed = block_in_place(|| Testbed::start(Options { vars, ..Options::default() }))?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    scene.notes(70).await?;
    scene.ask("first").await?;
    let summing = eventually("the summary's beginning", async || {
        let chat = scene.ada.describe(scene.chat.id).await?;
        let at_work = chat.open_turns.iter().find(|turn| turn.summary && turn.state == TurnState::Running);
        Ok(at_work.map(|turn| turn.id))
    })
    .await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    let told = summaries(&scene.rest().await?);
    assert_eq!(told.iter().map(|summary| summary.turn).collect::<Vec<_>>(), [summing]);
    Ok(())
}
