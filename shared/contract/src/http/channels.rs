//! Channels.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, UserId};
use crate::time::Timestamp;

/// Who sees a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every member of the org but guests.
    Public,
    /// Only those added to it.
    Private,
}

/// Body of `POST /v1/orgs/{org}/channels`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateChannel {
    /// 1 to 80 characters, unique within the org; lower case letters, digits, hyphens.
    pub name: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// What it is for; at most 250 characters.
    #[serde(default)]
    pub topic: String,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    /// The id.
    pub id: ChannelId,
    /// The name.
    pub name: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// What it is for.
    pub topic: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Messages in its chats that the caller takes part in and has not read.
    pub unread: u64,
}

/// Body of `POST /v1/orgs/{org}/channels/{channel}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddChannelMember {
    /// Who; a member or guest of the org.
    pub user: UserId,
}
