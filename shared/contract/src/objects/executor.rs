//! The executor's HTTP interface, called by the orchestrator (all of it) and by the gateway (the relay).
//!
//! ```text
//! GET    /v1/capabilities                          → Capabilities
//! GET    /v1/sandboxes                             → SandboxList
//! PUT    /v1/sandboxes/{sandbox}       CreateSandbox → SandboxReport; the same again answers how it stands
//! GET    /v1/sandboxes/{sandbox}                   → SandboxReport
//! POST   /v1/sandboxes/{sandbox}/stop              → SandboxReport; processes end, files stay
//! DELETE /v1/sandboxes/{sandbox}                   → 204; files too
//! PUT    /v1/sandboxes/{sandbox}/epoch SetEpoch    → SandboxReport; sockets and passes of older epochs end at once
//! PUT    /v1/sandboxes/{sandbox}/hosts SetHosts    → SandboxReport
//! PUT    /v1/sandboxes/{sandbox}/execs/{key} StartExec → JSON lines of ExecFrame. The key again attaches to the same run
//!                                                    and tells its output from the start: a command never runs twice
//! DELETE /v1/sandboxes/{sandbox}/execs/{key}       → 204; kills it
//! GET    /v1/sandboxes/{sandbox}/files?path=       → the bytes, or FileList for a folder (header x-slipway-kind: file|folder)
//! PUT    /v1/sandboxes/{sandbox}/files?path=       → 204; the body is the file, folders are made
//! DELETE /v1/sandboxes/{sandbox}/files?path=       → 204; folders with all in them
//! GET    /v1/sandboxes/{sandbox}/terminals/{key}?cols=&rows=   WebSocket: binary frames are bytes of the terminal both ways,
//!                                                    text frames are TerminalControl; a key that exists is attached to, and
//!                                                    its last 256 KiB of output come first
//! GET    /v1/sandboxes/{sandbox}/snapshot          → tar.gz of /workspace, also of a stopped sandbox. PUT restores one, of a
//!                                                    running sandbox, once all of it was read; with ?blank=true only while it
//!                                                    is blank, and otherwise changes nothing
//! ANY    /relay/{sandbox}/{port}/{path}?{query}    HTTP and WebSocket to a port inside, by the gateway's pass (RELAY_HEADER)
//! ANY    /relay/by/{pass}/{scheme}/{host}/{path}?{query}   the same in a form that costs the gateway less (RELAY_PATH)
//! ```
//!
//! All but the relay ask for `authorization: Bearer <EXECUTOR_KEY>`. Refusals are problem details with an [`ExecutorCode`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::SandboxId;
use crate::sandbox::SandboxSize;
use crate::time::Timestamp;

/// What a host can do, found out by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The executor's version.
    pub version: String,
    /// The ways to make a sandbox, the one in use first.
    pub backends: Vec<BackendCapability>,
    /// Memory, CPU and process limits of a whole sandbox are enforced by cgroups (else by rlimits for each process).
    pub cgroups: Vec<String>,
    /// How the disk limit is enforced.
    pub disk_quota: DiskQuota,
    /// Programs inside sandboxes that templates ask for, with their versions (`node`, `python3`, `git`).
    pub programs: BTreeMap<String, String>,
    /// Sandboxes that may run at once.
    pub places: u32,
}

/// One way to make a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendCapability {
    /// `bubblewrap` or `docker`.
    pub name: String,
    /// What is missing; empty when it works.
    pub missing: Vec<String>,
}

/// How the disk limit of a sandbox is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskQuota {
    /// By the file system: a write past it fails with "no space".
    Hard,
    /// By measuring every second: writers past it are stopped.
    Watched,
}

/// Makes a sandbox, or starts a stopped one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSandbox {
    /// How large.
    pub size: SandboxSize,
    /// What it may reach.
    pub hosts: Vec<String>,
    /// Its epoch.
    pub epoch: u64,
    /// Files to begin with, by path below `/workspace`; only for a sandbox that has none yet.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// A grown epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEpoch {
    /// The new one; a lower one than the sandbox has is refused.
    pub epoch: u64,
}

/// A new list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetHosts {
    /// All of them.
    pub hosts: Vec<String>,
}

