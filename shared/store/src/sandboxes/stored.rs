//! A sandbox's row as a value, and the columns that its phase lies in.
//!
//! Invariant: what is read is what was written, for every phase; the table's own checks refuse mixtures.

use slipway_contract::objects::route::Route;
use slipway_contract::sandbox::{SandboxReason, SandboxSize, SandboxState, SandboxStatus};
use slipway_contract::{Actor, ApprovalId, ChatId, OrgId, SandboxId, Timestamp, UserId};
use slipway_domain::sandbox::{End, Phase, Run, Sandbox};

use crate::error::{Cause, StoreError};
use crate::json;
use crate::row::Row;

/// All columns that [`StoredSandbox`] is read from.
macro_rules! columns {
    () => {
        "sandbox_id, org_id, chat_id, approval_id, state, reason, detail, epoch, version, starts, size, hosts,
         hosts_version, template, executor_id, asked_by, user_id, created_at, queued_at, changed_at, run_epoch,
         run_from, seen_at, used_at, doomed, told_chat_version, told_route_version, told_executor_epoch,
         told_executor_hosts"
    };
}
pub(super) use columns;

/// A sandbox as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSandbox {
    /// Which.
    pub id: SandboxId,
    /// The org that owns it.
    pub org: OrgId,
    /// The chat that it is bound to.
    pub chat: ChatId,
    /// The approval that it was made for.
    pub approval: ApprovalId,
    /// How it stands, as decisions see it.
    pub sandbox: Sandbox,
    /// How large it is.
    pub size: SandboxSize,
    /// Hosts that it may reach.
    pub hosts: Vec<String>,
    /// The version in which the hosts changed last.
    pub hosts_version: u64,
    /// The name of the template that it begins with.
    pub template: Option<String>,
    /// The executor that has its files; absent before its first start.
    pub executor: Option<String>,
    /// Who asked for it.
    pub asked_by: Actor,
    /// The person who caused it, if any did: their quota is used.
    pub user: Option<UserId>,
    /// When it was approved.
    pub created_at: Timestamp,
    /// When its state began.
    pub changed_at: Timestamp,
    /// What others have acknowledged.
    pub told: Told,
}

/// What others have acknowledged of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The chat: the version.
    pub chat: u64,
    /// The route object: the version.
    pub route: u64,
    /// The executor: the epoch.
    pub executor_epoch: u64,
    /// The executor: the version of the hosts.
    pub executor_hosts: u64,
}

impl StoredSandbox {
    /// As its chat tells of it.
    pub fn status(&self) -> SandboxStatus {
        let end = self.sandbox.end();
        SandboxStatus {
            sandbox: self.id,
            state: self.sandbox.state(),
            epoch: self.sandbox.epoch,
            version: self.sandbox.version,
            size: self.size,
            hosts: self.hosts.clone(),
            reason: end.map(|end| end.reason),
            detail: end.and_then(|end| end.detail.clone()),
        }
    }

    /// As the gateway's route object knows it, with the address of its executor.
    pub fn route(&self, executor: String) -> Route {
        Route {
            org: self.org,
            sandbox: self.id,
            epoch: self.sandbox.epoch,
            version: self.sandbox.version,
            state: self.sandbox.state(),
            executor,
        }
    }

    /// The chat does not know yet how it stands.
    pub const fn is_untold_to_chat(&self) -> bool {
        self.told.chat < self.sandbox.version
    }

    /// The route object does not know yet how it stands.
    pub const fn is_untold_to_route(&self) -> bool {
        self.told.route < self.sandbox.version
    }

    /// The executor that runs it does not know its epoch or hosts yet.
    pub const fn is_untold_to_executor(&self) -> bool {
        self.sandbox.run().is_some()
            && (self.told.executor_epoch < self.sandbox.epoch
                || self.told.executor_hosts < self.hosts_version)
    }
}

/// The columns that depend on the phase; `queued_at` and `changed_at` keep what they hold where this has nothing to say.
pub(super) struct PhaseColumns<'a> {
    pub(super) state: SandboxState,
    pub(super) reason: Option<SandboxReason>,
    pub(super) detail: Option<&'a String>,
    pub(super) queued_at: Option<Timestamp>,
    pub(super) changed_at: Option<Timestamp>,
    pub(super) run_epoch: Option<u64>,
    pub(super) run_from: Option<Timestamp>,
    pub(super) seen_at: Option<Timestamp>,
    pub(super) used_at: Option<Timestamp>,
    pub(super) doomed: bool,
}

