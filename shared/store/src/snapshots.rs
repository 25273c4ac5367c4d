//! Snapshots: which of a sandbox's workspaces are kept. Their bytes lie in R2, under the snapshot's id.
//!
//! Invariant: a row comes before its object and goes after it, so no object is ever without a row; only those that R2 has
//! are shown.

use slipway_contract::http::snapshots::{Snapshot, SnapshotCause};
use slipway_contract::{Actor, ChatId, OrgId, SandboxId, SnapshotId, Timestamp};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, RemovalDb, StoreError, SweepsDb};

/// A snapshot that is about to be taken.
#[derive(Clone, Copy, Debug)]
pub struct NewSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Of which sandbox.
    pub sandbox: SandboxId,
    /// Why.
    pub cause: SnapshotCause,
    /// Who takes it.
    pub by: Actor,
}

/// Says that a snapshot is being taken, before R2 has anything of it.
///
/// # Errors
/// Only those of the connection.
pub async fn begin(db: &mut OrgDb, new: &NewSnapshot, now: Timestamp) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- snapshots::begin
         INSERT INTO snapshots (snapshot_id, org_id, sandbox_id, state, cause, taken_by, created_at)
         VALUES ($2, $1, $3, 'taking', $4, $5, $6)",
        &[sql(org), sql(new.id), sql(new.sandbox), sql(new.cause), sql(new.by), sql(now)],
    )
    .await
}

/// Whether one that was begun after `since` is still being taken of a sandbox.
///
/// # Errors
/// Only those of the connection.
pub async fn is_taken(db: &mut OrgDb, sandbox: SandboxId, since: Timestamp) -> Result<bool, StoreError> {
    let org = db.org();
    let taken = db
        .fetch_optional(
            "-- snapshots::is_taken
             SELECT snapshot_id FROM snapshots
              WHERE org_id = $1 AND sandbox_id = $2 AND state = 'taking' AND created_at > $3 LIMIT 1",
            &[sql(org), sql(sandbox), sql(since)],
        )
        .await?;
    Ok(taken.is_some())
}

