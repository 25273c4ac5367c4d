//! The audit log: who did what. Entries are added and read; nothing changes or removes them, and the database itself says
//! when each was recorded.

use slipway_contract::{Actor, Timestamp};

use crate::page::{Page, Slice};
use crate::value::{Value, sql, storable};
use crate::words::actor_text;
use crate::{OrgDb, StoreError};

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
