//! What keeps a chat where it is, and who may not send it away.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, World, eventually};
use serde_json::json;
use slipway_contract::ProblemCode;
use slipway_contract::http::approvals::ApprovalDecision;
use slipway_contract::http::orgs::Role;
use slipway_contract::sandbox::SandboxState;
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::scene::{Scene, accepted};

/// The chat is not archived, for this reason.
async fn blocked(scene: &Scene, reason: &str) -> Result<()> {
    // What happened last is told to the index first, whatever else goes on.
    let problem = eventually("the reason", async || {
        let problem = scene.archiving(&scene.ada).send().await?.refused(ProblemCode::ArchiveBlocked)?;
        let detail = problem.detail.unwrap_or_default();
        Ok((!detail.contains("still being told")).then_some(detail))
    })
    .await?;
    ensure!(problem.contains(reason), "{problem}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_chat_open_keeps_it() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let socket = scene.bo.socket(scene.chat.id, None).await?;
    blocked(&scene, "somebody has the chat open").await?;
    drop(socket);
    scene.away().await?;
    // Who is about to connect, too: their ticket brought it back, and the list hears of that.
    scene.bo.ticket(scene.chat.id).await?;
    scene.listed(false).await?;
    blocked(&scene, "somebody has the chat open").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_at_work_keeps_the_chat() -> Result<()> {
    let vars = [("DEMO_TOKENS_PER_SECOND".to_owned(), json!("5"))].into_iter().collect();
    let vars = BTreeMap::from([(Worker::Orchestrator, vars)]);
    let bed = block_in_place(|| Testbed::start(Options { vars, ..Options::default() }))?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    let long = "word ".repeat(200);
    scene.bo.post(scene.chat.id, "long", &format!("@demo echo: {long}")).await?;
    blocked(&scene, "an agent is at work").await?;
    let turn = scene.bo.describe(scene.chat.id).await?.open_turns.first().context("no turn")?.id;
    scene.bo.call(reqwest::Method::POST, &format!("/v1/turns/{turn}/cancel")).send().await?.done()?;
    scene.away().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_approval_and_a_running_sandbox_keep_the_chat() -> Result<()> {
    let scene = Scene::open(&World::shared()?).await?;
    let chat = scene.chat.id;
    let asked = scene.bo.ask_sandbox(chat).await?;
    blocked(&scene, "an approval of the chat is open").await?;
    let denied = scene.ada.deciding(asked.id, ApprovalDecision::Deny, Some("not now"));
    denied.send().await?.done()?;
    let asked = scene.bo.ask_sandbox(chat).await?;
    scene.ada.approve(asked.id).await?;
    let sandbox = eventually("a running sandbox", async || {
        let newest = scene.bo.sandboxes(chat).await?.into_iter().next();
        let idle = scene.bo.describe(chat).await?.open_approvals.is_empty();
        Ok(newest.filter(|sandbox| sandbox.state == SandboxState::Ready && idle))
    })
    .await?;
    // The chat itself hears of it within moments.
    eventually("a chat that knows of its sandbox", async || {
        let known = scene.bo.describe(chat).await?.sandbox;
        Ok(known.filter(|known| known.state == SandboxState::Ready).map(drop))
    })
    .await?;
    eventually("the reason", async || {
        let problem = scene.archiving(&scene.ada).send().await?.refused(ProblemCode::ArchiveBlocked)?;
        Ok(problem.detail.filter(|detail| detail.contains("a sandbox of the chat has not stopped")).map(drop))
    })
    .await?;
    scene.bo.stop(sandbox.id).await?;
    scene.away().await?;
    // It is there to be started again, as before.
    let back = scene.bo.describe(chat).await?.sandbox.context("the sandbox is forgotten")?;
    assert_eq!((back.sandbox, back.state), (sandbox.id, SandboxState::Stopped));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_own_moderators_send_a_chat_away() -> Result<()> {
    let world = World::shared()?;
    let scene = Scene::open(&world).await?;
    let outside = scene.team.join("Outside", Role::Member).await?;
    let stranger = world.team("Elsewhere").await?.owner;
    let refused = async |who: &Person, code| {
        let answer = scene.archiving(who).send().await?;
        answer.refused(code).map(drop)
    };
    refused(&scene.bo, ProblemCode::Forbidden).await?;
    refused(&outside, ProblemCode::NotFound).await?;
    refused(&stranger, ProblemCode::NotFound).await?;
    refused(&stranger.at(scene.team.org), ProblemCode::NotFound).await?;
    scene.listed(false).await?;
    scene.away().await?;

    // Nor do others bring it back, or learn that it is away.
    let path = format!("/v1/chats/{}", scene.chat.id);
    stranger.get(&path).await?.refused(ProblemCode::NotFound)?;
    stranger.at(scene.team.org).get(&path).await?.refused(ProblemCode::NotFound)?;
    refused(&stranger, ProblemCode::NotFound).await?;
    refused(&stranger.at(scene.team.org), ProblemCode::NotFound).await?;
    scene.listed(true).await?;
    accepted(&scene.archiving(&scene.ada).send().await?).map(drop)
}
