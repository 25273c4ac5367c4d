//! What agents may call tools with, as tables.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

fn told(name: &str, arguments: Value) -> String {
    let call = ToolCall { id: "c".to_owned(), name: name.to_owned(), arguments };
    match Tool::of(&call) {
        Ok(Tool::Quiet(quiet)) => format!("{:?} {quiet:?}", Tool::Quiet(quiet.clone()).risk()),
        Ok(Tool::RunCommand(wanted)) => {
            format!("{:?} {wanted:?}", Tool::RunCommand(wanted.clone()).risk())
        }
        Err(wrong) => wrong,
    }
}

fn check(name: &str, calls: &[Value], expect: Expect) {
    let told: Vec<String> = calls.iter().map(|arguments| told(name, arguments.clone())).collect();
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn a_sandbox_is_asked_for_with_a_reason() {
    check(
        specs::START_SANDBOX,
        &[
            json!({"reason": "To build"}),
            json!({"reason": "r", "size": "large", "hosts": ["Registry.NPMjs.org", "*.example.com"], "template": "vite-app"}),
        ],
        expect![[r#"
                High StartSandbox(StartSandbox { reason: "To build", size: Small, hosts: [], template: None })
                High StartSandbox(StartSandbox { reason: "r", size: Large, hosts: ["registry.npmjs.org", "*.example.com"], template: Some("vite-app") })"#]],
    );
}

#[test]
fn what_is_wrong_with_a_start_is_said_and_what_is_right() {
    check(
        specs::START_SANDBOX,
        &[
            json!({}),
            json!({"reason": " "}),
            json!({"reason": "r", "size": "huge"}),
            json!({"reason": "r", "network": true}),
            json!({"reason": "r", "hosts": ["10.0.0.1"]}),
            json!({"reason": "r", "template": "rails"}),
        ],
        expect![[r#"
                The arguments of start_sandbox do not fit: missing field `reason`. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}
                The arguments of start_sandbox do not fit: `reason` must have 1 to 500 characters. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}
                The arguments of start_sandbox do not fit: unknown variant `huge`, expected one of `small`, `medium`, `large`. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}
                The arguments of start_sandbox do not fit: unknown field `network`, expected one of `reason`, `size`, `hosts`, `template`. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}
                The arguments of start_sandbox do not fit: `hosts`: 10.0.0.1: must be a name, not an address. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}
                The arguments of start_sandbox do not fit: `template` must be one of `static-site`, `vite-app`. Right is: {"reason": text, "size"?: "small", "medium" or "large", "hosts"?: [host names], "template"?: "static-site" or "vite-app"}"#]],
    );
}

