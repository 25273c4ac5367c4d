//! A chat with something of everything, and a stack whose clock and database a test holds.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, World, eventually};
use reqwest::Method;
use sha2::{Digest as _, Sha256};
use slipway_contract::events::EventBody;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::chats::Chat;
use slipway_contract::http::deletions::{Deletion, DeletionState};
use slipway_contract::http::snapshots::Snapshot;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{DeletionId, SandboxId};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";
/// A word that stands nowhere else.
pub(crate) const WORD: &str = "quokka";

/// A team of two with a chat that has messages, a fork, a sandbox, an artifact and a snapshot.
pub(crate) struct Scene {
    pub(crate) team: Team,
    pub(crate) bo: Person,
    pub(crate) chat: Chat,
    pub(crate) sandbox: SandboxId,
    pub(crate) artifact: Artifact,
    pub(crate) snapshot: Snapshot,
}

impl Scene {
    pub(crate) async fn set(world: &World) -> Result<Self> {
        let (team, bo, chat) = Team::of_two(world).await?;
        let said = bo.post(chat.id, "first", &format!("a {WORD} said this")).await?.message;
        let fork = bo.fork(said, "aside").await?.id;
        bo.post_in(fork, "inside", &format!("another {WORD}")).await?;
        eventually("the messages in the index", async || {
            Ok((team.owner.search_org(team.org, WORD).await?.len() == 2).then_some(()))
        })
        .await?;
        let asked = bo.ask_sandbox(chat.id).await?;
        team.owner.approve(asked.id).await?;
        eventually("what was approved is done", async || {
            let log = bo.log(chat.id).await?;
            let done = |body: &EventBody| matches!(body, EventBody::ApprovalCarriedOut { approval, .. } if *approval == asked.id);
            Ok(log.iter().any(|event| done(&event.body)).then_some(()))
        })
        .await?;
        let sandbox = eventually("the sandbox", async || {
            let newest = bo.sandboxes(chat.id).await?.into_iter().next();
            Ok(newest.filter(|sandbox| sandbox.state == SandboxState::Ready).map(|sandbox| sandbox.id))
        })
        .await?;
        eventually("the approval in the inbox", async || {
            let path = format!("/v1/orgs/{}/approvals", team.org);
            Ok(bo.get(&path).await?.body.contains(&asked.id.to_string()).then_some(()))
        })
        .await?;
        bo.put_file(sandbox, "kept.txt", format!("the file of {}", chat.id)).await?.done()?;
        let path = format!("/v1/sandboxes/{sandbox}/artifacts");
        let body = serde_json::json!({"path": "kept.txt"});
        let artifact: Artifact = bo.send(Method::POST, &path, &body).await?.read()?;
        let snapshot = bo.take_snapshot(sandbox).await?;
        Ok(Self { team, bo, chat, sandbox, artifact, snapshot })
    }

    /// Nobody finds anything of the chat, by whatever way.
    pub(crate) async fn is_nowhere(&self) -> Result<()> {
        let (org, chat) = (self.team.org, self.chat.id);
        for person in [&self.team.owner, &self.bo] {
            ensure!(person.summary(&self.chat).await?.is_none(), "it is in the list");
            ensure!(person.search_org(org, WORD).await?.is_empty(), "the org's search finds it");
            for path in [
                format!("/v1/chats/{chat}"),
                format!("/v1/chats/{chat}/events"),
                format!("/v1/chats/{chat}/participants"),
                format!("/v1/chats/{chat}/search?q={WORD}"),
                format!("/v1/chats/{chat}/sandboxes"),
                format!("/v1/sandboxes/{}", self.sandbox),
                format!("/v1/sandboxes/{}/snapshots", self.sandbox),
                format!("/v1/artifacts/{}", self.artifact.id),
                format!("/v1/artifacts/{}/content", self.artifact.id),
            ] {
                person.get(&path).await?.refused(slipway_contract::ProblemCode::NotFound)?;
            }
            for list in [format!("/v1/orgs/{org}/approvals"), format!("/v1/orgs/{org}/artifacts")] {
                let answer = person.get(&list).await?;
                ensure!(answer.is_success() && !answer.body.contains(&chat.to_string()), "{answer}");
            }
            let posting = person.posting(chat, "late", "late").send().await?;
            posting.refused(slipway_contract::ProblemCode::NotFound)?;
        }
        Ok(())
    }
}

/// A stack of the test's own.
pub(crate) struct Own {
    pub(crate) bed: Testbed,
    pub(crate) world: World,
}

impl Own {
    pub(crate) fn start() -> Result<Self> {
        let bed = block_in_place(|| Testbed::start(Options::default()))?;
        let world = World::of(&bed)?;
        Ok(Self { bed, world })
    }

    /// Runs the sweeps once.
    pub(crate) fn sweep(&mut self) -> Result<()> {
        block_in_place(|| self.bed.stack.run_cron(Worker::Orchestrator, MINUTELY))
    }

    /// Time passes: whoever died holds nothing any more, and what waits is due.
    pub(crate) async fn pass_time(&self) -> Result<()> {
        self.world
            .sql(
                "UPDATE deletions SET lease_until = now(), due_at = least(due_at, now()) WHERE step <> $1",
                "done",
            )
            .await?;
        let over = "UPDATE sweeps SET lease_owner = NULL, lease_until = now() WHERE name <> $1";
        self.world.sql(over, "").await.map(drop)
    }

    /// Lets time pass and runs the sweeps until a deletion is over; its report.
    pub(crate) async fn carry_on(&mut self, person: &Person, deletion: DeletionId) -> Result<Deletion> {
        let over = eventually("the end of a deletion", async || {
            self.pass_time().await?;
            self.sweep()?;
            let now = person.deletion(deletion).await?;
            Ok((now.state == DeletionState::Done).then_some(now))
        })
        .await?;
        e2e::person_deletions::whole(&over)?;
        Ok(over)
    }

    /// Whether R2 has something with this digest.
    pub(crate) fn keeps(&self, sha256: &str) -> Result<bool> {
        let mut files = Vec::new();
        stored(&self.bed.folder().join("workers"), &mut files)?;
        Ok(files.iter().any(|file| {
            // Files of other objects come and go.
            let Ok(bytes) = fs::read(file) else { return false };
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            digest == sha256
        }))
    }
}

/// Every file below a folder.
pub(crate) fn stored(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).context("no folder of the Workers")? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            stored(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}
