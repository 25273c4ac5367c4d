//! A chat with something of everything in it, its archive, and the ways to hold, kill and damage that.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e::world::Call;
use e2e::{Answer, Person, Team, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use slipway_contract::ChatId;
use slipway_contract::http::chats::{ArchiveStatus, Chat, CreateChat};
use slipway_contract::http::orgs::Role;
use slipway_contract::objects::archive::{ArchiveManifest, ArchivePart};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";

pub(crate) struct Scene {
    pub(crate) team: Team,
    pub(crate) ada: Person,
    pub(crate) bo: Person,
    pub(crate) chat: Chat,
}

/// A stack of one's own.
pub(crate) async fn own_stack() -> Result<(Testbed, Scene)> {
    let bed = block_in_place(|| Testbed::start(Options::default()))?;
    let scene = Scene::open(&World::of(&bed)?).await?;
    Ok((bed, scene))
}

impl Scene {
    /// Edits, a deletion, reactions, an answer of an agent, a fork that was settled and one that is open.
    pub(crate) async fn open(world: &World) -> Result<Self> {
        let team = world.team("Acme").await?;
        let ada = team.owner.clone();
        let bo = team.join("Bo", Role::Member).await?;
        let agent = ada.agents(team.org).await?.first().context("a new org has no agent")?.id;
        let body = CreateChat { title: "Left alone".to_owned(), agents: Some(vec![agent]) };
        let path = format!("/v1/orgs/{}/channels/{}/chats", team.org, team.channel);
        let chat: Chat = ada.send(Method::POST, &path, &body).await?.read()?;
        ada.admit(chat.id, bo.id()).await?;
        let first = ada.post(chat.id, "1", "Which port is free?").await?.message;
        let second = bo.post(chat.id, "2", "Wait a moment.").await?.message;
        bo.edit(second, "9090, says \"Bo\" \u{1f30a}\n[1,2]").await?.done()?;
        let third = bo.post(chat.id, "3", "A slip of the tongue.").await?.message;
        bo.delete(third).await?.done()?;
        ada.react(second, "\u{1f44d}", true).await?.done()?;
        bo.post(chat.id, "4", "@demo echo: nine thousand").await?;
        let settled = bo.fork(first, "fork").await?.id;
        let said = bo.post_in(settled, "5", "8080 is taken.").await?;
        ada.accepting(settled, "Take 9090.", None, &[said]).send().await?.done()?;
        ada.fork(second, "open").await?;
        let scene = Self { team, ada, bo, chat };
        scene.rests().await?;
        Ok(scene)
    }

    /// Waits until no agent works in the chat.
    pub(crate) async fn rests(&self) -> Result<()> {
        eventually("the end of all turns", async || {
            Ok(self.ada.describe(self.chat.id).await?.open_turns.is_empty().then_some(()))
        })
        .await
    }

    /// Everything that a person sees of the chat.
    pub(crate) async fn seen_by(&self, person: &Person) -> Result<Value> {
        let chat = person.describe(self.chat.id).await?;
        let forks = person.forks(self.chat.id, "").await?;
        let log = person.log(self.chat.id).await?;
        Ok(json!({"chat": chat, "forks": forks.items, "log": log}))
    }

    /// The call that archives the chat.
    pub(crate) fn archiving(&self, by: &Person) -> Call {
        by.call(Method::POST, &format!("/v1/chats/{}/archive", self.chat.id))
    }

    /// Asks for an archive as soon as nothing is in the way any more but what comes by itself.
    pub(crate) async fn archive(&self) -> Result<ArchiveStatus> {
        eventually("a chat that can be archived", async || {
            let Some(answer) = self.archiving(&self.ada).try_send().await? else { return Ok(None) };
            if answer.status == 503 || answer.status == 409 {
                return Ok(None);
            }
            accepted(&answer).map(Some)
        })
        .await
    }

    /// Waits until the list says that the chat is archived, or that it is not.
    pub(crate) async fn listed(&self, archived: bool) -> Result<()> {
        eventually(&format!("a list that says archived: {archived}"), async || {
            let row = self.ada.summary(&self.chat).await?;
            Ok(row.filter(|row| row.archived == archived).map(drop))
        })
        .await
    }

    /// The chat lies in R2.
    pub(crate) async fn away(&self) -> Result<ArchiveStatus> {
        let status = self.archive().await?;
        self.listed(true).await?;
        Ok(status)
    }

    /// Makes it three days ago that something was said.
    async fn age(&self) -> Result<()> {
        let aged = "UPDATE chats SET active_at = active_at - interval '3 days',
                    last_message_at = last_message_at - interval '3 days', archive_after = NULL WHERE chat_id = $1";
        self.sql(aged).await
    }

    /// Whoever was at the chat's archives is gone for certain.
    pub(crate) async fn forget_leases(&self) -> Result<()> {
        self.sql("UPDATE chat_archives SET lease_until = begun_at WHERE chat_id = $1").await
    }

    async fn sql(&self, statement: &str) -> Result<()> {
        self.ada.world.sql(statement, &self.chat.id.to_string()).await.map(drop)
    }
}

/// The answer of who may archive.
pub(crate) fn accepted(answer: &Answer) -> Result<ArchiveStatus> {
    let status: ArchiveStatus = answer.read()?;
    assert_eq!(answer.status, 202, "{answer}");
    Ok(status)
}

/// Runs the sweeps once.
pub(crate) fn sweep(bed: &mut Testbed) -> Result<()> {
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))
}

/// Days go by and the sweeps run, until the chat is archived.
pub(crate) async fn swept_away(bed: &mut Testbed, scene: &Scene) -> Result<()> {
    eventually("a chat that the sweep archived", async || {
        // The index may only now hear of what was said last, which makes it today again.
        scene.age().await?;
        sweep(bed)?;
        let row = scene.ada.summary(&scene.chat).await?;
        Ok(row.filter(|row| row.archived).map(drop))
    })
    .await
}

/// What R2 holds of a chat on this machine.
pub(crate) struct Kept {
    pub(crate) manifest: PathBuf,
    pub(crate) front: Option<PathBuf>,
    pub(crate) parts: Vec<PathBuf>,
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// The files of R2 that are a chat's archives, by what they hold; the newest archive is the last.
pub(crate) fn kept(bed: &Testbed, chat: ChatId) -> Result<Vec<Kept>> {
    let mut all = Vec::new();
    files(&bed.folder().join("workers/r2"), &mut all)?;
    // Files of others come and go.
    let read: Vec<(PathBuf, Vec<u8>)> =
        all.into_iter().filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes))).collect();
    let mut manifests: Vec<(ArchiveManifest, &PathBuf)> = read
        .iter()
        .filter_map(|(path, bytes)| Some((serde_json::from_slice(bytes).ok()?, path)))
        .filter(|(manifest, _): &(ArchiveManifest, _)| manifest.chat == chat)
        .collect();
    manifests.sort_by_key(|(manifest, _)| manifest.archive);
    let file_of = |part: &ArchivePart| {
        let found = read.iter().find(|(_, bytes)| digest(bytes) == part.packed_sha256);
        found.map(|(path, _)| path.clone())
    };
    let kept = manifests.into_iter().map(|(manifest, path)| Kept {
        manifest: path.clone(),
        front: manifest.front.as_ref().and_then(file_of),
        parts: manifest.parts.iter().filter_map(file_of).collect(),
    });
    Ok(kept.collect())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
