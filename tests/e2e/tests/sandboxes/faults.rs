//! What is left when parts die: one sandbox for one approval, no access that was ended, and a ledger that is exact.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::{Person, World, eventually};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::approvals::ApprovalDecision;
use slipway_contract::http::usage::{Quotas, UsageReport};
use slipway_contract::sandbox::{SandboxReason, SandboxState};
use slipway_contract::socket::ServerFrame;
use slipway_contract::{OrgId, SandboxId};
use tokio::task::block_in_place;
use tokio_tungstenite::tungstenite::Message;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::land::Land;

/// The orchestrator's clock.
pub(crate) const MINUTELY: &str = "* * * * *";

async fn own_stack() -> Result<(Testbed, Land)> {
    stack_with(&[]).await
}

/// With other variables of the orchestrator.
async fn stack_with(vars: &[(&str, &str)]) -> Result<(Testbed, Land)> {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let vars = BTreeMap::from([(Worker::Orchestrator, vars)]);
    stack_of(Options { vars, ..Options::default() }).await
}

async fn stack_of(options: Options) -> Result<(Testbed, Land)> {
    let bed = block_in_place(|| Testbed::start(options))?;
    let land = Land::of(&World::of(&bed)?).await?;
    Ok((bed, land))
}

async fn usage(person: &Person, org: OrgId) -> Result<UsageReport> {
    person.get(&format!("/v1/orgs/{org}/usage?by=sandbox")).await?.read()
}

pub(crate) async fn running(person: &Person, org: OrgId) -> Result<u32> {
    let quotas: Quotas = person.get(&format!("/v1/orgs/{org}/quotas")).await?.read()?;
    Ok(quotas.org.running)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_executor_leaves_no_sandbox_that_counts_on() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, sandbox, org) = (&land.bo, land.start().await?, land.team.org);
    bo.put_file(sandbox, "kept.txt", "still here").await?.done()?;
    let visitor = land.serve(sandbox).await?;
    block_in_place(|| bed.executor.kill())?;
    // Nobody can say how it stands; nothing passes, and what asks is told to come again.
    assert!(visitor.get("/echo").await?.status >= 500);
    let refused = bo.running(sandbox, "true").send().await?;
    assert!(refused.status >= 400, "{refused}");

    block_in_place(|| bed.executor.restart())?;
    eventually("the end in the index", async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        let state = bo.look(sandbox).await?.state;
        Ok(matches!(state, SandboxState::Failed | SandboxState::Stopped).then_some(()))
    })
    .await?;
    assert_eq!(bo.look(sandbox).await?.reason, Some(SandboxReason::Lost));
    assert_eq!(running(bo, org).await?, 0);
    let counted = usage(bo, org).await?.total.sandbox_seconds;
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(usage(bo, org).await?.total.sandbox_seconds, counted, "it counts on");
    assert!(visitor.get("/echo").await?.status >= 400);

    let asked = bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    land.carried_out(asked.id).await?;
    assert_eq!(bo.file(sandbox, "kept.txt").await?.body, "still here");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_killed_while_it_starts_make_one_sandbox() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    for round in 0..5_u32 {
        let asked = land.bo.ask_sandbox(land.chat.id).await?;
        // The answer may be lost with the process; it is asked again, as clients do.
        let sent = land.team.owner.deciding(asked.id, ApprovalDecision::Approve, None).try_send().await?;
        block_in_place(|| bed.stack.kill_workerd())?;
        if sent.is_none_or(|answer| !answer.is_success()) {
            land.team.owner.approve(asked.id).await?;
        }
        land.carried_out(asked.id).await?;
        let all = land.bo.sandboxes(land.chat.id).await?;
        assert_eq!(all.len(), usize::try_from(round)? + 1, "{all:?}");
        let newest = all.first().context("none")?;
        assert_eq!(land.bo.run(newest.id, "echo alive").await?.stdout, "alive\n");
        assert_eq!(running(&land.bo, land.team.org).await?, round + 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_is_away_delays_a_start_and_says_so() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    block_in_place(|| bed.executor.kill())?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve(asked.id).await?;
    let mut socket = land.bo.socket(land.chat.id, None).await?;
    let waiting = socket
        .wait_for("why it waits", |frame| {
            let ServerFrame::Progress { text, .. } = frame else { return None };
            Some(text.clone())
        })
        .await?;
    assert!(!waiting.is_empty());
    block_in_place(|| bed.executor.restart())?;
    land.carried_out(asked.id).await?;
    land.present(SandboxState::Ready).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_it_alone_finds_it_stopped() -> Result<()> {
    let (mut bed, land) = stack_with(&[("SANDBOX_IDLE_S", "2"), ("SANDBOX_STOP_S", "6")]).await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    becomes(&mut bed, bo, sandbox, SandboxState::Idle).await?;
    // Whoever uses it has it back.
    bo.run(sandbox, "true").await?;
    assert_eq!(bo.look(sandbox).await?.state, SandboxState::Ready);
    becomes(&mut bed, bo, sandbox, SandboxState::Stopped).await?;
    assert_eq!(bo.look(sandbox).await?.reason, Some(SandboxReason::Idle));
    assert_eq!(running(bo, land.team.org).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_place_waits_in_line() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, first) = (&land.bo, land.start().await?);
    let world = World::of(&bed)?;
    let limit = "INSERT INTO quotas (org_id, holder, running) VALUES ($1, 'org', 1)";
    world.sql(limit, &land.team.org.to_string()).await?;
    let asked = bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve(asked.id).await?;
    let queued = land.present(SandboxState::Queued).await?;
    assert_eq!(queued.place, Some(1));
    bo.stop(first).await?;
    eventually("its turn", async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        Ok((bo.look(queued.id).await?.state == SandboxState::Ready).then_some(()))
    })
    .await?;
    assert_eq!(running(bo, land.team.org).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_carried_too_many_bytes_goes_on_slowly_and_lets_nothing_new_in_for_a_while() -> Result<()> {
    // 4 MiB at once, then 1 MiB a second.
    let args = ["--preview-burst-bytes", "4194304", "--preview-bytes-per-s", "1048576"];
    let executor_args = args.map(str::to_owned).to_vec();
    let (_bed, land) = stack_of(Options { executor_args, ..Options::default() }).await?;
    let sandbox = land.start().await?;
    let visitor = land.serve(sandbox).await?;
    let mut socket = visitor.socket("/live", None).await?.map_err(|status| anyhow::anyhow!("{status}"))?;
    // There and back it is 5 MiB: more than the burst, and all of it comes.
    let body: Vec<u8> = (0..5_u32 << 19).map(|at| (at % 251) as u8).collect();
    let reply = visitor.call(Method::POST, "/echo").body(body.clone()).send().await?;
    assert_eq!(reply.bytes().await?.as_ref(), body.as_slice());

    let page = visitor.get("/echo").await?;
    assert_eq!((page.status, page.header("retry-after")), (429, "10"));
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert_eq!(visitor.socket("/live", None).await?.err(), Some(429));
    // Who was in stays in.
    socket.send(Message::text("still here")).await?;
    assert_eq!(socket.next().await.context("closed")??, Message::text("still here"));
    eventually("the way in", async || Ok((visitor.get("/echo").await?.status == 200).then_some(()))).await
}

/// Runs the sweeps until the sandbox stands so.
pub(crate) async fn becomes(
    bed: &mut Testbed,
    person: &Person,
    sandbox: SandboxId,
    state: SandboxState,
) -> Result<()> {
    eventually(&format!("a sandbox that is {state:?}"), async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        Ok((person.look(sandbox).await?.state == state).then_some(()))
    })
    .await
}
