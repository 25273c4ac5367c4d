//! Sandboxes as every process speaks of them: size, network scope, state.

use serde::{Deserialize, Serialize};

use crate::ids::SandboxId;

/// How large a sandbox is. What each means is in `slipway_domain::sandbox`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SandboxSize {
    /// 1 CPU, 1 GiB of memory, 2 GiB of disk.
    #[default]
    Small,
    /// 2 CPUs, 4 GiB of memory, 8 GiB of disk.
    Medium,
    /// 4 CPUs, 8 GiB of memory, 16 GiB of disk.
    Large,
}

/// How a sandbox stands. Before it exists there is an approval; who asks for it is in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    /// Approved; waits for a place, because the org or its host has as many as it may.
    Queued,
    /// The executor is making it.
    Starting,
    /// Runs.
    Ready,
    /// Runs, but nobody has used it for a while; it stops soon.
    Idle,
    /// Being stopped.
    Stopping,
    /// Stopped; its files are kept and it may be started again.
    Stopped,
    /// Gone with its files.
    Destroyed,
    /// Did not start, or broke; `failure` says why. It may be started again.
    Failed,
}

impl SandboxState {
    /// Whether it takes a place: its processes run, or are about to.
    pub const fn is_running(self) -> bool {
        match self {
            Self::Starting | Self::Ready | Self::Idle | Self::Stopping => true,
            Self::Queued | Self::Stopped | Self::Destroyed | Self::Failed => false,
        }
    }

    /// Whether commands and previews reach it.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Ready | Self::Idle)
    }
}

/// Why a sandbox failed or was stopped, as one can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SandboxReason {
    /// Somebody stopped it.
    Requested,
    /// Nobody used it.
    Idle,
    /// No executor is set up, or none can be reached.
    ExecutorUnavailable,
    /// The executor could not make it; the detail says what it lacks.
    StartFailed,
    /// It started three times within five minutes and did not stay.
    CrashLoop,
    /// Its processes ended by themselves, or the executor lost it.
    Lost,
    /// The org or the person has used up what they may this month.
    QuotaReached,
    /// The chat, or somebody's place in the org, ended.
    OwnerGone,
}

/// A sandbox as its chat tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SandboxStatus {
    /// Which.
    pub sandbox: SandboxId,
    /// How it stands.
    pub state: SandboxState,
    /// Grows with every stop, revoke or change of owner; access given under an older one is over.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub epoch: u64,
    /// Grows with every change of this status; a lower one is old news.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub version: u64,
    /// How large it is.
    pub size: SandboxSize,
    /// Hosts that it may reach: names, or `*.` and a name for all below it. Nothing else.
    pub hosts: Vec<String>,
    /// Why it stopped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub reason: Option<SandboxReason>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub detail: Option<String>,
}
