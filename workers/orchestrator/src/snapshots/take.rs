//! A snapshot is taken: from the executor into R2, and shown once R2 has all of it.

use futures::StreamExt;
use slipway_contract::http::snapshots::{Snapshot, SnapshotCause};
use slipway_contract::limits::{SNAPSHOT_BYTES, SNAPSHOTS_PER_SANDBOX};
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Actor, Problem, ProblemCode, SnapshotId};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::snapshots::{self, NewSnapshot};
use slipway_store::{OrgDb, StoreError, audit};
use worker::{Bucket, MultipartUpload};

use super::passage::Parts;
use super::{PASSAGE_MS, TAKEN_MS, away, bucket, object};
use crate::errand::Errand;
use crate::executor::{Archive, ExecutorError};
use crate::outgoing;
use crate::sandboxes::Changes;

/// Size of the parts that an archive is uploaded in, in bytes: R2 takes 5 MiB at least, of one size but for the last, and
/// 10,000 of them. The largest snapshot has 128.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How long an executor may say nothing in the middle of an archive, in milliseconds.
const SILENCE_MS: u64 = 30_000;

impl Changes<'_> {
    /// Keeps a sandbox's workspace as it is now. The oldest snapshots beyond those that it may have make way.
    ///
    /// # Errors
    /// It could not be read or kept, is too large, or another is being taken. Nothing is left of it then, or a sweep
    /// removes it.
    pub(crate) async fn take_snapshot(
        &mut self,
        row: &StoredSandbox,
        cause: SnapshotCause,
        by: Actor,
    ) -> Result<Snapshot, Problem> {
        let new = NewSnapshot { id: ids::fresh(), sandbox: row.id, cause, by };
        self.begin(row, &new).await?;
        let (bytes, sha256) = match self.pass(row, new.id).await {
            Ok(whole) => whole,
            Err(NotPassed::Over(problem)) => {
                // A sweep tries again.
                let _left_over = self.remove_snapshot(row.org, row.id, new.id).await;
                return Err(problem);
            }
            // Nobody knows what R2 makes of it yet: the row stays until a sweep may be sure.
            Err(NotPassed::Unknown(problem)) => return Err(problem),
        };
        // Should this fail, it may have been written all the same: a sweep finds out.
        let (kept, older) = self.settle(row, &new, bytes, &sha256).await?;
        for one in older {
            let _left_over = self.remove_snapshot(row.org, row.id, one).await;
        }
        match kept {
            Some(snapshot) => Ok(snapshot),
            // The sandbox was destroyed meanwhile.
            None => {
                let _left_over = self.remove_snapshot(row.org, row.id, new.id).await;
                Err(ProblemCode::NotFound.into())
            }
        }
    }

    /// Says that it is being taken.
    async fn begin(&mut self, row: &StoredSandbox, new: &NewSnapshot) -> Result<(), Problem> {
        let mut rows = self.link.rows(row.org).await?;
        let begun = match begun(&mut rows, new, self.errand).await {
            Ok(Ok(())) => self.link.commit(rows).await.map(Ok),
            Ok(Err(problem)) => {
                self.link.done(rows);
                Ok(Err(problem))
            }
            Err(error) => Err(error),
        };
        begun.map_err(|error| self.errand.refuse(&error))?
    }

    /// From the executor into R2; answers the archive's size and SHA-256.
    async fn pass(&self, row: &StoredSandbox, snapshot: SnapshotId) -> Result<(u64, String), NotPassed> {
        let over = |error: ExecutorError| NotPassed::Over(error.into());
        let unreachable = ExecutorError::Unavailable { cause: "the executor is not set up" };
        let bucket = bucket(self.errand).map_err(NotPassed::Over)?;
        let executor = self.executor(row).ok_or_else(|| over(unreachable))?;
        let archive = executor.archive(row.id).await.map_err(over)?;
        let mut upload = Upload::new(self.errand, &bucket, object(row.org, row.id, snapshot));
        let passed = outgoing::within(PASSAGE_MS, upload.all_of(archive)).await;
        let passed = passed.unwrap_or_else(|| Err(NotPassed::Unknown(late())));
        if passed.is_err() {
            upload.abort().await;
        }
        passed
    }

    /// R2 has it: shows it, and says which make way.
    async fn settle(
        &mut self,
        row: &StoredSandbox,
        new: &NewSnapshot,
        bytes: u64,
        sha256: &str,
    ) -> Result<(Option<Snapshot>, Vec<SnapshotId>), Problem> {
        let mut rows = self.link.rows(row.org).await?;
        let settled = match settled(&mut rows, new, bytes, sha256).await {
            Ok(settled) => self.link.commit(rows).await.map(|()| settled),
            Err(error) => Err(error),
        };
        settled.map_err(|error| self.errand.refuse(&error))
    }
}

