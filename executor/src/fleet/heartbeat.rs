//! One file that is written every second: a sandbox whose executor was killed ran at least until then.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use slipway_contract::ids::SandboxId;
use slipway_contract::time::Timestamp;

use super::record::replace;

const FILE: &str = "heartbeat.json";

/// What was so a moment ago.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heartbeat {
    /// When it was so.
    pub(super) at: Timestamp,
    /// Sandboxes that ran.
    pub(super) running: BTreeMap<String, Counters>,
}

/// What a running sandbox had used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    /// CPU time, in milliseconds.
    pub(super) cpu_ms: u64,
    /// Bytes that left.
    pub(super) egress_bytes: u64,
    /// When it was last used.
    pub(super) used_at: Option<Timestamp>,
}

impl Heartbeat {
    /// The last one; at the beginning of time when there is none.
    pub(super) fn read(data: &Path) -> Self {
        fs::read(data.join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// What it says of a sandbox.
    pub(super) fn of(&self, sandbox: SandboxId) -> Option<Counters> {
        self.running.get(&sandbox.to_string()).copied()
    }

    /// Writes it. It need not outlive a loss of power: a second of the disk's time every second would cost more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, data: &Path) -> io::Result<()> {
        replace(&data.join(FILE), &serde_json::to_vec(self)?, false)
    }
}
