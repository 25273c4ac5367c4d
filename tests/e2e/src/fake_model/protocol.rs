//! The two protocols as a provider writes them, by hand and apart from the code under test.

use serde_json::{Value, json};

/// Which provider is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Chat completions.
    OpenAi,
    /// The Messages API.
    Anthropic,
}

/// One answer being written.
pub(super) struct Wire {
    pub(super) protocol: Protocol,
    pub(super) request: Value,
}

impl Wire {
    /// The name behind `script:` in the last words of the user; empty without one.
    pub(super) fn script(&self) -> String {
        let text = self.last_text();
        let script = text.split_whitespace().find_map(|word| word.strip_prefix("script:"));
        script.unwrap_or_default().to_owned()
    }

    /// The last words of the user.
    pub(super) fn last_text(&self) -> String {
        let of_user = |message: &&Value| message.get("role").and_then(Value::as_str) == Some("user");
        let words = |message: &Value| match message.get("content") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Array(blocks)) => {
                let text = blocks.iter().rev().find_map(|block| block.get("text")?.as_str());
                text.map(ToOwned::to_owned)
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => None,
        };
        self.messages().iter().rev().filter(of_user).find_map(words).unwrap_or_default()
    }

    /// The tool result that the last message brings.
    pub(super) fn tool_result(&self) -> Option<String> {
        let last = self.messages().last()?;
        let content = match self.protocol {
            Protocol::OpenAi if last.get("role")? == "tool" => last.get("content")?,
            Protocol::OpenAi => return None,
            Protocol::Anthropic => last.get("content")?.get(0)?.get("content")?,
        };
        content.as_str().map(ToOwned::to_owned)
    }

    fn messages(&self) -> &[Value] {
        self.request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// What comes before the first words.
    pub(super) fn begin(&self) -> Vec<u8> {
        match self.protocol {
            Protocol::OpenAi => chunk(&json!({"role": "assistant", "content": ""}), None),
            Protocol::Anthropic => [
                event(&json!({"type": "message_start", "message": {
                    "id": "msg_1", "type": "message", "role": "assistant", "content": [], "stop_reason": null,
                    "usage": {"input_tokens": 12, "output_tokens": 1},
                }})),
                event(&json!({"type": "content_block_start", "index": 0,
                    "content_block": {"type": "text", "text": ""}})),
                event(&json!({"type": "ping"})),
            ]
            .concat(),
        }
    }

    pub(super) fn text(&self, piece: &str) -> Vec<u8> {
        match self.protocol {
            Protocol::OpenAi => chunk(&json!({"content": piece}), None),
            Protocol::Anthropic => event(&json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": piece}})),
        }
    }

    pub(super) fn end(&self) -> Vec<u8> {
        match self.protocol {
            Protocol::OpenAi => close_chunks("stop"),
            Protocol::Anthropic => close_message(0, "end_turn"),
        }
    }

    /// A call of the first tool offered and the end of the answer; `None` when no tool is offered or its
    /// result is already here.
    pub(super) fn tool_call(&self) -> Option<Vec<u8>> {
        if self.tool_result().is_some() {
            return None;
        }
        let tool = self.request.get("tools")?.get(0)?;
        Some(match self.protocol {
            Protocol::OpenAi => {
                let name = tool.get("function")?.get("name")?;
                let piece = |call: Value| chunk(&json!({"tool_calls": [call]}), None);
                [
                    piece(json!({"index": 0, "id": "call_1", "type": "function",
                        "function": {"name": name, "arguments": ""}})),
                    piece(json!({"index": 0, "function": {"arguments": "{\"city\":"}})),
                    piece(json!({"index": 0, "function": {"arguments": "\"Rome\"}"}})),
                    close_chunks("tool_calls"),
                ]
                .concat()
            }
            Protocol::Anthropic => {
                let piece = |json: &str| {
                    event(&json!({"type": "content_block_delta", "index": 1,
                        "delta": {"type": "input_json_delta", "partial_json": json}}))
                };
                [
                    event(&json!({"type": "content_block_stop", "index": 0})),
                    event(&json!({"type": "content_block_start", "index": 1, "content_block":
                        {"type": "tool_use", "id": "toolu_1", "name": tool.get("name")?, "input": {}}})),
                    piece("{\"city\":"),
                    piece("\"Rome\"}"),
                    close_message(1, "tool_use"),
                ]
                .concat()
            }
        })
    }

    pub(super) fn error_event(&self) -> Vec<u8> {
        match self.protocol {
            Protocol::OpenAi => {
                let error = json!({"error": {"message": "overloaded", "type": "server_error", "code": 503}});
                format!("data: {error}\n\n").into_bytes()
            }
            Protocol::Anthropic => event(&json!({"type": "error",
                "error": {"type": "overloaded_error", "message": "Overloaded"}})),
        }
    }

    pub(super) fn error_body(&self, status: u16) -> String {
        let (openai, anthropic, message) = match status {
            400 => (
                "context_length_exceeded",
                "invalid_request_error",
                "prompt is too long: 9 tokens > 8 maximum",
            ),
            401 => ("invalid_api_key", "authentication_error", "invalid key"),
            404 => ("model_not_found", "not_found_error", "model: unknown"),
            429 => ("rate_limit_exceeded", "rate_limit_error", "slow down"),
            503 => ("server_overloaded", "overloaded_error", "overloaded"),
            _ => ("server_error", "api_error", "internal"),
        };
        match self.protocol {
            Protocol::OpenAi => json!({"error": {"message": message, "type": "error", "code": openai}}),
            Protocol::Anthropic => json!({"type": "error", "error": {"type": anthropic, "message": message}}),
        }
        .to_string()
    }
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Vec<u8> {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]});
    format!("data: {chunk}\n\n").into_bytes()
}

fn close_chunks(reason: &str) -> Vec<u8> {
    let usage = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake",
        "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}});
    [chunk(&json!({}), Some(reason)), format!("data: {usage}\n\ndata: [DONE]\n\n").into_bytes()].concat()
}

fn close_message(block: u32, reason: &str) -> Vec<u8> {
    [
        event(&json!({"type": "content_block_stop", "index": block})),
        event(&json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": {"output_tokens": 7}})),
        event(&json!({"type": "message_stop"})),
    ]
    .concat()
}

fn event(body: &Value) -> Vec<u8> {
    let name = body.get("type").and_then(Value::as_str).unwrap_or_default();
    format!("event: {name}\ndata: {body}\n\n").into_bytes()
}
