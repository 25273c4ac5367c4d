//! Failed sign-ins in a row. How long they make one wait is decided in `slipway_domain::identity::throttle`.
//!
//! Invariant: the table stays about as large as a day's attempts; each attempt clears two rows that are older.

use slipway_contract::Timestamp;
use slipway_domain::identity::throttle::{Attempts, FORGET_MS, Subject};

use crate::value::{Value, int, sql};
use crate::{IdentityDb, StoreError};

/// What attempts are counted by, with the SHA-256 of it in hexadecimal.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The kind.
    pub subject: Subject,
    /// The digest.
    pub key: String,
}

const fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Address => "address",
        Subject::Client => "client",
    }
}

/// The failures before this attempt, in the order of `counted`, locked until the transaction ends. Addresses are
/// locked before clients, so that callers cannot wait for each other in a circle. One of each kind at most.
///
/// # Errors
/// Only those of the connection.
pub async fn lock(
    db: &mut IdentityDb,
    counted: &[Counted],
    now: Timestamp,
) -> Result<Vec<Attempts>, StoreError> {
    let kinds = counted.iter().map(|one| kind(one.subject).to_owned()).collect();
    let keys = counted.iter().map(|one| one.key.clone()).collect();
    let rows = db
        .fetch_all(
            "-- signin_attempts::lock
             INSERT INTO signin_attempts AS row (kind, key, failures, last_at)
             SELECT kind, key, 0, $3 FROM unnest($1, $2) AS given (kind, key) ORDER BY kind
             ON CONFLICT (kind, key) DO UPDATE SET failures = row.failures
             RETURNING kind, failures, last_at",
            &[Value::Texts(kinds), Value::Texts(keys), sql(now)],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        let attempts = Attempts { failures: row.read("failures")?, last_at: row.read("last_at")? };
        found.push((row.read::<String>("kind")?, attempts));
    }
    let nothing = Attempts { failures: 0, last_at: now };
    let of = |subject| found.iter().find(|(name, _)| name == kind(subject)).map_or(nothing, |(_, one)| *one);
    Ok(counted.iter().map(|one| of(one.subject)).collect())
}

/// Writes how the attempts of `counted` stand now, in its order.
///
/// # Errors
/// Only those of the connection.
pub async fn record(
    db: &mut IdentityDb,
    counted: &[Counted],
    attempts: &[Attempts],
    now: Timestamp,
) -> Result<(), StoreError> {
    let kinds = counted.iter().map(|one| kind(one.subject).to_owned()).collect();
    let keys = counted.iter().map(|one| one.key.clone()).collect();
    let failures = attempts.iter().map(|one| int(one.failures)).collect();
    db.execute(
        "-- signin_attempts::record
         WITH old AS (
             SELECT kind, key FROM signin_attempts WHERE last_at < $5 ORDER BY last_at LIMIT 2
                FOR UPDATE SKIP LOCKED),
         cleared AS (DELETE FROM signin_attempts USING old WHERE (signin_attempts.kind, signin_attempts.key) = (old.kind, old.key))
         UPDATE signin_attempts AS row SET failures = given.failures, last_at = $4
           FROM unnest($1, $2, $3) AS given (kind, key, failures)
          WHERE row.kind = given.kind AND row.key = given.key",
        &[
            Value::Texts(kinds),
            Value::Texts(keys),
            Value::Ints(failures),
            sql(now),
            sql(now.plus_ms(-24 * FORGET_MS)),
        ],
    )
    .await?;
    Ok(())
}

/// A sign-in succeeded: its address starts over, its client gets this attempt back.
///
/// # Errors
/// Only those of the connection.
pub async fn forgive(db: &mut IdentityDb, counted: &[Counted]) -> Result<(), StoreError> {
    let kinds = counted.iter().map(|one| kind(one.subject).to_owned()).collect();
    let keys = counted.iter().map(|one| one.key.clone()).collect();
    db.execute(
        "-- signin_attempts::forgive
         UPDATE signin_attempts AS row
            SET failures = CASE row.kind WHEN 'address' THEN 0 ELSE greatest(row.failures - 1, 0) END
           FROM unnest($1, $2) AS given (kind, key) WHERE row.kind = given.kind AND row.key = given.key",
        &[Value::Texts(kinds), Value::Texts(keys)],
    )
    .await?;
    Ok(())
}