impl<'a> PhaseColumns<'a> {
    pub(super) fn of(sandbox: &'a Sandbox) -> Self {
        let run = sandbox.run();
        let (queued_at, changed_at, run_epoch, used_at) = match &sandbox.phase {
            Phase::Queued { since } => (Some(*since), Some(*since), None, None),
            Phase::Starting { queued, since, epoch } => (Some(*queued), Some(*since), Some(*epoch), None),
            Phase::Ready { run, used_at } | Phase::Idle { run, used_at } => {
                (None, None, Some(run.epoch), Some(*used_at))
            }
            Phase::Stopping { epoch, since, .. } => (None, Some(*since), Some(*epoch), None),
            Phase::Removing { since: at, .. }
            | Phase::Stopped { at, .. }
            | Phase::Failed { at, .. }
            | Phase::Destroyed { at } => (None, Some(*at), None, None),
        };
        Self {
            state: sandbox.state(),
            reason: sandbox.end().map(|end| end.reason),
            detail: sandbox.end().and_then(|end| end.detail.as_ref()),
            queued_at,
            changed_at,
            run_epoch,
            run_from: run.map(|run| run.from),
            seen_at: run.map(|run| run.seen),
            used_at,
            doomed: sandbox.is_doomed(),
        }
    }
}

pub(super) fn read(row: &Row) -> Result<StoredSandbox, StoreError> {
    let sandbox = Sandbox {
        phase: phase(row)?,
        epoch: row.read("epoch")?,
        version: row.read("version")?,
        starts: json::read(row, "starts")?,
    };
    Ok(StoredSandbox {
        id: row.read("sandbox_id")?,
        org: row.read("org_id")?,
        chat: row.read("chat_id")?,
        approval: row.read("approval_id")?,
        sandbox,
        size: row.read("size")?,
        hosts: json::read(row, "hosts")?,
        hosts_version: row.read("hosts_version")?,
        template: row.read("template")?,
        executor: row.read("executor_id")?,
        asked_by: row.read("asked_by")?,
        user: row.read("user_id")?,
        created_at: row.read("created_at")?,
        changed_at: row.read("changed_at")?,
        told: Told {
            chat: row.read("told_chat_version")?,
            route: row.read("told_route_version")?,
            executor_epoch: row.read("told_executor_epoch")?,
            executor_hosts: row.read("told_executor_hosts")?,
        },
    })
}

fn phase(row: &Row) -> Result<Phase, StoreError> {
    let changed_at: Timestamp = row.read("changed_at")?;
    let end = || -> Result<End, StoreError> {
        Ok(End { reason: row.read("reason")?, detail: row.read("detail")? })
    };
    let run = || -> Result<Option<Run>, StoreError> {
        let from: Option<Timestamp> = row.read("run_from")?;
        from.map(|from| Ok(Run { epoch: row.read("run_epoch")?, from, seen: row.read("seen_at")? }))
            .transpose()
    };
    let present = || -> Result<Run, StoreError> {
        let absent = StoreError::Internal { statement: row.statement, source: Cause::Column("run_from") };
        run()?.ok_or(absent)
    };
    Ok(match row.read("state")? {
        SandboxState::Queued => Phase::Queued { since: row.read("queued_at")? },
        SandboxState::Starting => Phase::Starting {
            queued: row.read("queued_at")?,
            since: changed_at,
            epoch: row.read("run_epoch")?,
        },
        SandboxState::Ready => Phase::Ready { run: present()?, used_at: row.read("used_at")? },
        SandboxState::Idle => Phase::Idle { run: present()?, used_at: row.read("used_at")? },
        SandboxState::Stopping => {
            let removed = row.read("doomed")?;
            Phase::Stopping {
                epoch: row.read("run_epoch")?,
                run: run()?,
                end: end()?,
                since: changed_at,
                removed,
            }
        }
        SandboxState::Stopped if row.read("doomed")? => Phase::Removing { end: end()?, since: changed_at },
        SandboxState::Stopped => Phase::Stopped { end: end()?, at: changed_at },
        SandboxState::Failed => Phase::Failed { end: end()?, at: changed_at },
        SandboxState::Destroyed => Phase::Destroyed { at: changed_at },
    })
}
