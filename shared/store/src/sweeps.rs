//! Book-keeping of sweeps: one at a time by a lease, where to go on, how the last round ended.
//!
//! Invariant: who lost the lease writes nothing more.

use slipway_contract::Timestamp;

use crate::value::sql;
use crate::{StoreError, SweepsDb};

/// A sweep that is the caller's to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where an earlier round stopped; absent at the beginning.
    pub cursor: Option<String>,
    /// When a round last came to its end.
    pub last_run: Option<Timestamp>,
}

/// Takes the lease of a sweep until then; `None` while somebody else has it.
///
/// # Errors
/// Only those of the connection.
pub async fn claim(
    db: &mut SweepsDb,
    name: &str,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claim>, StoreError> {
    db.fetch_optional(
        "-- sweeps::claim
         INSERT INTO sweeps AS row (name, lease_owner, lease_until) VALUES ($1, $2, $4)
         ON CONFLICT (name) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
             WHERE row.lease_owner IS NULL OR row.lease_until <= $3 OR row.lease_owner = $2
         RETURNING cursor, last_run",
        &[sql(name), sql(owner), sql(now), sql(until)],
    )
    .await?
    .map(|row| Ok(Claim { cursor: row.read("cursor")?, last_run: row.read("last_run")? }))
    .transpose()
}

/// Notes how far a sweep is and keeps its lease until then; answers whether `owner` still has it.
///
/// # Errors
/// Only those of the connection.
pub async fn keep(
    db: &mut SweepsDb,
    name: &str,
    owner: &str,
    cursor: Option<&str>,
    until: Timestamp,
) -> Result<bool, StoreError> {
    db.execute_optional(
        "-- sweeps::keep
         UPDATE sweeps SET cursor = $3, lease_until = $4 WHERE name = $1 AND lease_owner = $2",
        &[sql(name), sql(owner), sql(cursor), sql(until)],
    )
    .await
}

/// A round came to its end, with this outcome for those who operate Slipway; the next begins anew. Answers whether `owner`
/// still had the lease.
///
/// # Errors
/// Only those of the connection.
pub async fn finish(
    db: &mut SweepsDb,
    name: &str,
    owner: &str,
    now: Timestamp,
    outcome: &str,
) -> Result<bool, StoreError> {
    db.execute_optional(
        "-- sweeps::finish
         UPDATE sweeps SET lease_owner = NULL, lease_until = $3, cursor = NULL, last_run = $3, outcome = $4
          WHERE name = $1 AND lease_owner = $2",
        &[sql(name), sql(owner), sql(now), sql(outcome)],
    )
    .await
}
