//! What a chat asks of the orchestrator for its turns: tool calls (`POST /internal/tools/call`) and what people approved
//! (`POST /internal/approvals/act`). Replies are JSON lines; the last one ends the work, a stream that ends otherwise was
//! cut, and the same call may be made again: it is known by its key or approval, and nothing happens twice.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::approval::{ApprovalAction, ApprovalAsk, ApprovalOption};
use crate::events::ToolCall;
use crate::http::artifacts::Artifact;
use crate::ids::{AgentId, ApprovalId, ChatId, OrgId, RequestId, SandboxId, TurnId, UserId};
use crate::sandbox::SandboxStatus;

/// One call of a tool by an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolRequest {
    /// The owning org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// The turn.
    pub turn: TurnId,
    /// Names the call for ever: the turn, its step and the call's place in it.
    pub key: String,
    /// The agent that calls.
    pub agent: AgentId,
    /// The person whose message began it, if any did.
    pub user: Option<UserId>,
    /// The chat's present sandbox.
    pub sandbox: Option<SandboxId>,
    /// For the logs.
    pub request: RequestId,
    /// The call.
    pub call: ToolCall,
}

/// One line of the reply to a [`ToolRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFrame {
    /// Text that the running command wrote, for people who watch. Not kept beyond the result.
    Output(String),
    /// Nothing new; told every 10 s.
    Alive,
    /// People must be asked first; the call's result is how that ends.
    Ask(Box<ApprovalAsk>),
    /// The tool answered.
    Result {
        /// What the agent is told.
        content: String,
        /// The call did not succeed.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        is_error: bool,
        /// What the chat's log tells beside it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<ToolEffect>,
        /// People should be asked this as well; the call's result is given when that ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ask: Option<Box<ApprovalAsk>>,
    },
    /// It could not be tried now.
    Later {
        /// For people.
        detail: String,
        /// How long to wait first, in milliseconds.
        after_ms: u32,
    },
}

/// What a tool call did that everybody in the chat shall see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolEffect {
    /// Something listens on a port and people may look at it.
    PreviewOpened {
        /// The sandbox.
        sandbox: SandboxId,
        /// The port.
        port: u16,
    },
    /// A file was kept.
    ArtifactSaved(Artifact),
}

/// Carries out what people approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActRequest {
    /// The owning org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// The approval; it is carried out once, however often this is asked.
    pub approval: ApprovalId,
    /// Who asked for it.
    pub asked_by: Actor,
    /// The person who caused it, if any did: their quota is used.
    pub user: Option<UserId>,
    /// What was approved.
    pub action: ApprovalAction,
    /// Which way.
    pub option: ApprovalOption,
    /// For the logs.
    pub request: RequestId,
}

/// One line of the reply to an [`ActRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActFrame {
    /// How far it is, for people who watch; at least every second while it goes on.
    Progress(String),
    /// The sandbox changed.
    Sandbox(SandboxStatus),
    /// It is done.
    Done {
        /// What the agent is told.
        content: String,
    },
    /// It did not work, and trying again would not help.
    Failed {
        /// For people and the agent.
        detail: String,
    },
    /// It must wait, for a place or for the executor.
    Later {
        /// For people.
        detail: String,
        /// How long to wait first, in milliseconds.
        after_ms: u32,
    },
}
