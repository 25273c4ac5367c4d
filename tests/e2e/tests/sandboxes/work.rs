//! What people do in a sandbox: commands, files, terminals, artifacts; and what it does not let out.

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, eventually};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::page::Page;
use slipway_contract::http::sandboxes::TerminalTicket;
use slipway_contract::http::usage::{Quotas, UsageReport};
use slipway_contract::objects::executor::{FileKind, FileList};
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{ProblemCode, SandboxId};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::land::Land;

#[tokio::test]
async fn a_command_tells_its_output_and_how_it_ended() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let ran = land.bo.run(sandbox, "echo out; echo err >&2; exit 7").await?;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.exit.code), ("out\n", "err\n", 7));
    let alone = land.bo.run(sandbox, "id -u; hostname; ls /root /home 2>&1; env | sort").await?;
    assert!(!alone.stdout.contains("EXECUTOR_KEY") && !alone.stdout.contains("RELAY_KEY"), "{alone:?}");
    let body = json!({"argv": ["sleep", "100"], "timeout_s": 1});
    let path = format!("/v1/sandboxes/{sandbox}/exec");
    let late = land.bo.send(Method::POST, &path, &body).await?;
    assert!(late.body.contains(r#""timed_out":true"#), "{late}");
    // Whoever is not in the chat does not find it.
    let out = land.team.join("Out", slipway_contract::http::orgs::Role::Member).await?;
    out.running(sandbox, "true").send().await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn files_go_in_and_out_and_no_path_leaves_the_workspace() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "a/b/c.txt", "deep").await?.done()?;
    assert_eq!(bo.file(sandbox, "a/b/c.txt").await?.body, "deep");
    let list: FileList = bo.file(sandbox, "a").await?.read()?;
    assert_eq!(
        list.entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect::<Vec<_>>(),
        [("b", FileKind::Folder)]
    );
    bo.run(sandbox, "ln -s /etc/passwd link; ln -s / root").await?;
    for path in
        ["../etc/passwd", "/etc/passwd", "a/../../etc/passwd", "link", "root/etc/passwd", "a/./../../x"]
    {
        let read = bo.file(sandbox, path).await?;
        let code = read.problem()?.code;
        ensure!(
            matches!(
                code,
                ProblemCode::OutsideWorkspace | ProblemCode::NotFound | ProblemCode::InvalidParameter
            ),
            "{path} gives {code:?}"
        );
    }
    // A write through a link takes the link's place; what the link led to stays.
    for path in ["../x", "/etc/x", "a/../../x", "root/x", "link"] {
        bo.put_file(sandbox, path, "x").await?;
    }
    let outside = bo.run(sandbox, "ls /x /etc/x 2>/dev/null; head -c 4 /etc/passwd").await?;
    ensure!(!outside.stdout.contains("/x") && !outside.stdout.starts_with('x'), "{outside:?}");
    let path = format!("/v1/sandboxes/{sandbox}/files?path=a");
    bo.call(Method::DELETE, &path).send().await?.done()?;
    bo.file(sandbox, "a/b/c.txt").await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test]
async fn an_artifact_outlives_its_sandbox() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "report.txt", "kept").await?.done()?;
    let path = format!("/v1/sandboxes/{sandbox}/artifacts");
    let kept: Artifact = bo.send(Method::POST, &path, &json!({"path": "report.txt"})).await?.read()?;
    assert_eq!((kept.name.as_str(), kept.bytes), ("report.txt", 4));
    bo.stop(sandbox).await?;
    let content = bo.get(&format!("/v1/artifacts/{}/content", kept.id)).await?;
    assert_eq!(content.body, "kept");
    assert!(content.header("content-disposition").starts_with("attachment"), "{content}");
    assert_eq!(content.header("x-content-type-options"), "nosniff");
    let page: Page<Artifact> =
        bo.get(&format!("/v1/orgs/{}/artifacts?chat={}", land.team.org, land.chat.id)).await?.read()?;
    assert_eq!(page.items, [kept]);
    Ok(())
}

type Terminal = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn terminal(person: &Person, sandbox: SandboxId, name: &str) -> Result<Terminal> {
    let path = format!("/v1/sandboxes/{sandbox}/terminal-ticket");
    let ticket: TerminalTicket = person.call(Method::POST, &path).send().await?.read()?;
    let url = person.world.url().replacen("http", "ws", 1);
    let query = format!("ticket={}&terminal={name}&cols=80&rows=24", ticket.ticket);
    let (socket, _) = connect_async(format!("{url}/v1/sandboxes/{sandbox}/terminal?{query}")).await?;
    Ok(socket)
}

