//! Context items: what agents are to know, in a scope. Pinned messages and summaries of forks are in the chat itself
//! (`Chat::pins`, `fork.resolved`); these here are written by people, or proposed by agents and accepted by people.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{ChannelId, ChatId, ContextItemId, MessageId, OrgId};
use crate::time::Timestamp;

/// A context item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextItem {
    /// The id.
    pub id: ContextItemId,
    /// The org.
    pub org: OrgId,
    /// Where agents are given it.
    pub scope: ContextScope,
    /// The channel: of scope `channel`, and of a chat's item the chat's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The chat: of scope `chat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatId>,
    /// How it stands.
    pub state: ContextState,
    /// What people call it, 1 to 120 characters.
    pub title: String,
    /// What agents are told, 1 byte to 16 KiB, Markdown.
    pub text: String,
    /// What it is about, at most 10 of 40 characters, lower case.
    pub tags: Vec<String>,
    /// The message that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MessageId>,
    /// Who wrote or proposed it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Who accepted it, where an agent proposed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<Actor>,
    /// When it is given no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Grows with every change; what a change was made to.
    pub version: u64,
}

/// Where agents are given a context item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContextScope {
    /// In one chat.
    Chat,
    /// In all chats of a channel.
    Channel,
    /// In all chats of the org.
    Org,
}

/// How a context item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ContextState {
    /// An agent proposes it; it is given to nobody.
    Proposed,
    /// Agents are given it.
    Active,
}

/// Body of `POST /v1/orgs/{org}/context-items`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateContextItem {
    /// Where agents are given it. Scope `org` is for admins and owners, `channel` for who may write in the channel.
    pub scope: ContextScope,
    /// The channel: of scope `channel`.
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// The chat: of scope `chat`.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// 1 to 120 characters.
    pub title: String,
    /// 1 byte to 16 KiB, Markdown.
    pub text: String,
    /// At most 10 of 40 characters.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The message that it is made from; of a chat that the caller takes part in.
    #[serde(default)]
    pub source: Option<MessageId>,
    /// When it is given no more.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The client's name for this request, 1 to 64 bytes: the same again, from the same person, answers the same item.
    pub client_id: String,
}

/// Body of `PATCH /v1/orgs/{org}/context-items/{item}`. What is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateContextItem {
    /// The version that the change is made to; another one is refused (`version_conflict`).
    pub version: u64,
    /// 1 to 120 characters.
    #[serde(default)]
    pub title: Option<String>,
    /// 1 byte to 16 KiB.
    #[serde(default)]
    pub text: Option<String>,
    /// All of them.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// `active` accepts what an agent proposed; back to `proposed` is refused.
    #[serde(default)]
    pub state: Option<ContextState>,
    /// When it is given no more; `null` for never.
    #[serde(default, deserialize_with = "crate::http::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Timestamp>))]
    pub expires_at: Option<Option<Timestamp>>,
}

/// Query of `GET /v1/orgs/{org}/context-items`: the newest first; only what the caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ContextItemsQuery {
    /// What an agent of this chat may be given: the chat's, its channel's, the org's.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// Only of this scope.
    #[serde(default)]
    pub scope: Option<ContextScope>,
    /// Only with this tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// Only those that stand so.
    #[serde(default)]
    pub state: Option<ContextState>,
    /// The most items wanted: 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Query of `GET /v1/orgs/{org}/context-items/search`: what is active and the caller may see, the most fitting first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ContextSearchQuery {
    /// What is looked for, in one's own words, 1 to 500 characters.
    pub q: String,
    /// Only what an agent of this chat may be given: the chat's, its channel's, the org's.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// The most items wanted: 1 to 50, 20 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Context items that were found, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItems {
    /// The most fitting first.
    pub items: Vec<FoundItem>,
    /// Whether they were found by what they mean; by words otherwise.
    pub semantic: Semantic,
}

/// A context item that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItem {
    /// The item.
    pub item: ContextItem,
    /// How well it fits: by meaning, how near it is in millionths (1,000,000 means the same); by words, how many it has of
    /// those looked for, each word of a tag twice.
    pub score: u64,
}

/// Whether items could be found by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Semantic {
    /// They were. What was written within the last minutes may be missing.
    Available,
    /// They could not, and were found by their words.
    NotAvailable {
        /// Why.
        reason: NoSemantic,
    },
}

/// Why nothing can be found by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoSemantic {
    /// This installation's Postgres has no vectors (the extension pgvector).
    NoExtension,
    /// This installation names no model that could tell what a text means.
    NoModel,
    /// The model's provider did not answer.
    ProviderFailed,
}
