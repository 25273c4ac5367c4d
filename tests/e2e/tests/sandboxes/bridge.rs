//! Sandboxes in containers of a bridge: the same product, and a typed refusal for what a bridge cannot do.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::fake_bridge::{self, FakeBridge, Fault};
use e2e::{World, eventually};
use serde_json::{Value, json};
use slipway_contract::ProblemCode;
use slipway_contract::events::EventBody;
use slipway_contract::http::sandboxes::RequestSandbox;
use slipway_contract::http::usage::UsageReport;
use slipway_contract::objects::executor::{FileKind, FileList};
use slipway_contract::sandbox::{SandboxReason, SandboxSize, SandboxState};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::land::{Land, last_message};

/// A stack whose sandboxes are there.
async fn on(hosts: Vec<Value>) -> Result<(Testbed, Land)> {
    let vars = [("EXECUTORS".to_owned(), json!(Value::from(hosts).to_string()))].into_iter().collect();
    let vars = BTreeMap::from([(Worker::Orchestrator, vars)]);
    let bed = block_in_place(|| Testbed::start(Options { vars, ..Options::default() }))?;
    let land = Land::of(&World::of(&bed)?).await?;
    Ok((bed, land))
}

async fn on_bridge() -> Result<(FakeBridge, Testbed, Land)> {
    let bridge = FakeBridge::start().await?;
    let (bed, land) = on(vec![bridge.setting(fake_bridge::KEY)]).await?;
    Ok((bridge, bed, land))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_is_a_sandbox_like_any_other() -> Result<()> {
    let (bridge, _bed, land) = on_bridge().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    assert_eq!(bridge.containers(), 1);

    let ran = bo.run(sandbox, "echo out; echo err >&2; pwd; exit 7").await?;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.exit.code), ("out\n/workspace\n", "err\n", 7));
    let much = bo.run(sandbox, "seq 1 200000").await?;
    assert!(much.stdout.ends_with("\n199999\n200000\n"), "{} bytes", much.stdout.len());
    assert_eq!(much.stdout.lines().count(), 200_000);
    let body = json!({"argv": ["sleep", "100"], "timeout_s": 1});
    let late = bo.send(reqwest::Method::POST, &format!("/v1/sandboxes/{sandbox}/exec"), &body).await?;
    assert!(late.body.contains(r#""timed_out":true"#), "{late}");

    bo.put_file(sandbox, "a/b ä/c.txt", "deep").await?.done()?;
    assert_eq!(bo.file(sandbox, "a/b ä/c.txt").await?.body, "deep");
    let list: FileList = bo.file(sandbox, "a").await?.read()?;
    let entries: Vec<_> = list.entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(entries, [("b ä", FileKind::Folder)]);
    bo.file(sandbox, "no").await?.refused(ProblemCode::NotFound)?;
    bo.file(sandbox, "../etc/passwd").await?.refused(ProblemCode::OutsideWorkspace)?;

    bo.stop(sandbox).await?;
    land.present(SandboxState::Stopped).await?;
    assert_eq!(bridge.containers(), 0);
    let used: UsageReport = bo.get(&format!("/v1/orgs/{}/usage?by=sandbox", land.team.org)).await?.read()?;
    assert!(used.total.sandbox_seconds > 0, "{used:?}");

    // The container is another one; the files are those that were there.
    let asked = bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    land.carried_out(asked.id).await?;
    // Looks at one that was gone made some on the way, and gave them up.
    assert_eq!(bridge.containers(), 1);
    assert!(bridge.made() > 1);
    assert_eq!(bo.file(sandbox, "a/b ä/c.txt").await?.body, "deep");
    bo.destroy(sandbox).await?;
    land.present(SandboxState::Destroyed).await?;
    assert_eq!(bridge.containers(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_s_command_is_told_in_the_chat() -> Result<()> {
    let (_bridge, _bed, land) = on_bridge().await?;
    land.start().await?;
    land.demo().await?;
    land.bo.post(land.chat.id, "ask", "@helper run: echo $((6 * 7)) from a container").await?;
    land.rest().await?;
    let answer = last_message(&land.bo, land.chat.id).await?;
    assert!(answer.contains("42 from a container"), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_fails_delays_and_repeats_nothing() -> Result<()> {
    let (bridge, _bed, land) = on_bridge().await?;
    // The start is tried until the bridge answers; one container is left of that.
    bridge.fail(&[Fault::Status(500), Fault::Cut]);
    let sandbox = land.start().await?;
    assert!(bridge.has_failed());
    assert_eq!(bridge.containers(), 1);

    // A reply that is cut after the command began is followed from where it was.
    bridge.fail(&[Fault::Cut, Fault::Cut]);
    let ran = land.bo.run(sandbox, "echo x >>count; cat count").await?;
    assert!(bridge.has_failed());
    assert_eq!((ran.stdout.as_str(), ran.exit.code), ("x\n", 0));
    assert_eq!(land.bo.file(sandbox, "count").await?.body, "x\n");

    // What was not begun is said to have failed.
    bridge.fail(&[Fault::Status(500)]);
    land.bo.running(sandbox, "echo y >>count").send().await?.refused(ProblemCode::Unavailable)?;
    bridge.fail(&[Fault::Silent]);
    land.bo.running(sandbox, "echo y >>count").send().await?.refused(ProblemCode::Unavailable)?;
    assert_eq!(land.bo.file(sandbox, "count").await?.body, "x\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_vanished_is_not_replaced_by_an_empty_one() -> Result<()> {
    let (bridge, _bed, land) = on_bridge().await?;
    let sandbox = land.start().await?;
    land.bo.run(sandbox, "echo x >count").await?;
    bridge.lose_all();
    // The bridge gives every request a new container; nothing runs in that.
    let refused = land.bo.running(sandbox, "echo x >>count").send().await?;
    assert_eq!(refused.problem()?.code, ProblemCode::SandboxNotRunning);
    let seen = land.bo.look(sandbox).await?;
    assert_eq!((seen.state, seen.reason), (SandboxState::Failed, Some(SandboxReason::Lost)));
    assert_eq!(bridge.containers(), 0, "an empty container goes on costing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_bridge_cannot_do_is_refused() -> Result<()> {
    let (_bridge, _bed, land) = on_bridge().await?;
    let sandbox = land.start().await?;
    let preview = json!({"port": 8000});
    let path = format!("/v1/sandboxes/{sandbox}/preview-tokens");
    land.bo.send(reqwest::Method::POST, &path, &preview).await?.refused(ProblemCode::NotBuilt)?;

    let wish = RequestSandbox {
        reason: "to fetch something".to_owned(),
        size: SandboxSize::Small,
        hosts: vec!["example.com".to_owned()],
        template: None,
        client_id: None,
    };
    let asked: slipway_contract::http::approvals::Approval = land
        .bo
        .send(reqwest::Method::POST, &format!("/v1/chats/{}/sandboxes", land.chat.id), &wish)
        .await?
        .read()?;
    land.team.owner.approve(asked.id).await?;
    let detail = eventually("why it does not start", async || {
        let log = land.bo.log(land.chat.id).await?;
        Ok(log.iter().find_map(|event| {
            let EventBody::ApprovalCarriedOut { approval, done: false, detail } = &event.body else {
                return None;
            };
            (*approval == asked.id).then(|| detail.clone())
        }))
    })
    .await?;
    assert!(detail.contains("cannot reach hosts"), "{detail}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_starts_nothing_and_is_not_told() -> Result<()> {
    let bridge = FakeBridge::start().await?;
    let (_bed, land) = on(vec![bridge.setting("another-key")]).await?;
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve(asked.id).await?;
    let failed = land.present(SandboxState::Failed).await?;
    let text = serde_json::to_string(&failed)?;
    assert!(text.contains("does not know our key") && !text.contains("another-key"), "{text}");
    assert_eq!(bridge.made(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_host_has_no_place_for_runs_on_another() -> Result<()> {
    let (one, other) = (FakeBridge::start().await?, FakeBridge::start().await?);
    let mut second = other.setting(fake_bridge::KEY);
    second["id"] = json!("second");
    let (_bed, land) = on(vec![one.setting(fake_bridge::KEY), second]).await?;
    one.fill(true);
    land.start().await?;
    assert_eq!((one.containers(), other.containers()), (0, 1));
    one.fill(false);
    other.fill(true);
    land.start().await?;
    assert_eq!((one.containers(), other.containers()), (1, 1));
    Ok(())
}
