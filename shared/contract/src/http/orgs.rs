//! Orgs and who one is in them.

use serde::{Deserialize, Serialize};

use super::auth::User;
use crate::ids::{MemberId, OrgId};
use crate::time::Timestamp;

/// What a member may do in an org. Ordered: a later one may all that an earlier one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees only the channels they were added to.
    Guest,
    /// Sees public channels, makes channels and chats.
    Member,
    /// Also invites, sets roles below owner, configures agents.
    Admin,
    /// Also makes owners.
    Owner,
}

/// Body of `POST /v1/orgs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateOrg {
    /// 1 to 120 characters.
    pub name: String,
}

/// An org, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Org {
    /// The id; goes into `X-Org-Id`.
    pub id: OrgId,
    /// The name.
    pub name: String,
    /// The caller's place in it.
    pub member: MemberId,
    /// The caller's role in it.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Answer of `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The caller.
    pub user: User,
    /// The orgs they are in, oldest membership first, at most 200.
    pub orgs: Vec<Org>,
}
