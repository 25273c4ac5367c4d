//! What a chat's log holds. An event is immutable, but for the text of a deleted message, which is taken out of it.
//!
//! Stored form: the JSON of [`EventBody`] beside its columns. A field that comes later has a default; a change of meaning
//! gets a new `type`. The test at the end holds every stored form that was ever written.

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Participant, ParticipantId};
use crate::approval::{ApprovalAsk, ApprovalOption, ApprovalState};
use crate::http::artifacts::Artifact;
use crate::http::attachments::Attachment;
use crate::ids::{
    AgentId, ApprovalId, AttachmentId, ChannelId, ContextItemId, ForkId, MessageId, OrgId, SandboxId, Seq,
    TurnId, UserId,
};
use crate::sandbox::SandboxStatus;
use crate::time::Timestamp;

/// One entry of a chat's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Event {
    /// Its place: 1, 2, 3, … without gaps.
    pub seq: Seq,
    /// When the chat accepted it.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type")]
pub enum EventBody {
    /// The chat began.
    #[serde(rename = "chat.created")]
    ChatCreated {
        /// The org that owns it.
        org: OrgId,
        /// The channel it is in.
        channel: ChannelId,
        /// Its title.
        title: String,
    },
    /// The title changed.
    #[serde(rename = "chat.renamed")]
    ChatRenamed {
        /// The new title.
        title: String,
    },
    /// Which agent answers messages that mention none.
    #[serde(rename = "chat.default_agent_set")]
    DefaultAgentSet {
        /// The agent; nobody answers when absent.
        agent: Option<AgentId>,
    },
    /// Somebody takes part from here on, or takes part under another name or role.
    #[serde(rename = "participant.joined")]
    ParticipantJoined {
        /// Who, and as what.
        participant: Participant,
    },
    /// Somebody no longer takes part.
    #[serde(rename = "participant.left")]
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
    },
    /// A message.
    #[serde(rename = "message.posted")]
    MessagePosted(MessagePosted),
    /// A message has a new text.
    #[serde(rename = "message.edited")]
    MessageEdited {
        /// Which.
        message: MessageId,
        /// The new text; empty once the message was deleted.
        text: String,
    },
    /// A message is gone; its text was taken out of the log.
    #[serde(rename = "message.deleted")]
    MessageDeleted {
        /// Which.
        message: MessageId,
    },
    /// The actor reacts to a message.
    #[serde(rename = "reaction.added")]
    ReactionAdded {
        /// Which.
        message: MessageId,
        /// With what.
        emoji: String,
    },
    /// The actor takes a reaction back.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved {
        /// Which message.
        message: MessageId,
        /// Which reaction.
        emoji: String,
    },
    /// The actor pins a message: agents are given it in every turn.
    #[serde(rename = "message.pinned")]
    MessagePinned {
        /// Which.
        message: MessageId,
    },
    /// The actor takes a pin back.
    #[serde(rename = "message.unpinned")]
    MessageUnpinned {
        /// Which.
        message: MessageId,
    },
    /// An agent shall answer a message.
    #[serde(rename = "turn.queued")]
    TurnQueued {
        /// The turn.
        turn: TurnId,
        /// The agent.
        agent: AgentId,
        /// The message to answer.
        cause: MessageId,
        /// 0 for a person's message; one more for each agent between.
        depth: u8,
        /// The fork that it works in; the message to answer stands there, or the fork began from it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        fork: Option<ForkId>,
        /// It drafts the fork's summary.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        draft: bool,
        /// It brings the chat's summary up to its cause; nothing is said in the chat.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        summary: bool,
    },
    /// The agent works; again after a failure that can be retried, with a higher attempt.
    #[serde(rename = "turn.started")]
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// 1, 2, …
        attempt: u8,
    },
    /// The agent calls a tool.
    #[serde(rename = "turn.tool_called")]
    ToolCalled {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: ToolCall,
        /// Its org keeps no longer what agents did so long ago: the arguments are empty.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        forgotten: bool,
    },
    /// A tool answered.
    #[serde(rename = "turn.tool_returned")]
    ToolReturned {
        /// The turn.
        turn: TurnId,
        /// What it answered.
        result: ToolResult,
        /// Its org keeps no longer what agents did so long ago: the content is empty.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        forgotten: bool,
    },
    /// The agent's answer is in the log.
    #[serde(rename = "turn.completed")]
    TurnCompleted {
        /// The turn.
        turn: TurnId,
        /// The answer.
        message: MessageId,
        /// The model that gave it, as `provider:model`.
        model: String,
        /// What it used, over all its steps.
        usage: Usage,
        /// What the agent was given for its last step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        receipt: Option<Box<Receipt>>,
        /// Its org keeps no longer what agents did so long ago: the receipt is absent.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
        forgotten: bool,
    },
    /// The turn brought the chat's summary up to date, and has ended so.
    #[serde(rename = "turn.summarised")]
    TurnSummarised {
        /// The turn.
        turn: TurnId,
        /// The first event that the summary covers.
        from: Seq,
        /// The last.
        to: Seq,
        /// The summary, Markdown; empty once a message that it covers was deleted.
        text: String,
        /// The model that wrote it, as `provider:model`.
        model: String,
        /// What it used.
        usage: Usage,
    },
    /// The turn ended without an answer.
    #[serde(rename = "turn.failed")]
    TurnFailed {
        /// The turn.
        turn: TurnId,
        /// Why.
        failure: TurnFailure,
    },
    /// Somebody stopped the turn.
    #[serde(rename = "turn.cancelled")]
    TurnCancelled {
        /// The turn.
        turn: TurnId,
        /// What the agent had said by then, if anything.
        message: Option<MessageId>,
    },
    /// The actor asks people for something.
    #[serde(rename = "approval.requested")]
    ApprovalRequested {
        /// The approval.
        approval: ApprovalId,
        /// The person who caused it, if any did.
        user: Option<UserId>,
        /// The turn that waits for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        turn: Option<TurnId>,
        /// The tool call that waits for it, by its name within the turn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        call: Option<String>,
        /// The question.
        ask: Box<ApprovalAsk>,
        /// When it ends unanswered.
        expires_at: Timestamp,
    },
    /// The actor answers.
    #[serde(rename = "approval.voted")]
    ApprovalVoted {
        /// The approval.
        approval: ApprovalId,
        /// For or against.
        approve: bool,
        /// Which way.
        option: ApprovalOption,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        reason: Option<String>,
    },
    /// The question is answered, or asked no more. The actor is who decided last.
    #[serde(rename = "approval.closed")]
    ApprovalClosed {
        /// The approval.
        approval: ApprovalId,
        /// How it ended; never `open`.
        state: ApprovalState,
    },
    /// What was approved was carried out, or could not be.
    #[serde(rename = "approval.carried_out")]
    ApprovalCarriedOut {
        /// The approval.
        approval: ApprovalId,
        /// It worked.
        done: bool,
        /// What came of it, for people.
        detail: String,
    },
    /// A sandbox of the chat stands differently.
    #[serde(rename = "sandbox.changed")]
    SandboxChanged {
        /// How.
        status: SandboxStatus,
    },
    /// Something in a sandbox is there to be looked at.
    #[serde(rename = "preview.opened")]
    PreviewOpened {
        /// The sandbox.
        sandbox: SandboxId,
        /// The port.
        port: u16,
        /// The turn that opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        turn: Option<TurnId>,
    },
    /// A side discussion begins.
    #[serde(rename = "fork.created")]
    ForkCreated {
        /// The fork.
        fork: ForkId,
        /// The message that it begins from.
        message: MessageId,
        /// What shall be settled.
        description: String,
        /// What the person's client called the request, so that a retry is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        client_id: Option<String>,
    },
    /// A side discussion is settled. Its summary is the message that follows.
    #[serde(rename = "fork.resolved")]
    ForkResolved {
        /// The fork.
        fork: ForkId,
        /// The summary, a message of the chat itself.
        message: MessageId,
        /// The draft that it was made from, a message of the fork.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        draft: Option<MessageId>,
        /// Messages of the fork that it rests on.
        evidence: Vec<MessageId>,
    },
    /// A side discussion is given up.
    #[serde(rename = "fork.abandoned")]
    ForkAbandoned {
        /// The fork.
        fork: ForkId,
    },
    /// A file of a sandbox was kept.
    #[serde(rename = "artifact.saved")]
    ArtifactSaved {
        /// The artifact.
        artifact: Artifact,
        /// The turn that kept it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        turn: Option<TurnId>,
    },
}

