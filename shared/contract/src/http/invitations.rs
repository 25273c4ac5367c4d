//! Invitations to an org.

use serde::{Deserialize, Serialize};

use super::orgs::Role;
use crate::ids::{InvitationId, OrgId};
use crate::time::Timestamp;

/// Body of `POST /v1/orgs/{org}/invitations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// Who is invited.
    pub email: String,
    /// As what; at most the inviter's own role.
    pub role: Role,
}

/// An open invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// The id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Name of who invited.
    pub invited_by: String,
    /// When it ends (7 days after it was made).
    pub expires_at: Timestamp,
}

/// Answer of `POST /v1/orgs/{org}/invitations`: the only time that the link is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The secret in the link.
    pub token: String,
    /// The link to hand on.
    pub url: String,
}

/// Answer of `GET /v1/invitations/{token}`, for whoever holds the link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationPreview {
    /// Name of the org.
    pub org_name: String,
    /// Name of who invited.
    pub invited_by: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Answer of `POST /v1/invitations/{token}/accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AcceptedInvitation {
    /// The org that the caller is now in.
    pub org: OrgId,
}
