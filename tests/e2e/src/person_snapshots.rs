//! What people do with snapshots. Every function answers what the API answers, and fails when it refuses.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::page::Page;
use slipway_contract::http::sandboxes::Sandbox;
use slipway_contract::http::snapshots::Snapshot;
use slipway_contract::{SandboxId, SnapshotId};

use crate::person::Person;
use crate::world::Call;

impl Person {
    /// A sandbox's snapshots, newest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn snapshots(&self, sandbox: SandboxId) -> Result<Vec<Snapshot>> {
        let page: Page<Snapshot> = self.get(&format!("/v1/sandboxes/{sandbox}/snapshots")).await?.read()?;
        Ok(page.items)
    }

    /// The call that takes a snapshot.
    pub fn taking(&self, sandbox: SandboxId) -> Call {
        self.call(Method::POST, &format!("/v1/sandboxes/{sandbox}/snapshots"))
    }

    /// Takes a snapshot.
    ///
    /// # Errors
    /// A refusal.
    pub async fn take_snapshot(&self, sandbox: SandboxId) -> Result<Snapshot> {
        self.taking(sandbox).send().await?.read()
    }

    /// The call that restores a snapshot.
    pub fn restoring(&self, sandbox: SandboxId, snapshot: SnapshotId) -> Call {
        let body = json!({"snapshot": snapshot});
        self.call(Method::POST, &format!("/v1/sandboxes/{sandbox}/restore")).json(&body)
    }

    /// Restores a snapshot.
    ///
    /// # Errors
    /// A refusal.
    pub async fn restore(&self, sandbox: SandboxId, snapshot: SnapshotId) -> Result<Sandbox> {
        self.restoring(sandbox, snapshot).send().await?.read()
    }

    /// Forgets a snapshot.
    ///
    /// # Errors
    /// A refusal.
    pub async fn forget_snapshot(&self, sandbox: SandboxId, snapshot: SnapshotId) -> Result<()> {
        let path = format!("/v1/sandboxes/{sandbox}/snapshots/{snapshot}");
        self.call(Method::DELETE, &path).send().await?.done()
    }
}
