//! What happens to a sandbox: decided, stored, then done.
//!
//! Order: lock the row, decide (`slipway_domain::sandbox`), write the row with its ledger and its place in one
//! transaction, commit; only then the executor, the route object and the chat are told. An executor's answer is the next
//! thing that happens. Whoever dies between two of these leaves a row that a sweep finds and goes on from.

use std::collections::VecDeque;

use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::{Actor, OrgId, Problem, ProblemCode, SandboxId};
use slipway_domain::sandbox::{Effect, Happened, Phase, Refusal, decide};
use slipway_edge::log::{Level, Line};
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError, audit, snapshots, usage};

use super::fact::Fact;
use super::link::Link;
use super::placement::is_new;
use super::telling;
use crate::errand::Errand;
use crate::executor::{Executor, ExecutorError};
use crate::settings::Hosts;

/// How often a transaction is tried that others overtake.
const TRIES: usize = 4;
/// Answers of executors that one call takes in: a start that is tried again, each time stopped and made anew.
const ANSWERS: usize = 16;

/// Something did not happen.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It cannot happen as things are.
    Refused(Refusal),
    /// Why, as callers are told.
    Problem(Problem),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Problem(problem) => problem,
            Trouble::Refused(Refusal::StillStopping) => Self::new(ProblemCode::SandboxNotRunning)
                .detail("The sandbox is being stopped.")
                .retry_after(2),
            Trouble::Refused(Refusal::CrashLoop { until: _ }) => Self::new(ProblemCode::SandboxNotRunning)
                .detail("The sandbox started three times within five minutes and did not stay."),
            Trouble::Refused(Refusal::Destroyed) => ProblemCode::NotFound.into(),
            Trouble::Refused(Refusal::NotQueued) => Self::new(ProblemCode::SandboxNotRunning),
        }
    }
}

/// Changes sandboxes, for one errand.
pub(crate) struct Changes<'a> {
    pub(crate) errand: &'a Errand,
    pub(crate) hosts: &'a Hosts,
    pub(crate) link: Link<'a>,
}

/// What others have acknowledged, to be written down together.
#[derive(Default)]
pub(super) struct Told {
    pub(super) chat: Option<u64>,
    pub(super) route: Option<u64>,
    pub(super) executor: Option<(u64, u64)>,
}

impl<'a> Changes<'a> {
    pub(crate) const fn new(errand: &'a Errand, hosts: &'a Hosts) -> Self {
        Self { errand, hosts, link: Link::new(errand) }
    }

    /// Something happened: decides, stores and does what follows. Answers how the sandbox stands then.
    ///
    /// # Errors
    /// It is not there, cannot happen, or the database cannot be reached. What the executor fails to do is no error: the
    /// sandbox stands accordingly.
    pub(crate) async fn happen(
        &mut self,
        org: OrgId,
        sandbox: SandboxId,
        fact: impl Into<Fact<'_>>,
    ) -> Result<StoredSandbox, Trouble> {
        let (row, effects) = self.store(org, sandbox, &fact.into()).await?;
        self.perform(row, effects).await
    }

    /// Asks the executor how a sandbox stands, and does what follows.
    ///
    /// # Errors
    /// As [`Self::happen`].
    pub(crate) async fn look(&mut self, row: &StoredSandbox) -> Result<StoredSandbox, Trouble> {
        let fact = match self.executor(row) {
            Some(executor) => Fact::answered(&executor.report(row.id).await),
            None => self.absent(row).await?.into(),
        };
        self.happen(row.org, row.id, fact).await
    }

