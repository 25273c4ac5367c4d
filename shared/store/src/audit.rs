//! The audit log: who did what. Entries are added and read, and the database itself says when each was recorded.
//!
//! Invariant: nothing changes an entry, and none goes but for its age, where its org keeps none so old; the log tells of that.

use slipway_contract::{Actor, Timestamp};

use crate::page::{Page, Slice};
use crate::value::{Value, sql, storable};
use crate::words::actor_text;
use crate::{OrgDb, RemovalDb, StoreError};

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60_000;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names the deed, so that it is recorded once: 1 to 300 characters.
    pub key: String,
    /// Who did it.
    pub actor: Actor,
    /// What was done: words and dots, such as `sandbox.stop`.
    pub action: &'static str,
    /// To what: an id.
    pub subject: String,
    /// More about it; no secrets and no messages' text.
    pub detail: String,
}

/// An entry as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// See [`Entry::key`].
    pub key: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// See [`Entry::actor`].
    pub actor: Actor,
    /// See [`Entry::action`].
    pub action: String,
    /// See [`Entry::subject`].
    pub subject: String,
    /// See [`Entry::detail`].
    pub detail: String,
}

/// Records something, in the transaction that does it; answers whether it was not recorded before.
///
/// # Errors
/// Only those of the connection.
pub async fn append(db: &mut OrgDb, entry: &Entry) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- audit::append
         INSERT INTO audit (org_id, key, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org_id, key) DO NOTHING",
        &[
            sql(org),
            sql(&entry.key),
            sql(entry.actor),
            sql(entry.action),
            sql(&entry.subject),
            sql(&storable(&entry.detail)),
        ],
    )
    .await
}

/// Records several things; those that are recorded already are left as they are.
pub(crate) async fn append_all(db: &mut OrgDb, entries: &[Entry]) -> Result<(), StoreError> {
    let org = db.org();
    let texts = |of: fn(&Entry) -> String| Value::Texts(entries.iter().map(of).collect());
    db.execute(
        "-- audit::append_all
         INSERT INTO audit (org_id, key, actor, action, subject, detail)
         SELECT $1, key, actor, action, subject, detail
           FROM unnest($2, $3, $4, $5, $6) AS given (key, actor, action, subject, detail) ORDER BY key
         ON CONFLICT (org_id, key) DO NOTHING",
        &[
            sql(org),
            texts(|entry| entry.key.clone()),
            texts(|entry| actor_text(entry.actor)),
            texts(|entry| entry.action.to_owned()),
            texts(|entry| entry.subject.clone()),
            texts(|entry| storable(&entry.detail)),
        ],
    )
    .await?;
    Ok(())
}

/// What was recorded, the newest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(db: &mut OrgDb, page: &Page<(Timestamp, String)>) -> Result<Slice<Recorded>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- audit::list
             SELECT key, at, actor, action, subject, detail FROM audit
              WHERE org_id = $1 AND ($2::timestamptz IS NULL OR (at, key) < ($2, $3))
              ORDER BY at DESC, key DESC LIMIT $4",
            &[
                sql(org),
                sql(page.after.as_ref().map(|(at, _)| *at)),
                sql(page.after.as_ref().map(|(_, key)| key)),
                sql(page.fetch()),
            ],
        )
        .await?;
    let entries = rows.iter().map(|row| {
        Ok(Recorded {
            key: row.read("key")?,
            at: row.read("at")?,
            actor: row.read("actor")?,
            action: row.read("action")?,
            subject: row.read("subject")?,
            detail: row.read("detail")?,
        })
    });
    Ok(page.cut(entries.collect::<Result<_, StoreError>>()?))
}

/// Removes entries that were recorded before `before`, the oldest first; none without it. What went is counted, and told by
/// an entry of its own once all of it did, at most one on each day (UTC). Answers how many went now.
///
/// # Errors
/// Only those of the connection.
pub async fn expire(
    db: &mut RemovalDb,
    before: Option<Timestamp>,
    most: u64,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let org = db.org();
    let held = db
        .fetch_optional(
            "-- audit::expire (lock)
             SELECT audit_gone, audit_told FROM retention WHERE org_id = $1 FOR UPDATE",
            &[sql(org)],
        )
        .await?;
    let Some(held) = held else { return Ok(0) };
    let went = match before {
        Some(before) => {
            db.execute(
                "-- audit::expire
                 DELETE FROM audit WHERE org_id = $1 AND key IN (
                        SELECT key FROM audit WHERE org_id = $1 AND at < $2 ORDER BY at, key LIMIT $3)",
                &[sql(org), sql(before), sql(most)],
            )
            .await?
        }
        None => 0,
    };
    let untold = held.read::<u64>("audit_gone")?.saturating_add(went);
    let told = held.read::<Option<Timestamp>>("audit_told")?;
    let day = |at: Timestamp| at.unix_ms().div_euclid(DAY_MS);
    if untold > 0 && went < most && told.is_none_or(|told| day(told) < day(now)) {
        db.execute_one(
            "-- audit::expire (tell)
             INSERT INTO audit (org_id, key, actor, action, subject, detail)
             VALUES ($1, $2, 'system', 'audit.expired', $1, $3)",
            &[sql(org), sql(&format!("audit:expired:{}", now.unix_ms())), sql(&told_as(untold))],
        )
        .await?;
        db.execute_one(
            "-- audit::expire (told)
             UPDATE retention SET audit_gone = 0, audit_told = $2 WHERE org_id = $1",
            &[sql(org), sql(now)],
        )
        .await?;
    } else if went > 0 {
        db.execute_one(
            "-- audit::expire (count)
             UPDATE retention SET audit_gone = $2 WHERE org_id = $1",
            &[sql(org), sql(untold)],
        )
        .await?;
    }
    Ok(went)
}

fn told_as(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}
