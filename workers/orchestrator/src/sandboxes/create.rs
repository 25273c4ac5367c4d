//! Has a sandbox made where its files are, or where they can be brought to.
//!
//! Invariant: a sandbox whose files are kept never stands ready without them. What its host lost comes back from the newest
//! snapshot before anybody hears of the sandbox; where that fails, the start has failed.

use std::collections::BTreeMap;

use slipway_contract::Problem;
use slipway_contract::http::snapshots::Snapshot;
use slipway_contract::objects::executor::{CreateSandbox, ExecutorCode, SandboxReport};
use slipway_contract::sandbox::SandboxState;
use slipway_domain::sandbox::{Happened, StartFailure};
use slipway_edge::log::Line;
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::snapshots;

use super::change::{Changes, Told, Trouble, without};
use super::fact::{Fact, failed};
use super::placement::{around, is_new};
use super::queue::LEASE_MS;
use super::templates;
use crate::executor::Executor;
use crate::settings::Host;
use crate::snapshots::When;

/// How fast files come back at least, in bytes per millisecond: a slow disk's 8 MB/s.
const REFILL_BYTES_PER_MS: u64 = 8_000;

impl Changes<'_> {
    /// Has it made, with the files that it had. One that no executor has files of goes to the next one when one is full.
    pub(super) async fn create(
        &mut self,
        row: &mut StoredSandbox,
        told: &mut Told,
    ) -> Result<Fact<'static>, Trouble> {
        let kept = self.kept(row).await?;
        let files = if kept.is_none() { templates::files(row.template.as_deref()) } else { BTreeMap::new() };
        let wanted =
            CreateSandbox { size: row.size, hosts: row.hosts.clone(), epoch: row.sandbox.epoch, files };
        let hosts = self.hosts;
        let mut moves = is_new(row) || (kept.is_some() && self.executor(row).is_none());
        let (mut any_full, mut unable) = (false, None);
        for host in around(hosts, row, kept.is_some()) {
            if row.executor.as_deref() != Some(host.id.as_str()) {
                *row = self.assign(row, host).await?;
            }
            let executor = Executor::new(host, self.errand);
            let made = executor.create(row.id, &wanted).await;
            match &made {
                Ok(report) => {
                    told.executor = Some((wanted.epoch, row.hosts_version));
                    return Ok(match kept.as_ref().filter(|_| report.blank) {
                        Some(snapshot) => self.refill(row, &executor, report, snapshot).await,
                        None => Fact::seen(report),
                    });
                }
                Err(error) => self.complain(row, "create", error),
            }
            if is_new(row)
                && made.as_ref().is_err_and(|error| error.code() == Some(ExecutorCode::Unsupported))
            {
                // Another may be able to.
                unable = made.err();
                continue;
            }
            let full = made.as_ref().is_err_and(|error| error.code() == Some(ExecutorCode::NoPlace));
            any_full |= full;
            if full && !moves && kept.is_some() {
                // One that lost the files has no more of them than any other.
                let answer = executor.report(row.id).await;
                moves = answer.is_err_and(|error| error.code() == Some(ExecutorCode::NotFound));
            }
            if !full || !moves {
                return Ok(failed(made.err()).into());
            }
        }
        if hosts.is_empty() || (!is_new(row) && self.executor(row).is_none()) {
            return Ok(Happened::Unreachable.into());
        }
        if let Some(error) = unable.filter(|_| !any_full) {
            return Ok(failed(Some(error)).into());
        }
        let detail = "every executor is full".to_owned();
        Ok(Happened::StartFailed { why: StartFailure::NoPlace, detail }.into())
    }

    /// Gives a sandbox that runs with nothing in it the files that it had, before anybody hears that it is there. Without
    /// them it does not stay.
    async fn refill(
        &mut self,
        row: &StoredSandbox,
        executor: &Executor<'_>,
        report: &SandboxReport,
        snapshot: &Snapshot,
    ) -> Fact<'static> {
        self.hold(row, snapshot).await;
        let restored = self.bring_back(row.org, executor, snapshot, When::Blank).await;
        let Err(not) = restored else {
            return Fact::seen(&SandboxReport { blank: false, ..report.clone() });
        };
        Line::warn("sandbox_not_refilled")
            .request(self.errand.request)
            .org(row.org)
            .sandbox(row.id)
            .name("outcome", if not.may_pass() { "tried_again" } else { "given_up" })
            .emit();
        if let Err(error) = executor.stop(row.id).await {
            // A sweep finds it running, and stops it.
            self.complain(row, "stop", &error);
        }
        let why = if not.may_pass() { StartFailure::Broke } else { StartFailure::Refused };
        Happened::StartFailed { why, detail: not.why(snapshot) }.into()
    }

    /// Keeps others from driving it for as long as its files should take. Should it take longer, two bring them back, and
    /// the executor takes them once.
    async fn hold(&mut self, row: &StoredSandbox, snapshot: &Snapshot) {
        let takes_ms = i64::try_from(snapshot.bytes / REFILL_BYTES_PER_MS).unwrap_or(i64::MAX);
        let (now, owner) = (self.errand.now(), self.errand.request.to_string());
        let until = now.plus_ms(LEASE_MS.saturating_add(takes_ms));
        if let Ok(mut rows) = self.link.rows(row.org).await
            && sandboxes::lease(&mut rows, row.id, &owner, now, until).await.is_ok()
        {
            let _two_do_it = self.link.commit(rows).await;
        }
    }

    /// The newest snapshot of a sandbox that may have some.
    async fn kept(&mut self, row: &StoredSandbox) -> Result<Option<Snapshot>, Problem> {
        if is_new(row) {
            return Ok(None);
        }
        let mut rows = self.link.rows(row.org).await?;
        let kept = snapshots::newest(&mut rows, row.id).await.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        Ok(kept)
    }

    /// What it means that a sandbox has no executor that is set up. One that starts and has a snapshot starts elsewhere.
    pub(super) async fn absent(&mut self, row: &StoredSandbox) -> Result<Happened, Problem> {
        let starts = row.sandbox.state() == SandboxState::Starting;
        Ok(if starts && self.kept(row).await?.is_some() { Happened::Missing } else { without(row) })
    }

    async fn assign(&mut self, row: &StoredSandbox, host: &Host) -> Result<StoredSandbox, Trouble> {
        let mut rows = self.link.rows(row.org).await?;
        let assigned = sandboxes::assign(&mut rows, row, &host.id).await;
        let kept = match assigned {
            Ok(row) => self.link.commit(rows).await.map(|()| row),
            Err(error) => Err(error),
        };
        kept.map_err(|error| self.errand.refuse(&error).into())
    }
}
