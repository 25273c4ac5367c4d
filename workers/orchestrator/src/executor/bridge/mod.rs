//! Sandboxes in Cloudflare containers: the executor's operations, by the HTTP interface of the Cloudflare sandbox bridge.
//!
//! Built against `cloudflare/sandbox-sdk`, `bridge/worker/README.md` and `packages/sandbox/src/bridge/routes.ts` at commit
//! 0196c9163050e4b32d594a260edac8e777f12b7c (release 0.12): `POST /v1/sandbox/{id}/exec` answers server-sent events
//! (`stdout` and `stderr` as base64, `exit`, `error`), `GET` and `PUT /v1/sandbox/{id}/file/{path}`, `GET …/pty`,
//! `DELETE /v1/sandbox/{id}`, `GET /v1/pool/stats`. Refusals are `{"error", "code"}`.
//!
//! Every request but `DELETE` gives a sandbox a container when it has none: an empty one where the earlier one slept or
//! broke. So what a sandbox is lies in its container: `agent.sh`, the start of the run, the names of its commands. Whoever
//! comes first marks a container, by a link that exists once, as one that lives or one that is given up.
//!
//! Invariants: nothing happens in a container that was not begun; a command runs at most once in a run; what a bridge
//! cannot do is refused. It cannot limit what a sandbox reaches: its containers must be set up without a way to the
//! internet (`enableInternet = false` in the bridge's `Sandbox` class), and a sandbox that wants hosts is refused. It has
//! no passes, so there are no previews. A stop ends the container, and with it the files;
//! whoever stops it keeps them before. A container that broke has lost them.

mod archive;
mod files;
mod names;
mod refusal;
mod run;
mod told;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use slipway_contract::objects::executor::{CreateSandbox, ExecutorCode, SandboxReport};
use slipway_contract::sandbox::SandboxSize;
use slipway_contract::{SandboxId, Timestamp};
use slipway_edge::clock;
use worker::Method;

use self::told::{Event, Events};
use super::{ASK_MS, Executor, ExecutorError, LATE, MAKE_MS, REPLY_BYTES, STOP_MS, Sent, body};
use crate::outgoing::{self, Body};
use crate::settings::Containers;

pub(super) use refusal::refusal;
pub(super) use run::Followed;

/// What runs in the containers.
const AGENT: &str = include_str!("agent.sh");
/// Where it lies there, with what it knows.
const FOLDER: &str = "/var/tmp/.slipway";
/// What people's files are in.
const WORKSPACE: &str = "/workspace";

/// Begins a run: `$1` the folder, `$2` the epoch, `$3` the workspace, `$4` the agent.
const BEGIN: &str = r#"is=$(readlink "$1.is") || { ln -sn live "$1.is" 2>/dev/null; is=$(readlink "$1.is"); }
[ "$is" = live ] || { echo gone; exit; }
mkdir -p -m 700 "$1" && printf %s "$4" | base64 -d >"$1/agent.$$" && mv -f "$1/agent.$$" "$1/agent" \
    && exec sh "$1/agent" begin "$2" "$3""#;

/// Looks at a run: `$1` the folder. A container that nobody began is given up, so that nobody will.
const LOOK: &str = r#"is=$(readlink "$1.is") || { ln -sn gone "$1.is" 2>/dev/null; is=$(readlink "$1.is"); }
[ "$is" = live ] || { echo gone; exit; }
[ -e "$1/ready" ] || { echo making; exit; }
exec sh "$1/agent" report"#;

/// A container is being removed or made; it is tried again.
const IN_BETWEEN: ExecutorError = ExecutorError::Unavailable { cause: "the container is in between" };

/// A bridge, by the client that it shares with executors.
#[derive(Clone, Copy)]
pub(super) struct Bridge<'a> {
    pub(super) via: Executor<'a>,
    pub(super) containers: Containers,
}

/// A command for the bridge.
#[derive(Serialize)]
struct Exec<'a> {
    argv: &'a [String],
    timeout_ms: u64,
}

/// How many containers the bridge has in use.
#[derive(Deserialize)]
struct Pool {
    assigned: usize,
}

