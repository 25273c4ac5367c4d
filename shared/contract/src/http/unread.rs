//! What somebody has not read, in all their chats.

use serde::{Deserialize, Serialize};

use crate::ids::{ChannelId, ChatId};

/// Query of `GET /v1/orgs/{org}/unread`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct UnreadQuery {
    /// The `cursor` of an earlier answer: only what may have changed since is told. Without it, what is unread.
    #[serde(default)]
    pub since: Option<u64>,
    /// The channel whose list of chats is looked at: `stirred` is about it.
    #[serde(default)]
    pub channel: Option<ChannelId>,
}

/// What the caller has not read. It may lag the chats themselves by seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unread {
    /// Chats that the caller takes part in and in which something is unread, those with the newest messages; or, where
    /// `since` was given, those that may have changed since, with what is unread in them now. At most 200: what changed
    /// and is not among them is told with the next answer.
    pub chats: Vec<UnreadChat>,
    /// Goes into `since` of the next question.
    pub cursor: u64,
    /// The answer does not go on from `since`: a chat or a channel of the org was deleted meanwhile, or this server does
    /// not know the place. What was told before and is not told here is not unread, and what was listed may be gone.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub anew: bool,
    /// Chats of `channel` came or changed since, be they the caller's or not.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub stirred: bool,
}

/// What is unread in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadChat {
    /// The chat.
    pub chat: ChatId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// Messages that the caller has not read; 0 once they no longer take part.
    pub unread: u64,
    /// Of those, and of the forks' messages, the ones that mention the caller or answer them; at most 100.
    pub mentions: u64,
    /// Never smaller in a later state of the chat.
    pub version: u64,
}
