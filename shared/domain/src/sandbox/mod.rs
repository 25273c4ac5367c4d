//! One sandbox: how it stands, and what each thing that happens makes of it.
//!
//! Invariants: the epoch only grows, with every stop, revoke, restart and change of owner; the version grows with every
//! change that others are told of; a run is open exactly while a sandbox is known to run, and has an epoch of its own; a
//! place is held from [`Happened::PlaceGiven`] to [`Effect::ReleasePlace`], which is exactly while the state is a running one;
//! what shall go with its files never starts again, and is called gone only once its host says so.

mod decide;
pub mod quota;
mod size;
#[cfg(test)]
mod tests;

use slipway_contract::Timestamp;
use slipway_contract::objects::executor::SandboxReport;
use slipway_contract::sandbox::{SandboxReason, SandboxState};

pub use decide::decide;
pub use size::{Resources, egress_micro_usd, micro_usd, micro_usd_per_hour, nano_usd_per_second, resources};

/// Unused for so long, a sandbox is shown as idle.
pub const IDLE_MS: i64 = 5 * 60_000;
/// Unused for so long, it stops.
pub const STOP_MS: i64 = 10 * 60_000;
/// Starts within [`CRASH_WINDOW_MS`] that did not stay before it is given up.
pub const CRASH_STARTS: usize = 3;
/// See [`CRASH_STARTS`].
pub const CRASH_WINDOW_MS: i64 = 5 * 60_000;
/// What people read of a sandbox whose files shall go while its executor gives no answer.
pub const REMOVAL_WAITS: &str = "its files go as soon as its executor answers";
/// How long an executor may be out of reach before its sandboxes count as gone: three rounds of the sweep that looks.
pub const UNREACHABLE_MS: i64 = 3 * 60_000;

/// The times that decisions go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// See [`IDLE_MS`].
    pub idle_ms: i64,
    /// See [`STOP_MS`].
    pub stop_ms: i64,
    /// See [`CRASH_STARTS`].
    pub crash_starts: usize,
    /// See [`CRASH_WINDOW_MS`].
    pub crash_window_ms: i64,
    /// See [`UNREACHABLE_MS`].
    pub unreachable_ms: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            idle_ms: IDLE_MS,
            stop_ms: STOP_MS,
            crash_starts: CRASH_STARTS,
            crash_window_ms: CRASH_WINDOW_MS,
            unreachable_ms: UNREACHABLE_MS,
        }
    }
}

/// A sandbox as decisions see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// How it stands.
    pub phase: Phase,
    /// Access given under an older one is over.
    pub epoch: u64,
    /// Grows with every change that others are told of.
    pub version: u64,
    /// The last starts that nobody ended on purpose, oldest first.
    pub starts: Vec<Timestamp>,
}

/// How a sandbox stands, with what belongs to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for a place.
    Queued {
        /// Since when; the oldest comes first.
        since: Timestamp,
    },
    /// The executor is making it.
    Starting {
        /// Since when it had waited: it keeps its turn if the host turns out to be full.
        queued: Timestamp,
        /// When this start began.
        since: Timestamp,
        /// The epoch that it is started under; what the executor says of older ones is of an earlier run.
        epoch: u64,
    },
    /// Runs.
    Ready {
        /// The run.
        run: Run,
        /// When somebody last used it.
        used_at: Timestamp,
    },
    /// Runs, unused.
    Idle {
        /// The run.
        run: Run,
        /// When somebody last used it.
        used_at: Timestamp,
    },
    /// Being stopped.
    Stopping {
        /// The epoch that it was started under.
        epoch: u64,
        /// The run, when it was seen to run.
        run: Option<Run>,
        /// Why it stops.
        end: End,
        /// Since when.
        since: Timestamp,
        /// Its files go, too.
        removed: bool,
    },
    /// Its processes have ended; its files are being removed, or wait for that until their host answers.
    Removing {
        /// Why it had ended.
        end: End,
        /// When the files were to go first.
        since: Timestamp,
    },
    /// Its processes have ended; its files are there.
    Stopped {
        /// Why.
        end: End,
        /// When.
        at: Timestamp,
    },
    /// It did not start, or broke.
    Failed {
        /// Why.
        end: End,
        /// When.
        at: Timestamp,
    },
    /// Its files are gone too.
    Destroyed {
        /// When.
        at: Timestamp,
    },
}

/// One stretch of time in which a sandbox runs; what the ledger has an entry for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The epoch that it was started under; no two runs of a sandbox have the same.
    pub epoch: u64,
    /// When it began, by the executor's clock.
    pub from: Timestamp,
    /// When it was last seen to run.
    pub seen: Timestamp,
}

/// Why a sandbox stopped or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// As one can act on it.
    pub reason: SandboxReason,
    /// For people.
    pub detail: Option<String>,
}

impl Sandbox {
    /// A sandbox that was just approved.
    pub const fn new(now: Timestamp) -> Self {
        Self { phase: Phase::Queued { since: now }, epoch: 1, version: 1, starts: Vec::new() }
    }

    /// How it stands, in a word.
    pub const fn state(&self) -> SandboxState {
        match self.phase {
            Phase::Queued { .. } => SandboxState::Queued,
            Phase::Starting { .. } => SandboxState::Starting,
            Phase::Ready { .. } => SandboxState::Ready,
            Phase::Idle { .. } => SandboxState::Idle,
            Phase::Stopping { .. } => SandboxState::Stopping,
            Phase::Removing { .. } | Phase::Stopped { .. } => SandboxState::Stopped,
            Phase::Failed { .. } => SandboxState::Failed,
            Phase::Destroyed { .. } => SandboxState::Destroyed,
        }
    }

