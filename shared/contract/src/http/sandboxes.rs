//! Sandboxes, their files, commands, terminals and previews.

use serde::{Deserialize, Serialize};

use crate::ids::{ChatId, SandboxId};
use crate::sandbox::{SandboxReason, SandboxSize, SandboxState};
use crate::time::Timestamp;

/// Body of `POST /v1/chats/{chat}/sandboxes`: a person asks; the answer is the approval that others decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestSandbox {
    /// How large; `small` when absent.
    #[serde(default)]
    pub size: SandboxSize,
    /// Hosts that it may reach: names, or `*.` and a name; at most 50.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Files to begin with: `static-site` or `vite-app`.
    #[serde(default)]
    pub template: Option<String>,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// The client's name for this request, 1 to 64 bytes: the same again, from the same person, answers the same approval
    /// and asks nobody twice.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// A sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sandbox {
    /// The id.
    pub id: SandboxId,
    /// The chat that it is bound to.
    pub chat: ChatId,
    /// How it stands.
    pub state: SandboxState,
    /// Its place in the queue, from 1, while it waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
    /// Grows with every stop, revoke or change of owner.
    pub epoch: u64,
    /// How large it is.
    pub size: SandboxSize,
    /// Hosts that it may reach.
    pub hosts: Vec<String>,
    /// Why it stopped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SandboxReason>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When it was approved.
    pub created_at: Timestamp,
    /// When its present run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it stops by itself if nobody uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_at: Option<Timestamp>,
    /// Seconds that all its runs took.
    pub seconds: u64,
    /// What the executor sees of it; absent in lists and when it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<SandboxLive>,
}

/// What the executor sees of a running sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SandboxLive {
    /// CPU time of this run, in milliseconds.
    pub cpu_ms: u64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Memory it may use, in bytes.
    pub memory_limit_bytes: u64,
    /// Disk in use, in bytes.
    pub disk_bytes: u64,
    /// Disk it may use, in bytes.
    pub disk_limit_bytes: u64,
    /// Bytes sent outside.
    pub egress_bytes: u64,
    /// Ports that something listens on.
    pub ports: Vec<u16>,
    /// Hosts that were asked for and refused.
    pub refused_hosts: Vec<String>,
}

/// Body of `POST /v1/sandboxes/{sandbox}/exec`. The reply is a stream of JSON lines, each
/// `{"stdout": …}`, `{"stderr": …}`, `"alive"` or, last, `{"exit": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Folder; `/workspace` when absent.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Given up after this long: 1 to 3,600 s, 60 when absent.
    #[serde(default)]
    pub timeout_s: Option<u32>,
}

/// Query of `/v1/sandboxes/{sandbox}/files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct FileQuery {
    /// Path below `/workspace`; empty for that folder itself.
    #[serde(default)]
    pub path: String,
}

/// Query of `GET /v1/sandboxes/{sandbox}/terminal` (a WebSocket; see `objects::executor::TerminalControl` for its text
/// frames). Browsers cannot send headers: `ticket` is a socket ticket of the sandbox's chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct TerminalQuery {
    /// From `POST /v1/sandboxes/{sandbox}/terminal-ticket`, once.
    pub ticket: String,
    /// Names the terminal, so that a reload finds it again: 1 to 32 of `a-z 0-9 -`.
    pub terminal: String,
    /// Columns of the window, 1 to 500.
    pub cols: u16,
    /// Rows of the window, 1 to 500.
    pub rows: u16,
}

/// Answer of `POST /v1/sandboxes/{sandbox}/terminal-ticket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TerminalTicket {
    /// Goes into `?ticket=` of the terminal's address.
    pub ticket: String,
    /// When it ends: 30 s after it was made.
    pub expires_at: Timestamp,
}

/// Body of `POST /v1/sandboxes/{sandbox}/preview-tokens`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePreviewToken {
    /// The port, 1 to 65535.
    pub port: u16,
}

/// Answer of `POST /v1/sandboxes/{sandbox}/preview-tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewToken {
    /// Where the browser goes; it holds the token, so it is for one person.
    pub url: String,
    /// When the access ends.
    pub expires_at: Timestamp,
}
