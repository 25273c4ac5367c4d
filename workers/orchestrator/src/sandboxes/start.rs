//! Starts the sandbox that people approved.
//!
//! Invariant: the approval names the sandbox (a new one is unique in its row, the use of an old one in `sandbox_acts`), so
//! that the same approval again goes on where the first one was, whoever died in between.

use std::time::Duration;

use slipway_contract::approval::ApprovalOption;
use slipway_contract::objects::tools::{ActFrame, ActRequest};
use slipway_contract::sandbox::{SandboxReason, SandboxSize, SandboxState};
use slipway_contract::{Problem, ProblemCode, SandboxId};
use slipway_domain::sandbox::{Effect, Happened, Refusal, decide};
use slipway_edge::ids;
use slipway_store::sandboxes::{self, NewSandbox, StoredSandbox};
use slipway_store::{OrgDb, StoreError, audit};
use worker::Delay;

use super::change::{Changes, Trouble};
use super::queue::{LEASE_MS, next};
use super::words;
use crate::errand::Errand;
use crate::settings::Hosts;

/// What a start waits before it looks again, in milliseconds.
const AGAIN_MS: u32 = 2_000;
/// Places that one start gives to others before it: those who waited longer come first.
const OTHERS: usize = 8;
/// How often, and how many times, a start that somebody else drives is looked at.
const LOOK_MS: u64 = 400;
const LOOKS: u32 = 40;

/// What was approved.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) size: SandboxSize,
    pub(crate) hosts: &'w [String],
    pub(crate) template: Option<&'w str>,
    pub(crate) reuse: Option<SandboxId>,
}

/// What became of an approval's first step.
enum Claimed {
    /// Its sandbox, and what is to be done about it.
    Sandbox(Box<StoredSandbox>, Vec<Effect>),
    /// Nothing comes of it, or not now.
    Ended(ActFrame),
}

