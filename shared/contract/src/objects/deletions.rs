//! Deletions between our own Workers.
//!
//! app-api writes down that something is to be deleted, closes it, and tells the orchestrator to begin
//! (`POST /internal/deletions/begin`, [`BeginDeletions`] → 204). What is not begun so, a sweep begins.

use serde::{Deserialize, Serialize};

use crate::ids::{RequestId, Seq};

/// Something is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginDeletions {
    /// For the logs.
    pub request: RequestId,
}

/// What an object has forgotten, or rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Events of its log.
    pub events: u64,
    /// Bytes that it held.
    pub bytes: u64,
}

/// How far a chat has gone through turns that its org keeps no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenTurns {
    /// Events that were emptied now.
    pub events: u64,
    /// Turns that ended up to this event are done with; to be named the next time.
    pub upto: Seq,
    /// There is more of them that are too old.
    pub more: bool,
}
