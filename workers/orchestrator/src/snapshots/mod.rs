//! Snapshots: a sandbox's workspace, kept in R2 so that it outlives its host.
//!
//! Invariants: a row comes before its object and goes after it, so whoever dies in between leaves what a sweep finds; an
//! object is written once and never changed; nothing of an archive but all of it takes a workspace's place.

mod passage;
mod restore;
mod take;

use slipway_contract::{OrgId, Problem, ProblemCode, SandboxId, SnapshotId};
use slipway_edge::log::Line;
use slipway_store::{OrgDb, StoreError, audit, snapshots};
use worker::Bucket;

use crate::artifacts::BUCKET;
use crate::errand::Errand;
use crate::sandboxes::Changes;

pub(crate) use restore::When;

/// How long an archive may be on its way, in milliseconds: the largest one at 9 MiB/s.
pub(crate) const PASSAGE_MS: u64 = 120_000;
/// When one that is being taken has been given up for certain, in milliseconds: its way, and both ends of that.
pub(crate) const TAKEN_MS: i64 = 150_000;

/// The object of R2 that holds a snapshot.
fn object(org: OrgId, sandbox: SandboxId, snapshot: SnapshotId) -> String {
    format!("orgs/{org}/sandboxes/{sandbox}/snapshots/{snapshot}.tar.gz")
}

fn bucket(errand: &Errand) -> Result<Bucket, Problem> {
    errand.env.bucket(BUCKET).map_err(|error| {
        Line::error("no_bucket").request(errand.request).fault(&error).emit();
        Problem::new(ProblemCode::Unavailable).detail("There is no bucket for snapshots.").retry_after(60)
    })
}

/// What is told when R2 does not do what it is asked.
fn away() -> Problem {
    Problem::new(ProblemCode::Unavailable).detail("Snapshots cannot be reached for now.").retry_after(2)
}

impl Changes<'_> {
    /// Forgets a snapshot. One that is not there is forgotten.
    ///
    /// # Errors
    /// The sandbox is not there, or the database cannot be reached. What R2 keeps for now, a sweep removes.
    pub(crate) async fn delete_snapshot(
        &mut self,
        org: OrgId,
        sandbox: SandboxId,
        snapshot: SnapshotId,
        entry: &audit::Entry,
    ) -> Result<(), Problem> {
        let mut rows = self.link.rows(org).await?;
        let doomed = match doomed(&mut rows, sandbox, snapshot, entry).await {
            Ok(doomed) => self.link.commit(rows).await.map(|()| doomed),
            Err(error) => Err(error),
        };
        let doomed = doomed.map_err(|error| self.errand.refuse(&error))?.ok_or(ProblemCode::NotFound)?;
        if doomed {
            // A sweep tries again.
            let _left_over = self.remove_snapshot(org, sandbox, snapshot).await;
        }
        Ok(())
    }

    /// Removes a snapshot that is shown no more: its object, then its row.
    ///
    /// # Errors
    /// R2 or the database cannot be reached.
    pub(crate) async fn remove_snapshot(
        &mut self,
        org: OrgId,
        sandbox: SandboxId,
        snapshot: SnapshotId,
    ) -> Result<(), Problem> {
        let removed = bucket(self.errand)?.delete(object(org, sandbox, snapshot)).await;
        removed.map_err(|error| {
            Line::warn("snapshot_not_removed")
                .request(self.errand.request)
                .org(org)
                .sandbox(sandbox)
                .fault(&error)
                .emit();
            away()
        })?;
        let mut rows = self.link.rows(org).await?;
        let forgotten = match snapshots::forget(&mut rows, snapshot).await {
            Ok(()) => self.link.commit(rows).await,
            Err(error) => Err(error),
        };
        forgotten.map_err(|error| self.errand.refuse(&error))
    }
}

/// Whether there is such a snapshot, which shall go now; `None` when the org has no such sandbox.
async fn doomed(
    rows: &mut OrgDb,
    sandbox: SandboxId,
    snapshot: SnapshotId,
    entry: &audit::Entry,
) -> Result<Option<bool>, StoreError> {
    if slipway_store::sandboxes::find(rows, sandbox).await?.is_none() {
        return Ok(None);
    }
    let doomed = snapshots::doom(rows, sandbox, snapshot).await?;
    if doomed {
        audit::append(rows, entry).await?;
    }
    Ok(Some(doomed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_lies_below_its_org_and_sandbox() {
        let org = OrgId::fresh(1, [0; 10]);
        let (sandbox, snapshot) = (SandboxId::fresh(2, [0; 10]), SnapshotId::fresh(3, [0; 10]));
        assert_eq!(
            object(org, sandbox, snapshot),
            format!("orgs/{org}/sandboxes/{sandbox}/snapshots/{snapshot}.tar.gz")
        );
    }
}
