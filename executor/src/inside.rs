//! What runs inside a sandbox: its pid 1 ([`init`]), the step before each command ([`launch`]) and archives ([`archive`]).
//!
//! Everything here has no more rights than the sandbox's own processes: a mistake in it reaches nothing of the host.

pub mod archive;
mod dial;
pub mod files;
pub mod init;
pub mod launch;
mod log;
mod ports;
mod processes;
mod reaper;
mod runs;
pub(crate) mod seccomp;
mod terminal;
mod watch;
pub mod wire;
mod workspace;

/// Where commands begin, and all that the file interface reaches.
pub const WORKSPACE: &str = "/workspace";
/// `HOME` inside: on the sandbox's disk, but not part of its workspace.
pub const HOME: &str = "/home/sandbox";
/// This program inside the sandbox.
pub const PROGRAM: &str = "/run/slipway/slipway-executor";
/// The egress proxy's socket inside the sandbox.
pub const EGRESS_SOCKET: &str = "/run/slipway/egress.sock";
/// Where init fetches the socket that it listens on, when it was not handed over at its start.
pub const HANDOVER_SOCKET: &str = "/run/slipway/handover.sock";
/// Loopback port inside that leads to the egress proxy.
pub const PROXY_PORT: u16 = 3128;
/// Folder below [`WORKSPACE`] where background commands log to, one file for each, by its key.
pub const LOGS: &str = ".slipway/logs";
