//! Invitations to an org. Only a digest of the secret in the link is kept.

use slipway_contract::http::invitations::{Invitation, InvitationPreview};
use slipway_contract::http::orgs::Role;
use slipway_contract::{InvitationId, Timestamp, UserId};
use slipway_domain::orgs::OPEN_INVITATIONS;

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{Conflict, OrgDb, StoreError};

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation<'a> {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: &'a str,
    /// As what.
    pub role: Role,
    /// SHA-256 of the link's secret, in hexadecimal.
    pub token_hash: &'a str,
    /// Who invites.
    pub by: UserId,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes an invitation.
///
/// # Errors
/// [`Conflict::Full`] when the org has [`OPEN_INVITATIONS`] open ones.
pub async fn create(
    db: &mut OrgDb,
    new: &NewInvitation<'_>,
    now: Timestamp,
) -> Result<Invitation, StoreError> {
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- invitations::create
             INSERT INTO invitations (invitation_id, org_id, email, role, token_hash, invited_by, created_at, expires_at)
             SELECT $2, $1, $3, $4, $5, $6, $7, $8
              WHERE (SELECT count(*) FROM invitations
                      WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $7) < $9
             RETURNING invitation_id, email, role, expires_at,
                       (SELECT display_name FROM users WHERE user_id = $6) AS invited_by",
            &[
                sql(org),
                sql(new.id),
                sql(new.email),
                sql(new.role),
                sql(new.token_hash),
                sql(new.by),
                sql(now),
                sql(new.expires_at),
                sql(OPEN_INVITATIONS),
            ],
        )
        .await?;
    row.ok_or(StoreError::Conflict(Conflict::Full)).and_then(|row| read(&row))
}

/// The open invitations, oldest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    page: &Page<InvitationId>,
    now: Timestamp,
) -> Result<Slice<Invitation>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- invitations::list
             SELECT invitation_id, invitations.email, role, expires_at,
                    coalesce(display_name, 'Deleted user') AS invited_by
               FROM invitations LEFT JOIN users ON user_id = invited_by
              WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3
                AND ($2::text IS NULL OR invitation_id > $2)
              ORDER BY invitation_id LIMIT $4",
            &[sql(org), sql(page.after), sql(now), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// Takes an open invitation back; answers whether there was one.
///
/// # Errors
/// Only those of the connection.
pub async fn revoke(
    db: &mut OrgDb,
    invitation: InvitationId,
    by: UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- invitations::revoke
         UPDATE invitations SET revoked_at = $4, revoked_by = $3
          WHERE org_id = $1 AND invitation_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        &[sql(org), sql(invitation), sql(by), sql(now)],
    )
    .await
}

/// An invitation, as whoever holds its link finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: InvitationId,
    /// What the holder is shown.
    pub preview: InvitationPreview,
    /// It was accepted or taken back.
    pub ended: bool,
}

/// The invitation of a link.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, token_hash: &str) -> Result<Option<Offer>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- invitations::find
         SELECT invitation_id, invitations.email, role, expires_at,
                coalesce(display_name, 'Deleted user') AS invited_by, name,
                (accepted_at IS NOT NULL OR revoked_at IS NOT NULL) AS ended
           FROM invitations JOIN orgs USING (org_id) LEFT JOIN users ON user_id = invited_by
          WHERE org_id = $1 AND token_hash = $2",
        &[sql(org), sql(token_hash)],
    )
    .await?
    .map(|row| offer(&row))
    .transpose()
}

/// The invitation of a link, locked until the transaction ends: it is accepted once.
///
/// # Errors
/// Only those of the connection.
pub async fn lock(db: &mut OrgDb, token_hash: &str) -> Result<Option<Offer>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- invitations::lock
         SELECT invitation_id, invitations.email, role, expires_at,
                coalesce(display_name, 'Deleted user') AS invited_by, name,
                (accepted_at IS NOT NULL OR revoked_at IS NOT NULL) AS ended
           FROM invitations JOIN orgs USING (org_id) LEFT JOIN users ON user_id = invited_by
          WHERE org_id = $1 AND token_hash = $2 FOR UPDATE OF invitations",
        &[sql(org), sql(token_hash)],
    )
    .await?
    .map(|row| offer(&row))
    .transpose()
}

/// Marks a locked invitation as accepted.
///
/// # Errors
/// Only those of the connection.
pub async fn accept(
    db: &mut OrgDb,
    invitation: InvitationId,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- invitations::accept
         UPDATE invitations SET accepted_at = $4, accepted_by = $3
          WHERE org_id = $1 AND invitation_id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        &[sql(org), sql(invitation), sql(by), sql(now)],
    )
    .await
}

fn read(row: &Row) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.read("invitation_id")?,
        email: row.read("email")?,
        role: row.read("role")?,
        invited_by: row.read("invited_by")?,
        expires_at: row.read("expires_at")?,
    })
}

fn offer(row: &Row) -> Result<Offer, StoreError> {
    Ok(Offer {
        id: row.read("invitation_id")?,
        preview: InvitationPreview {
            org_name: row.read("name")?,
            invited_by: row.read("invited_by")?,
            email: row.read("email")?,
            role: row.read("role")?,
            expires_at: row.read("expires_at")?,
        },
        ended: row.read("ended")?,
    })
}
