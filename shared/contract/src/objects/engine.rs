//! One step of a turn, asked of the orchestrator's engine (`POST /internal/turns/stream`).
//!
//! The reply is a stream of JSON lines, each an [`EngineFrame`]; the last one is `finished` or `failed`. A stream that
//! ends otherwise was cut and may be tried again.

use serde::{Deserialize, Serialize};

use crate::events::{Receipt, ToolCall, ToolResult, TurnFailure, Usage};
use crate::http::attachments::Attachment;
use crate::ids::{AgentId, ChannelId, ChatId, ForkId, MessageId, OrgId, RequestId, Seq, TurnId};

/// What the engine needs for one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnRequest {
    /// The owning org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// The channel it is in: its context items are given too.
    pub channel: ChannelId,
    /// The turn.
    pub turn: TurnId,
    /// The agent that answers; the engine knows its instructions and model.
    pub agent: AgentId,
    /// For the logs.
    pub request: RequestId,
    /// Title of the chat.
    pub title: String,
    /// Names of the people and mentions (`@slug`) of the agents that take part, at most 50.
    pub participants: Vec<String>,
    /// The fork that the turn works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<TurnFork>,
    /// What came before the context, as it was summed up last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ContextSummary>,
    /// Pinned messages and summaries of forks, oldest first, at most 60. What stands in the context too is not repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptMessage>,
    /// What was said, oldest first, ending with the message to answer. Of a `summarise` turn: what is to be added to the summary.
    pub context: Vec<ContextMessage>,
    /// The turn sums up: the answer is the new summary of `summary` and `context`.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub summarise: bool,
    /// What the chat's last answer of this agent was counted as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// What the turn's earlier steps did, oldest first.
    pub steps: Vec<TurnStep>,
    /// Tools that the agent may call.
    pub tools: Vec<ToolSpec>,
}

/// The fork that a turn works in. The context ends with what was said there; before it stands what led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnFork {
    /// What shall be settled.
    pub description: String,
    /// The answer is a draft of the fork's summary: decision, reasons, open points, in Markdown. What was said in
    /// the fork begins with `[n]`, and the draft cites it so.
    pub draft: bool,
}

/// What a provider counted once: the measure of what a text of the same model takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The model, as `provider:model`.
    pub model: String,
    /// Bytes of text that it was given.
    pub bytes: u64,
    /// Tokens that the provider counted for them.
    pub tokens: u64,
}

/// A summary of a stretch of the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextSummary {
    /// The first event that it covers.
    pub from: Seq,
    /// The last.
    pub to: Seq,
    /// Markdown.
    pub text: String,
}

/// A message that is given in every turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// The message.
    pub message: MessageId,
    /// Why.
    pub kept: KeptAs,
    /// Name of who said it.
    pub author: String,
    /// Markdown.
    pub text: String,
}

/// A message as an agent reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextMessage {
    /// Which it is.
    pub message: MessageId,
    /// Name of who said it.
    pub author: String,
    /// Said by the agent that is to answer.
    pub own: bool,
    /// Markdown.
    pub text: String,
    /// Files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// It would have been given anyway: it is pinned, or a fork's summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptAs>,
}

/// Why a message is given in every turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptAs {
    /// It is pinned.
    Pin,
    /// It sums up a fork.
    Fork {
        /// The fork.
        fork: ForkId,
        /// What the fork was to settle.
        description: String,
    },
}

/// One step of a turn that ended in tool calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnStep {
    /// What the agent said before calling.
    pub text: String,
    /// The calls, at least one.
    pub calls: Vec<ToolCall>,
    /// Their results, in the same order.
    pub results: Vec<ToolResult>,
}

/// A tool that an agent may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: serde_json::Value,
}

/// One line of the engine's reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineFrame {
    /// More text.
    Text {
        /// The text.
        text: String,
    },
    /// A call, complete.
    Call(ToolCall),
    /// Nothing new; the provider still works.
    Alive,
    /// The step ended well. With calls: their results are wanted in the next step.
    Finished {
        /// The model that answered, as `provider:model`.
        model: String,
        /// What it used.
        usage: Usage,
        /// The answer stopped at the model's limit, before its end.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        cut: bool,
        /// What the agent was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Box<Receipt>>,
        /// What it counted as.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        measured: Option<Measured>,
    },
    /// The step failed.
    Failed {
        /// Why.
        failure: TurnFailure,
        /// Whether the same step may be tried again.
        retryable: bool,
        /// How long the provider asked to wait first, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u32>,
    },
}
