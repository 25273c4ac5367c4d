//! Calls, questions, sandboxes and files as the tests give them.

use slipway_contract::approval::Risk;
use slipway_contract::sandbox::SandboxSize;

use super::*;

pub(super) fn called(tools: &[&str]) -> StepEnd {
    let calls = tools.iter().enumerate().map(|(n, name)| ToolCall {
        id: n.to_string(),
        name: (*name).to_owned(),
        arguments: serde_json::json!({}),
    });
    let usage = Usage { input_tokens: 1, output_tokens: 1 };
    StepEnd::Called { text: String::new(), calls: calls.collect(), usage, measured: None }
}

pub(super) fn result(content: &str) -> CallEnd {
    CallEnd::Answered { content: content.to_owned(), is_error: false, effects: vec![], ask: None }
}

pub(super) fn approval(seq: u64) -> ApprovalId {
    ApprovalId::new(chat_id(), Seq(seq))
}

/// A question that one other person must approve within a day.
pub(super) fn question() -> ApprovalAsk {
    ApprovalAsk {
        action: ApprovalAction::StartSandbox {
            size: SandboxSize::Small,
            hosts: vec![],
            template: None,
            reuse: Some(sandbox(1)),
        },
        risk: Risk::High,
        reason: "to show it".to_owned(),
        cost: None,
        quorum: 1,
        self_approval: SelfApproval::WhenAlone,
        life_s: 86_400,
    }
}

pub(super) fn asked(ask: ApprovalAsk) -> ChatCommand {
    ChatCommand::RequestApproval { ask: Box::new(ask), by: ADA.parse().unwrap(), client_id: None }
}

pub(super) fn answer(seq: u64, approve: bool) -> ChatCommand {
    let decision = if approve { ApprovalDecision::Approve } else { ApprovalDecision::Deny };
    let decision = DecideApproval { decision, option: None, reason: None };
    ChatCommand::Decide { approval: approval(seq), decision, guests: vec![] }
}

pub(super) fn sandbox(n: u8) -> SandboxId {
    format!("sbx_{n:032x}").parse().unwrap()
}

pub(super) fn status(n: u8, version: u64, state: SandboxState) -> SandboxStatus {
    SandboxStatus {
        sandbox: sandbox(n),
        state,
        epoch: 1,
        version,
        size: SandboxSize::Small,
        hosts: vec![],
        reason: None,
        detail: None,
    }
}

pub(super) fn artifact(n: u8) -> Artifact {
    Artifact {
        id: format!("art_{n:032x}").parse().unwrap(),
        chat: chat_id(),
        sandbox: sandbox(1),
        path: "out/a.txt".to_owned(),
        name: "a.txt".to_owned(),
        bytes: 3,
        sha256: "00".repeat(32),
        by: user(ADA),
        created_at: Timestamp::default(),
    }
}