/// Reads until the terminal has shown `what`.
async fn shows(terminal: &mut Terminal, what: &str) -> Result<String> {
    let mut shown = String::new();
    while !shown.contains(what) {
        let next = tokio::time::timeout(e2e::wait::LIMIT, terminal.next()).await;
        let message =
            next.with_context(|| format!("waiting for {what:?} after {shown:?}"))?.context("closed")??;
        if let Message::Binary(bytes) = message {
            shown.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(shown)
}

#[tokio::test]
async fn a_terminal_survives_a_reload() -> Result<()> {
    let land = Land::shared().await?;
    let sandbox = land.start().await?;
    let mut first = terminal(&land.bo, sandbox, "main").await?;
    first.send(Message::binary("echo six-$((6*7))\n".as_bytes().to_vec())).await?;
    shows(&mut first, "six-42").await?;
    drop(first);
    let mut second = terminal(&land.bo, sandbox, "main").await?;
    shows(&mut second, "six-42").await?;
    second.send(Message::binary("echo seven-$((7*7))\n".as_bytes().to_vec())).await?;
    shows(&mut second, "seven-49").await?;
    Ok(())
}

#[tokio::test]
async fn a_stopped_sandbox_refuses_work_keeps_its_files_and_starts_again() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "kept.txt", "here").await?.done()?;
    let before = bo.look(sandbox).await?;
    let stopped = bo.stop(sandbox).await?;
    assert!(stopped.epoch > before.epoch);
    land.present(SandboxState::Stopped).await?;
    // The same again is answered the same.
    assert_eq!(bo.stop(sandbox).await?.epoch, stopped.epoch);
    bo.running(sandbox, "true").send().await?.refused(ProblemCode::SandboxNotRunning)?;
    let asked = bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    land.carried_out(asked.id).await?;
    let again = land.present(SandboxState::Ready).await?;
    assert_eq!(again.id, sandbox);
    assert!(again.epoch > stopped.epoch);
    assert_eq!(bo.file(sandbox, "kept.txt").await?.body, "here");
    Ok(())
}

#[tokio::test]
async fn what_ran_is_on_the_usage_page_and_counts_against_the_quota() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    let org = land.team.org;
    // A second must pass for it to be counted; the command's own time is inside the run.
    bo.run(sandbox, "sleep 1.2").await?;
    bo.stop(sandbox).await?;
    let quotas: Quotas = bo.get(&format!("/v1/orgs/{org}/quotas")).await?.read()?;
    assert_eq!((quotas.org.running, quotas.user.running), (0, 0));
    assert!(quotas.user.seconds >= 1 && quotas.org.seconds == quotas.user.seconds, "{quotas:?}");
    for by in ["day", "user", "agent", "chat", "sandbox"] {
        let usage: UsageReport = bo.get(&format!("/v1/orgs/{org}/usage?by={by}")).await?.read()?;
        assert_eq!(usage.total.sandbox_seconds, quotas.org.seconds, "by {by}");
        assert!(usage.total.micro_usd > 0);
        assert_eq!(
            usage.parts.iter().map(|part| part.sum.sandbox_seconds).sum::<u64>(),
            usage.total.sandbox_seconds
        );
    }
    let look = eventually("the sandbox's own seconds", async || {
        Ok(Some(bo.look(sandbox).await?).filter(|sandbox| sandbox.seconds > 0))
    })
    .await?;
    assert_eq!(look.seconds, quotas.org.seconds);
    Ok(())
}

#[tokio::test]
async fn nothing_outside_is_reached_and_a_refused_host_becomes_a_question() -> Result<()> {
    let land = Land::shared().await?;
    land.demo().await?;
    let sandbox = land.start().await?;
    let direct = land
        .bo
        .run(
            sandbox,
            "node -e \"require('net').connect(80,'1.1.1.1').on('error',e=>console.log('no:',e.code))\"",
        )
        .await?;
    assert!(direct.stdout.starts_with("no: E"), "{direct:?}");
    // By the proxy that programs are told of.
    let ask = "node -e \"require('http').get({host:'127.0.0.1',port:3128,path:'http://example.org/',headers:{host:'example.org'}},r=>console.log('status',r.statusCode))\"";
    let ran = land.bo.run(sandbox, ask).await?;
    assert_eq!(ran.stdout, "status 403\n", "{ran:?}");
    assert_eq!(ran.exit.refused_hosts, ["example.org"]);
    land.bo.post(land.chat.id, "ask", &format!("@helper run: {ask}")).await?;
    let asked = land.open_approval().await?;
    let slipway_contract::approval::ApprovalAction::AllowHosts { hosts, .. } = &asked.ask.action else {
        anyhow::bail!("{asked:?}")
    };
    assert_eq!(hosts, &["example.org"]);
    land.team.owner.approve(asked.id).await?;
    land.carried_out(asked.id).await?;
    assert_eq!(land.bo.look(sandbox).await?.hosts, ["example.org"]);
    land.rest().await?;
    Ok(())
}
