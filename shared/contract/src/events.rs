//! What a chat's log holds. An event is immutable, but for the text of a deleted message, which is taken out of it.
//!
//! Stored form: the JSON of [`EventBody`] beside its columns. A field that comes later has a default; a change of meaning
//! gets a new `type`. The test at the end holds every stored form that was ever written.

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Participant, ParticipantId};
use crate::approval::{ApprovalAsk, ApprovalOption, ApprovalState};
use crate::http::artifacts::Artifact;
use crate::ids::{AgentId, ApprovalId, ChannelId, ForkId, MessageId, OrgId, SandboxId, Seq, TurnId, UserId};
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
    },
    /// A tool answered.
    #[serde(rename = "turn.tool_returned")]
    ToolReturned {
        /// The turn.
        turn: TurnId,
        /// What it answered.
        result: ToolResult,
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
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The stored text must mean the same for ever, and be written the same today.
    fn check(stored: &str, meaning: Expect) {
        let body: EventBody = serde_json::from_str(stored).unwrap();
        meaning.assert_eq(&format!("{body:?}"));
        assert_eq!(serde_json::to_string(&body).unwrap(), stored);
    }

    const M: &str = "msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003";

    #[test]
    fn every_stored_form_keeps_its_meaning() {
        check(
            &format!(r#"{{"type":"message.posted","message":"{M}","text":"hi"}}"#),
            expect![
                "MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: \"hi\", client_id: None, reply_to: None, fork: None, turn: None, partial: false })"
            ],
        );
        check(
            &format!(
                r#"{{"type":"message.posted","message":"{M}","text":"hi","client_id":"c1","reply_to":"{M}","turn":"turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002","partial":true}}"#
            ),
            expect![
                "MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: \"hi\", client_id: Some(\"c1\"), reply_to: Some(msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003), fork: None, turn: Some(turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002), partial: true })"
            ],
        );
        check(r#"{"type":"chat.renamed","title":"New"}"#, expect![[r#"ChatRenamed { title: "New" }"#]]);
        check(
            &format!(r#"{{"type":"reaction.added","message":"{M}","emoji":"👍"}}"#),
            expect![[
                r#"ReactionAdded { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, emoji: "👍" }"#
            ]],
        );
        check(
            r#"{"type":"turn.failed","turn":"turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002","failure":{"code":"too_deep","detail":"x"}}"#,
            expect![[
                r#"TurnFailed { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, failure: TurnFailure { code: TooDeep, detail: "x" } }"#
            ]],
        );
        check(
            r#"{"type":"participant.joined","participant":{"id":{"kind":"user","id":"user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b"},"name":"Ada","role":"moderator"}}"#,
            expect![[
                r#"ParticipantJoined { participant: Participant { id: User { id: user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b }, name: "Ada", slug: None, role: Moderator } }"#
            ]],
        );
    }

    #[test]
    fn every_stored_form_about_approvals_and_sandboxes_keeps_its_meaning() {
        const A: &str = "appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004";
        const S: &str = "sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c";
        check(
            &format!(
                r#"{{"type":"approval.requested","approval":"{A}","user":null,"ask":{{"action":{{"kind":"start_sandbox","size":"small","hosts":[]}},"risk":"high","reason":"r","quorum":1,"self_approval":"when_alone","life_s":60}},"expires_at":"2026-11-20T08:15:30.123Z"}}"#
            ),
            expect![[
                r#"ApprovalRequested { approval: appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, user: None, turn: None, call: None, ask: ApprovalAsk { action: StartSandbox { size: Small, hosts: [], template: None, reuse: None }, risk: High, reason: "r", cost: None, quorum: 1, self_approval: WhenAlone, life_s: 60 }, expires_at: Timestamp(1795162530123) }"#
            ]],
        );
        check(
            &format!(
                r#"{{"type":"approval.requested","approval":"{A}","user":"user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","turn":"turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002","call":"c","ask":{{"action":{{"kind":"allow_hosts","sandbox":"{S}","hosts":["a.org"]}},"risk":"critical","reason":"r","cost":{{"micro_usd_per_hour":7,"seconds_left":9}},"quorum":2,"self_approval":"never","life_s":60}},"expires_at":"2026-11-20T08:15:30.123Z"}}"#
            ),
            expect![[
                r#"ApprovalRequested { approval: appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, user: Some(user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b), turn: Some(turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002), call: Some("c"), ask: ApprovalAsk { action: AllowHosts { sandbox: sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c, hosts: ["a.org"] }, risk: Critical, reason: "r", cost: Some(ApprovalCost { micro_usd_per_hour: 7, seconds_left: 9 }), quorum: 2, self_approval: Never, life_s: 60 }, expires_at: Timestamp(1795162530123) }"#
            ]],
        );
        check(
            &format!(
                r#"{{"type":"approval.voted","approval":"{A}","approve":true,"option":"reuse","reason":"ok"}}"#
            ),
            expect![[
                r#"ApprovalVoted { approval: appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, approve: true, option: Reuse, reason: Some("ok") }"#
            ]],
        );
        check(
            &format!(r#"{{"type":"approval.closed","approval":"{A}","state":"withdrawn"}}"#),
            expect![
                "ApprovalClosed { approval: appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, state: Withdrawn }"
            ],
        );
        check(
            &format!(r#"{{"type":"approval.carried_out","approval":"{A}","done":true,"detail":"d"}}"#),
            expect![[
                r#"ApprovalCarriedOut { approval: appr_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, done: true, detail: "d" }"#
            ]],
        );
        check(
            &format!(
                r#"{{"type":"sandbox.changed","status":{{"sandbox":"{S}","state":"failed","epoch":2,"version":3,"size":"medium","hosts":["*.a.org"],"reason":"crash_loop","detail":"d"}}}}"#
            ),
            expect![[
                r#"SandboxChanged { status: SandboxStatus { sandbox: sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c, state: Failed, epoch: 2, version: 3, size: Medium, hosts: ["*.a.org"], reason: Some(CrashLoop), detail: Some("d") } }"#
            ]],
        );
        check(
            &format!(r#"{{"type":"preview.opened","sandbox":"{S}","port":8080}}"#),
            expect![
                "PreviewOpened { sandbox: sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c, port: 8080, turn: None }"
            ],
        );
        check(
            &format!(
                r#"{{"type":"artifact.saved","artifact":{{"id":"art_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","chat":"chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","sandbox":"{S}","path":"a/b.txt","name":"b.txt","bytes":3,"sha256":"00","by":{{"kind":"system"}},"created_at":"2026-11-20T08:15:30.123Z"}},"turn":"turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002"}}"#
            ),
            expect![[
                r#"ArtifactSaved { artifact: Artifact { id: art_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, chat: chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, sandbox: sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c, path: "a/b.txt", name: "b.txt", bytes: 3, sha256: "00", by: System, created_at: Timestamp(1795162530123) }, turn: Some(turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002) }"#
            ]],
        );
    }
}
