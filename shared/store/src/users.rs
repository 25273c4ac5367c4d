//! Accounts and their passwords.

use slipway_contract::http::auth::User;
use slipway_contract::{Timestamp, UserId};

use crate::row::Row;
use crate::value::sql;
use crate::{IdentityDb, StoreError};

/// An account with what its password is checked against.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub user: User,
    /// In the PHC string format.
    pub password_hash: String,
}

/// Makes an account.
///
/// # Errors
/// [`Conflict::EmailTaken`](crate::Conflict::EmailTaken).
pub async fn create(
    db: &mut IdentityDb,
    user: &User,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.execute_one(
        "-- users::create
         WITH made AS (
             INSERT INTO users (user_id, email, display_name, created_at) VALUES ($1, $2, $3, $5)
             RETURNING user_id)
         INSERT INTO passwords (user_id, hash, set_at) SELECT user_id, $4, $5 FROM made",
        &[sql(user.id), sql(&user.email), sql(&user.display_name), sql(password_hash), sql(now)],
    )
    .await
}

/// The account of an address, in the form in which addresses are kept.
///
/// # Errors
/// Only those of the connection.
pub async fn find_by_email(db: &mut IdentityDb, email: &str) -> Result<Option<Account>, StoreError> {
    db.fetch_optional(
        "-- users::find_by_email
         SELECT user_id, email, display_name, hash FROM users JOIN passwords USING (user_id) WHERE email = $1",
        &[sql(email)],
    )
    .await?
    .map(|row| Ok(Account { user: read(&row)?, password_hash: row.read("hash")? }))
    .transpose()
}

/// The account of a person who has signed in.
///
/// # Errors
/// Only those of the connection.
pub async fn find_account(db: &mut IdentityDb, user: UserId) -> Result<Option<Account>, StoreError> {
    db.fetch_optional(
        "-- users::find_account
         SELECT user_id, email, display_name, hash FROM users JOIN passwords USING (user_id) WHERE user_id = $1",
        &[sql(user)],
    )
    .await?
    .map(|row| Ok(Account { user: read(&row)?, password_hash: row.read("hash")? }))
    .transpose()
}

/// The person of the scope.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &mut crate::MembershipsDb) -> Result<User, StoreError> {
    let user: UserId = db.user();
    let row = db
        .fetch_one(
            "-- users::find
             SELECT user_id, email, display_name FROM users WHERE user_id = $1",
            &[sql(user)],
        )
        .await?;
    read(&row)
}

pub(crate) fn read(row: &Row) -> Result<User, StoreError> {
    Ok(User { id: row.read("user_id")?, email: row.read("email")?, display_name: row.read("display_name")? })
}
