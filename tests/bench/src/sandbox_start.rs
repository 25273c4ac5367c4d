//! How soon a sandbox is there: asked for at the stack's own executor, until its first command's output. Beside it the
//! least that bubblewrap can do on this machine, in turn: a process in namespaces of its own that says one word.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use slipway_contract::SandboxId;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Plan;
use crate::machine;
use crate::report::{Report, Times, spread};
use crate::setting::Setting;

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// The executor's own memory stays below this, in bytes.
const IDLE_BYTES: u64 = 30 << 20;

/// Starts sandboxes one after the other, each beside a bare one.
pub(crate) async fn run(setting: &Setting, plan: &Plan, report: &mut Report) -> Result<()> {
    let pid = setting.bed().executor.pid();
    let idle = machine::memory(pid)?;
    let (mut made, mut ours, mut peer, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut all = Vec::new();
    for number in 0..=plan.starts {
        let sandbox = SandboxId::fresh(now_ms()?, [u8::try_from(number)?; 10]);
        let (created, first) = timeout(PATIENCE, start(setting, sandbox)).await.context("no sandbox")??;
        let bare = timeout(PATIENCE, bare()).await.context("no bare sandbox")??;
        // The first pair warms both up, and gives its place back.
        if number == 0 {
            call(setting, Method::DELETE, sandbox, "").send().await?.error_for_status()?;
            continue;
        }
        all.push(sandbox);
        made.push(created);
        ours.push(first);
        peer.push(bare);
        ratios.push(first / bare);
    }
    let with_all = machine::memory(pid)?;
    for sandbox in all {
        call(setting, Method::DELETE, sandbox, "").send().await?.error_for_status()?;
    }
    let (made, ours, peer) = (Times::of(made), Times::of(ours), Times::of(peer));
    report.line(&format!(
        "sandbox, create → first command's output: p50 **{:.0} ms** (goal 150), p95 **{:.0} ms** (goal 400), most {:.0} ms \
         of {}; created within {:.0} / {:.0} ms (p50 / p95). A bare `bwrap --unshare-all`: {:.1} / {:.1} ms; ours : bare {}",
        ours.p50, ours.p95, ours.most, plan.starts, made.p50, made.p95, peer.p50, peer.p95, spread(&mut ratios),
    ));
    report.line(&format!(
        "executor's own memory: **{:.1} MB** idle (goal < 30), {:.1} MB with {} sandboxes",
        mb(idle),
        mb(with_all),
        plan.starts,
    ));
    ensure!(idle < IDLE_BYTES, "the idle executor takes {idle} bytes");
    Ok(())
}

/// Milliseconds until a sandbox was made, and until its first command had said something.
async fn start(setting: &Setting, sandbox: SandboxId) -> Result<(f64, f64)> {
    let begun = Instant::now();
    let wanted = json!({"size": "small", "hosts": [], "epoch": 1});
    call(setting, Method::PUT, sandbox, "").json(&wanted).send().await?.error_for_status()?.bytes().await?;
    let made = ms(begun);
    let command = json!({"argv": ["echo", "here"], "timeout_ms": 5_000});
    let reply = call(setting, Method::PUT, sandbox, "/execs/first").json(&command).send().await?;
    let said = reply.error_for_status()?.chunk().await?.context("the command said nothing")?;
    ensure!(said.starts_with(br#"{"stdout":"here"#), "it said {}", String::from_utf8_lossy(&said));
    Ok((made, ms(begun)))
}

/// Milliseconds until the same word came out of plain bubblewrap.
async fn bare() -> Result<f64> {
    let begun = Instant::now();
    let mut child = Command::new("bwrap")
        .args([
            "--unshare-all",
            "--die-with-parent",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
        ])
        .args(["--tmpfs", "/tmp", "sh", "-c", "echo here"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("bwrap cannot be started")?;
    let mut said = [0; 5];
    child.stdout.take().context("no output")?.read_exact(&mut said).await?;
    let took = ms(begun);
    ensure!(&said == b"here\n" && child.wait().await?.success(), "plain bubblewrap failed");
    Ok(took)
}

fn call(setting: &Setting, method: Method, sandbox: SandboxId, rest: &str) -> RequestBuilder {
    let bed = setting.bed();
    let url = format!("{}/v1/sandboxes/{sandbox}{rest}", bed.executor.url);
    setting.http().request(method, url).bearer_auth(&bed.secrets.executor_key)
}

fn now_ms() -> Result<u64> {
    Ok(u64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_millis())?)
}

fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}
