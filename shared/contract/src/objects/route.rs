//! Commands of the `SandboxRoute` object (Worker `gateway`), sent as JSON in the body of `POST /` to the object named by
//! the sandbox's id. It answers [`RouteLease`], or a problem.
//!
//! The gateway asks the orchestrator (`POST /internal/routes/find`, [`FindRoute`] → [`Route`]) only when the object does
//! not know the route; the orchestrator tells the object each change of epoch or state.

use serde::{Deserialize, Serialize};

use crate::ids::{OrgId, SandboxId};
use crate::sandbox::SandboxState;

/// What is asked of a route object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteCommand {
    /// May requests under this epoch pass, and how many without asking again? Answers [`RouteLease`].
    Lease {
        /// The org of the token.
        org: OrgId,
        /// The epoch of the token.
        epoch: u64,
        /// Requests wanted at once.
        requests: u32,
        /// WebSockets wanted, 0 or 1.
        sockets: u32,
    },
    /// How the sandbox stands now. Answers nothing; an older epoch or version changes nothing.
    Set(Route),
}

/// Where a sandbox is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The org that owns it.
    pub org: OrgId,
    /// Which.
    pub sandbox: SandboxId,
    /// Its epoch.
    pub epoch: u64,
    /// Grows with every change.
    pub version: u64,
    /// How it stands.
    pub state: SandboxState,
    /// Address of the executor that has it, without a path; empty when none has.
    pub executor: String,
}

/// What the gateway may do without asking again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteLease {
    /// Where the sandbox is.
    pub route: Route,
    /// Requests granted; fewer than wanted when the bucket is nearly empty.
    pub requests: u32,
    /// Sockets granted.
    pub sockets: u32,
    /// How long the answer holds, in milliseconds.
    pub valid_ms: u32,
    /// When to ask again after nothing was granted, in seconds.
    pub retry_after_s: u32,
}

/// Asks the orchestrator for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindRoute {
    /// The org of the token: the look-up sees its rows only.
    pub org: OrgId,
    /// Which.
    pub sandbox: SandboxId,
}
