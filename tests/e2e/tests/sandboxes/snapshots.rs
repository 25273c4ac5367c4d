//! Files that outlive their host: snapshots that people take, those of sandboxes that stopped, and starts from them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, World, eventually};
use reqwest::Method;
use sha2::{Digest as _, Sha256};
use slipway_contract::http::snapshots::{Snapshot, SnapshotCause};
use slipway_contract::sandbox::{SandboxReason, SandboxState};
use slipway_contract::{Actor, ProblemCode, SandboxId};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::land::Land;

/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";

async fn own_stack() -> Result<(Testbed, Land)> {
    let bed = block_in_place(|| Testbed::start(Options::default()))?;
    let land = Land::of(&World::of(&bed)?).await?;
    Ok((bed, land))
}

/// Runs the sweeps until a sandbox has that many snapshots.
async fn swept(
    bed: &mut Testbed,
    person: &Person,
    sandbox: SandboxId,
    count: usize,
) -> Result<Vec<Snapshot>> {
    eventually(&format!("{count} snapshots"), async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        let all = person.snapshots(sandbox).await?;
        Ok((all.len() == count).then_some(all))
    })
    .await
}

/// The executor's host is replaced: a new one, with nothing on it.
fn lose_host(bed: &mut Testbed) -> Result<()> {
    bed.executor.kill()?;
    let data = bed.folder().join("executor");
    let mut lost = 0;
    for entry in fs::read_dir(&data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("sbx_") {
            // What ran there keeps its disk mounted; a host without loop devices mounts none.
            let _mounted = Command::new("umount").arg("--lazy").arg(entry.path().join("disk")).output()?;
            fs::remove_dir_all(entry.path())?;
            lost += 1;
        }
    }
    ensure!(lost > 0, "there was nothing to lose in {}", data.display());
    bed.executor.restart()
}

/// Asks for the chat's sandbox again; the owner approves.
async fn ask_again(land: &Land) -> Result<slipway_contract::ApprovalId> {
    let asked = land.bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve_reuse(asked.id).await?;
    Ok(asked.id)
}

async fn start_again(land: &Land) -> Result<()> {
    let asked = ask_again(land).await?;
    land.carried_out(asked).await.map(drop)
}

