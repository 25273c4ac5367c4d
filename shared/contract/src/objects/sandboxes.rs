//! What app-api asks of the orchestrator about sandboxes, after it made sure that the person takes part in the chat.
//!
//! `POST /internal/sandboxes/call` takes a [`SandboxCall`] and answers as each operation says, or with a problem. Streams
//! have paths of their own, with the org and the user in headers set by app-api ([`ORG`], [`USER`]) and the body untouched:
//! `/internal/sandboxes/{sandbox}/exec` ([`RunCommand`] → JSON lines of [`ExecFrame`](super::executor::ExecFrame)),
//! `/internal/sandboxes/{sandbox}/files?path=` (GET, PUT, DELETE), `/internal/sandboxes/{sandbox}/terminal?…` (WebSocket),
//! `/internal/sandboxes/{sandbox}/artifacts` (POST [`SaveArtifact`] → 201 [`Artifact`]; the chat is told) and
//! `/internal/artifacts/{artifact}/content` (GET).

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::http::artifacts::{Artifact, SaveArtifact};
use crate::http::sandboxes::RequestSandbox;
#[cfg(doc)]
use crate::http::sandboxes::RunCommand;
use crate::ids::{ChatId, OrgId, RequestId, SandboxId, SnapshotId, UserId};

/// Header with the org of a streamed operation.
pub const ORG: &str = "x-slipway-org";
/// Header with the user of a streamed operation.
pub const USER: &str = "x-slipway-user";

/// One operation of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SandboxCall {
    /// The org.
    pub org: OrgId,
    /// Who asks; app-api has checked that they take part in the chat.
    pub user: UserId,
    /// For the logs.
    pub request: RequestId,
    /// What is asked.
    pub operation: SandboxOperation,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxOperation {
    /// What starting one would cost and who must approve. Answers [`ApprovalAsk`](crate::approval::ApprovalAsk), which app-api hands to the chat.
    Quote {
        /// The chat.
        chat: ChatId,
        /// What is wanted.
        wanted: RequestSandbox,
    },
    /// Answers [`Sandbox`](crate::http::sandboxes::Sandbox) with what the executor says of it now.
    Look {
        /// Which.
        sandbox: SandboxId,
    },
    /// End its processes, keep its files; raises the epoch. Answers [`Sandbox`](crate::http::sandboxes::Sandbox); the same again too.
    Stop {
        /// Which.
        sandbox: SandboxId,
    },
    /// Raise the epoch. Answers [`Sandbox`](crate::http::sandboxes::Sandbox).
    RevokePreviews {
        /// Which.
        sandbox: SandboxId,
    },
    /// Answers [`PreviewToken`](crate::http::sandboxes::PreviewToken).
    PreviewToken {
        /// Which.
        sandbox: SandboxId,
        /// The port, 1 to 65535.
        port: u16,
    },
    /// Remove it with its files and snapshots; one that runs is stopped before. Answers
    /// [`Sandbox`](crate::http::sandboxes::Sandbox) (`destroyed`); the same again too.
    Destroy {
        /// Which.
        sandbox: SandboxId,
    },
    /// Keep its workspace as it is now. Answers [`Snapshot`](crate::http::snapshots::Snapshot).
    TakeSnapshot {
        /// Which; it runs.
        sandbox: SandboxId,
    },
    /// Make its workspace what it was. Answers [`Sandbox`](crate::http::sandboxes::Sandbox).
    RestoreSnapshot {
        /// Which; it runs.
        sandbox: SandboxId,
        /// One of its snapshots.
        snapshot: SnapshotId,
    },
    /// Forget a snapshot. Answers `null`; the same again too.
    DeleteSnapshot {
        /// Whose.
        sandbox: SandboxId,
        /// Which.
        snapshot: SnapshotId,
    },
}
