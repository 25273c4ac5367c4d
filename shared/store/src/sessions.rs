//! Sessions: families of refresh tokens. What becomes of one is decided in `slipway_domain::identity::session`.

use slipway_contract::http::auth::User;
use slipway_contract::{SessionId, Timestamp, UserId};
use slipway_domain::identity::session::SessionState;

use crate::users;
use crate::value::sql;
use crate::{IdentityDb, StoreError};

/// Why a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its person signed out.
    LogOut,
    /// Its person signed out everywhere.
    LogOutAll,
    /// One of its old tokens was presented.
    Reuse,
}

impl EndReason {
    const fn text(self) -> &'static str {
        match self {
            Self::LogOut => "logout",
            Self::LogOutAll => "logout_all",
            Self::Reuse => "reuse",
        }
    }
}

/// Begins a session, at generation 0.
///
/// # Errors
/// Only those of the connection.
pub async fn begin(
    db: &mut IdentityDb,
    session: SessionId,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.execute_one(
        "-- sessions::begin
         INSERT INTO sessions (session_id, user_id, generation, created_at, rotated_at) VALUES ($1, $2, 0, $3, $3)",
        &[sql(session), sql(user), sql(now)],
    )
    .await
}

/// A session and whose it is, locked until the transaction ends: its tokens are judged one after the other.
///
/// # Errors
/// Only those of the connection.
pub async fn lock(
    db: &mut IdentityDb,
    session: SessionId,
) -> Result<Option<(User, SessionState)>, StoreError> {
    db.fetch_optional(
        "-- sessions::lock
         SELECT user_id, email, display_name, generation, sessions.created_at, rotated_at, ended_at
           FROM sessions JOIN users USING (user_id) WHERE session_id = $1 FOR UPDATE OF sessions",
        &[sql(session)],
    )
    .await?
    .map(|row| {
        let state = SessionState {
            generation: row.read("generation")?,
            created_at: row.read("created_at")?,
            rotated_at: row.read("rotated_at")?,
            ended: row.read::<Option<Timestamp>>("ended_at")?.is_some(),
        };
        Ok((users::read(&row)?, state))
    })
    .transpose()
}

/// Moves a locked session on to its next generation.
///
/// # Errors
/// Only those of the connection.
pub async fn rotate(
    db: &mut IdentityDb,
    session: SessionId,
    to: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.execute_one(
        "-- sessions::rotate
         UPDATE sessions SET generation = $2, rotated_at = $3
          WHERE session_id = $1 AND generation = $2 - 1 AND ended_at IS NULL",
        &[sql(session), sql(to), sql(now)],
    )
    .await
}

/// Ends a session; answers whether it was open.
///
/// # Errors
/// Only those of the connection.
pub async fn end(
    db: &mut IdentityDb,
    session: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> Result<bool, StoreError> {
    db.execute_optional(
        "-- sessions::end
         UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE session_id = $1 AND ended_at IS NULL",
        &[sql(session), sql(now), sql(reason.text())],
    )
    .await
}

/// Ends all sessions of a person; answers how many were open.
///
/// # Errors
/// Only those of the connection.
pub async fn end_all(db: &mut IdentityDb, user: UserId, now: Timestamp) -> Result<u64, StoreError> {
    db.execute(
        "-- sessions::end_all
         UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL",
        &[sql(user), sql(now), sql(EndReason::LogOutAll.text())],
    )
    .await
}