impl Bridge<'_> {
    /// Begins a run. The same again answers how it stands.
    pub(super) async fn create(
        &self,
        sandbox: SandboxId,
        wanted: &CreateSandbox,
    ) -> Result<SandboxReport, ExecutorError> {
        self.check_hosts(&wanted.hosts)?;
        if rank(wanted.size) > rank(self.containers.size) {
            return Err(refused(ExecutorCode::Unsupported, "the containers there are smaller"));
        }
        let begin = [BEGIN, "slipway", FOLDER, &wanted.epoch.to_string(), WORKSPACE, &STANDARD.encode(AGENT)];
        let lines = self.ask(sandbox, &shell(&begin), MAKE_MS).await?;
        let report = match self.stands(sandbox, &lines).await {
            // Given up before it was begun. The next one is another.
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => return Err(IN_BETWEEN),
            report => report?,
        };
        if !report.blank || wanted.files.is_empty() {
            return Ok(report);
        }
        for (path, content) in &wanted.files {
            self.put(sandbox, path, content.as_bytes(), true).await?;
        }
        self.touch(sandbox).await?;
        Ok(SandboxReport { blank: false, ..report })
    }

    /// How a sandbox stands.
    pub(super) async fn report(&self, sandbox: SandboxId) -> Result<SandboxReport, ExecutorError> {
        let lines = self.ask(sandbox, &shell(&[LOOK, "slipway", FOLDER]), MAKE_MS).await?;
        self.stands(sandbox, &lines).await
    }

    /// What the container said of itself. One that is given up is removed: it holds nothing, and costs.
    async fn stands(&self, sandbox: SandboxId, lines: &[String]) -> Result<SandboxReport, ExecutorError> {
        match lines.first().map(String::as_str) {
            Some("gone") => {
                // If that does not work, it sleeps by itself after some minutes.
                let _sleeps_later = self.destroy(sandbox).await;
                Err(refused(ExecutorCode::NotFound, "the container is gone"))
            }
            Some("making") => Err(IN_BETWEEN),
            _ => told::report(sandbox, lines)
                .ok_or(ExecutorError::Unavailable { cause: "the container does not say how it stands" }),
        }
    }

    /// Ends the container; its files go with it.
    pub(super) async fn stop(&self, sandbox: SandboxId) -> Result<SandboxReport, ExecutorError> {
        // When its run began is known only as long as it is there.
        let seen = match self.report(sandbox).await {
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => return Err(error),
            seen => seen.ok(),
        };
        self.destroy(sandbox).await?;
        Ok(ended(sandbox, seen, clock::now()))
    }

    /// Removes the container; one that is not there is removed.
    pub(super) async fn destroy(&self, sandbox: SandboxId) -> Result<(), ExecutorError> {
        self.via.done(Method::Delete, &at(sandbox, ""), Sent::Nothing, STOP_MS).await
    }

    /// Writes down a grown epoch. Nothing of a bridge's was opened under an older one.
    pub(super) async fn set_epoch(&self, sandbox: SandboxId, epoch: u64) -> Result<(), ExecutorError> {
        self.done(sandbox, &agent(&["epoch", &epoch.to_string()])).await
    }

    /// Whether a stop would end files that somebody has put there.
    pub(super) async fn loses_files(&self, sandbox: SandboxId) -> Result<bool, ExecutorError> {
        match self.report(sandbox).await {
            Err(error) if error.code() == Some(ExecutorCode::NotFound) => Ok(false),
            report => report.map(|report| !report.blank),
        }
    }

    /// Nothing can be reached, so there is nothing to set but an empty list.
    pub(super) async fn set_hosts(
        &self,
        sandbox: SandboxId,
        hosts: &[String],
    ) -> Result<SandboxReport, ExecutorError> {
        self.check_hosts(hosts)?;
        self.report(sandbox).await
    }

    /// Places that nobody has.
    pub(super) async fn free_places(&self) -> Result<usize, ExecutorError> {
        let pool: Pool = self.via.json(Method::Get, "/v1/pool/stats", Sent::Nothing, ASK_MS).await?;
        Ok(usize::try_from(self.containers.places).unwrap_or(usize::MAX).saturating_sub(pool.assigned))
    }

    fn check_hosts(&self, hosts: &[String]) -> Result<(), ExecutorError> {
        if hosts.is_empty() {
            return Ok(());
        }
        let detail = "sandboxes there cannot reach hosts on the internet; ask for one without hosts";
        Err(refused(ExecutorCode::Unsupported, detail))
    }

    /// Says that it is used.
    async fn touch(&self, sandbox: SandboxId) -> Result<(), ExecutorError> {
        self.done(sandbox, &agent(&["touch"])).await
    }

    /// Has the agent do something that it answers with `ok`.
    async fn done(&self, sandbox: SandboxId, argv: &[String]) -> Result<(), ExecutorError> {
        self.done_within(sandbox, argv, ASK_MS).await
    }

    async fn done_within(
        &self,
        sandbox: SandboxId,
        argv: &[String],
        limit_ms: u64,
    ) -> Result<(), ExecutorError> {
        let lines = self.ask(sandbox, argv, limit_ms).await?;
        match lines.first().map(String::as_str) {
            Some("ok") => Ok(()),
            word => Err(no(word)),
        }
    }

    /// Runs something short in the container; the lines that it writes.
    async fn ask(
        &self,
        sandbox: SandboxId,
        argv: &[String],
        limit_ms: u64,
    ) -> Result<Vec<String>, ExecutorError> {
        let sent = body(&Exec { argv, timeout_ms: limit_ms })?;
        let whole = async {
            let path = at(sandbox, "/exec");
            let (mut reply, _abort) = self.via.open(Method::Post, &path, sent, limit_ms).await?;
            match outgoing::body(&mut reply, REPLY_BYTES).await {
                Body::Whole(bytes) => lines(&bytes),
                Body::TooLong => Err(ExecutorError::Unavailable { cause: "the reply is too long" }),
                Body::Cut => Err(ExecutorError::Unavailable { cause: "the reply was cut" }),
            }
        };
        outgoing::within(limit_ms, whole).await.unwrap_or(Err(LATE))
    }
}