/// How a sandbox stands on its host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxReport {
    /// Which.
    pub sandbox: SandboxId,
    /// Its epoch.
    pub epoch: u64,
    /// Whether its processes run.
    pub running: bool,
    /// When this run began; absent when it never ran.
    pub started_at: Option<Timestamp>,
    /// When the last run ended; absent while it runs.
    pub ended_at: Option<Timestamp>,
    /// Why the last run ended, when not by a stop: for people.
    pub ended_because: Option<String>,
    /// Nothing was put into its workspace yet: no template, file, archive or command. So it is new, or its host lost it.
    #[serde(default)]
    pub blank: bool,
    /// When a command, file, terminal or relayed request was last seen.
    pub used_at: Option<Timestamp>,
    /// CPU time of this run, in milliseconds.
    pub cpu_ms: u64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Disk in use, in bytes.
    pub disk_bytes: u64,
    /// Bytes that left through the egress proxy in this run.
    pub egress_bytes: u64,
    /// Ports that processes inside listen on.
    pub ports: Vec<u16>,
    /// Hosts that were asked for and refused, newest last, at most 50.
    pub refused_hosts: Vec<String>,
}

/// Every sandbox that the host knows, for reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxList {
    /// Running or stopped.
    pub sandboxes: Vec<SandboxReport>,
}

/// A command to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartExec {
    /// Program and arguments, 1 to 1,000, at most 128 KiB together.
    pub argv: Vec<String>,
    /// Folder, below `/workspace` unless absolute; `/workspace` when absent.
    #[serde(default)]
    pub cwd: Option<String>,
    /// More environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Given up after this long, in milliseconds; at most an hour.
    pub timeout_ms: u64,
    /// Goes on in the background until the sandbox stops or it is killed, whatever the timeout: the stream ends at once with
    /// `Detached`, the last 1 MiB of output goes to `/workspace/.slipway/logs/{key}.log` (`-` for what is not `A-Za-z0-9_-`).
    #[serde(default)]
    pub detach: bool,
}

/// One line of a command's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecFrame {
    /// Text written to standard output. Bytes that are no UTF-8 are replaced.
    Stdout(String),
    /// Text written to standard error.
    Stderr(String),
    /// Nothing new; told every 10 s.
    Alive,
    /// It runs on in the background.
    Detached,
    /// It ended.
    Exit(ExecExit),
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecExit {
    /// Exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// It was given up after its timeout.
    pub timed_out: bool,
    /// Somebody killed it, or the sandbox stopped.
    pub killed: bool,
    /// Output past the limit was dropped: bytes.
    pub dropped_bytes: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Hosts that were asked for meanwhile and refused.
    pub refused_hosts: Vec<String>,
}

/// What is in a folder, by name; at most 1,000.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileList {
    /// The entries.
    pub entries: Vec<FileEntry>,
    /// There are more.
    pub truncated: bool,
}

/// One file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// File, folder, or a link (which is not followed out of `/workspace`).
    pub kind: FileKind,
    /// Size in bytes; 0 for folders.
    pub bytes: u64,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Other,
}

/// A text frame of a terminal's socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TerminalControl {
    /// From the client: the window has this many columns and rows.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// To the client: the shell ended.
    Exit {
        /// Its exit code.
        code: i32,
    },
}

/// Why the executor refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorCode {
    /// No or a wrong key, or a pass that does not verify or has expired.
    Unauthenticated,
    /// No such sandbox, file, exec or path.
    NotFound,
    /// The sandbox does not run.
    NotRunning,
    /// The epoch is older than the sandbox's.
    EpochOver,
    /// The body or a value does not fit.
    Invalid,
    /// A file, list or archive is too large.
    TooLarge,
    /// The path is not below `/workspace`.
    OutsideWorkspace,
    /// The disk limit is reached.
    DiskFull,
    /// The host has as many sandboxes as it may.
    NoPlace,
    /// The host lacks what the sandbox needs; the detail says what.
    Unsupported,
    /// Nothing listens on the port.
    PortClosed,
    /// What listens on the port gave no answer in time.
    PortSilent,
    /// More went through its previews than may in this time.
    RateLimited,
    /// It did not work; the detail says what.
    Failed,
}

/// A refusal (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorProblem {
    /// The HTTP status.
    pub status: u16,
    /// What to act on.
    pub code: ExecutorCode,
    /// For people.
    pub detail: String,
}
