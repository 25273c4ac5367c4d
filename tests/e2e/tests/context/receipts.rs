//! Receipts: what an agent was given for an answer, and what each part of it took.

use anyhow::{Context as _, Result};
use e2e::World;
use slipway_contract::events::ReceiptKind;
use slipway_contract::http::forks::Fork;

use crate::scene::{Scene, messages, parts};

#[tokio::test]
async fn the_receipt_of_an_answer_lists_messages_pins_and_summaries_of_forks() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let notes = scene.notes(3).await?;
    scene.pin(notes[0], true).await?;
    scene.pin(notes[1], true).await?;
    let fork = scene.bo.fork(notes[2], "fork").await?.id;
    scene.bo.post_in(fork, "inside", "9090 is free.").await?;
    let resolved: Fork = scene.ada.accepting(fork, "We take 9090.", None, &[]).send().await?.read()?;
    let settled = resolved.resolution.context("not resolved")?.message;

    // What stands in the conversation itself is given once, and named as what it is.
    let (cause, usage, receipt) = scene.ask("near").await?;
    assert_eq!(messages(&receipt, ReceiptKind::Message), [notes[2], cause]);
    assert_eq!(messages(&receipt, ReceiptKind::Pin), [notes[0], notes[1]]);
    assert_eq!(messages(&receipt, ReceiptKind::Fork), [settled]);
    assert_eq!(parts(&receipt, ReceiptKind::Instructions).len(), 1);
    let sum: u32 = receipt.parts.iter().map(|part| part.tokens).sum();
    assert_eq!((sum, u64::from(sum), receipt.estimated), (receipt.tokens, usage.input_tokens, false));

    // A message so long that nothing before it fits beside it.
    let long = "far away ".repeat(6_000);
    scene.bo.post(scene.chat.id, "long", &long).await?;
    scene.bo.delete(notes[1]).await?.done()?;
    let (cause, _, receipt) = scene.ask("far").await?;
    assert_eq!(messages(&receipt, ReceiptKind::Message), [cause]);
    assert_eq!(messages(&receipt, ReceiptKind::Pin), [notes[0]], "a deleted message is given no more");
    let forks: Vec<_> =
        parts(&receipt, ReceiptKind::Fork).iter().map(|part| (part.fork, part.message)).collect();
    assert_eq!(forks, [(Some(fork), Some(settled))]);
    let sum: u32 = receipt.parts.iter().map(|part| part.tokens).sum();
    assert_eq!(sum, receipt.tokens);
    Ok(())
}
