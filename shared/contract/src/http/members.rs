//! Members of an org.

use serde::{Deserialize, Serialize};

use super::orgs::Role;
use crate::ids::{MemberId, UserId};
use crate::time::Timestamp;

/// A user's place in an org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// The id.
    pub id: MemberId,
    /// The user.
    pub user: UserId,
    /// Name shown to others.
    pub display_name: String,
    /// The address.
    pub email: String,
    /// The role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// Body of `POST /v1/orgs/{org}/members/{member}/role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The new role.
    pub role: Role,
}
