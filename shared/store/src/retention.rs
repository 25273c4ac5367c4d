//! How long orgs keep what they have.

use slipway_contract::http::retention::Retention;
use slipway_contract::objects::deletions::ForgottenTurns;
use slipway_contract::{ChatId, OrgId, Seq, Timestamp};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, StoreError, SweepsDb};

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60_000;

/// How long the org keeps what it has.
///
/// # Errors
/// Only those of the connection.
pub async fn get(db: &mut OrgDb) -> Result<Retention, StoreError> {
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- retention::get
             SELECT chat_days, artifact_days, attachment_days, audit_days, turn_days FROM retention
              WHERE org_id = $1",
            &[sql(org)],
        )
        .await?;
    row.map_or_else(|| Ok(Retention::default()), |row| read(&row))
}

/// Says how long the org keeps what it has.
///
/// # Errors
/// Only those of the connection.
pub async fn set(db: &mut OrgDb, retention: Retention) -> Result<(), StoreError> {
    let org = db.org();
    let Retention { chat_days, artifact_days, attachment_days, audit_days, turn_days } = retention;
    db.execute_one(
        "-- retention::set
         INSERT INTO retention (org_id, chat_days, artifact_days, attachment_days, audit_days, turn_days)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org_id) DO UPDATE
         SET chat_days = excluded.chat_days, artifact_days = excluded.artifact_days,
             attachment_days = excluded.attachment_days, audit_days = excluded.audit_days,
             turn_days = excluded.turn_days",
        &[
            sql(org),
            sql(chat_days.map(u64::from)),
            sql(artifact_days.map(u64::from)),
            sql(attachment_days.map(u64::from)),
            sql(audit_days.map(u64::from)),
            sql(turn_days.map(u64::from)),
        ],
    )
    .await
}

/// Orgs that do not keep everything, by their ids, and those whose audit log has yet to tell what it lost.
///
/// # Errors
/// Only those of the connection.
pub async fn limited(db: &mut SweepsDb, page: &Page<OrgId>) -> Result<Slice<(OrgId, Retention)>, StoreError> {
    let rows = db
        .fetch_all(
            "-- retention::limited
             SELECT org_id, chat_days, artifact_days, attachment_days, audit_days, turn_days FROM retention
              WHERE (coalesce(chat_days, artifact_days, attachment_days, audit_days, turn_days) IS NOT NULL
                     OR audit_gone > 0)
                AND ($1::text IS NULL OR org_id > $1)
              ORDER BY org_id LIMIT $2",
            &[sql(page.after), sql(page.fetch())],
        )
        .await?;
    let orgs = rows.iter().map(|row| Ok((row.read("org_id")?, read(row)?)));
    Ok(page.cut(orgs.collect::<Result<_, StoreError>>()?))
}

/// The next chat that is to forget turns that ended before `before`, and the event up to which it is done with that. It is
/// not found again within a day, unless [`turns_forgotten`] says so; one that lies in an archive never, and one in which
/// nothing has come since it was done with everything neither.
///
/// # Errors
/// Only those of the connection.
pub async fn next_with_turns(
    db: &mut OrgDb,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<(ChatId, Seq)>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- retention::next_with_turns
         UPDATE chats SET turns_asked = $3
          WHERE org_id = $1 AND chat_id = (
                SELECT chat_id FROM chats
                 WHERE org_id = $1 AND NOT archived AND created_at < $2 AND turns_seen < head
                   AND (turns_asked IS NULL OR turns_asked <= $4)
                 ORDER BY turns_asked NULLS FIRST, chat_id LIMIT 1)
         RETURNING chat_id, turns_seen",
        &[sql(org), sql(before), sql(now), sql(now.plus_ms(-DAY_MS))],
    )
    .await?
    .map(|row| Ok((row.read("chat_id")?, Seq(row.read("turns_seen")?))))
    .transpose()
}

/// A chat says how far it has come. Where there is more to forget, it is to be asked again at once.
///
/// # Errors
/// Only those of the connection.
pub async fn turns_forgotten(db: &mut OrgDb, chat: ChatId, told: &ForgottenTurns) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- retention::turns_forgotten
         UPDATE chats
            SET turns_seen = greatest(turns_seen, $3), turns_asked = CASE WHEN $4 THEN NULL ELSE turns_asked END
          WHERE org_id = $1 AND chat_id = $2",
        &[sql(org), sql(chat), sql(told.upto.0), sql(told.more)],
    )
    .await
    .map(drop)
}

fn read(row: &Row) -> Result<Retention, StoreError> {
    let days =
        |column| row.read::<Option<u64>>(column).map(|days| days.and_then(|days| u32::try_from(days).ok()));
    Ok(Retention {
        chat_days: days("chat_days")?,
        artifact_days: days("artifact_days")?,
        attachment_days: days("attachment_days")?,
        audit_days: days("audit_days")?,
        turn_days: days("turn_days")?,
    })
}