/// A message as it was posted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct MessagePosted {
    /// Its id.
    pub message: MessageId,
    /// Markdown; empty once the message was deleted.
    pub text: String,
    /// What the sender called it, so that a retry is known and a pending message finds its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub client_id: Option<String>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub reply_to: Option<MessageId>,
    /// The fork that it stands in; in the chat itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub fork: Option<ForkId>,
    /// The turn that it is the answer of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub turn: Option<TurnId>,
    /// The answer was stopped before its end.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub partial: bool,
    /// Files that came with it; none once the message was deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<Attachment>>", optional))]
    pub attachments: Vec<Attachment>,
    /// People whom it names as `@Name`, or whose message it answers, at most 20; none once the message was deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<UserId>>", optional))]
    pub mentions: Vec<UserId>,
}

/// What an agent was given for an answer, and what each part of it took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Receipt {
    /// Tokens that it might have been given.
    pub budget: u32,
    /// Tokens that it was given: the provider's own count, shared out over the parts by their length.
    pub tokens: u32,
    /// The provider did not count; the tokens are worked out from the length by what was counted before.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    #[cfg_attr(feature = "typescript", ts(as = "Option<bool>", optional))]
    pub estimated: bool,
    /// The parts, in the order in which they were given; at most 200, each with what names it.
    pub parts: Vec<ReceiptPart>,
    /// Parts that would have belonged and did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub left_out: Option<u32>,
}

