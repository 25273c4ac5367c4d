//! How long orgs keep what they have.

use slipway_contract::OrgId;
use slipway_contract::http::retention::Retention;

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, StoreError, SweepsDb};

/// How long the org keeps what it has.
///
/// # Errors
/// Only those of the connection.
pub async fn get(db: &mut OrgDb) -> Result<Retention, StoreError> {
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- retention::get
             SELECT chat_days, artifact_days FROM retention WHERE org_id = $1",
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
    db.execute_one(
        "-- retention::set
         INSERT INTO retention (org_id, chat_days, artifact_days) VALUES ($1, $2, $3)
         ON CONFLICT (org_id) DO UPDATE SET chat_days = excluded.chat_days, artifact_days = excluded.artifact_days",
        &[
            sql(org),
            sql(retention.chat_days.map(u64::from)),
            sql(retention.artifact_days.map(u64::from)),
        ],
    )
    .await
}

/// Orgs that do not keep everything, by their ids.
///
/// # Errors
/// Only those of the connection.
pub async fn limited(db: &mut SweepsDb, page: &Page<OrgId>) -> Result<Slice<(OrgId, Retention)>, StoreError> {
    let rows = db
        .fetch_all(
            "-- retention::limited
             SELECT org_id, chat_days, artifact_days FROM retention
              WHERE (chat_days IS NOT NULL OR artifact_days IS NOT NULL) AND ($1::text IS NULL OR org_id > $1)
              ORDER BY org_id LIMIT $2",
            &[sql(page.after), sql(page.fetch())],
        )
        .await?;
    let orgs = rows.iter().map(|row| Ok((row.read("org_id")?, read(row)?)));
    Ok(page.cut(orgs.collect::<Result<_, StoreError>>()?))
}

fn read(row: &Row) -> Result<Retention, StoreError> {
    let days =
        |column| row.read::<Option<u64>>(column).map(|days| days.and_then(|days| u32::try_from(days).ok()));
    Ok(Retention { chat_days: days("chat_days")?, artifact_days: days("artifact_days")? })
}