#[test]
fn a_command_has_bounds() {
    check(
        specs::RUN_COMMAND,
        &[
            json!({"command": "ls"}),
            json!({"command": "npm run dev", "cwd": "app", "timeout_s": 600, "background": true}),
            json!({"command": ""}),
            json!({"command": "a\u{0}b"}),
            json!({"command": "x".repeat(COMMAND_BYTES + 1)}),
            json!({"command": "ls", "timeout_s": 0}),
            json!({"command": "ls", "timeout_s": 601}),
            json!({"command": ["ls"]}),
            json!("ls"),
        ],
        expect![[r#"
                Medium RunCommand { command: "ls", cwd: None, timeout_s: None, background: false }
                Medium RunCommand { command: "npm run dev", cwd: Some("app"), timeout_s: Some(600), background: true }
                The arguments of run_command do not fit: `command` must not be empty. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: `command` must not hold the character NUL. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: `command` must have at most 65536 bytes. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: `timeout_s` must be 1 to 600. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: `timeout_s` must be 1 to 600. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: invalid type: sequence, expected a string. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}
                The arguments of run_command do not fit: invalid type: string "ls", expected struct RunCommand. Right is: {"command": text, "cwd"?: path, "timeout_s"?: 1 to 600, "background"?: true or false}"#]],
    );
}

#[test]
fn every_other_tool_takes_what_its_usage_says() {
    let table = [
        told(specs::WRITE_FILE, json!({"path": "a/b.txt", "content": ""})),
        told(specs::WRITE_FILE, json!({"path": "a"})),
        told(specs::READ_FILE, json!({"path": "a"})),
        told(specs::READ_FILE, json!({"path": "x".repeat(PATH_BYTES + 1)})),
        told(specs::LIST_FILES, Value::Null),
        told(specs::DELETE_FILE, json!({"path": ""})),
        told(specs::OPEN_PREVIEW, json!({"port": 8000})),
        told(specs::OPEN_PREVIEW, json!({"port": 0})),
        told(specs::OPEN_PREVIEW, json!({"port": 65536})),
        told(specs::SAVE_ARTIFACT, json!({"path": "out.zip"})),
        told(specs::REQUEST_HOSTS, json!({"hosts": ["example.com"], "reason": "r"})),
        told(specs::REQUEST_HOSTS, json!({"hosts": [], "reason": "r"})),
        told(specs::STOP_SANDBOX, json!({})),
        told(specs::STOP_SANDBOX, json!({"force": true})),
        told("format_disk", json!({})),
    ];
    expect![[r#"
            Medium WriteFile(WriteFile { path: "a/b.txt", content: "" })
            The arguments of write_file do not fit: missing field `content`. Right is: {"path": path below /workspace, "content": text}
            Low ReadFile(OnePath { path: "a" })
            The arguments of read_file do not fit: `path` must have at most 1024 bytes. Right is: {"path": path below /workspace}
            Low ListFiles(AnyPath { path: "" })
            The arguments of delete_file do not fit: `path` must not be empty. Right is: {"path": path below /workspace}
            Medium OpenPreview(OpenPreview { port: 8000 })
            The arguments of open_preview do not fit: `port` must be 1 to 65535. Right is: {"port": 1 to 65535}
            The arguments of open_preview do not fit: invalid value: integer `65536`, expected u16. Right is: {"port": 1 to 65535}
            Medium SaveArtifact(OnePath { path: "out.zip" })
            High RequestHosts(RequestHosts { hosts: ["example.com"], reason: "r" })
            The arguments of request_hosts do not fit: `hosts` must name at least one host. Right is: {"hosts": [host names], "reason": text}
            Medium StopSandbox(Nothing)
            The arguments of stop_sandbox do not fit: unknown field `force`, there are no fields. Right is: {}
            There is no tool `format_disk`."#]]
        .assert_eq(&table.join("\n"));
}

#[test]
fn a_proposal_has_the_form_of_a_context_item() {
    check(
        specs::PROPOSE_CONTEXT,
        &[
            json!({"scope": "chat", "title": " Ports ", "text": "8080 is taken.", "tags": ["Infra", "infra"]}),
            json!({"scope": "channel", "title": "Ports", "text": "x"}),
            json!({"scope": "org", "title": "Ports", "text": "x"}),
            json!({"scope": "chat", "title": "a\nb", "text": "x"}),
            json!({"scope": "chat", "title": "Ports", "text": " "}),
            json!({"scope": "chat", "title": "Ports", "text": "x", "tags": [""]}),
        ],
        expect![[r#"
            Low ProposeContext(ProposeContext { scope: Chat, title: "Ports", text: "8080 is taken.", tags: ["infra"] })
            Low ProposeContext(ProposeContext { scope: Channel, title: "Ports", text: "x", tags: [] })
            The arguments of propose_context do not fit: unknown variant `org`, expected `chat` or `channel`. Right is: {"scope": "chat" or "channel", "title": text, "text": text, "tags"?: [texts]}
            The arguments of propose_context do not fit: `title`: must not hold control characters. Right is: {"scope": "chat" or "channel", "title": text, "text": text, "tags"?: [texts]}
            The arguments of propose_context do not fit: `text`: must say something, in at most 16384 bytes. Right is: {"scope": "chat" or "channel", "title": text, "text": text, "tags"?: [texts]}
            The arguments of propose_context do not fit: `tags`: each must have 1 to 40 characters, on one line. Right is: {"scope": "chat" or "channel", "title": text, "text": text, "tags"?: [texts]}"#]],
    );
}

#[test]
fn every_tool_that_is_offered_is_known_and_says_its_usage() {
    for spec in specs::all() {
        let told = told(&spec.name, json!({"no such argument": 1}));
        assert!(told.starts_with("The arguments of "), "{}: {told}", spec.name);
        let required = spec.input_schema.get("required").and_then(Value::as_array).unwrap().clone();
        for name in required {
            assert!(
                specs::usage(&spec.name).contains(&format!("\"{}\":", name.as_str().unwrap())),
                "{}",
                spec.name
            );
        }
    }
}
