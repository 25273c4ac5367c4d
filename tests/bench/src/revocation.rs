//! How soon access ends that people end: from the moment in which the call is sent until the visitor's socket is closed, its
//! stream has ended and a request is refused, by the visitor's clock. The whole way is real: app-api, orchestrator, Postgres,
//! executor, gateway, and a server in a sandbox that people approved.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, Visitor, World, eventually};
use futures::StreamExt as _;
use reqwest::{Method, Response};
use slipway_contract::approval::ApprovalOption;
use slipway_contract::http::chats::Chat;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{ApprovalId, SandboxId};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Plan;
use crate::report::{Report, Times};
use crate::setting::Setting;

/// What takes longer has failed, and the run has no figure.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two requests of who waits to be refused: a figure is too high by this at most.
const PAUSE: Duration = Duration::from_millis(4);
/// Every so many trials the sandbox is stopped instead, and started again.
const STOPS: usize = 10;
const PORT: u16 = 8000;
const SERVER: &str = include_str!("../../e2e/fixtures/server.mjs");

/// Two people, their chat, and the sandbox in it.
struct Scene {
    team: Team,
    bo: Person,
    chat: Chat,
}

/// A visitor with everything open.
struct Visit {
    visitor: Visitor,
    socket: WebSocketStream<TcpStream>,
    stream: Response,
}

/// What one trial took, in milliseconds.
#[derive(Clone, Copy)]
struct Trial {
    answered: f64,
    closed: f64,
    ended: f64,
    refused: f64,
}

/// All trials, one after the other.
pub(crate) async fn run(setting: &Setting, plan: &Plan, report: &mut Report) -> Result<()> {
    let (team, bo, chat) = Team::of_two(&World::of(setting.bed())?).await?;
    let scene = Scene { team, bo, chat };
    let mut sandbox = scene.start(ApprovalOption::New).await?;
    let (mut revoked, mut stopped) = (Vec::new(), Vec::new());
    for number in 1..=plan.trials {
        let stops = number % STOPS == 0;
        let trial = scene.trial(sandbox, stops).await.with_context(|| format!("trial {number}"))?;
        if stops {
            stopped.push(trial);
            sandbox = scene.start(ApprovalOption::Reuse).await?;
        } else {
            revoked.push(trial);
        }
    }
    for (what, trials) in [("revocation", revoked), ("stop", stopped)] {
        if !trials.is_empty() {
            report.line(&told(what, &trials));
        }
    }
    Ok(())
}

fn told(what: &str, trials: &[Trial]) -> String {
    let part = |read: fn(&Trial) -> f64| {
        let Times { p50, p99, most, .. } = Times::of(trials.iter().map(read).collect());
        format!("{p50:.0} / **{p99:.0}** / {most:.0} ms")
    };
    format!(
        "{what}, from the call until (p50 / p99 / most of {}; goal p99 ≤ 1,000 ms): a new request is refused {}; the open \
         socket is closed {}; the open stream has ended {}; the call itself is answered {}",
        trials.len(),
        part(|trial| trial.refused),
        part(|trial| trial.closed),
        part(|trial| trial.ended),
        part(|trial| trial.answered),
    )
}

impl Scene {
    /// Bo asks, the owner approves, it runs and serves.
    async fn start(&self, option: ApprovalOption) -> Result<SandboxId> {
        let asked = self.bo.ask_sandbox(self.chat.id).await?;
        self.approve(asked.id, option).await?;
        let sandbox = eventually("a sandbox that is ready", async || {
            let newest = self.bo.sandboxes(self.chat.id).await?.into_iter().next();
            Ok(newest.filter(|sandbox| sandbox.state == SandboxState::Ready))
        })
        .await?
        .id;
        self.bo.put_file(sandbox, "server.mjs", SERVER).await?.done()?;
        let served = self.bo.run(sandbox, "nohup node server.mjs 8000 >server.log 2>&1 &").await?;
        ensure!(served.exit.code == 0, "{served:?}");
        Ok(sandbox)
    }

    async fn approve(&self, asked: ApprovalId, option: ApprovalOption) -> Result<()> {
        let owner = &self.team.owner;
        let approved = match option {
            ApprovalOption::Reuse => owner.approve_reuse(asked).await,
            ApprovalOption::New => owner.approve(asked).await,
        };
        approved.map(drop)
    }

    /// Lets somebody in anew, with a socket, a stream and a connection that has carried requests.
    async fn visit(&self, sandbox: SandboxId) -> Result<Visit> {
        let token = self.bo.preview_token(sandbox, PORT).await?;
        let visitor = Visitor::enter(&token.url).await?;
        eventually("the server inside", async || {
            Ok((visitor.get("/echo").await?.status == 200).then_some(()))
        })
        .await?;
        let socket = visitor.socket("/live", None).await?;
        let socket = socket.map_err(|status| anyhow::anyhow!("no socket: {status}"))?;
        let mut stream = visitor.call(Method::GET, "/stream").send().await?;
        ensure!(stream.chunk().await?.is_some(), "the stream is empty");
        Ok(Visit { visitor, socket, stream })
    }

    async fn trial(&self, sandbox: SandboxId, stops: bool) -> Result<Trial> {
        let Visit { visitor, mut socket, mut stream } = self.visit(sandbox).await?;
        let begun = Instant::now();
        let took = || begun.elapsed().as_secs_f64() * 1000.0;
        let end = async {
            let ended = if stops { self.bo.stop(sandbox).await } else { self.bo.revoke(sandbox).await };
            ended.map(|_| took())
        };
        let closed = async {
            while let Some(Ok(message)) = socket.next().await {
                if matches!(message, Message::Close(_)) {
                    break;
                }
            }
            took()
        };
        let ended = async {
            while let Ok(Some(_)) = stream.chunk().await {}
            took()
        };
        let refused = async {
            // One that is under way in that moment may be cut off without an answer; the next one gets one.
            while visitor.get("/echo").await.map_or(true, |page| page.status == 200) {
                sleep(PAUSE).await;
            }
            took()
        };
        let all = async { tokio::join!(end, closed, ended, refused) };
        let (answered, closed, ended, refused) =
            timeout(PATIENCE, all).await.context("something stays open")?;
        // Whoever is out stays out.
        let after = visitor.get("/echo").await?.status;
        ensure!(after != 200, "let in again with access that had ended");
        Ok(Trial { answered: answered?, closed, ended, refused })
    }
}
