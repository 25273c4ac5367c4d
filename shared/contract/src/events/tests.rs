//! Every stored form that was ever written: it means the same for ever.

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
            "MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: \"hi\", client_id: None, reply_to: None, fork: None, turn: None, partial: false, attachments: [], mentions: [] })"
        ],
    );
    check(
        &format!(
            r#"{{"type":"message.posted","message":"{M}","text":"hi","client_id":"c1","reply_to":"{M}","turn":"turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002","partial":true}}"#
        ),
        expect![
            "MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: \"hi\", client_id: Some(\"c1\"), reply_to: Some(msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003), fork: None, turn: Some(turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002), partial: true, attachments: [], mentions: [] })"
        ],
    );
    check(
        &format!(
            r#"{{"type":"message.posted","message":"{M}","text":"@Ada","mentions":["user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b"]}}"#
        ),
        expect![
            "MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: \"@Ada\", client_id: None, reply_to: None, fork: None, turn: None, partial: false, attachments: [], mentions: [user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b] })"
        ],
    );
    check(r#"{"type":"chat.renamed","title":"New"}"#, expect![[r#"ChatRenamed { title: "New" }"#]]);
    check(
        &format!(r#"{{"type":"reaction.added","message":"{M}","emoji":"👍"}}"#),
        expect![[r#"ReactionAdded { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, emoji: "👍" }"#]],
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
        expect!["PreviewOpened { sandbox: sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c, port: 8080, turn: None }"],
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

#[test]
fn every_stored_form_about_forks_and_what_agents_are_given_keeps_its_meaning() {
    const F: &str = "fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004";
    const T: &str = "turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002";
    const A: &str = "agent_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b";
    check(
        &format!(
            r#"{{"type":"fork.created","fork":"{F}","message":"{M}","description":"d","client_id":"c"}}"#
        ),
        expect![[
            r#"ForkCreated { fork: fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, description: "d", client_id: Some("c") }"#
        ]],
    );
    check(
        &format!(
            r#"{{"type":"fork.resolved","fork":"{F}","message":"{M}","draft":"{M}","evidence":["{M}"]}}"#
        ),
        expect![
            "ForkResolved { fork: fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004, message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, draft: Some(msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003), evidence: [msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003] }"
        ],
    );
    check(
        &format!(r#"{{"type":"fork.abandoned","fork":"{F}"}}"#),
        expect!["ForkAbandoned { fork: fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004 }"],
    );
    check(
        &format!(r#"{{"type":"message.pinned","message":"{M}"}}"#),
        expect!["MessagePinned { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003 }"],
    );
    check(
        &format!(r#"{{"type":"message.unpinned","message":"{M}"}}"#),
        expect!["MessageUnpinned { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003 }"],
    );
    check(
        &format!(r#"{{"type":"turn.queued","turn":"{T}","agent":"{A}","cause":"{M}","depth":1}}"#),
        expect![
            "TurnQueued { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, agent: agent_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, cause: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, depth: 1, fork: None, draft: false, summary: false }"
        ],
    );
    check(
        &format!(
            r#"{{"type":"turn.queued","turn":"{T}","agent":"{A}","cause":"{M}","depth":0,"fork":"{F}","draft":true,"summary":true}}"#
        ),
        expect![
            "TurnQueued { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, agent: agent_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, cause: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, depth: 0, fork: Some(fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004), draft: true, summary: true }"
        ],
    );
    check(
        &format!(
            r#"{{"type":"turn.summarised","turn":"{T}","from":1,"to":9,"text":"t","model":"demo:demo","usage":{{"input_tokens":3,"output_tokens":4}}}}"#
        ),
        expect![[
            r#"TurnSummarised { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, from: Seq(1), to: Seq(9), text: "t", model: "demo:demo", usage: Usage { input_tokens: 3, output_tokens: 4 } }"#
        ]],
    );
    check(
        &format!(
            r#"{{"type":"turn.completed","turn":"{T}","message":"{M}","model":"demo:demo","usage":{{"input_tokens":3,"output_tokens":4}}}}"#
        ),
        expect![[
            r#"TurnCompleted { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, model: "demo:demo", usage: Usage { input_tokens: 3, output_tokens: 4 }, receipt: None, forgotten: false }"#
        ]],
    );
    check(
        &format!(
            r#"{{"type":"turn.completed","turn":"{T}","message":"{M}","model":"demo:demo","usage":{{"input_tokens":3,"output_tokens":4}},"receipt":{{"budget":8000,"tokens":3,"estimated":true,"parts":[{{"kind":"summary","tokens":1,"from":1,"to":9}},{{"kind":"fork","tokens":1,"message":"{M}","fork":"{F}","title":"d"}},{{"kind":"item","tokens":1,"item":"ctx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","title":"t"}}],"left_out":2}}}}"#
        ),
        expect![[
            r#"TurnCompleted { turn: turn_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000002, message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, model: "demo:demo", usage: Usage { input_tokens: 3, output_tokens: 4 }, receipt: Some(Receipt { budget: 8000, tokens: 3, estimated: true, parts: [ReceiptPart { kind: Summary, tokens: 1, message: None, fork: None, item: None, attachment: None, title: None, from: Some(Seq(1)), to: Some(Seq(9)) }, ReceiptPart { kind: Fork, tokens: 1, message: Some(msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003), fork: Some(fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004), item: None, attachment: None, title: Some("d"), from: None, to: None }, ReceiptPart { kind: Item, tokens: 1, message: None, fork: None, item: Some(ctx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b), attachment: None, title: Some("t"), from: None, to: None }], left_out: Some(2) }), forgotten: false }"#
        ]],
    );
    check(
        &format!(
            r#"{{"type":"message.posted","message":"{M}","text":"","fork":"{F}","attachments":[{{"id":"att_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","chat":"chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b","name":"a.png","media_type":"image/png","bytes":3,"pixels":[2,1],"by":{{"kind":"system"}},"created_at":"2026-11-20T08:15:30.123Z"}}]}}"#
        ),
        expect![[
            r#"MessagePosted(MessagePosted { message: msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003, text: "", client_id: None, reply_to: None, fork: Some(fork_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000004), turn: None, partial: false, attachments: [Attachment { id: att_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, chat: chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b, name: "a.png", media_type: "image/png", bytes: 3, pixels: Some([2, 1]), by: System, created_at: Timestamp(1795162530123) }], mentions: [] })"#
        ]],
    );
}
