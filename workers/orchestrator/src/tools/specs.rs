//! The tools as models are told of them.

use serde_json::{Value, json};
use slipway_contract::limits::{
    CONTEXT_ITEM_BYTES, HOSTS_PER_SANDBOX, NAME_CHARS, REASON_CHARS, TAG_CHARS, TAGS_PER_ITEM,
};
use slipway_llm::ToolSpec;

use super::arguments::{COMMAND_BYTES, TIMEOUT_DEFAULT_S, TIMEOUT_S};
use crate::sandboxes::templates;

pub(crate) const START_SANDBOX: &str = "start_sandbox";
pub(crate) const RUN_COMMAND: &str = "run_command";
pub(crate) const WRITE_FILE: &str = "write_file";
pub(crate) const READ_FILE: &str = "read_file";
pub(crate) const LIST_FILES: &str = "list_files";
pub(crate) const DELETE_FILE: &str = "delete_file";
pub(crate) const OPEN_PREVIEW: &str = "open_preview";
pub(crate) const SAVE_ARTIFACT: &str = "save_artifact";
pub(crate) const REQUEST_HOSTS: &str = "request_hosts";
pub(crate) const STOP_SANDBOX: &str = "stop_sandbox";
pub(crate) const PROPOSE_CONTEXT: &str = "propose_context";

/// What agents are offered where sandboxes can be had.
pub(crate) fn all() -> Vec<ToolSpec> {
    let mut tools = of_sandboxes();
    tools.append(&mut everywhere());
    tools
}

/// What agents are offered everywhere.
pub(crate) fn everywhere() -> Vec<ToolSpec> {
    vec![tool(
        PROPOSE_CONTEXT,
        "Proposes something that agents should be told from now on: a decision, a fact, a rule that people have settled. \
         People accept or remove it; until then nobody is given it. Propose what will matter later and is not kept yet.",
        json!({
            "scope": {
                "type": "string", "enum": ["chat", "channel"],
                "description": "chat: told in this chat. channel: in all chats of its channel.",
            },
            "title": { "type": "string", "maxLength": NAME_CHARS, "description": "What people call it, on one line." },
            "text": {
                "type": "string", "maxLength": CONTEXT_ITEM_BYTES,
                "description": "What agents are told, in Markdown; it must make sense without this conversation.",
            },
            "tags": {
                "type": "array", "maxItems": TAGS_PER_ITEM, "items": { "type": "string", "maxLength": TAG_CHARS },
                "description": "What it is about, in single words.",
            },
        }),
        &["scope", "title", "text"],
    )]
}

