//! What is left when the Workers die exactly between two steps: one sandbox, one entry in the ledger for each run, a place
//! that is given back, no access that was ended; and the API, the chat and the executor say the same of it.

use anyhow::{Context as _, Result, ensure};
use e2e::hold::{Asked, At, Hold};
use e2e::{Person, World, eventually};
use futures::future::try_join_all;
use reqwest::Method;
use slipway_contract::SandboxId;
use slipway_contract::http::approvals::ApprovalDecision;
use slipway_contract::objects::executor::SandboxList;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::socket::ServerFrame;
use tokio::task::{JoinHandle, block_in_place};
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::faults::{MINUTELY, running};
use crate::land::{Land, last_message};

/// Where a message to the executor can be when the Workers die.
const BOTH: [At; 2] = [At::Request, At::Reply];

/// A stack of its own with a proxy before the executor.
struct Crossing {
    bed: Testbed,
    hold: Hold,
    land: Land,
}

impl Crossing {
    async fn begin() -> Result<Self> {
        let hold = Hold::listen().await?;
        let options = Options { front: Some(hold.url.clone()), ..Options::default() };
        let bed = block_in_place(|| Testbed::start(options))?;
        hold.lead_to(&bed.executor.url)?;
        let land = Land::of(&World::of(&bed)?).await?;
        Ok(Self { bed, hold, land })
    }

    /// Ends all Workers at once; they come back by themselves.
    fn kill_workers(&mut self) -> Result<()> {
        block_in_place(|| self.bed.stack.kill_workerd())
    }

    fn sweep(&mut self) -> Result<()> {
        block_in_place(|| self.bed.stack.run_cron(Worker::Orchestrator, MINUTELY))
    }

    /// How everybody who should know says that a sandbox stands.
    async fn standing(&self, sandbox: SandboxId) -> Result<String> {
        let (bo, chat) = (&self.land.bo, self.land.chat.id);
        let in_chat = bo.describe(chat).await?.sandbox.context("the chat knows of no sandbox")?;
        ensure!(in_chat.sandbox == sandbox, "the chat speaks of {}", in_chat.sandbox);
        let world = World::of(&self.bed)?;
        let id = sandbox.to_string();
        let entries = "SELECT 1 FROM usage_entries WHERE kind = 'sandbox_seconds' AND sandbox_id = $1";
        let counted = world.sql(entries, &id).await?;
        let open = world.sql(&format!("{entries} AND until_at IS NULL"), &id).await?;
        let hosted = self.hosted().await?.sandboxes;
        Ok(format!(
            "API {:?}, chat {:?}, executor {} of {} running, ledger {open} of {counted} open, places taken {}",
            bo.look(sandbox).await?.state,
            in_chat.state,
            hosted.iter().filter(|report| report.running).count(),
            hosted.len(),
            running(bo, self.land.team.org).await?,
        ))
    }

    /// What the executor says that it has.
    async fn hosted(&self) -> Result<SandboxList> {
        let list = reqwest::Client::new().get(format!("{}/v1/sandboxes", self.bed.executor.url));
        Ok(list.bearer_auth(&self.bed.secrets.executor_key).send().await?.error_for_status()?.json().await?)
    }

    /// Sweeps until a sandbox stands so, and once more, after which it still does.
    async fn settles(&mut self, sandbox: SandboxId, expected: &str) -> Result<()> {
        let mut last = String::new();
        let settled = eventually("what everybody says", async || {
            self.sweep()?;
            last = self.standing(sandbox).await?;
            Ok((last == expected).then_some(()))
        });
        settled.await.with_context(|| last.clone())?;
        self.sweep()?;
        assert_eq!(self.standing(sandbox).await?, expected);
        Ok(())
    }

    /// The chat's only sandbox.
    async fn only(&self) -> Result<SandboxId> {
        let all = self.land.bo.sandboxes(self.land.chat.id).await?;
        ensure!(all.len() == 1, "{all:?}");
        Ok(all.first().context("none")?.id)
    }

