//! Forks: side discussions within a chat, each begun from one of its messages.

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, ParticipantId};
use crate::ids::{ChatId, ForkId, MessageId, TurnId};
use crate::time::Timestamp;

/// Body of `POST /v1/chats/{chat}/forks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateFork {
    /// The message that it begins from; one of the chat itself, not of a fork.
    pub message: MessageId,
    /// What shall be settled, 1 to 200 characters.
    pub description: String,
    /// The client's name for this request, 1 to 64 bytes: the same again, from the same person, answers the same fork.
    pub client_id: String,
}

/// A fork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fork {
    /// The id.
    pub id: ForkId,
    /// Its chat.
    pub chat: ChatId,
    /// The message that it began from.
    pub message: MessageId,
    /// What shall be settled.
    pub description: String,
    /// How it stands.
    pub state: ForkState,
    /// Who began it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Messages in it.
    pub message_count: u64,
    /// When the newest message came; when it began if there is none.
    pub last_message_at: Timestamp,
    /// Who wrote in it, in the order in which they came; at most 50.
    pub participants: Vec<ParticipantId>,
    /// The turn that drafts its summary now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drafting: Option<TurnId>,
    /// The newest draft of its summary: a message of the fork, by the default agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<MessageId>,
    /// What came of it, once it is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<ForkResolution>,
}

/// How a fork stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ForkState {
    /// Being discussed.
    Open,
    /// Its summary stands in the chat.
    Resolved,
    /// Given up; its messages are kept.
    Abandoned,
}

/// What came of a fork.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ForkResolution {
    /// The summary: a message of the chat itself.
    pub message: MessageId,
    /// The draft that it was made from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub draft: Option<MessageId>,
    /// Messages of the fork that it rests on, at most 20.
    pub evidence: Vec<MessageId>,
    /// Who accepted it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// Body of `POST /v1/chats/{chat}/forks/{fork}/accept`: the summary goes into the chat, the fork is resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptFork {
    /// Markdown, 1 byte to 16 KiB: the decision, the reasons, the open points.
    pub summary: String,
    /// Messages of the fork that it rests on, at most 20.
    #[serde(default)]
    pub evidence: Vec<MessageId>,
    /// The draft that it was made from, if any.
    #[serde(default)]
    pub draft: Option<MessageId>,
}

/// Query of `GET /v1/chats/{chat}/forks`: the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ForksQuery {
    /// Only forks that stand so.
    #[serde(default)]
    pub state: Option<ForkState>,
    /// The most items wanted: 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}
