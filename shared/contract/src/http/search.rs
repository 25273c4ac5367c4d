//! Finding messages: in one chat (by its object) and across an org (by the index in Postgres).
//!
//! What people type is words, not a query language: each word must occur, the last one may be the beginning of a word, and
//! words between double quotes must stand next to each other.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{ChannelId, ChatId, ForkId, MessageId};
use crate::time::Timestamp;

/// Query of `GET /v1/chats/{chat}/search`: the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ChatSearchQuery {
    /// What to look for, 1 to 200 characters.
    pub q: String,
    /// The most items wanted: 1 to 50, 20 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Query of `GET /v1/orgs/{org}/search`: the best first. It finds what the caller may see, and may lag by seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct OrgSearchQuery {
    /// What to look for, 1 to 200 characters.
    pub q: String,
    /// Only messages of chats in this channel.
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// Only messages by this person or agent, as `user_…` or `agent_…`.
    #[serde(default)]
    pub author: Option<String>,
    /// Only messages from then on.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Only messages before then.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// The most items wanted: 1 to 50, 20 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// The message.
    pub message: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// The chat's title.
    pub chat_title: String,
    /// The chat's channel.
    pub channel: ChannelId,
    /// The fork that it stands in, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkId>,
    /// Who wrote it.
    pub author: Actor,
    /// When.
    pub at: Timestamp,
    /// A stretch of its text, in pieces: plain text, never markup.
    pub excerpt: Vec<ExcerptPart>,
}

/// A piece of an excerpt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExcerptPart {
    /// The text.
    pub text: String,
    /// It is what was looked for.
    pub hit: bool,
}
