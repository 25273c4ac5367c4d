//! The usage ledger: how long sandboxes ran and what they sent outside, whoever died meanwhile.
//!
//! Invariants: a run has one entry, and a sandbox one open run; an entry ends once and is not changed after. Bytes only grow
//! to what the executor told of a run, however often and in whatever order it is told.

mod names;
mod report;

use slipway_contract::{Actor, SandboxId, Timestamp};
use slipway_domain::sandbox::{Run, quota};

pub use names::named_for;
pub use report::{PARTS, report};

use crate::sandboxes::StoredSandbox;
use crate::value::{Value, sql};
use crate::{OrgDb, StoreError};

/// A run began; with the step that says so, in one transaction.
pub(crate) async fn open(db: &mut OrgDb, sandbox: &StoredSandbox, run: Run) -> Result<(), StoreError> {
    let org = db.org();
    let agent = match sandbox.asked_by {
        Actor::Agent { id } => Some(id),
        Actor::User { .. } | Actor::System => None,
    };
    db.execute_one(
        "-- usage::open
         INSERT INTO usage_entries
                (org_id, sandbox_id, epoch, kind, period, chat_id, user_id, agent_id, size, from_at, bytes)
         VALUES ($1, $2, $3, 'sandbox_seconds', '', $4, $5, $6, $7, $8, 0)",
        &[
            sql(org),
            sql(sandbox.id),
            sql(run.epoch),
            sql(sandbox.chat),
            sql(sandbox.user),
            sql(agent),
            sql(sandbox.size),
            sql(run.from),
        ],
    )
    .await
}

/// A run ended; with the step that says so, in one transaction.
pub(crate) async fn close(
    db: &mut OrgDb,
    sandbox: SandboxId,
    run: Run,
    until: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- usage::close
         UPDATE usage_entries SET until_at = $4
          WHERE org_id = $1 AND sandbox_id = $2 AND epoch = $3 AND kind = 'sandbox_seconds' AND until_at IS NULL",
        &[sql(org), sql(sandbox), sql(run.epoch), sql(until)],
    )
    .await
}

/// The executor tells at `at` that a run has sent `total` bytes outside until now, or had when it ended. What is new of
/// that counts on the day (UTC) of `at`. A run that has no entry is left out.
///
/// # Errors
/// Only those of the connection.
pub async fn egress(
    db: &mut OrgDb,
    sandbox: SandboxId,
    run_epoch: u64,
    total: u64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- usage::egress
         WITH before AS MATERIALIZED (
             SELECT bytes FROM usage_entries
              WHERE org_id = $1 AND sandbox_id = $2 AND epoch = $3 AND kind = 'sandbox_seconds' FOR UPDATE),
         grown AS (
             UPDATE usage_entries AS run SET bytes = $4 FROM before
              WHERE org_id = $1 AND sandbox_id = $2 AND epoch = $3 AND kind = 'sandbox_seconds' AND before.bytes < $4
             RETURNING $4 - before.bytes AS more, run.chat_id, run.user_id, run.agent_id, run.size)
         INSERT INTO usage_entries AS day
                (org_id, sandbox_id, epoch, kind, period, chat_id, user_id, agent_id, size, from_at, until_at, bytes)
         SELECT $1, $2, $3, 'egress_bytes', $6, chat_id, user_id, agent_id, size, $5, $5, more FROM grown
         ON CONFLICT (sandbox_id, epoch, kind, period) DO UPDATE SET bytes = day.bytes + excluded.bytes",
        &[sql(org), sql(sandbox), sql(run_epoch), sql(total), sql(at), sql(&quota::day(at))],
    )
    .await?;
    Ok(())
}

/// How many seconds each sandbox has run in all, until now; those that never ran are left out.
///
/// # Errors
/// Only those of the connection.
pub async fn seconds_of(
    db: &mut OrgDb,
    sandboxes: &[SandboxId],
    now: Timestamp,
) -> Result<Vec<(SandboxId, u64)>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- usage::seconds_of
             SELECT sandbox_id, floor(sum(greatest(extract(epoch FROM coalesce(until_at, $3) - from_at), 0)))::bigint
                    AS seconds
               FROM usage_entries
              WHERE org_id = $1 AND sandbox_id = ANY ($2) AND kind = 'sandbox_seconds' GROUP BY sandbox_id",
            &[sql(org), Value::Texts(sandboxes.iter().map(ToString::to_string).collect()), sql(now)],
        )
        .await?;
    rows.iter().map(|row| Ok((row.read("sandbox_id")?, row.read("seconds")?))).collect()
}