    /// Asks for it in the background: the answer dies with the Workers.
    fn ask(&self, path: String) -> JoinHandle<Result<bool>> {
        let call = self.land.bo.call(Method::POST, &path);
        tokio::spawn(async move { Ok(call.try_send().await?.is_some_and(|answer| answer.is_success())) })
    }
}

const RUNS: &str = "API Ready, chat Ready, executor 1 of 1 running, ledger 1 of 1 open, places taken 1";
const STOPPED: &str =
    "API Stopped, chat Stopped, executor 0 of 1 running, ledger 0 of 1 open, places taken 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_die_around_a_create_leave_one_sandbox_that_is_counted_once() -> Result<()> {
    for at in BOTH {
        let mut crossing = Crossing::begin().await?;
        let trap = crossing.hold.next(Asked::Create, at);
        let asked = crossing.land.bo.ask_sandbox(crossing.land.chat.id).await?;
        crossing.land.team.owner.approve(asked.id).await?;
        let held = trap.caught().await?;
        // The row says nothing of what the executor does, or has done.
        let made = crossing.hosted().await?.sandboxes.len();
        assert_eq!(made, usize::from(at == At::Reply), "{at:?}");
        assert_eq!(crossing.land.present(SandboxState::Starting).await?.seconds, 0);
        crossing.kill_workers()?;
        drop(held);

        crossing.land.carried_out(asked.id).await?;
        let sandbox = crossing.only().await?;
        crossing.settles(sandbox, RUNS).await.with_context(|| format!("{at:?}"))?;
        assert_eq!(crossing.land.bo.run(sandbox, "echo alive").await?.stdout, "alive\n");
        crossing.land.bo.stop(sandbox).await?;
        crossing.settles(sandbox, STOPPED).await.with_context(|| format!("{at:?}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_die_around_a_stop_leave_a_sandbox_that_is_stopped_and_counts_no_more() -> Result<()> {
    for at in BOTH {
        let mut crossing = Crossing::begin().await?;
        let sandbox = crossing.land.start().await?;
        let trap = crossing.hold.next(Asked::Stop, at);
        let stop = crossing.ask(format!("/v1/sandboxes/{sandbox}/stop"));
        let held = trap.caught().await?;
        let runs = crossing.hosted().await?.sandboxes.iter().any(|report| report.running);
        assert_eq!(runs, at == At::Request, "{at:?}");
        crossing.kill_workers()?;
        drop(held);
        assert!(!stop.await??, "a stop that nobody saw to its end was reported as done");

        crossing.settles(sandbox, STOPPED).await.with_context(|| format!("{at:?}"))?;
        // The ledger has the executor's own times, whoever was told of them when.
        let counted = crossing.land.bo.look(sandbox).await?.seconds;
        let report = crossing.hosted().await?.sandboxes.into_iter().next().context("none")?;
        let ended = report.ended_at.context("it has no end")?;
        let ran = ended.since(report.started_at.context("it has no start")?);
        assert!(i64::try_from(counted)?.abs_diff(ran / 1_000) <= 1, "{counted} s of {ran} ms");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_die_around_a_revocation_leave_it_to_a_sweep_that_carries_it_through() -> Result<()> {
    for at in BOTH {
        let mut crossing = Crossing::begin().await?;
        let sandbox = crossing.land.start().await?;
        let visitor = crossing.land.serve(sandbox).await?;
        let trap = crossing.hold.next(Asked::SetEpoch, at);
        let revocation = crossing.ask(format!("/v1/sandboxes/{sandbox}/revoke-previews"));
        let held = trap.caught().await?;
        // Postgres has the new epoch; the route, which is told last, the old one.
        let world = World::of(&crossing.bed)?;
        let untold = "SELECT 1 FROM sandboxes WHERE sandbox_id = $1 AND told_route_version < version";
        assert_eq!(world.sql(untold, &sandbox.to_string()).await?, 1);
        crossing.kill_workers()?;
        drop(held);
        assert!(!revocation.await??, "a revocation that nobody saw to its end was reported as done");

        let told = "SELECT 1 FROM sandboxes WHERE sandbox_id = $1 AND told_route_version = version
                    AND told_chat_version = version AND told_executor_epoch = epoch";
        eventually("everybody is told", async || {
            crossing.sweep()?;
            Ok((world.sql(told, &sandbox.to_string()).await? == 1).then_some(()))
        })
        .await?;
        assert_eq!(visitor.get("/echo").await?.status, 403, "{at:?}");
        assert_eq!(visitor.socket("/live", None).await?.err(), Some(403), "{at:?}");
        // What runs inside goes on, under new access, and no second run was counted.
        let again = crossing.land.visit(sandbox).await?;
        assert_eq!(again.get("/echo").await?.status, 200);
        crossing.settles(sandbox, RUNS).await.with_context(|| format!("{at:?}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_overtakes_a_start_wins() -> Result<()> {
    let mut crossing = Crossing::begin().await?;
    let trap = crossing.hold.next(Asked::Create, At::Request);
    let asked = crossing.land.bo.ask_sandbox(crossing.land.chat.id).await?;
    crossing.land.team.owner.approve(asked.id).await?;
    let held = trap.caught().await?;
    let sandbox = crossing.only().await?;
    crossing.land.bo.stop(sandbox).await?;
    // Only now does the executor hear that it is to make one.
    held.pass();
    crossing.land.carried_out(asked.id).await?;
    // It was made, and whoever asked for that had it stopped again; a run that nobody wanted is nobody's to pay for.
    crossing
        .settles(
            sandbox,
            "API Stopped, chat Stopped, executor 0 of 1 running, ledger 0 of 0 open, places taken 0",
        )
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_listeners_die_runs_once_and_tells_all_it_wrote() -> Result<()> {
    let mut crossing = Crossing::begin().await?;
    crossing.land.demo().await?;
    let sandbox = crossing.land.start().await?;
    let (bo, chat) = (crossing.land.bo.clone(), crossing.land.chat.id);
    let mut socket = bo.socket(chat, None).await?;
    let command = "echo ran >>runs; echo begun; until [ -e go ]; do sleep 0.1; done; echo ended";
    bo.post(chat, "ask", &format!("@helper run: {command}")).await?;
    let begun = |frame: &ServerFrame| {
        let ServerFrame::Output { text, .. } = frame else { return None };
        text.contains("begun").then_some(())
    };
    socket.wait_for("the command's output", begun).await?;
    crossing.kill_workers()?;

    let mut socket = bo.socket(chat, None).await?;
    socket.wait_for("the same output again", begun).await?;
    bo.put_file(sandbox, "go", "").await?.done()?;
    crossing.land.rest().await?;
    let answer = last_message(&bo, chat).await?;
    assert!(answer.contains("begun") && answer.contains("ended"), "{answer}");
    assert_eq!(bo.file(sandbox, "runs").await?.body, "ran\n");
    Ok(())
}

#[tokio::test]
async fn of_two_approved_at_once_one_takes_the_last_place_and_the_other_waits() -> Result<()> {
    let land = Land::shared().await?;
    let limit = "INSERT INTO quotas (org_id, holder, running) VALUES ($1, 'org', 1)";
    World::shared()?.sql(limit, &land.team.org.to_string()).await?;
    let asked = [land.bo.ask_sandbox(land.chat.id).await?, land.bo.ask_sandbox(land.chat.id).await?];
    let owner: &Person = &land.team.owner;
    let calls = asked.iter().map(|one| owner.deciding(one.id, ApprovalDecision::Approve, None).send());
    for answer in try_join_all(calls).await? {
        answer.done()?;
    }
    let states = eventually("one that runs and one that waits", async || {
        let mut all: Vec<_> = land.bo.sandboxes(land.chat.id).await?.iter().map(|one| one.state).collect();
        all.sort_by_key(|state| format!("{state:?}"));
        Ok((all == [SandboxState::Queued, SandboxState::Ready]).then_some(all))
    });
    states.await?;
    assert_eq!(running(&land.bo, land.team.org).await?, 1);
    Ok(())
}
