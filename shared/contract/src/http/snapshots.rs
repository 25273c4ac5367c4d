//! Snapshots: a sandbox's workspace as it was once, kept in R2.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{SandboxId, SnapshotId};
use crate::time::Timestamp;

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// The id.
    pub id: SnapshotId,
    /// The sandbox.
    pub sandbox: SandboxId,
    /// Why it was taken.
    pub cause: SnapshotCause,
    /// Size of the compressed archive, in bytes.
    pub bytes: u64,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub sha256: String,
    /// Who took it.
    pub by: Actor,
    /// When.
    pub created_at: Timestamp,
}

/// Why a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SnapshotCause {
    /// Somebody asked for it.
    Asked,
    /// The sandbox stopped: what it was then outlives its host.
    Stopped,
}

/// Body of `POST /v1/sandboxes/{sandbox}/restore`: the workspace of a running sandbox becomes what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreSnapshot {
    /// Which; of the same sandbox.
    pub snapshot: SnapshotId,
}
