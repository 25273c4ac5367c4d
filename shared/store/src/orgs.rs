//! Orgs.

use slipway_contract::{OrgId, Timestamp, UserId};

use crate::value::sql;
use crate::{OrgDb, StoreError};

/// The name of the scope's org; `None` when there is none.
///
/// # Errors
/// Only those of the connection.
pub async fn name(db: &mut OrgDb) -> Result<Option<String>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- orgs::name
         SELECT name FROM orgs WHERE org_id = $1",
        &[sql(org)],
    )
    .await?
    .map(|row| row.read("name"))
    .transpose()
}

/// Makes the scope's org. Its first member, channel and agent are made by their own functions, in the same transaction.
///
/// # Errors
/// Only those of the connection.
pub async fn create(db: &mut OrgDb, name: &str, by: UserId, now: Timestamp) -> Result<(), StoreError> {
    let org: OrgId = db.org();
    db.execute_one(
        "-- orgs::create
         INSERT INTO orgs (org_id, name, created_at, created_by) VALUES ($1, $2, $4, $3)",
        &[sql(org), sql(name), sql(by), sql(now)],
    )
    .await
}