/// What R2 holds on this machine: every file below the Workers' folder.
fn stored(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            stored(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Where R2 holds what has this digest, if it does.
fn object(bed: &Testbed, snapshot: &Snapshot) -> Result<Option<PathBuf>> {
    let mut files = Vec::new();
    stored(&bed.folder().join("workers"), &mut files)?;
    for file in files {
        // Files of other objects come and go.
        let Ok(bytes) = fs::read(&file) else { continue };
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if digest == snapshot.sha256 {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Changes the last byte but `from_end` of what R2 holds of a snapshot.
fn damage(bed: &Testbed, snapshot: &Snapshot, from_end: usize) -> Result<()> {
    let file = object(bed, snapshot)?.context("R2 does not hold it")?;
    let mut bytes = fs::read(&file)?;
    let place = bytes.len().checked_sub(from_end + 1).context("too short")?;
    *bytes.get_mut(place).context("too short")? ^= 1;
    fs::write(&file, bytes).context("the object cannot be written")
}

#[tokio::test]
async fn what_was_kept_comes_back_and_what_came_after_is_gone() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    let made = "mkdir -p a/b; echo first > a/b/file; ln -s a link; printf '#!/bin/sh\\necho ran\\n' > run; chmod 755 run";
    ensure!(bo.run(sandbox, made).await?.exit.code == 0);
    let kept = bo.take_snapshot(sandbox).await?;
    assert_eq!(
        (kept.sandbox, kept.cause, kept.by),
        (sandbox, SnapshotCause::Asked, Actor::User { id: bo.id() })
    );
    assert!(kept.bytes > 0 && kept.sha256.len() == 64, "{kept:?}");
    assert_eq!(bo.snapshots(sandbox).await?, std::slice::from_ref(&kept));

    ensure!(bo.run(sandbox, "echo second > a/b/file; rm link run; echo new > new").await?.exit.code == 0);
    let later = bo.take_snapshot(sandbox).await?;
    assert_eq!(bo.snapshots(sandbox).await?, [later.clone(), kept.clone()]);
    let look = "cat link/b/file; ./run; ls -A | grep -v slipway";
    bo.restore(sandbox, kept.id).await?;
    assert_eq!(bo.run(sandbox, look).await?.stdout, "first\nran\na\nlink\nrun\n");
    bo.restore(sandbox, later.id).await?;
    assert_eq!(bo.file(sandbox, "a/b/file").await?.body, "second\n");

    // Forgotten, it is not there; to forget it again is harmless.
    for _ in 0..2 {
        bo.forget_snapshot(sandbox, kept.id).await?;
    }
    assert_eq!(bo.snapshots(sandbox).await?, std::slice::from_ref(&later));
    bo.restoring(sandbox, kept.id).send().await?.refused(ProblemCode::NotFound)?;

    // One that does not run gives none to people, and takes none.
    bo.stop(sandbox).await?;
    for refused in [bo.taking(sandbox).send().await?, bo.restoring(sandbox, later.id).send().await?] {
        refused.refused(ProblemCode::SandboxNotRunning)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_sandbox_keeps_its_five_newest_snapshots_and_knows_no_others() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    let mut all = Vec::new();
    for number in 0..7 {
        bo.put_file(sandbox, "number", number.to_string()).await?.done()?;
        all.insert(0, bo.take_snapshot(sandbox).await?);
    }
    assert_eq!(bo.snapshots(sandbox).await?, all.get(..5).context("five")?);
    let gone = all.get(6).context("seven")?;
    bo.restoring(sandbox, gone.id).send().await?.refused(ProblemCode::NotFound)?;
    bo.restore(sandbox, all.get(4).context("five")?.id).await?;
    assert_eq!(bo.file(sandbox, "number").await?.body, "2");

    // Another sandbox of the same chat has nothing to do with them.
    let asked = bo.ask_sandbox(land.chat.id).await?;
    land.team.owner.approve(asked.id).await?;
    land.carried_out(asked.id).await?;
    let other = land.present(SandboxState::Ready).await?.id;
    ensure!(other != sandbox, "the same sandbox again");
    let newest = all.first().context("one")?;
    assert!(bo.snapshots(other).await?.is_empty());
    bo.restoring(other, newest.id).send().await?.refused(ProblemCode::NotFound)?;
    bo.forget_snapshot(other, newest.id).await?;
    assert_eq!(bo.snapshots(sandbox).await?.len(), 5);
    Ok(())
}

#[tokio::test]
async fn of_snapshots_taken_at_once_each_is_whole_or_refused() -> Result<()> {
    let land = Land::shared().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    ensure!(bo.run(sandbox, "head -c 20M /dev/urandom > big; sha256sum big > sum").await?.exit.code == 0);
    let answers = tokio::join!(
        bo.taking(sandbox).send(),
        land.team.owner.taking(sandbox).send(),
        bo.taking(sandbox).send()
    );
    let mut taken = 0;
    for answer in [answers.0?, answers.1?, answers.2?] {
        if answer.is_success() {
            let snapshot: Snapshot = answer.read()?;
            // More than one part of the upload.
            assert!(snapshot.bytes > 20_000_000, "{snapshot:?}");
            bo.put_file(sandbox, "big", "changed").await?.done()?;
            bo.restore(sandbox, snapshot.id).await?;
            assert_eq!(bo.run(sandbox, "sha256sum -c sum").await?.stdout, "big: OK\n");
            taken += 1;
        } else {
            answer.refused(ProblemCode::LimitReached)?;
        }
    }
    assert!(taken >= 1);
    assert_eq!(bo.snapshots(sandbox).await?.len(), taken);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_sandbox_outlives_its_host() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "notes/kept.txt", "kept").await?.done()?;
    bo.stop(sandbox).await?;
    let kept = swept(&mut bed, bo, sandbox, 1).await?;
    let first = kept.first().context("none")?;
    assert_eq!((first.cause, first.by), (SnapshotCause::Stopped, Actor::System));
    // Once for each run.
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(bo.snapshots(sandbox).await?, kept);
    assert_eq!(bo.look(sandbox).await?.state, SandboxState::Stopped);

    block_in_place(|| lose_host(&mut bed))?;
    start_again(&land).await?;
    assert_eq!(bo.look(sandbox).await?.state, SandboxState::Ready);
    assert_eq!(bo.file(sandbox, "notes/kept.txt").await?.body, "kept");

    // The next run is kept as well; a start where the files are takes these.
    bo.put_file(sandbox, "notes/kept.txt", "changed").await?.done()?;
    bo.stop(sandbox).await?;
    start_again(&land).await?;
    assert_eq!(bo.file(sandbox, "notes/kept.txt").await?.body, "changed");
    bo.stop(sandbox).await?;
    swept(&mut bed, bo, sandbox, 2).await?;
    block_in_place(|| lose_host(&mut bed))?;
    start_again(&land).await?;
    assert_eq!(bo.file(sandbox, "notes/kept.txt").await?.body, "changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_lost_while_it_runs_takes_only_what_came_after_the_snapshot() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "file", "kept").await?.done()?;
    bo.take_snapshot(sandbox).await?;
    bo.put_file(sandbox, "file", "lost").await?.done()?;
    block_in_place(|| lose_host(&mut bed))?;
    eventually("the end in the index", async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        Ok((bo.look(sandbox).await?.reason == Some(SandboxReason::Lost)).then_some(()))
    })
    .await?;
    // Nothing is there to be kept, so nothing takes the place of what was.
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(bo.snapshots(sandbox).await?.len(), 1);
    start_again(&land).await?;
    assert_eq!(bo.file(sandbox, "file").await?.body, "kept");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_snapshot_is_refused_and_changes_nothing() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "file", "older").await?.done()?;
    let older = bo.take_snapshot(sandbox).await?;
    ensure!(bo.run(sandbox, "head -c 2M /dev/urandom > big; echo newer > file").await?.exit.code == 0);
    let newer = bo.take_snapshot(sandbox).await?;
    bo.put_file(sandbox, "file", "now").await?.done()?;
    // In the middle of the files, where only the digest tells.
    damage(&bed, &newer, 1_000_000)?;
    bo.restoring(sandbox, newer.id).send().await?.refused(ProblemCode::SnapshotDamaged)?;
    assert_eq!(bo.file(sandbox, "file").await?.body, "now");

    // A start does not go on without the files, and says why.
    bo.stop(sandbox).await?;
    block_in_place(|| lose_host(&mut bed))?;
    ask_again(&land).await?;
    let failed = land.present(SandboxState::Failed).await?;
    assert_eq!(failed.reason, Some(SandboxReason::StartFailed));
    let detail = failed.detail.context("it does not say why")?;
    assert!(detail.contains("damaged"), "{detail}");
    // What it was made blank with there is not kept in place of what it had.
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(bo.snapshots(sandbox).await?, [newer.clone(), older]);

    bo.forget_snapshot(sandbox, newer.id).await?;
    start_again(&land).await?;
    assert_eq!(bo.file(sandbox, "file").await?.body, "older");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_go_with_their_sandbox() -> Result<()> {
    let (mut bed, land) = own_stack().await?;
    let (bo, sandbox) = (&land.bo, land.start().await?);
    bo.put_file(sandbox, "file", "kept").await?.done()?;
    let kept = bo.take_snapshot(sandbox).await?;
    ensure!(object(&bed, &kept)?.is_some(), "R2 does not hold it");
    let path = format!("/v1/sandboxes/{sandbox}");
    land.team.owner.call(Method::DELETE, &path).send().await?.done()?;
    eventually("the end of the object", async || {
        block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
        Ok(object(&bed, &kept)?.is_none().then_some(()))
    })
    .await?;
    assert!(bo.snapshots(sandbox).await?.is_empty());
    Ok(())
}