impl Changes<'_> {
    /// Carries the approval of a start out, or goes on with that. Answers the sandbox, if there is one, and the last frame.
    pub(crate) async fn start(
        &mut self,
        asked: &ActRequest,
        wanted: Wanted<'_>,
    ) -> (Option<StoredSandbox>, ActFrame) {
        match self.try_start(asked, wanted).await {
            Ok(Claimed::Ended(frame)) => (None, frame),
            Ok(Claimed::Sandbox(row, _)) => {
                let frame = self.outcome(&row).await;
                (Some(*row), frame)
            }
            Err(trouble) => (None, failed(trouble.into())),
        }
    }

    async fn try_start(&mut self, asked: &ActRequest, wanted: Wanted<'_>) -> Result<Claimed, Trouble> {
        let (mut row, effects) = match self.claim(asked, wanted).await? {
            Claimed::Sandbox(row, effects) => (*row, effects),
            ended @ Claimed::Ended(_) => return Ok(ended),
        };
        let mut driven = false;
        if row.sandbox.state() == SandboxState::Queued {
            // That it waits is told only where it does.
            (row, driven) = self.give(row).await?;
            if !driven {
                self.tell(&row).await;
            }
        } else if effects.is_empty() {
            // Of an earlier attempt, or of hosts that changed while it runs.
            self.tell(&row).await;
        } else {
            let done = self.perform(row.clone(), effects).await;
            self.let_go(&row).await;
            (row, driven) = (done?, true);
        }
        if row.sandbox.state() == SandboxState::Starting && !driven {
            row = self.go_on(row).await?;
        }
        Ok(Claimed::Sandbox(Box::new(row), Vec::new()))
    }

    /// Finds or makes the approval's sandbox.
    async fn claim(&mut self, asked: &ActRequest, wanted: Wanted<'_>) -> Result<Claimed, Trouble> {
        let mut rows = self.link.rows(asked.org).await?;
        match claimed(&mut rows, asked, wanted, self.errand).await {
            Ok(ended @ Claimed::Ended(_)) => {
                self.link.done(rows);
                Ok(ended)
            }
            Ok(claimed @ Claimed::Sandbox(..)) => {
                let kept = self.link.commit(rows).await;
                kept.map(|()| claimed).map_err(|error| self.errand.refuse(&error).into())
            }
            // The chat has not told the index of itself yet.
            Err(StoreError::NotFound { .. }) => {
                Ok(Claimed::Ended(later("The chat is not known yet.".to_owned(), 1_000)))
            }
            Err(StoreError::Overtaken { .. }) => {
                Ok(Claimed::Ended(later("It is tried again.".to_owned(), 500)))
            }
            Err(error) => Err(self.errand.refuse(&error).into()),
        }
    }

    /// Gives places to those who wait, this one perhaps among them. Answers how it stands, and whether that was done here.
    async fn give(&mut self, row: StoredSandbox) -> Result<(StoredSandbox, bool), Trouble> {
        // Who comes first to executors that are not known to be full need not ask them: one answer less to wait for.
        let first = row.executor.is_none() && self.place(&row).await == Some(1);
        let free = if first { 1 } else { self.free_places().await };
        let mut own = None;
        for (begun, effects) in self.give_places(row.org, free.min(OTHERS)).await? {
            if begun.id == row.id {
                own = Some((begun, effects));
            } else {
                beside(self.errand.clone(), self.hosts.clone(), begun, effects);
            }
        }
        match own {
            Some((begun, effects)) => {
                let done = self.perform(begun, effects).await;
                self.let_go(&row).await;
                Ok((done?, true))
            }
            None => Ok((self.find(&row).await?, false)),
        }
    }

    /// Goes on with a start that somebody began: drives it, or watches who does.
    async fn go_on(&mut self, mut row: StoredSandbox) -> Result<StoredSandbox, Trouble> {
        for _ in 0..LOOKS {
            if self.take_over(&row).await? {
                let done = self.look(&row).await;
                self.let_go(&row).await;
                return done;
            }
            Delay::from(Duration::from_millis(LOOK_MS)).await;
            row = self.find(&row).await?;
            if row.sandbox.state() != SandboxState::Starting {
                break;
            }
        }
        Ok(row)
    }

    /// Becomes the one who drives a sandbox, unless somebody else does.
    pub(crate) async fn take_over(&mut self, row: &StoredSandbox) -> Result<bool, Trouble> {
        let now = self.errand.now();
        let owner = self.errand.request.to_string();
        let mut rows = self.link.rows(row.org).await?;
        let taken = match sandboxes::lease(&mut rows, row.id, &owner, now, now.plus_ms(LEASE_MS)).await {
            Ok(taken) => self.link.commit(rows).await.map(|()| taken),
            Err(error) => Err(error),
        };
        taken.map_err(|error| self.errand.refuse(&error).into())
    }

    /// Lets others drive it. Should that fail, they wait until the lease ends.
    pub(crate) async fn let_go(&mut self, row: &StoredSandbox) {
        let owner = self.errand.request.to_string();
        if let Ok(mut rows) = self.link.rows(row.org).await
            && sandboxes::release(&mut rows, row.id, &owner).await.is_ok()
        {
            let _they_wait = self.link.commit(rows).await;
        }
    }

    /// The sandbox as it is now.
    pub(crate) async fn find(&mut self, row: &StoredSandbox) -> Result<StoredSandbox, Trouble> {
        let mut rows = self.link.rows(row.org).await?;
        let found = sandboxes::find(&mut rows, row.id).await.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        found.ok_or_else(|| Problem::from(ProblemCode::NotFound).into())
    }

    /// What is told of a start, as the sandbox stands.
    async fn outcome(&mut self, row: &StoredSandbox) -> ActFrame {
        match row.sandbox.state() {
            SandboxState::Ready | SandboxState::Idle => ActFrame::Done { content: words::running(row) },
            SandboxState::Queued => {
                let place = self.place(row).await;
                let waits = match place {
                    Some(place) => format!("All places are taken; number {place} in the queue."),
                    None => "All places are taken.".to_owned(),
                };
                later(waits, AGAIN_MS)
            }
            SandboxState::Starting => {
                let detail = if self.hosts.is_empty() { words::NOT_SET_UP } else { words::NOT_YET };
                later(detail.to_owned(), AGAIN_MS)
            }
            SandboxState::Stopping
            | SandboxState::Stopped
            | SandboxState::Failed
            | SandboxState::Destroyed => {
                // It was started, and ended as sandboxes do, before this was asked again.
                match row.sandbox.end().map(|end| end.reason) {
                    Some(SandboxReason::Requested | SandboxReason::Idle) => {
                        ActFrame::Done { content: words::standing(row) }
                    }
                    Some(
                        SandboxReason::ExecutorUnavailable
                        | SandboxReason::StartFailed
                        | SandboxReason::CrashLoop
                        | SandboxReason::Lost
                        | SandboxReason::QuotaReached
                        | SandboxReason::OwnerGone,
                    )
                    | None => ActFrame::Failed { detail: words::standing(row) },
                }
            }
        }
    }

    /// Its place in the queue.
    pub(crate) async fn place(&mut self, row: &StoredSandbox) -> Option<u64> {
        let mut rows = self.link.rows(row.org).await.ok()?;
        let place = sandboxes::queue_place(&mut rows, row.id).await.ok()?;
        self.link.done(rows);
        place
    }
}