    /// The run that is open.
    pub const fn run(&self) -> Option<Run> {
        match self.phase {
            Phase::Ready { run, .. } | Phase::Idle { run, .. } => Some(run),
            Phase::Stopping { run, .. } => run,
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Removing { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => None,
        }
    }

    /// Whether it shall go with its files, but is not known to be gone.
    pub const fn is_doomed(&self) -> bool {
        match self.phase {
            Phase::Stopping { removed, .. } => removed,
            Phase::Removing { .. } => true,
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Ready { .. }
            | Phase::Idle { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => false,
        }
    }

    /// Whether somebody is at it, and the executor's answer brings it on: should they die, others go on.
    pub const fn is_underway(&self) -> bool {
        match self.phase {
            Phase::Starting { .. } | Phase::Stopping { .. } | Phase::Removing { .. } => true,
            Phase::Queued { .. }
            | Phase::Ready { .. }
            | Phase::Idle { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => false,
        }
    }

    /// Why it stops, stopped or failed.
    pub const fn end(&self) -> Option<&End> {
        match &self.phase {
            Phase::Stopping { end, .. }
            | Phase::Removing { end, .. }
            | Phase::Stopped { end, .. }
            | Phase::Failed { end, .. } => Some(end),
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Ready { .. }
            | Phase::Idle { .. }
            | Phase::Destroyed { .. } => None,
        }
    }

    /// When it stops by itself if nobody uses it.
    pub const fn stops_at(&self, rules: &Rules) -> Option<Timestamp> {
        match self.phase {
            Phase::Ready { used_at, .. } | Phase::Idle { used_at, .. } => {
                Some(used_at.plus_ms(rules.stop_ms))
            }
            Phase::Queued { .. }
            | Phase::Starting { .. }
            | Phase::Stopping { .. }
            | Phase::Removing { .. }
            | Phase::Stopped { .. }
            | Phase::Failed { .. }
            | Phase::Destroyed { .. } => None,
        }
    }
}

/// Something that happened to a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// People approved that it is started again.
    StartAsked,
    /// It has a place now, taken in the transaction that this is decided in.
    PlaceGiven,
    /// The executor answered that it could not start it.
    StartFailed {
        /// In which way.
        why: StartFailure,
        /// What the executor said, for people.
        detail: String,
    },
    /// Somebody used it.
    Used,
    /// Time went by.
    Passed,
    /// The executor answered how it stands there: to a look, a create, a stop, or in its list.
    Seen(Sighting),
    /// The executor answered that it knows no such sandbox, when it was asked for this one (its list may be from before
    /// the sandbox was made), or that it has removed it.
    Missing,
    /// The executor gave no answer.
    Unreachable,
    /// Its processes shall end; its files stay.
    StopAsked {
        /// Why.
        reason: SandboxReason,
        /// The same for people.
        detail: Option<String>,
    },
    /// Access given before shall be over; also when it gets another owner.
    AccessRevoked,
    /// It shall go with its files. One that runs is stopped first.
    DestroyAsked,
}

/// In which way a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The host has as many sandboxes as it may: it waits on.
    NoPlace,
    /// The host lacks something, or refuses: another try would fail the same way.
    Refused,
    /// Something broke: tried again, a few times.
    Broke,
}

/// How a sandbox stands on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The epoch that the host knows.
    pub epoch: u64,
    /// Whether its processes run.
    pub running: bool,
    /// When the present run, or else the last one, began.
    pub started_at: Option<Timestamp>,
    /// When the last run ended.
    pub ended_at: Option<Timestamp>,
    /// Why it ended, when not by a stop.
    pub because: Option<String>,
    /// When the host last saw it used.
    pub used_at: Option<Timestamp>,
}

impl From<&SandboxReport> for Sighting {
    fn from(report: &SandboxReport) -> Self {
        Self {
            epoch: report.epoch,
            running: report.running,
            started_at: report.started_at,
            ended_at: report.ended_at,
            because: report.ended_because.clone(),
            used_at: report.used_at,
        }
    }
}

/// What a decision makes of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// As it is from now on.
    pub next: Sandbox,
    /// What to do, in this order. Those about usage and places are written together with `next`; the others follow once
    /// that is stored, and may be repeated.
    pub effects: Vec<Effect>,
}

/// Something to do about a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ledger: a run began.
    OpenUsage(Run),
    /// Ledger: a run ended.
    CloseUsage {
        /// Which.
        run: Run,
        /// When; never before it began.
        until: Timestamp,
    },
    /// Its place is free for another.
    ReleasePlace,
    /// Executor: the epoch has grown; ends what older ones opened.
    SetEpoch,
    /// Executor: end its processes.
    Stop,
    /// Executor: make it, or start it again.
    Create,
    /// Executor: remove it with its files.
    Destroy,
    /// Tell the route object how it stands.
    TellRoute,
    /// Tell the chat how it stands.
    TellChat,
    /// Tell those who operate Slipway: it is in a crash loop.
    Alert,
}

/// Why something cannot happen to a sandbox now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is being stopped; it can be started in a moment.
    StillStopping,
    /// It did not stay three times in a row.
    CrashLoop {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// It is gone for good.
    Destroyed,
    /// It waits for no place.
    NotQueued,
}
