//! Writes a request in the Messages API's words.
//!
//! Rules of the API kept here: roles alternate, the first is the user's; no empty text; the results of a
//! message's calls come together and first in the next message; ids are `[a-zA-Z0-9_-]+`.

use serde_json::{Map, Value, json};

use crate::error::{ErrorKind, ProviderError};
use crate::request::{Content, Message, ModelRequest, Role};

/// Stands in for what came before, when the conversation as given begins with the model's own words.
const EARLIER: &str = "(Earlier messages are left out.)";

pub(super) fn write(request: &ModelRequest) -> Result<Value, ProviderError> {
    let messages = turns(&request.messages);
    if messages.is_empty() {
        return Err(ProviderError::new(
            ErrorKind::InvalidRequest,
            super::NAME,
            "there is no message to answer",
        ));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert("max_tokens".to_owned(), json!(request.max_tokens));
    body.insert("stream".to_owned(), json!(true));
    if !request.system.trim().is_empty() {
        body.insert("system".to_owned(), json!(request.system));
    }
    body.insert("messages".to_owned(), messages.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"name": tool.name, "description": tool.description, "input_schema": tool.input_schema})
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    if let Some(temperature) = request.temperature {
        // The API's scale ends at 1, that of others at 2.
        body.insert("temperature".to_owned(), json!(temperature.clamp(0.0, 1.0)));
    }
    Ok(body.into())
}

/// The messages, neighbours of one role joined.
fn turns(messages: &[Message]) -> Vec<Value> {
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in messages {
        let mut blocks = blocks(message);
        if blocks.is_empty() {
            continue;
        }
        if turns.is_empty() && message.role == Role::Assistant {
            turns.push((Role::User, vec![text(EARLIER)]));
        }
        match turns.last_mut() {
            Some((role, earlier)) if *role == message.role => earlier.append(&mut blocks),
            Some(_) | None => turns.push((message.role, blocks)),
        }
    }
    turns
        .into_iter()
        .map(|(role, mut blocks)| {
            // Stable: results first, the rest in its order.
            blocks.sort_by_key(|block| block.get("type").and_then(Value::as_str) != Some("tool_result"));
            let role = match role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            json!({"role": role, "content": blocks})
        })
        .collect()
}

fn blocks(message: &Message) -> Vec<Value> {
    let mut blocks = Vec::new();
    for block in &message.content {
        match block {
            // All words of the message go out as one block, below.
            Content::Text { .. } => {}
            Content::ToolCall { id, name, arguments } => {
                let input = if arguments.is_object() { arguments.clone() } else { json!({}) };
                blocks.push(json!({"type": "tool_use", "id": plain_id(id), "name": name, "input": input}));
            }
            Content::ToolResult { id, content, is_error } => {
                blocks.push(json!({
                    "type": "tool_result", "tool_use_id": plain_id(id), "content": content, "is_error": is_error,
                }));
            }
        }
    }
    // Words before calls, as the API itself answers.
    if let Some(words) = message.spoken().filter(|words| !words.trim().is_empty()) {
        blocks.insert(0, text(&words));
    }
    blocks
}

fn text(words: &str) -> Value {
    json!({"type": "text", "text": words})
}

/// Ids of other servers (`functions.search:0`) in the characters that this one takes.
fn plain_id(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    if id.is_empty() { "_".to_owned() } else { id.chars().map(plain).collect() }
}
