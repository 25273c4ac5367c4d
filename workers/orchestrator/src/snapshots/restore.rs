//! A workspace becomes what it was: from R2 to the executor, checked on the way.

use std::cell::Cell;
use std::rc::Rc;

use futures::{StreamExt, stream};
use slipway_contract::http::snapshots::Snapshot;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{OrgId, Problem, ProblemCode, SnapshotId};
use slipway_edge::log::Line;
use slipway_store::sandboxes::StoredSandbox;
use slipway_store::{OrgDb, StoreError, audit, snapshots};
use worker::{ByteStream, FixedLengthStream};

use super::passage::{Check, Damaged};
use super::{away, bucket, object};
use crate::executor::{Executor, ExecutorError};
use crate::sandboxes::{Changes, words};

/// Why a workspace is as it was before.
#[derive(Debug)]
pub(crate) enum NotRestored {
    /// R2 has not what was put there.
    Damaged,
    /// The executor did not take it.
    Executor(ExecutorError),
    /// As callers are told.
    Problem(Problem),
}

impl From<NotRestored> for Problem {
    fn from(not: NotRestored) -> Self {
        match not {
            NotRestored::Damaged => Self::new(ProblemCode::SnapshotDamaged).detail(
                "What is kept of this snapshot is not what was put there. The files are as they were.",
            ),
            NotRestored::Executor(error) => error.into(),
            NotRestored::Problem(problem) => problem,
        }
    }
}

/// When a snapshot takes the place of what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// People asked for it.
    Always,
    /// It starts on a host that has nothing of it. Should somebody else have restored it by now, it is left as it is.
    Blank,
}

impl Changes<'_> {
    /// Makes the workspace of a running sandbox what it was, as people asked.
    ///
    /// # Errors
    /// There is no such snapshot, or it could not be restored: nothing has changed then.
    pub(crate) async fn restore_snapshot(
        &mut self,
        row: &StoredSandbox,
        snapshot: SnapshotId,
        entry: &audit::Entry,
    ) -> Result<(), Problem> {
        let mut rows = self.link.rows(row.org).await?;
        let found = match found(&mut rows, row, snapshot, entry).await {
            Ok(found) => self.link.commit(rows).await.map(|()| found),
            Err(error) => Err(error),
        };
        let snapshot = found.map_err(|error| self.errand.refuse(&error))?.ok_or(ProblemCode::NotFound)?;
        let unreachable = || Problem::new(ProblemCode::Unavailable).detail(words::UNREACHABLE).retry_after(2);
        let executor = self.executor(row).ok_or_else(unreachable)?;
        Ok(self.bring_back(row.org, &executor, &snapshot, When::Always).await?)
    }

    /// From R2 to an executor on which the sandbox runs.
    ///
    /// # Errors
    /// See [`NotRestored`].
    pub(crate) async fn bring_back(
        &self,
        org: OrgId,
        executor: &Executor<'_>,
        snapshot: &Snapshot,
        when: When,
    ) -> Result<(), NotRestored> {
        let damaged = |cause: &'static str| {
            Line::error("snapshot_damaged")
                .request(self.errand.request)
                .org(org)
                .sandbox(snapshot.sandbox)
                .name("cause", cause)
                .emit();
            NotRestored::Damaged
        };
        let unread = |error: &worker::Error| {
            Line::warn("snapshot_not_read").request(self.errand.request).org(org).fault(error).emit();
            NotRestored::Problem(away())
        };
        let name = object(org, snapshot.sandbox, snapshot.id);
        let bucket = bucket(self.errand).map_err(NotRestored::Problem)?;
        let found = bucket.get(name).execute().await.map_err(|error| unread(&error))?;
        let found = found.ok_or_else(|| damaged("there is no object"))?;
        if found.size() != snapshot.bytes {
            return Err(damaged("the object has another size"));
        }
        let body = found.body().ok_or_else(|| damaged("the object has no body"))?;
        let body = body.stream().map_err(|error| unread(&error))?;
        let seen = Rc::new(Cell::new(Seen::Nothing));
        let checked = checked(body, Check::of(snapshot.bytes, &snapshot.sha256), Rc::clone(&seen));
        let archive = FixedLengthStream::wrap(checked, snapshot.bytes);
        match executor.unarchive(snapshot.sandbox, archive, when == When::Blank).await {
            Ok(()) => Ok(()),
            Err(_) if seen.get() == Seen::Damaged => Err(damaged("the object has another digest")),
            Err(_) if seen.get() == Seen::Cut => Err(NotRestored::Problem(away())),
            Err(error) => Err(NotRestored::Executor(error)),
        }
    }
}

/// What went wrong with what came from R2, if anything did: the executor only sees that its body is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Cut,
    Damaged,
}

/// The same archive, without its last piece unless all was right. It ends with an error then.
fn checked(
    body: ByteStream,
    check: Check,
    seen: Rc<Cell<Seen>>,
) -> impl futures::Stream<Item = worker::Result<Vec<u8>>> {
    let failed = |seen: &Cell<Seen>, what: Seen| {
        seen.set(what);
        Err(worker::Error::RustError("the snapshot is not sent to its end".to_owned()))
    };
    stream::unfold(Some((body, check, seen)), move |open| async move {
        let (mut body, mut check, seen) = open?;
        loop {
            match body.next().await {
                Some(Ok(piece)) => match check.pass(piece) {
                    Ok(Some(piece)) => return Some((Ok(piece), Some((body, check, seen)))),
                    Ok(None) => {}
                    Err(Damaged) => return Some((failed(&seen, Seen::Damaged), None)),
                },
                Some(Err(_)) => return Some((failed(&seen, Seen::Cut), None)),
                None => {
                    return match check.end() {
                        Ok(last) => last.map(|piece| (Ok(piece), None)),
                        Err(Damaged) => Some((failed(&seen, Seen::Damaged), None)),
                    };
                }
            }
        }
    })
}

/// The snapshot that people want back; that they do is written before anything happens.
async fn found(
    rows: &mut OrgDb,
    row: &StoredSandbox,
    snapshot: SnapshotId,
    entry: &audit::Entry,
) -> Result<Option<Snapshot>, StoreError> {
    let found = snapshots::find(rows, row.id, snapshot).await?;
    if found.is_some() {
        audit::append(rows, entry).await?;
    }
    Ok(found)
}

impl NotRestored {
    /// Whether another try may go better.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Damaged => false,
            Self::Problem(_) => true,
            Self::Executor(error) => match error.code() {
                None => true,
                Some(code) => {
                    matches!(code, ExecutorCode::NotRunning | ExecutorCode::NotFound | ExecutorCode::Failed)
                }
            },
        }
    }

    /// Why, within a sentence about the sandbox's start.
    pub(crate) fn why(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Damaged => format!(
                "its snapshot of {} is damaged; delete that to start from an earlier one",
                snapshot.created_at
            ),
            Self::Executor(error) => format!("its files could not be brought back: {error}"),
            Self::Problem(_) => "its files could not be brought back: snapshots cannot be reached".to_owned(),
        }
    }
}
