//! A person's account, as it goes.

use slipway_contract::http::auth::User;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_contract::{OrgId, Timestamp};

use super::ids;
use crate::value::sql;
use crate::{ErasureDb, StoreError, users};

/// The scope's person, while their account is there.
///
/// # Errors
/// Only those of the connection.
pub async fn account(db: &mut ErasureDb) -> Result<Option<User>, StoreError> {
    let user = db.user();
    db.fetch_optional(
        "-- deletions::account
         SELECT user_id, email, display_name FROM users WHERE user_id = $1",
        &[sql(user)],
    )
    .await?
    .map(|row| users::read(&row))
    .transpose()
}

/// Ends the person's sign-ins, and makes sure that there is no other: their password goes.
///
/// # Errors
/// Only those of the connection.
pub async fn revoke_sign_ins(db: &mut ErasureDb) -> Result<Vec<DeletedCount>, StoreError> {
    let user = db.user();
    let sessions = db
        .execute(
            "-- deletions::revoke_sign_ins
             DELETE FROM sessions WHERE user_id = $1",
            &[sql(user)],
        )
        .await?;
    db.execute(
        "-- deletions::revoke_sign_ins (password)
         DELETE FROM passwords WHERE user_id = $1",
        &[sql(user)],
    )
    .await?;
    Ok(vec![counted(DeletedKind::Sessions, sessions)])
}

/// Orgs that the person is or was in, after one of them.
///
/// # Errors
/// Only those of the connection.
pub async fn orgs_of(
    db: &mut ErasureDb,
    after: Option<OrgId>,
    most: u64,
) -> Result<Vec<(OrgId, Option<Timestamp>)>, StoreError> {
    let user = db.user();
    let rows = db
        .fetch_all(
            "-- deletions::orgs_of
             SELECT org_id, ended_at FROM members WHERE user_id = $1 AND ($2::text IS NULL OR org_id > $2)
              ORDER BY org_id LIMIT $3",
            &[sql(user), sql(after), sql(most)],
        )
        .await?;
    let orgs: Vec<OrgId> = ids(&rows, "org_id")?;
    Ok(orgs.into_iter().zip(ids(&rows, "ended_at")?).collect())
}

/// The account goes, with invitations to its address and whatever else there is of it.
///
/// # Errors
/// Only those of the connection.
pub async fn forget_account(db: &mut ErasureDb) -> Result<Vec<DeletedCount>, StoreError> {
    let user = db.user();
    let mut removed = revoke_sign_ins(db).await?;
    let invitations = db
        .execute(
            "-- deletions::forget_account (invitations)
             DELETE FROM invitations WHERE email = (SELECT users.email FROM users WHERE user_id = $1)",
            &[sql(user)],
        )
        .await?;
    let accounts = db
        .execute(
            "-- deletions::forget_account
             DELETE FROM users WHERE user_id = $1",
            &[sql(user)],
        )
        .await?;
    removed.push(counted(DeletedKind::Invitations, invitations));
    removed.push(counted(DeletedKind::Accounts, accounts));
    Ok(removed)
}

/// How much of something there is.
pub(super) const fn counted(kind: DeletedKind, count: u64) -> DeletedCount {
    DeletedCount { kind, count, bytes: 0 }
}
