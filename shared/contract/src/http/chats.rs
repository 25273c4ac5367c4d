//! Chats: the list (from the index) and one chat (from its object).

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Participant};
use crate::events::Event;
use crate::http::approvals::Approval;
use crate::http::forks::Fork;
use crate::ids::{AgentId, ArchiveId, ChannelId, ChatId, ForkId, MessageId, OrgId, Seq, TurnId, UserId};
use crate::sandbox::SandboxStatus;
use crate::time::Timestamp;

/// Body of `POST /v1/orgs/{org}/channels/{channel}/chats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateChat {
    /// 1 to 120 characters.
    pub title: String,
    /// Agents that take part from the start, at most 20; the org's default agent when absent.
    #[serde(default)]
    pub agents: Option<Vec<AgentId>>,
}

/// A chat in a list. It may lag the chat itself by seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChatSummary {
    /// The id.
    pub id: ChatId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// The title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the newest message came; when it was made if there is none.
    pub last_message_at: Timestamp,
    /// Start of the newest message, at most 140 characters.
    pub preview: String,
    /// Messages in it.
    pub message_count: u64,
    /// Messages that the caller has not read; 0 for chats they do not take part in.
    pub unread: u64,
    /// Of the messages that the caller has not read, in forks too, those that mention them or answer them; at most 100.
    #[serde(default)]
    pub mentions: u64,
    /// Whether the caller takes part.
    pub participant: bool,
    /// Nobody used it for days, so it lies in R2: it opens as ever, a moment later.
    #[serde(default)]
    pub archived: bool,
}

/// Answer of `POST /v1/chats/{chat}/archive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArchiveStatus {
    /// The chat.
    pub chat: ChatId,
    /// The archive.
    pub archive: ArchiveId,
    /// How far it is.
    pub state: ArchivePhase,
}

/// How far an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchivePhase {
    /// The chat is copied to R2.
    Exporting,
    /// The copy is read back and compared.
    Verifying,
    /// The chat gives up its own rows.
    Wiping,
    /// The chat lies in R2.
    Archived,
}

/// A chat, as one of its participants sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chat {
    /// The id.
    pub id: ChatId,
    /// The org that owns it.
    pub org: OrgId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// The title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The newest event.
    pub head: Seq,
    /// Messages in it.
    pub message_count: u64,
    /// The agent that answers messages that mention none.
    pub default_agent: Option<AgentId>,
    /// People and agents, in the order in which they came.
    pub participants: Vec<Participant>,
    /// Turns that have not ended.
    pub open_turns: Vec<OpenTurn>,
    /// Approvals that wait for people.
    pub open_approvals: Vec<Approval>,
    /// Forks that are open.
    #[serde(default)]
    pub open_forks: Vec<Fork>,
    /// Pinned messages, in the order in which they were pinned; at most 50.
    #[serde(default)]
    pub pins: Vec<Pin>,
    /// The sandbox that the chat's agents work in; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxStatus>,
    /// The newest event that the caller has read. This and what follows is the caller's own, and written last: what comes
    /// before is the same for everybody.
    pub read: Seq,
    /// Messages of others after it.
    pub unread: u64,
}

/// A pinned message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pin {
    /// Which.
    pub message: MessageId,
    /// Who pinned it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A turn that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenTurn {
    /// The id.
    pub id: TurnId,
    /// The agent.
    pub agent: AgentId,
    /// How it stands.
    pub state: TurnState,
    /// The fork that it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkId>,
    /// It brings the chat's summary up to date; nothing is said in the chat.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub summary: bool,
}

/// How a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Waits for its agent or for its next attempt.
    Queued,
    /// Its agent works.
    Running,
    /// Waits for people or for something outside.
    Waiting,
    /// Ended with an answer.
    Completed,
    /// Ended without one.
    Failed,
    /// Stopped by somebody.
    Cancelled,
}

/// Body of `PATCH /v1/chats/{chat}`. What is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateChat {
    /// 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The agent that answers messages that mention none; `null` for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::http::present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<AgentId>))]
    pub default_agent: Option<Option<AgentId>>,
}

/// Body of `POST /v1/chats/{chat}/participants`: exactly one of the two. A caller who sees the channel may add themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddParticipant {
    /// A person of the org.
    #[serde(default)]
    pub user: Option<UserId>,
    /// An agent of the org.
    #[serde(default)]
    pub agent: Option<AgentId>,
}

/// Query of `GET /v1/chats/{chat}/events`: `after` pages forwards, `before` backwards, neither gives the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Only events after this one.
    #[serde(default)]
    pub after: Option<Seq>,
    /// Only events before this one.
    #[serde(default)]
    pub before: Option<Seq>,
    /// The most events wanted: 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only events of this fork: its own three, its messages and what happens to them, its turns. Such a page has gaps.
    #[serde(default)]
    pub fork: Option<ForkId>,
}

/// A stretch of a chat's log, oldest first, without gaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventsPage {
    /// The events.
    pub events: Vec<Event>,
    /// The newest event of the chat when the page was read.
    pub head: Seq,
}

/// Answer of `POST /v1/chats/{chat}/socket-ticket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SocketTicket {
    /// Goes into `?ticket=` of the socket's address, once.
    pub ticket: String,
    /// When it ends: 30 s after it was made.
    pub expires_at: Timestamp,
}

/// Answer of `POST /v1/turns/{turn}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TurnStatus {
    /// The turn.
    pub id: TurnId,
    /// How it stands now.
    pub state: TurnState,
}
