//! Signs on a sandbox's row that no decision hangs on: use, heartbeat, what others have acknowledged, who works on it.

use slipway_contract::{SandboxId, Timestamp};

use crate::value::sql;
use crate::{OrgDb, StoreError};

/// How often use is written down, in milliseconds: an exact time would cost a write for every command.
const TOUCH_MS: i64 = 15_000;

/// Notes that a ready sandbox was used; answers whether that was written. An idle one becomes ready by a decision.
///
/// # Errors
/// Only those of the connection.
pub async fn touch(db: &mut OrgDb, sandbox: SandboxId, at: Timestamp) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::touch
         UPDATE sandboxes SET used_at = $3
          WHERE org_id = $1 AND sandbox_id = $2 AND state = 'ready' AND used_at <= $4",
        &[sql(org), sql(sandbox), sql(at), sql(at.plus_ms(-TOUCH_MS))],
    )
    .await
}

/// The sandbox was seen to run; answers whether that is news.
///
/// # Errors
/// Only those of the connection.
pub async fn saw(db: &mut OrgDb, sandbox: SandboxId, at: Timestamp) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::saw
         UPDATE sandboxes SET seen_at = $3 WHERE org_id = $1 AND sandbox_id = $2 AND seen_at < $3",
        &[sql(org), sql(sandbox), sql(at)],
    )
    .await
}

/// The chat has acknowledged this version.
///
/// # Errors
/// Only those of the connection.
pub async fn told_chat(db: &mut OrgDb, sandbox: SandboxId, version: u64) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::told_chat
         UPDATE sandboxes SET told_chat_version = $3
          WHERE org_id = $1 AND sandbox_id = $2 AND told_chat_version < $3",
        &[sql(org), sql(sandbox), sql(version)],
    )
    .await
}

/// The route object has acknowledged this version.
///
/// # Errors
/// Only those of the connection.
pub async fn told_route(db: &mut OrgDb, sandbox: SandboxId, version: u64) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::told_route
         UPDATE sandboxes SET told_route_version = $3
          WHERE org_id = $1 AND sandbox_id = $2 AND told_route_version < $3",
        &[sql(org), sql(sandbox), sql(version)],
    )
    .await
}

/// The executor has acknowledged this epoch and this version of the hosts.
///
/// # Errors
/// Only those of the connection.
pub async fn told_executor(
    db: &mut OrgDb,
    sandbox: SandboxId,
    epoch: u64,
    hosts_version: u64,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::told_executor
         UPDATE sandboxes SET told_executor_epoch = greatest(told_executor_epoch, $3),
                told_executor_hosts = greatest(told_executor_hosts, $4)
          WHERE org_id = $1 AND sandbox_id = $2 AND (told_executor_epoch < $3 OR told_executor_hosts < $4)",
        &[sql(org), sql(sandbox), sql(epoch), sql(hosts_version)],
    )
    .await
}

/// Lets `owner` alone drive the sandbox until then; answers whether it may. Who has the lease may have it longer.
///
/// # Errors
/// Only those of the connection.
pub async fn lease(
    db: &mut OrgDb,
    sandbox: SandboxId,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::lease
         UPDATE sandboxes SET lease_owner = $3, lease_until = $5
          WHERE org_id = $1 AND sandbox_id = $2
            AND (lease_until IS NULL OR lease_until <= $4 OR lease_owner = $3)",
        &[sql(org), sql(sandbox), sql(owner), sql(now), sql(until)],
    )
    .await
}

/// Ends a lease; answers whether `owner` still had it.
///
/// # Errors
/// Only those of the connection.
pub async fn release(db: &mut OrgDb, sandbox: SandboxId, owner: &str) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::release
         UPDATE sandboxes SET lease_owner = NULL, lease_until = NULL
          WHERE org_id = $1 AND sandbox_id = $2 AND lease_owner = $3",
        &[sql(org), sql(sandbox), sql(owner)],
    )
    .await
}