/// One at a time of a sandbox.
async fn begun(
    rows: &mut OrgDb,
    new: &NewSnapshot,
    errand: &Errand,
) -> Result<Result<(), Problem>, StoreError> {
    let gone =
        |row: &StoredSandbox| row.sandbox.state() == SandboxState::Destroyed || row.sandbox.is_doomed();
    if sandboxes::lock(rows, new.sandbox).await?.is_none_or(|row| gone(&row)) {
        return Ok(Err(ProblemCode::NotFound.into()));
    }
    let now = errand.now();
    if snapshots::is_taken(rows, new.sandbox, now.plus_ms(-TAKEN_MS)).await? {
        let detail = "A snapshot of this sandbox is being taken already.";
        return Ok(Err(Problem::new(ProblemCode::LimitReached).detail(detail)));
    }
    snapshots::begin(rows, new, now).await?;
    Ok(Ok(()))
}

async fn settled(
    rows: &mut OrgDb,
    new: &NewSnapshot,
    bytes: u64,
    sha256: &str,
) -> Result<(Option<Snapshot>, Vec<SnapshotId>), StoreError> {
    let Some(kept) = snapshots::keep(rows, new.id, bytes, sha256).await? else {
        return Ok((None, Vec::new()));
    };
    let entry = audit::Entry {
        key: format!("{}:sandbox.snapshot", kept.id),
        actor: new.by,
        action: "sandbox.snapshot",
        subject: new.sandbox.to_string(),
        detail: format!("{}, {bytes} bytes", kept.id),
    };
    audit::append(rows, &entry).await?;
    let older = snapshots::doom_older(rows, new.sandbox, SNAPSHOTS_PER_SANDBOX).await?;
    Ok((Some(kept), older))
}

/// R2 did not get it.
enum NotPassed {
    /// And gets nothing more of it.
    Over(Problem),
    /// Or did, or will yet.
    Unknown(Problem),
}

impl From<Problem> for NotPassed {
    fn from(problem: Problem) -> Self {
        Self::Over(problem)
    }
}

fn late() -> Problem {
    let detail = "The snapshot took too long.";
    Problem::new(ProblemCode::Unavailable).detail(detail).retry_after(5)
}

/// An upload, which begins with the first part that is full: what is smaller is put at once.
struct Upload<'u> {
    errand: &'u Errand,
    bucket: &'u Bucket,
    object: String,
    parts: Vec<worker::UploadedPart>,
    begun: Option<MultipartUpload>,
}

impl<'u> Upload<'u> {
    const fn new(errand: &'u Errand, bucket: &'u Bucket, object: String) -> Self {
        Self { errand, bucket, object, parts: Vec::new(), begun: None }
    }

    async fn all_of(&mut self, mut archive: Archive) -> Result<(u64, String), NotPassed> {
        let broken = || {
            let detail = "The snapshot broke off before its end.";
            Problem::new(ProblemCode::Unavailable).detail(detail).retry_after(2)
        };
        let mut parts = Parts::of(PART_BYTES);
        loop {
            match outgoing::within(SILENCE_MS, archive.body.next()).await {
                Some(Some(Ok(piece))) => {
                    if parts.feed(&piece) > SNAPSHOT_BYTES {
                        let most = SNAPSHOT_BYTES >> 20;
                        let detail = format!("The workspace has more than {most} MiB, even compressed.");
                        return Err(Problem::new(ProblemCode::TooLarge).detail(detail).into());
                    }
                    while let Some(part) = parts.full() {
                        self.part(part).await?;
                    }
                }
                Some(None) => break,
                Some(Some(Err(_))) | None => return Err(broken().into()),
            }
        }
        let (last, bytes, sha256) = parts.end();
        if self.begun.is_some() && !last.is_empty() {
            self.part(last).await?;
        } else if self.begun.is_none() {
            let put = self.bucket.put(self.object.clone(), last).execute().await;
            put.map_err(|error| NotPassed::Unknown(self.complain(&error)))?;
        }
        if let Some(upload) = self.begun.take() {
            let completed = upload.complete(core::mem::take(&mut self.parts)).await;
            completed.map_err(|error| NotPassed::Unknown(self.complain(&error)))?;
        }
        Ok((bytes, sha256))
    }

    async fn part(&mut self, part: Vec<u8>) -> Result<(), Problem> {
        if self.begun.is_none() {
            let begun = self.bucket.create_multipart_upload(self.object.clone()).execute().await;
            self.begun = Some(begun.map_err(|error| self.complain(&error))?);
        }
        let Some(begun) = &self.begun else { return Err(away()) };
        let number = u16::try_from(self.parts.len() + 1).unwrap_or(u16::MAX);
        let uploaded = begun.upload_part(number, part).await;
        self.parts.push(uploaded.map_err(|error| self.complain(&error))?);
        Ok(())
    }

    /// Drops the parts. Those of an upload that nobody ends, R2 drops by itself after a week.
    async fn abort(&mut self) {
        if let Some(upload) = self.begun.take()
            && let Err(error) = upload.abort().await
        {
            self.complain(&error);
        }
    }

    fn complain(&self, error: &worker::Error) -> Problem {
        Line::warn("snapshot_not_kept").request(self.errand.request).fault(error).emit();
        away()
    }
}