/// R2 has all of a snapshot: it is shown from now on. `None` when it shall go already.
///
/// # Errors
/// Only those of the connection.
pub async fn keep(
    db: &mut OrgDb,
    snapshot: SnapshotId,
    bytes: u64,
    sha256: &str,
) -> Result<Option<Snapshot>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- snapshots::keep
         UPDATE snapshots SET state = 'kept', bytes = $3, sha256 = $4
          WHERE org_id = $1 AND snapshot_id = $2 AND state = 'taking'
         RETURNING snapshot_id, sandbox_id, cause, bytes, sha256, taken_by, created_at",
        &[sql(org), sql(snapshot), sql(bytes), sql(sha256)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// One that is kept of this sandbox.
///
/// # Errors
/// Only those of the connection.
pub async fn find(
    db: &mut OrgDb,
    sandbox: SandboxId,
    snapshot: SnapshotId,
) -> Result<Option<Snapshot>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- snapshots::find
         SELECT snapshot_id, sandbox_id, cause, bytes, sha256, taken_by, created_at FROM snapshots
          WHERE org_id = $1 AND sandbox_id = $2 AND snapshot_id = $3 AND state = 'kept'",
        &[sql(org), sql(sandbox), sql(snapshot)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The newest `most` that are kept of a sandbox, the newest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(db: &mut OrgDb, sandbox: SandboxId, most: usize) -> Result<Vec<Snapshot>, StoreError> {
    let org = db.org();
    let most = u64::try_from(most).unwrap_or(u64::from(u32::MAX));
    let rows = db
        .fetch_all(
            "-- snapshots::list
             SELECT snapshot_id, sandbox_id, cause, bytes, sha256, taken_by, created_at FROM snapshots
              WHERE org_id = $1 AND sandbox_id = $2 AND state = 'kept' ORDER BY snapshot_id DESC LIMIT $3",
            &[sql(org), sql(sandbox), sql(most)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The newest that is kept of a sandbox.
///
/// # Errors
/// Only those of the connection.
pub async fn newest(db: &mut OrgDb, sandbox: SandboxId) -> Result<Option<Snapshot>, StoreError> {
    Ok(list(db, sandbox, 1).await?.pop())
}

/// A snapshot that is kept shall go: it is shown no more. Answers whether there is one.
///
/// # Errors
/// Only those of the connection.
pub async fn doom(db: &mut OrgDb, sandbox: SandboxId, snapshot: SnapshotId) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- snapshots::doom
         UPDATE snapshots SET state = 'removing'
          WHERE org_id = $1 AND sandbox_id = $2 AND snapshot_id = $3 AND state = 'kept'",
        &[sql(org), sql(sandbox), sql(snapshot)],
    )
    .await
}

/// All that are kept of a sandbox but the newest `most` shall go; which.
///
/// # Errors
/// Only those of the connection.
pub async fn doom_older(
    db: &mut OrgDb,
    sandbox: SandboxId,
    most: usize,
) -> Result<Vec<SnapshotId>, StoreError> {
    let org = db.org();
    let most = u64::try_from(most).unwrap_or(u64::from(u32::MAX));
    let rows = db
        .fetch_all(
            "-- snapshots::doom_older
             UPDATE snapshots SET state = 'removing'
              WHERE org_id = $1 AND sandbox_id = $2 AND state = 'kept'
                AND snapshot_id IN (SELECT snapshot_id FROM snapshots
                                     WHERE org_id = $1 AND sandbox_id = $2 AND state = 'kept'
                                     ORDER BY snapshot_id DESC OFFSET $3)
             RETURNING snapshot_id",
            &[sql(org), sql(sandbox), sql(most)],
        )
        .await?;
    rows.iter().map(|row| row.read("snapshot_id")).collect()
}

/// The sandbox is gone, or is to go: so are its snapshots, and nobody owes it one.
pub(crate) async fn doom_all(db: &mut OrgDb, sandbox: SandboxId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- snapshots::doom_all
         UPDATE snapshots SET state = 'removing' WHERE org_id = $1 AND sandbox_id = $2",
        &[sql(org), sql(sandbox)],
    )
    .await?;
    db.execute(
        "-- snapshots::doom_all (owed)
         DELETE FROM snapshots_owed WHERE org_id = $1 AND sandbox_id = $2",
        &[sql(org), sql(sandbox)],
    )
    .await
    .map(drop)
}

/// R2 has nothing of a snapshot that is not kept, and gets nothing more of it.
///
/// # Errors
/// Only those of the connection.
pub async fn forget(db: &mut OrgDb, snapshot: SnapshotId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- snapshots::forget
         DELETE FROM snapshots WHERE org_id = $1 AND snapshot_id = $2 AND state <> 'kept'",
        &[sql(org), sql(snapshot)],
    )
    .await
    .map(drop)
}

/// A run has ended whose files nobody has kept.
pub(crate) async fn owe(
    db: &mut OrgDb,
    sandbox: SandboxId,
    run_epoch: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- snapshots::owe
         INSERT INTO snapshots_owed AS row (sandbox_id, org_id, run_epoch, tries, again_at) VALUES ($2, $1, $3, 0, $4)
         ON CONFLICT (sandbox_id) DO UPDATE SET run_epoch = excluded.run_epoch, tries = 0, again_at = excluded.again_at
             WHERE row.run_epoch < excluded.run_epoch",
        &[sql(org), sql(sandbox), sql(run_epoch), sql(now)],
    )
    .await
    .map(drop)
}

/// What a sandbox is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The run whose files are to be kept.
    pub run_epoch: u64,
    /// How often that was tried.
    pub tries: u64,
}

