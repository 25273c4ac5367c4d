//! Where a call is answered: who asks, in which sandbox, and what an executor's refusal means to an agent.

use slipway_contract::Problem;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::objects::tools::{ToolFrame, ToolRequest};
use slipway_contract::sandbox::SandboxState;
use slipway_domain::sandbox::Happened;
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError};

use super::{error, later};
use crate::errand::Errand;
use crate::executor::{Executor, ExecutorError};
use crate::sandboxes::{Changes, words};
use crate::settings::Hosts;

/// One call.
pub(crate) struct Desk<'a> {
    pub(super) asked: &'a ToolRequest,
    pub(super) changes: Changes<'a>,
}

/// A sandbox that runs, and who runs it.
pub(super) struct Usable<'a> {
    pub(super) row: StoredSandbox,
    pub(super) executor: Executor<'a>,
}

impl<'a> Desk<'a> {
    pub(crate) const fn new(errand: &'a Errand, hosts: &'a Hosts, asked: &'a ToolRequest) -> Self {
        Self { asked, changes: Changes::new(errand, hosts) }
    }

    /// The chat's sandbox, which is used from now on.
    ///
    /// # Errors
    /// The frame that ends the call: none runs, or nobody can tell.
    pub(super) async fn usable(&mut self) -> Result<Usable<'a>, ToolFrame> {
        let row = self.present().await?.ok_or_else(|| error(words::NONE_RUNS.to_owned()))?;
        match row.sandbox.state() {
            SandboxState::Ready => {}
            SandboxState::Idle => self.wake(&row).await,
            SandboxState::Queued | SandboxState::Starting => {
                return Err(error(format!(
                    "{} Commands can be run once it is ready.",
                    words::standing(&row)
                )));
            }
            SandboxState::Stopping
            | SandboxState::Stopped
            | SandboxState::Failed
            | SandboxState::Destroyed => {
                return Err(error(format!("{} {}", words::NONE_RUNS, words::standing(&row))));
            }
        }
        let executor = self.changes.executor(&row).ok_or_else(|| later(words::UNREACHABLE))?;
        Ok(Usable { row, executor })
    }

    /// The sandbox that the chat works in, if it has one: the one that the chat names while that is usable, or else the
    /// newest.
    pub(super) async fn present(&mut self) -> Result<Option<StoredSandbox>, ToolFrame> {
        let mut rows = self.changes.link.rows(self.asked.org).await.map_err(refused)?;
        let now = self.changes.errand.now();
        let found = match present(&mut rows, self.asked, now).await {
            Ok(found) => self.changes.link.commit(rows).await.map(|()| found),
            Err(error) => Err(error),
        };
        found.map_err(|error| refused(self.changes.errand.refuse(&error)))
    }

    /// Somebody uses it again. Should that not be written, a sweep sees the use at the executor.
    async fn wake(&mut self, row: &StoredSandbox) {
        if let Err(trouble) = self.changes.happen(row.org, row.id, Happened::Used).await {
            let _seen_later = Problem::from(trouble);
        }
    }

    /// What the agent is told of an executor that did not do it.
    pub(super) async fn failed(
        &mut self,
        row: &StoredSandbox,
        tried: &str,
        failure: ExecutorError,
    ) -> ToolFrame {
        self.changes.complain(row, "tool", &failure);
        match &failure {
            ExecutorError::Unavailable { .. } => later(words::UNREACHABLE),
            ExecutorError::Refused { code: ExecutorCode::NotRunning, .. } => self.ended(row).await,
            ExecutorError::Refused { code: ExecutorCode::NoPlace, .. } => later("The executor is busy."),
            ExecutorError::Refused {
                code:
                    ExecutorCode::Unauthenticated
                    | ExecutorCode::NotFound
                    | ExecutorCode::EpochOver
                    | ExecutorCode::Invalid
                    | ExecutorCode::TooLarge
                    | ExecutorCode::OutsideWorkspace
                    | ExecutorCode::DiskFull
                    | ExecutorCode::Unsupported
                    | ExecutorCode::PortClosed
                    | ExecutorCode::PortSilent
                    | ExecutorCode::RateLimited
                    | ExecutorCode::Failed,
                ..
            } => error(format!("{tried} did not work: {failure}.")),
        }
    }

    /// It runs no longer, and nobody had noticed.
    pub(super) async fn ended(&mut self, row: &StoredSandbox) -> ToolFrame {
        match self.changes.look(row).await {
            Ok(row) if row.sandbox.state().is_usable() => later(words::UNREACHABLE),
            Ok(row) => error(format!("{} {}", words::NONE_RUNS, words::standing(&row))),
            Err(trouble) => refused(trouble.into()),
        }
    }
}

async fn present(
    rows: &mut OrgDb,
    asked: &ToolRequest,
    now: slipway_contract::Timestamp,
) -> Result<Option<StoredSandbox>, StoreError> {
    let mut found = match asked.sandbox {
        Some(id) => sandboxes::find(rows, id).await?.filter(|row| row.chat == asked.chat),
        None => None,
    };
    if !found.as_ref().is_some_and(|row| row.sandbox.state().is_usable()) {
        found = sandboxes::current(rows, asked.chat).await?;
    }
    if let Some(row) = &found {
        sandboxes::touch(rows, row.id, now).await?;
    }
    Ok(found)
}

/// What the agent is told of a refusal: what may pass is tried again.
pub(super) fn refused(problem: Problem) -> ToolFrame {
    match problem.retry_after_s {
        Some(seconds) => {
            ToolFrame::Later { detail: problem.to_string(), after_ms: seconds.saturating_mul(1_000) }
        }
        None => error(problem.to_string()),
    }
}
