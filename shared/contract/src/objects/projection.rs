//! What the `Chat` object tells the index in Postgres, through the orchestrator (`POST /internal/projections/chat`).
//!
//! Idempotent and in any order: a row carries the `head` it was made at and never replaces a newer one.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::approval::{ApprovalAsk, ApprovalState, Vote};
use crate::ids::{
    ApprovalId, AttachmentId, ChannelId, ChatId, ForkId, MessageId, OrgId, Seq, TurnId, UserId,
};
use crate::time::Timestamp;

/// A chat's row in the index, and the people whose rows changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatProjection {
    /// The owning org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// The title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The newest event that this row knows of.
    pub head: Seq,
    /// When the newest message came.
    pub last_message_at: Timestamp,
    /// Start of the newest message.
    pub preview: String,
    /// Messages in it.
    pub message_count: u64,
    /// People whose rows changed, at most 200 at a time.
    pub people: Vec<PersonProjection>,
    /// Messages that came, changed or went since the index was last told, in the order of what happened to them; at most
    /// 500 and 512 KiB of text at a time.
    #[serde(default)]
    pub messages: Vec<MessageProjection>,
    /// Approvals that changed since the index was last told, at most 50 at a time.
    #[serde(default)]
    pub approvals: Vec<ApprovalProjection>,
}

/// A message's row in the org's search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageProjection {
    /// Which.
    pub message: MessageId,
    /// The fork that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkId>,
    /// Who wrote it.
    pub author: Actor,
    /// When it was posted.
    pub at: Timestamp,
    /// Its present text; absent once it was deleted.
    pub text: Option<String>,
    /// The event that made it so: a row never goes back to an earlier one.
    pub version: Seq,
    /// Files that came with it; none once it was deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
}

/// An approval's row in the org's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalProjection {
    /// Which.
    pub approval: ApprovalId,
    /// Who asks.
    pub asked_by: Actor,
    /// The person who caused it, if any did.
    pub user: Option<UserId>,
    /// The turn that waits for it.
    pub turn: Option<TurnId>,
    /// The question.
    pub ask: ApprovalAsk,
    /// How it stands.
    pub state: ApprovalState,
    /// Who has answered.
    pub votes: Vec<Vote>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it ends unanswered.
    pub expires_at: Timestamp,
    /// Grows with every change of this row.
    pub version: u64,
}

/// A person's row in the index of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonProjection {
    /// Who.
    pub user: UserId,
    /// Whether they take part.
    pub participant: bool,
    /// How many of the chat's messages they have read.
    pub read_count: u64,
    /// How many messages mention them that they have not read, at most 100.
    #[serde(default)]
    pub mentions: u64,
    /// Grows with every change of this row.
    pub version: u64,
}