/// A snapshot that a sandbox is owed is about to be tried: should nobody say how that went, it is tried again when `again`
/// says for so many tries. `None` when it is owed none, or not yet.
///
/// # Errors
/// Only those of the connection.
pub async fn attempt(
    db: &mut OrgDb,
    sandbox: SandboxId,
    now: Timestamp,
    again: impl FnOnce(u64) -> Timestamp,
) -> Result<Option<Owed>, StoreError> {
    let org = db.org();
    let found = db
        .fetch_optional(
            "-- snapshots::attempt
             SELECT run_epoch, tries FROM snapshots_owed
              WHERE org_id = $1 AND sandbox_id = $2 AND again_at <= $3 FOR UPDATE",
            &[sql(org), sql(sandbox), sql(now)],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let owed = Owed { run_epoch: row.read("run_epoch")?, tries: row.read::<u64>("tries")? + 1 };
    db.execute_one(
        "-- snapshots::attempt (again)
         UPDATE snapshots_owed SET tries = $3, again_at = $4 WHERE org_id = $1 AND sandbox_id = $2",
        &[sql(org), sql(sandbox), sql(owed.tries), sql(again(owed.tries))],
    )
    .await?;
    Ok(Some(owed))
}

/// The files of that run are kept, or cannot be: they are owed no more.
///
/// # Errors
/// Only those of the connection.
pub async fn settle(db: &mut OrgDb, sandbox: SandboxId, run_epoch: u64) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- snapshots::settle
         DELETE FROM snapshots_owed WHERE org_id = $1 AND sandbox_id = $2 AND run_epoch <= $3",
        &[sql(org), sql(sandbox), sql(run_epoch)],
    )
    .await
    .map(drop)
}

/// A snapshot whose row is to go once its object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOver {
    /// The org.
    pub org: OrgId,
    /// Of which sandbox.
    pub sandbox: SandboxId,
    /// Which.
    pub snapshot: SnapshotId,
}

/// Snapshots that shall go. Those that were never whole count once they were begun before `before`: until then, whoever
/// takes them may still be at it.
///
/// # Errors
/// Only those of the connection.
pub async fn left_over(
    db: &mut SweepsDb,
    before: Timestamp,
    page: &Page<SnapshotId>,
) -> Result<Slice<LeftOver>, StoreError> {
    let rows = db
        .fetch_all(
            "-- snapshots::left_over
             SELECT org_id, sandbox_id, snapshot_id FROM snapshots
              WHERE state <> 'kept' AND (bytes IS NOT NULL OR created_at <= $1)
                AND ($2::text IS NULL OR snapshot_id > $2)
              ORDER BY snapshot_id LIMIT $3",
            &[sql(before), sql(page.after), sql(page.fetch())],
        )
        .await?;
    let read = |row: &Row| {
        Ok(LeftOver {
            org: row.read("org_id")?,
            sandbox: row.read("sandbox_id")?,
            snapshot: row.read("snapshot_id")?,
        })
    };
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, StoreError>>()?))
}

/// Snapshots of a chat that is deleted, with the bytes of those that are whole and when each was begun.
///
/// # Errors
/// Only those of the connection.
pub async fn of_chat(
    db: &mut RemovalDb,
    chat: ChatId,
    most: u64,
) -> Result<Vec<(LeftOver, Option<u64>, Timestamp)>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- snapshots::of_chat
             SELECT snapshot_id, sandbox_id, bytes, snapshots.created_at FROM snapshots
               JOIN sandboxes USING (org_id, sandbox_id)
              WHERE org_id = $1 AND chat_id = $2 ORDER BY snapshot_id LIMIT $3",
            &[sql(org), sql(chat), sql(most)],
        )
        .await?;
    let read = |row: &Row| {
        let one = LeftOver { org, sandbox: row.read("sandbox_id")?, snapshot: row.read("snapshot_id")? };
        Ok((one, row.read("bytes")?, row.read("created_at")?))
    };
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Snapshot, StoreError> {
    Ok(Snapshot {
        id: row.read("snapshot_id")?,
        sandbox: row.read("sandbox_id")?,
        cause: row.read("cause")?,
        bytes: row.read("bytes")?,
        sha256: row.read("sha256")?,
        by: row.read("taken_by")?,
        created_at: row.read("created_at")?,
    })
}
