//! The demo model's tool calls: steps of `call:` lines, the next step after the results of the one before.

use serde_json::{Map, Value};

use crate::request::{Content, Message, ModelRequest, Role};

use super::commands::{after, starts};
use super::{Reply, sandbox, speech};

/// Calls that are made in one answer.
type Step = Vec<(String, Value)>;

/// Answers a text that begins with `call:`.
pub(super) fn first_step(text: &str, request: &ModelRequest) -> Option<Reply> {
    let steps = read(text)?;
    Some(steps.map_or_else(Reply::say, |steps| make(steps.into_iter().next(), String::new(), request)))
}

/// Answers the results of the last step, and takes the next one if the command has one.
pub(super) fn after_results(request: &ModelRequest) -> Reply {
    // The command is the last message with words from someone else; the answers with calls since then are
    // the steps that were taken.
    let is_command = |message: &Message| message.role == Role::User && message.texts().next().is_some();
    let at = request.messages.iter().rposition(is_command).unwrap_or(0);
    let text = request.messages.get(at).map(|m| m.texts().collect::<Vec<_>>().join("\n")).unwrap_or_default();
    for start in starts(&text) {
        if let Some(plan) = sandbox::read(start) {
            return sandbox::go_on(&plan, request, at);
        }
        if let Some(steps) = read(start) {
            let steps = steps.unwrap_or_default();
            return make(steps.into_iter().nth(taken(request, at)), results(request), request);
        }
    }
    make(None, results(request), request)
}

/// Steps since the message `at`.
fn taken(request: &ModelRequest, at: usize) -> usize {
    let has_call =
        |message: &&Message| message.content.iter().any(|block| matches!(block, Content::ToolCall { .. }));
    request.messages.iter().skip(at).filter(has_call).count()
}

/// Which tools there are, in words.
pub(super) fn offered(request: &ModelRequest) -> String {
    if request.tools.is_empty() {
        return "No tool is offered to me here.".to_owned();
    }
    let rows: Vec<String> =
        request.tools.iter().map(|tool| format!("- `{}`: {}", tool.name, tool.description)).collect();
    format!("I may call these tools:\n\n{}", rows.join("\n"))
}

fn make(step: Option<Step>, mut text: String, request: &ModelRequest) -> Reply {
    let Some(calls) = step else { return Reply::say(text) };
    let unknown = calls.iter().find(|(name, _)| !request.tools.iter().any(|tool| tool.name == *name));
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    if let Some((name, _)) = unknown {
        text.push_str(&format!("No tool `{name}` is offered to me. {}", offered(request)));
        return Reply::say(text);
    }
    let names: Vec<String> = calls.iter().map(|(name, _)| format!("`{name}`")).collect();
    text.push_str(&format!("Calling {}.", names.join(" and ")));
    Reply { text, calls, failure: None }
}

/// The results in the last message, in words.
fn results(request: &ModelRequest) -> String {
    let calls = || request.messages.iter().flat_map(|message| &message.content);
    let name_of = |wanted: &str| {
        let mut named = calls().filter_map(|block| match block {
            Content::ToolCall { id, name, .. } if id == wanted => Some(name.as_str()),
            Content::ToolCall { .. } | Content::Text { .. } | Content::ToolResult { .. } => None,
        });
        named.next_back().unwrap_or("unknown")
    };
    let mut told = Vec::new();
    for block in request.messages.last().into_iter().flat_map(|message| &message.content) {
        if let Content::ToolResult { id, content, is_error } = block {
            let verb = if *is_error { "failed" } else { "answered" };
            told.push(format!(
                "The tool `{}` {verb}:\n\n```\n{}\n```",
                name_of(id),
                speech::unmentioned(content.trim_end())
            ));
        }
    }
    told.join("\n\n")
}

/// The steps of a command, or what is wrong with it; `None` when the text is no such command.
fn read(text: &str) -> Option<Result<Vec<Step>, String>> {
    after(text, "call:")?;
    let (mut steps, mut step) = (Vec::new(), Step::new());
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (then, line) = match after(rest, "then") {
            Some(line) => (true, line),
            None => (false, rest),
        };
        // Words behind the last call are for the people who read along.
        let Some(call) = after(line, "call:") else { break };
        let end = call.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(call.len());
        let (name, tail) = call.split_at_checked(end)?;
        let (arguments, after_call) = match read_object(tail.trim_start()) {
            Ok(read) => read,
            Err(error) => {
                return Some(Err(format!("I cannot read the arguments of `{name}` as JSON: {error}.")));
            }
        };
        if then {
            steps.push(std::mem::take(&mut step));
        }
        step.push((name.to_owned(), arguments));
        rest = after_call.trim_start();
    }
    steps.push(step);
    Some(Ok(steps))
}

/// The JSON object at the start of the text, if one begins there, and what follows it.
fn read_object(text: &str) -> Result<(Value, &str), serde_json::Error> {
    if !text.starts_with('{') {
        return Ok((Value::Object(Map::new()), text));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next().unwrap_or(Ok(Value::Object(Map::new())))?;
    Ok((value, text.get(values.byte_offset()..).unwrap_or_default()))
}