fn of_sandboxes() -> Vec<ToolSpec> {
    let names = templates::names().collect::<Vec<_>>();
    let hosts = || {
        json!({
            "type": "array", "maxItems": HOSTS_PER_SANDBOX, "items": { "type": "string" },
            "description": "Host names that it may reach: `example.com`, or `*.example.com` for all below it.",
        })
    };
    let reason = |what: &str| json!({ "type": "string", "maxLength": REASON_CHARS, "description": what });
    let path = || json!({ "type": "string", "description": "Path below /workspace." });
    vec![
        tool(
            START_SANDBOX,
            "Asks the people of the chat for a sandbox: an isolated Linux machine with the folder /workspace, without \
             any network but the hosts you name. People see your reason, the cost and the hosts, and approve or deny; \
             the result tells which. A sandbox that runs already is used again without asking.",
            json!({
                "reason": reason("What it is for, for the people who approve."),
                "size": {
                    "type": "string", "enum": ["small", "medium", "large"],
                    "description": "small (default): 1 CPU, 1 GiB of memory. medium: 2 CPUs, 4 GiB. large: 4 CPUs, 8 GiB.",
                },
                "hosts": hosts(),
                "template": { "type": "string", "enum": names, "description": "Files to begin with." },
            }),
            &["reason"],
        ),
        tool(
            RUN_COMMAND,
            "Runs a shell command in the chat's sandbox and answers with its exit code and output. Servers go into the \
             background.",
            json!({
                "command": { "type": "string", "maxLength": COMMAND_BYTES, "description": "Run by `sh -lc`." },
                "cwd": { "type": "string", "description": "Folder to run it in; /workspace when absent." },
                "timeout_s": {
                    "type": "integer", "minimum": TIMEOUT_S.start(), "maximum": TIMEOUT_S.end(),
                    "description": format!("Given up after so many seconds; {TIMEOUT_DEFAULT_S} when absent."),
                },
                "background": { "type": "boolean", "description": "Let it go on, and answer at once." },
            }),
            &["command"],
        ),
        tool(
            WRITE_FILE,
            "Writes a text file in the chat's sandbox; the folders above it are made, what was there is replaced.",
            json!({ "path": path(), "content": { "type": "string", "description": "The whole file." } }),
            &["path", "content"],
        ),
        tool(READ_FILE, "Reads a text file of the chat's sandbox.", json!({ "path": path() }), &["path"]),
        tool(
            LIST_FILES,
            "Lists a folder of the chat's sandbox.",
            json!({ "path": { "type": "string", "description": "Path below /workspace; empty for that folder itself." } }),
            &[],
        ),
        tool(
            DELETE_FILE,
            "Deletes a file of the chat's sandbox, or a folder with all in it.",
            json!({ "path": path() }),
            &["path"],
        ),
        tool(
            OPEN_PREVIEW,
            "Shows the people of the chat what a server in the sandbox serves. Start the server first, in the \
             background; this waits up to 15 s until something listens on the port.",
            json!({ "port": { "type": "integer", "minimum": 1, "maximum": 65535 } }),
            &["port"],
        ),
        tool(
            SAVE_ARTIFACT,
            "Keeps a file of the sandbox for the people of the chat, beyond the sandbox's life.",
            json!({ "path": path() }),
            &["path"],
        ),
        tool(
            REQUEST_HOSTS,
            "Asks the people of the chat to let the sandbox reach more hosts.",
            json!({ "hosts": hosts(), "reason": reason("What they are needed for.") }),
            &["hosts", "reason"],
        ),
        tool(STOP_SANDBOX, "Stops the chat's sandbox. Its files stay.", json!({}), &[]),
    ]
}

fn tool(name: &str, description: &str, properties: Value, required: &[&str]) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }),
    }
}

/// What a call should look like, in one line.
pub(crate) fn usage(name: &str) -> String {
    match name {
        START_SANDBOX => {
            let names = templates::names().collect::<Vec<_>>().join("\" or \"");
            format!(
                "{{\"reason\": text, \"size\"?: \"small\", \"medium\" or \"large\", \"hosts\"?: [host names], \
                 \"template\"?: \"{names}\"}}"
            )
        }
        RUN_COMMAND => format!(
            "{{\"command\": text, \"cwd\"?: path, \"timeout_s\"?: {} to {}, \"background\"?: true or false}}",
            TIMEOUT_S.start(),
            TIMEOUT_S.end()
        ),
        WRITE_FILE => "{\"path\": path below /workspace, \"content\": text}".to_owned(),
        READ_FILE | DELETE_FILE | SAVE_ARTIFACT => "{\"path\": path below /workspace}".to_owned(),
        LIST_FILES => "{\"path\"?: path below /workspace}".to_owned(),
        OPEN_PREVIEW => "{\"port\": 1 to 65535}".to_owned(),
        PROPOSE_CONTEXT => {
            "{\"scope\": \"chat\" or \"channel\", \"title\": text, \"text\": text, \"tags\"?: [texts]}"
                .to_owned()
        }
        REQUEST_HOSTS => "{\"hosts\": [host names], \"reason\": text}".to_owned(),
        _ => "{}".to_owned(),
    }
}