    /// The executor that has a sandbox, if one has it and is set up.
    pub(crate) fn executor(&self, row: &StoredSandbox) -> Option<Executor<'a>> {
        let host = row.executor.as_deref().and_then(|id| self.hosts.get(id));
        host.map(|host| Executor::new(host, self.errand))
    }

    /// Decides and stores.
    pub(crate) async fn store(
        &mut self,
        org: OrgId,
        sandbox: SandboxId,
        fact: &Fact<'_>,
    ) -> Result<(StoredSandbox, Vec<Effect>), Trouble> {
        let mut tries = 1;
        loop {
            let mut rows = self.link.rows(org).await?;
            let done = match decided(&mut rows, sandbox, fact, self.errand).await {
                Ok(Ok(done)) => self.link.commit(rows).await.map(|()| Ok(done)),
                Ok(Err(trouble)) => {
                    self.link.done(rows);
                    Ok(Err(trouble))
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(done) => return done,
                Err(StoreError::Overtaken { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(self.errand.refuse(&error).into()),
            }
        }
    }

    /// Does what was decided, and what the answers to it bring about.
    pub(crate) async fn perform(
        &mut self,
        mut row: StoredSandbox,
        effects: Vec<Effect>,
    ) -> Result<StoredSandbox, Trouble> {
        let mut todo = VecDeque::from(effects);
        let mut told = Told::default();
        let mut answers = 0;
        while let Some(effect) = todo.pop_front() {
            let Some(fact) = self.act(&mut row, effect, &mut told).await? else { continue };
            // A stop that only makes way for a start: how the earlier run ended is known.
            let makes_way = effect == Effect::Stop && todo.contains(&Effect::Create);
            if fact.happened == Happened::Unreachable {
                todo.retain(is_told);
            } else if makes_way {
                continue;
            }
            answers += 1;
            if answers > ANSWERS {
                break;
            }
            let (next, more) = self.store(row.org, row.id, &fact).await?;
            row = next;
            // What is told is how it stands now: once is enough.
            todo.retain(|effect| !(is_told(effect) && more.contains(effect)));
            todo.extend(more);
        }
        self.note(&row, &told).await;
        Ok(row)
    }

    /// Does one thing; answers what happened by that.
    async fn act(
        &mut self,
        row: &mut StoredSandbox,
        effect: Effect,
        told: &mut Told,
    ) -> Result<Option<Fact<'static>>, Trouble> {
        match effect {
            // Written with the row.
            Effect::OpenUsage(_) | Effect::CloseUsage { .. } | Effect::ReleasePlace => {}
            Effect::TellRoute => {
                if telling::route(self.errand, self.hosts, row).await {
                    told.route = Some(row.sandbox.version);
                }
            }
            Effect::TellChat => {
                if telling::chat(self.errand, row).await {
                    told.chat = Some(row.sandbox.version);
                }
            }
            Effect::SetEpoch => {
                let Some(executor) = self.executor(row) else { return Ok(None) };
                match executor.set_epoch(row.id, row.sandbox.epoch).await {
                    Ok(()) => told.executor = Some((row.sandbox.epoch, row.told.executor_hosts)),
                    Err(error) => self.complain(row, "epoch", &error),
                }
            }
            Effect::Stop => {
                let Some(executor) = self.executor(row) else {
                    return Ok(Some(self.absent(row).await?.into()));
                };
                if !self.may_stop(row, &executor).await {
                    return Ok(Some(Happened::Unreachable.into()));
                }
                let stopped = executor.stop(row.id).await;
                if let Err(error) = &stopped {
                    self.complain(row, "stop", error);
                }
                return Ok(Some(Fact::answered(&stopped)));
            }
            Effect::Create => return self.create(row, told).await.map(Some),
            Effect::Destroy => {
                let Some(executor) = self.executor(row) else { return Ok(Some(without(row).into())) };
                let happened = match executor.destroy(row.id).await {
                    Ok(()) => Happened::Missing,
                    Err(error) => {
                        self.complain(row, "destroy", &error);
                        Happened::Unreachable
                    }
                };
                return Ok(Some(happened.into()));
            }
            Effect::Alert => {
                Line::error("sandbox_crash_loop")
                    .request(self.errand.request)
                    .org(row.org)
                    .chat(row.chat)
                    .sandbox(row.id)
                    .emit();
            }
        }
        Ok(None)
    }

    /// Whether a sandbox may be stopped now: where that ends its files, they are kept before. What cannot be kept for good
    /// does not hold a stop back.
    async fn may_stop(&mut self, row: &StoredSandbox, executor: &Executor<'_>) -> bool {
        if row.sandbox.is_doomed() {
            return true;
        }
        match executor.loses_files(row.id).await {
            Ok(false) => return true,
            Ok(true) => {}
            Err(error) => {
                self.complain(row, "report", &error);
                return error.code().is_some();
            }
        }
        let Err(problem) = self.take_snapshot(row, SnapshotCause::Stopped, Actor::System).await else {
            return true;
        };
        let later = problem.retry_after_s.is_some();
        Line::new(if later { Level::Warn } else { Level::Error }, "sandbox_not_kept")
            .request(self.errand.request)
            .org(row.org)
            .sandbox(row.id)
            .name("outcome", if later { "tried_again" } else { "given_up" })
            .emit();
        !later
    }

    /// Writes down what others have acknowledged. Should that fail, they are told again.
    async fn note(&mut self, row: &StoredSandbox, told: &Told) {
        if told.chat.is_none() && told.route.is_none() && told.executor.is_none() {
            return;
        }
        let Ok(mut rows) = self.link.rows(row.org).await else { return };
        let noted = async {
            if let Some(version) = told.chat {
                sandboxes::told_chat(&mut rows, row.id, version).await?;
            }
            if let Some(version) = told.route {
                sandboxes::told_route(&mut rows, row.id, version).await?;
            }
            if let Some((epoch, hosts)) = told.executor {
                sandboxes::told_executor(&mut rows, row.id, epoch, hosts).await?;
            }
            Ok::<(), StoreError>(())
        };
        let kept = match noted.await {
            Ok(()) => self.link.commit(rows).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            let _told_again = self.errand.refuse(&error);
        }
    }

    /// Tells whoever has not acknowledged how a sandbox stands; answers whether the executor knows now.
    pub(crate) async fn tell(&mut self, row: &StoredSandbox) -> bool {
        let mut told = Told::default();
        if row.is_untold_to_executor()
            && let Some(executor) = self.executor(row)
        {
            let reached = async {
                executor.set_epoch(row.id, row.sandbox.epoch).await?;
                executor.set_hosts(row.id, row.hosts.clone()).await
            };
            match reached.await {
                Ok(_) => told.executor = Some((row.sandbox.epoch, row.hosts_version)),
                Err(error) => self.complain(row, "tell", &error),
            }
        }
        if row.is_untold_to_route() && telling::route(self.errand, self.hosts, row).await {
            told.route = Some(row.sandbox.version);
        }
        if row.is_untold_to_chat() && telling::chat(self.errand, row).await {
            told.chat = Some(row.sandbox.version);
        }
        self.note(row, &told).await;
        told.executor.is_some() || !row.is_untold_to_executor()
    }

    /// The log line of an executor that does not do what it is asked.
    pub(crate) fn complain(&self, row: &StoredSandbox, what: &'static str, error: &ExecutorError) {
        let level = if error.is_ours() { Level::Warn } else { Level::Info };
        Line::new(level, "executor_failed")
            .request(self.errand.request)
            .org(row.org)
            .sandbox(row.id)
            .name("asked", what)
            .name("cause", error.cause())
            .emit();
    }
}

/// Locks, decides and writes, within a transaction.
async fn decided(
    rows: &mut OrgDb,
    sandbox: SandboxId,
    fact: &Fact<'_>,
    errand: &Errand,
) -> Result<Result<(StoredSandbox, Vec<Effect>), Trouble>, StoreError> {
    let Some(before) = sandboxes::lock(rows, sandbox).await? else {
        return Ok(Err(Problem::from(ProblemCode::NotFound).into()));
    };
    let now = errand.now();
    // What starts with nothing although its files are kept is not there yet: whoever looked came before them.
    let lacks = match (&before.sandbox.phase, fact.blank) {
        (Phase::Starting { epoch, .. }, Some(seen)) if seen >= *epoch && !is_new(&before) => {
            snapshots::newest(rows, sandbox).await?.is_some()
        }
        (_, _) => false,
    };
    let happened = if lacks { &Happened::Missing } else { &fact.happened };
    let step = match decide(&before.sandbox, happened, now, &errand.rules()) {
        Ok(step) => step,
        Err(refusal) => return Ok(Err(Trouble::Refused(refusal))),
    };
    let after = sandboxes::advance(rows, &before, &step, now).await?;
    // Of a run that begins or ends with this step, too.
    if let (Some(bytes), Some(run)) = (fact.egress, after.sandbox.run().or(before.sandbox.run())) {
        usage::egress(rows, sandbox, run.epoch, bytes, now).await?;
    }
    if let Some(entry) = fact.entry.filter(|_| step.next != before.sandbox) {
        audit::append(rows, entry).await?;
    }
    Ok(Ok((after, step.effects)))
}

/// What it means that a sandbox has no executor that is set up: it was never made, or nobody can tell.
pub(super) fn without(row: &StoredSandbox) -> Happened {
    if row.executor.is_none() { Happened::Missing } else { Happened::Unreachable }
}

/// Whether it only tells how the sandbox stands.
fn is_told(effect: &Effect) -> bool {
    match effect {
        Effect::TellRoute | Effect::TellChat | Effect::Alert => true,
        Effect::OpenUsage(_)
        | Effect::CloseUsage { .. }
        | Effect::ReleasePlace
        | Effect::SetEpoch
        | Effect::Stop
        | Effect::Create
        | Effect::Destroy => false,
    }
}
