//! What is left when work in a fork is met in the middle, by people or by the end of its process.

use anyhow::{Context as _, Result};
use e2e::{ChatSocket, World, eventually};
use slipway_contract::events::EventBody;
use slipway_contract::http::forks::{Fork, ForkState};
use slipway_contract::socket::ServerFrame;
use slipway_contract::{Seq, TurnId};
use tokio::task::block_in_place;

use crate::scene::{Scene, count, is_resolved, slow_stack, text};

/// Waits until the agent has begun to write.
async fn first_words(socket: &mut ChatSocket, turn: TurnId) -> Result<()> {
    let is_word = |frame: &ServerFrame| {
        let ServerFrame::Delta { turn: of, text, .. } = frame else { return None };
        (*of == turn && !text.is_empty()).then_some(())
    };
    socket.wait_for("the first words of the draft", is_word).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_stopped_by_the_end_of_its_fork() -> Result<()> {
    let bed = slow_stack()?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    scene.discuss().await?;
    scene.set_default_agent().await?;
    let mut socket = scene.bo.socket(scene.chat.id, Some(Seq::START)).await?;
    let turn = scene.bo.draft(scene.fork).await?.drafting.context("nobody drafts")?;
    first_words(&mut socket, turn).await?;
    let resolved: Fork = scene.ada.accepting(scene.fork, "9090", None, &[]).send().await?.read()?;
    assert_eq!((resolved.state, resolved.drafting, resolved.draft), (ForkState::Resolved, None, None));
    let head = scene.ada.describe(scene.chat.id).await?.head;
    socket.reach(head).await?;
    let cancelled = |body: &EventBody| matches!(body, EventBody::TurnCancelled { turn: of, message: None } if *of == turn);
    assert_eq!(count(&socket.events, cancelled), 1);
    // The agent is free, and nothing of the draft comes behind the end.
    scene.bo.post(scene.chat.id, "next", "@demo echo: free").await?;
    eventually("the next answer", async || {
        let chat = scene.ada.describe(scene.chat.id).await?;
        Ok((chat.open_turns.is_empty() && chat.message_count == 4).then_some(()))
    })
    .await?;
    let own = scene.ada.fork_log(scene.fork).await?;
    assert!(own.last().is_some_and(|event| is_resolved(&event.body)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_survives_its_process_and_is_accepted_once() -> Result<()> {
    let mut bed = slow_stack()?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    let said = scene.discuss().await?;
    scene.set_default_agent().await?;
    let mut socket = scene.bo.socket(scene.chat.id, None).await?;
    let turn = scene.bo.draft(scene.fork).await?.drafting.context("nobody drafts")?;
    first_words(&mut socket, turn).await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    // In the middle of the draft: another attempt writes it, once.
    let draft = eventually("the draft", async || {
        let Some(answer) = scene.ada.call(reqwest::Method::GET, &path(&scene)).try_send().await? else {
            return Ok(None);
        };
        if answer.status == 503 {
            return Ok(None);
        }
        let page: slipway_contract::http::page::Page<Fork> = answer.read()?;
        Ok(page.items.first().and_then(|fork| fork.draft))
    })
    .await?;
    let log = scene.log().await?;
    let completed =
        |body: &EventBody| matches!(body, EventBody::TurnCompleted { turn: of, .. } if *of == turn);
    assert_eq!(count(&log, completed), 1);
    assert!(text(&log, draft)?.starts_with("**Decision**\n\nThen 9090."));
    assert_eq!(scene.stands().await?.message_count, 4);

    // Between the draft and its acceptance, and right behind that.
    block_in_place(|| bed.stack.kill_workerd())?;
    let accept = || scene.ada.accepting(scene.fork, "9090", Some(draft), &said);
    let sent = accept().try_send().await?;
    block_in_place(|| bed.stack.kill_workerd())?;
    let resolved: Fork = eventually("the acceptance", async || {
        let Some(answer) = accept().try_send().await? else { return Ok(None) };
        if answer.status == 503 { Ok(None) } else { answer.read().map(Some) }
    })
    .await?;
    if let Some(sent) = sent.filter(e2e::Answer::is_success) {
        assert_eq!(sent.read::<Fork>()?, resolved);
    }
    let log = scene.log().await?;
    assert_eq!(count(&log, is_resolved), 1);
    assert_eq!(scene.ada.describe(scene.chat.id).await?.message_count, 2);
    assert_eq!(scene.stands().await?, resolved);
    Ok(())
}

fn path(scene: &Scene) -> String {
    format!("/v1/chats/{}/forks", scene.chat.id)
}