/// What a whole stream says.
fn lines(bytes: &[u8]) -> Result<Vec<String>, ExecutorError> {
    let (mut events, mut lines) = (Events::default(), Vec::new());
    events.feed(bytes);
    while let Some(event) = events.next() {
        match event {
            Event::Line(line) => lines.push(line),
            Event::Ended => return Ok(lines),
            Event::Broken => break,
        }
    }
    Err(ExecutorError::Unavailable { cause: "the bridge did not run it to its end" })
}

/// What it means that the agent does not say `ok`. Without the agent no word comes at all.
fn no(word: Option<&str>) -> ExecutorError {
    match word {
        None | Some("gone") => refused(ExecutorCode::NotRunning, "the container is gone"),
        Some("none") => refused(ExecutorCode::NotFound, "there is no such file"),
        Some("outside") => refused(ExecutorCode::OutsideWorkspace, "the path is not below /workspace"),
        Some("folder") => refused(ExecutorCode::Invalid, "there is a folder of this name"),
        Some("other") => refused(ExecutorCode::Invalid, "this is neither file nor folder"),
        Some("failed") => refused(ExecutorCode::Failed, "the container did not let it happen"),
        Some(_) => ExecutorError::Unavailable { cause: "the container says something else" },
    }
}

fn refused(code: ExecutorCode, detail: &str) -> ExecutorError {
    ExecutorError::Refused { code, detail: detail.to_owned() }
}

/// How a sandbox stands whose container was ended.
fn ended(sandbox: SandboxId, seen: Option<SandboxReport>, at: Timestamp) -> SandboxReport {
    let seen = seen.unwrap_or(SandboxReport {
        sandbox,
        epoch: 0,
        running: false,
        started_at: None,
        ended_at: None,
        ended_because: None,
        blank: true,
        used_at: None,
        cpu_ms: 0,
        memory_bytes: 0,
        disk_bytes: 0,
        egress_bytes: 0,
        ports: Vec::new(),
        refused_hosts: Vec::new(),
    });
    SandboxReport {
        running: false,
        ended_at: Some(at),
        blank: true,
        memory_bytes: 0,
        disk_bytes: 0,
        ports: Vec::new(),
        ..seen
    }
}

const fn rank(size: SandboxSize) -> u8 {
    match size {
        SandboxSize::Small => 0,
        SandboxSize::Medium => 1,
        SandboxSize::Large => 2,
    }
}

/// A script of ours with its arguments, the first of which is its name.
fn shell(words: &[&str]) -> Vec<String> {
    ["sh", "-c"].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// Something that the agent is asked.
fn agent(words: &[&str]) -> Vec<String> {
    let mut argv = vec!["sh".to_owned(), format!("{FOLDER}/agent")];
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    argv
}

fn at(sandbox: SandboxId, rest: &str) -> String {
    format!("/v1/sandbox/{}{rest}", names::container(sandbox))
}

#[cfg(test)]
mod agent_tests;
