//! Writes a request as a chat completion, in the narrowest form that all servers take: content as plain
//! strings, `system` instead of `developer`, nothing that is not needed.

use serde_json::{Map, Value, json};

use crate::error::{ErrorKind, ProviderError};
use crate::request::{Content, Message, ModelRequest, Role};

pub(super) fn write(request: &ModelRequest, limit_field: &str) -> Result<Value, ProviderError> {
    let mut messages = Vec::new();
    for message in &request.messages {
        match message.role {
            Role::User => user(message, &mut messages),
            Role::Assistant => messages.extend(assistant(message)),
        }
    }
    if messages.is_empty() {
        return Err(ProviderError::new(
            ErrorKind::InvalidRequest,
            super::NAME,
            "there is no message to answer",
        ));
    }
    if !request.system.trim().is_empty() {
        messages.insert(0, json!({"role": "system", "content": request.system}));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(request.model));
    body.insert(limit_field.to_owned(), json!(request.max_tokens));
    body.insert("stream".to_owned(), json!(true));
    body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    body.insert("messages".to_owned(), messages.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.input_schema,
            }})
        });
        body.insert("tools".to_owned(), tools.collect());
    }
    if let Some(temperature) = request.temperature {
        body.insert("temperature".to_owned(), json!(temperature));
    }
    Ok(body.into())
}

/// Results are messages of their own here and come before the words, right after the calls they answer.
fn user(message: &Message, messages: &mut Vec<Value>) {
    for block in &message.content {
        if let Content::ToolResult { id, content, is_error } = block {
            // The protocol has no mark for a failed tool.
            let content = if *is_error { format!("Error: {content}") } else { content.clone() };
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        }
    }
    if let Some(words) = message.spoken() {
        messages.push(json!({"role": "user", "content": words}));
    }
}

fn assistant(message: &Message) -> Option<Value> {
    let calls: Vec<Value> = message
        .content
        .iter()
        .filter_map(|block| match block {
            Content::ToolCall { id, name, arguments } => Some(json!({
                "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            })),
            Content::Text { .. } | Content::ToolResult { .. } => None,
        })
        .collect();
    let words = message.spoken();
    match (words, calls.is_empty()) {
        (None, true) => None,
        (words, true) => Some(json!({"role": "assistant", "content": words})),
        (words, false) => Some(json!({"role": "assistant", "content": words, "tool_calls": calls})),
    }
}