/// Drives a sandbox that waited longer, beside the one that was asked for.
fn beside(errand: Errand, hosts: Hosts, row: StoredSandbox, effects: Vec<Effect>) {
    let keep = errand.clone();
    keep.later(async move {
        let mut changes = Changes::new(&errand, &hosts);
        // What fails here is in the log, and a sweep goes on with it.
        let _gone_on_with = changes.perform(row.clone(), effects).await;
        changes.let_go(&row).await;
    });
}

async fn claimed(
    rows: &mut OrgDb,
    asked: &ActRequest,
    wanted: Wanted<'_>,
    errand: &Errand,
) -> Result<Claimed, StoreError> {
    if let Some(row) = sandboxes::find_by_approval(rows, asked.approval).await? {
        return Ok(Claimed::Sandbox(Box::new(row), Vec::new()));
    }
    if let (ApprovalOption::Reuse, Some(reuse)) = (asked.option, wanted.reuse)
        && let Some(claimed) = reused(rows, asked, wanted, reuse, errand).await?
    {
        return Ok(claimed);
    }
    let new = NewSandbox {
        id: ids::fresh(),
        chat: asked.chat,
        approval: asked.approval,
        size: wanted.size,
        hosts: wanted.hosts,
        template: wanted.template,
        asked_by: asked.asked_by,
        user: asked.user,
    };
    let row = sandboxes::reserve(rows, &new, errand.now()).await?;
    audit::append(rows, &entry(asked, &row)).await?;
    // Where there is a place and nobody waited longer, it never waits.
    let (row, effects) = next(rows, Some(row.id), errand).await?.unwrap_or((row, Vec::new()));
    Ok(Claimed::Sandbox(Box::new(row), effects))
}

/// Asks the chat's earlier sandbox to start again. `None` when there is none any more: a new one takes its place.
async fn reused(
    rows: &mut OrgDb,
    asked: &ActRequest,
    wanted: Wanted<'_>,
    reuse: SandboxId,
    errand: &Errand,
) -> Result<Option<Claimed>, StoreError> {
    let Some(mut before) = sandboxes::lock(rows, reuse).await?.filter(|row| row.chat == asked.chat) else {
        return Ok(None);
    };
    let now = errand.now();
    if before.sandbox.state() == SandboxState::Destroyed || before.sandbox.is_doomed() {
        return Ok(None);
    }
    if !sandboxes::act_once(rows, asked.approval, reuse, now).await? {
        return Ok(Some(Claimed::Sandbox(Box::new(before), Vec::new())));
    }
    // It may reach what people have just read and approved, no more and no less.
    if before.hosts != wanted.hosts {
        before = sandboxes::set_hosts(rows, &before, wanted.hosts).await?;
    }
    let step = match decide(&before.sandbox, &Happened::StartAsked, now, &errand.rules()) {
        Ok(step) => step,
        Err(Refusal::Destroyed | Refusal::NotQueued) => return Ok(None),
        Err(Refusal::StillStopping) => {
            return Ok(Some(Claimed::Ended(later("The sandbox is being stopped.".to_owned(), 1_000))));
        }
        Err(Refusal::CrashLoop { until }) => {
            let detail = format!("{CRASH_LOOP} It may be tried again after {until}.");
            return Ok(Some(Claimed::Ended(ActFrame::Failed { detail })));
        }
    };
    let after = sandboxes::advance(rows, &before, &step, now).await?;
    audit::append(rows, &entry(asked, &after)).await?;
    Ok(Some(Claimed::Sandbox(Box::new(after), step.effects)))
}

const CRASH_LOOP: &str = "The sandbox was started three times within five minutes and did not stay.";

/// That an approval is carried out; who approved is recorded with the approval.
fn entry(asked: &ActRequest, row: &StoredSandbox) -> audit::Entry {
    audit::Entry {
        key: format!("{}:sandbox.start", asked.approval),
        actor: asked.asked_by,
        action: "sandbox.start",
        subject: row.id.to_string(),
        detail: format!("{}; {}", words::size(row.size), words::reach(&row.hosts)),
    }
}

pub(super) fn later(detail: String, after_ms: u32) -> ActFrame {
    ActFrame::Later { detail, after_ms }
}

/// What cannot be done now may be done later; what is refused stays so.
pub(super) fn failed(problem: Problem) -> ActFrame {
    match problem.retry_after_s {
        Some(seconds) => later("It is tried again.".to_owned(), seconds.saturating_mul(1_000)),
        None => ActFrame::Failed { detail: problem.to_string() },
    }
}
