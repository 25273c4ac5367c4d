//! The way in beside the API: what the orchestrator does with a chat's object and R2, done by a test, so that a chat can be
//! made to come back from an archive that was written long ago.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, eventually};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use slipway_contract::objects::archive::{ArchiveManifest, ArchiveStub, ExportAnswer};
use slipway_contract::objects::chat::{ChatCall, ChatCommand};
use slipway_contract::{Actor, ArchiveId, ChatId, RequestId};
use tokio::task::block_in_place;
use xtask::stack::{Extra, Vars};
use xtask::testbed::{Options, Testbed};

const MANIFEST: &str = include_str!("../../fixtures/archive-1/manifest.json");
const PART: &str = include_str!("../../fixtures/archive-1/part-00001.jsonl");

/// An archive of one part.
pub(crate) struct Archive {
    pub(crate) manifest: ArchiveManifest,
    part: String,
}

/// The stored archive of format 1, as if it were this chat's: other ids, else the same.
pub(crate) fn fixture(team: &Team, bo: &Person, chat: ChatId) -> Result<Archive> {
    let archive = ArchiveId::fresh(1, [1; 10]);
    let hex = |id: String| id.split_once('_').map(|(_, hex)| hex.to_owned()).unwrap_or_default();
    let own = |text: &str| {
        text.replace("org_00000000000000000000000000000001", &team.org.to_string())
            .replace("chan_00000000000000000000000000000002", &team.channel.to_string())
            .replace("user_000000000000000000000000000000a1", &team.owner.id().to_string())
            .replace("user_000000000000000000000000000000b2", &bo.id().to_string())
            .replace("arc_00000000000000000000000000000001", &archive.to_string())
            // In the ids of messages and forks too.
            .replace("000000000000000000000000000000c1", &hex(chat.to_string()))
    };
    let manifest: ArchiveManifest = serde_json::from_str(&own(MANIFEST))?;
    let archive = Archive { manifest, part: own(PART) };
    ensure!(archive.manifest.chat == chat && archive.part.contains(&chat.to_string()));
    Ok(archive)
}

impl Archive {
    /// The events in it, as the API tells them.
    pub(crate) fn events(&self) -> Result<Vec<Value>> {
        let lines = self.part.lines().skip_while(|line| !line.starts_with(r#"{"table":"events""#)).skip(1);
        lines
            .take_while(|line| line.starts_with('['))
            .map(|line| {
                let row: Vec<Value> = serde_json::from_str(line)?;
                let event = row.get(8).and_then(Value::as_str).context("a row has no event")?;
                Ok(serde_json::from_str(event)?)
            })
            .collect()
    }
}

/// Where the way in is.
pub(crate) struct Hatch {
    url: String,
    http: reqwest::Client,
}

impl Hatch {
    /// A stack of one's own with a way in.
    pub(crate) fn stack() -> Result<(Testbed, Self)> {
        let port = xtask::ports::free()?;
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("hatch");
        let extra = vec![Extra { folder, port, vars: Vars::new() }];
        let bed = block_in_place(|| Testbed::start(Options { extra, ..Options::default() }))?;
        Ok((bed, Self { url: format!("http://127.0.0.1:{port}"), http: reqwest::Client::new() }))
    }

    /// The chat's object gives up its rows for `archive`, which R2 has.
    pub(crate) async fn replace(&self, archive: &Archive) -> Result<()> {
        let mut manifest = archive.manifest.clone();
        let folder = format!("orgs/{}/chats/{}/archives/{}", manifest.org, manifest.chat, manifest.archive);
        let packed = self.put(&format!("{folder}/part-00001.jsonl.gz?gzip"), archive.part.clone()).await?;
        let [part] = manifest.parts.as_mut_slice() else { anyhow::bail!("the fixture has one part") };
        (part.raw_bytes, part.raw_sha256) = (archive.part.len() as u64, sha256(&archive.part));
        (part.packed_bytes, part.packed_sha256) = packed;
        manifest.sha256 = sha256(&format!("{}\n", part.raw_sha256));
        let (_, manifest_sha256) =
            self.put(&format!("{folder}/manifest.json"), serde_json::to_string(&manifest)?).await?;

        let begin = ChatCommand::BeginExport { archive: manifest.archive };
        eventually("a chat that can leave", async || {
            let answer: ExportAnswer = self.ask(&manifest, begin.clone()).await?;
            let ExportAnswer::Plan(plan) = answer else { return Ok(None) };
            ensure!(plan.head == manifest.head, "the chat ends at {}", plan.head);
            Ok(Some(()))
        })
        .await?;
        let wipe = ChatCommand::Wipe { archive: manifest.archive, manifest_sha256: manifest_sha256.clone() };
        let stub: ArchiveStub = self.ask(&manifest, wipe).await?;
        let expected = ArchiveStub {
            org: manifest.org,
            archive: manifest.archive,
            manifest_sha256,
            head: manifest.head,
        };
        ensure!(stub == expected, "{stub:?}");
        Ok(())
    }

    /// Asks the chat's object as Slipway itself.
    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        manifest: &ArchiveManifest,
        command: ChatCommand,
    ) -> Result<T> {
        let request = RequestId::fresh(1, [2; 10]);
        let call = ChatCall { org: Some(manifest.org), actor: Actor::System, request, command };
        let answer =
            self.http.post(format!("{}/chats/{}", self.url, manifest.chat)).json(&call).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "the object refused: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Puts an object into R2; its size and SHA-256.
    async fn put(&self, key: &str, text: String) -> Result<(u64, String)> {
        let answer = self.http.put(format!("{}/r2/{key}", self.url)).body(text).send().await?;
        let stored: Value = answer.error_for_status()?.json().await?;
        let size = stored.get("bytes").and_then(Value::as_u64).context("no size")?;
        let digest = stored.get("sha256").and_then(Value::as_str).context("no digest")?;
        ensure!(digest.len() == 64, "{stored}");
        Ok((size, digest.to_owned()))
    }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