/// One part of what an agent was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptPart {
    /// What it is; which of the names below it has follows from that.
    pub kind: ReceiptKind,
    /// What it took.
    pub tokens: u32,
    /// The message: of `message`, `pin`, `fork` (the summary).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub message: Option<MessageId>,
    /// The fork that was resolved: of `fork`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub fork: Option<ForkId>,
    /// The context item: of `item`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub item: Option<ContextItemId>,
    /// The file: of `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub attachment: Option<AttachmentId>,
    /// What people call it: the item's title, the file's name, the fork's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub title: Option<String>,
    /// The events that it covers: of `summary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub from: Option<Seq>,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub to: Option<Seq>,
}

/// What a part of a receipt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// Who the agent is, where it is, which tools it has.
    Instructions,
    /// The summary of what came before.
    Summary,
    /// A recent message.
    Message,
    /// A pinned message.
    Pin,
    /// The summary of a fork that was resolved.
    Fork,
    /// A context item.
    Item,
    /// A file's text.
    File,
    /// What the turn's earlier steps did.
    Steps,
}

/// A call of a tool by an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ToolCall {
    /// The model's name for this call; unique within the turn.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as JSON.
    #[cfg_attr(feature = "typescript", ts(type = "unknown"))]
    pub arguments: serde_json::Value,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ToolResult {
    /// The call it answers.
    pub id: String,
    /// What the agent is told.
    pub content: String,
    /// The call did not succeed.
    pub is_error: bool,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Usage {
    /// Tokens the model read.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub input_tokens: u64,
    /// Tokens the model wrote.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub output_tokens: u64,
}

impl core::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// Why a turn ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TurnFailure {
    /// What to act on.
    pub code: TurnFailureCode,
    /// For people; never a provider's raw text.
    pub detail: String,
}

/// Why a turn ended without an answer, as one can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TurnFailureCode {
    /// Agents called each other too deep.
    TooDeep,
    /// Too many turns of the chat wait already.
    QueueFull,
    /// The agent was removed or switched off.
    AgentUnavailable,
    /// The model is unknown or has no key.
    NotConfigured,
    /// The provider refused our key.
    Authentication,
    /// The provider refused the request, or its content.
    Refused,
    /// What the agent should read is too long for its model.
    ContextTooLong,
    /// The provider was too busy, too slow or out of reach, at every attempt.
    ProviderUnavailable,
    /// The agent took more steps than a turn may have.
    TooManySteps,
    /// The process that did the work died, at every attempt.
    Interrupted,
    /// Our fault.
    Internal,
}

#[cfg(test)]
mod tests;
