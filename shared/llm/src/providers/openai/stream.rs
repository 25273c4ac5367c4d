//! Reads the chunks of a chat completion, and bends to what servers are known to do with them.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{ErrorKind, ProviderError, clip};
use crate::providers::decoder::{Progress, Protocol};
use crate::providers::{failure, tool_arguments};
use crate::sse::SseEvent;
use crate::stream::{FinishReason, StreamEvent, Usage};

/// State of one answer.
#[derive(Debug, Default)]
pub(super) struct Completion {
    key: Option<String>,
    calls: Vec<OpenCall>,
    usage: Option<Usage>,
    reason: Option<FinishReason>,
    refused: bool,
}

#[derive(Debug, Default)]
struct OpenCall {
    index: Option<u64>,
    id: String,
    name: String,
    json: String,
}

// Every field may be missing or null: vLLM closes with `"choices": null`, others leave fields out.
#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<UsageBody>,
    error: Option<Value>,
    object: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct UsageBody {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl Completion {
    /// `key` is removed from what a failure keeps for logs.
    pub(super) fn new(key: Option<String>) -> Self {
        Self { key, ..Self::default() }
    }

    fn take(&mut self, choice: Choice, out: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        if let Some(delta) = choice.delta {
            let refusal = delta.refusal.filter(|text| !text.is_empty());
            self.refused |= refusal.is_some();
            let text = delta.content.map(words).unwrap_or_default() + &refusal.unwrap_or_default();
            if !text.is_empty() {
                out.push(StreamEvent::Text(text));
            }
            for call in delta.tool_calls.into_iter().flatten() {
                self.take_call(call)?;
            }
        }
        // An empty reason, which some servers send in every chunk, is none.
        if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
            self.reason = Some(reason_of(&word)?);
        }
        Ok(())
    }

    fn take_call(&mut self, delta: CallDelta) -> Result<(), ProviderError> {
        let id = delta.id.unwrap_or_default();
        let function = delta.function.unwrap_or(FunctionDelta { name: None, arguments: None });
        let name = function.name.unwrap_or_default();
        let piece = match function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(piece)) => piece,
            // Ollama's own shape, passed on by some proxies.
            Some(whole @ (Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_))) => {
                whole.to_string()
            }
        };
        let full = self.calls.len() >= tool_arguments::MAX_CALLS;
        match self.calls.iter_mut().rev().find(|call| call.index == delta.index) {
            Some(call) if call.continues(&id, &name) => {
                call.json.push_str(&piece);
                if call.id.is_empty() {
                    call.id = id;
                }
                if call.name.is_empty() {
                    call.name = name;
                }
            }
            Some(_) | None if full => {
                return Err(broken("the answer has too many tool calls"));
            }
            Some(_) | None => self.calls.push(OpenCall { index: delta.index, id, name, json: piece }),
        }
        Ok(())
    }

    fn stop(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        let said = self.reason.take().unwrap_or(FinishReason::Stop);
        let asked = !self.calls.is_empty();
        for (number, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            match tool_arguments::parse(&call.json) {
                Some(_) if call.name.is_empty() => return Err(broken("a tool call has no name")),
                Some(arguments) => {
                    let id = if call.id.is_empty() { format!("call_{number}") } else { call.id };
                    out.push(StreamEvent::ToolCall { id, name: call.name, arguments });
                }
                // Cut by its length in the middle of a call: the call was never made.
                None if said == FinishReason::Length => {}
                None => return Err(broken("the arguments of a tool call are not a JSON object")),
            }
        }
        out.extend(self.usage.take().map(StreamEvent::Usage));
        // Ollama, Google and others close an answer with calls by `stop` (ollama/ollama#7963).
        let reason = match said {
            FinishReason::Stop if asked => FinishReason::ToolUse,
            FinishReason::Stop if self.refused => FinishReason::Refused,
            FinishReason::ToolUse if !asked => FinishReason::Stop,
            FinishReason::Stop
            | FinishReason::ToolUse
            | FinishReason::Length
            | FinishReason::Refused
            | FinishReason::Other(_) => said,
        };
        out.push(StreamEvent::Finished { reason });
        Ok(())
    }
}

impl OpenCall {
    /// Whether a piece with the same index belongs to this call. Ollama gave every call the index 0
    /// (ollama/ollama#7881), Google also leaves out the ids.
    fn continues(&self, id: &str, name: &str) -> bool {
        let other_id = !id.is_empty() && !self.id.is_empty() && id != self.id;
        let whole_and_named_again = id.is_empty()
            && !name.is_empty()
            && !self.json.is_empty()
            && tool_arguments::parse(&self.json).is_some();
        !other_id && !whole_and_named_again
    }
}

impl Protocol for Completion {
    const NAME: &'static str = super::NAME;

    fn event(&mut self, event: &SseEvent, out: &mut Vec<StreamEvent>) -> Result<Progress, ProviderError> {
        if event.data.trim() == "[DONE]" {
            self.stop(out)?;
            return Ok(Progress::Finished);
        }
        let unreadable = |_| broken("a chunk could not be read");
        let chunk: Chunk = serde_json::from_str(&event.data).map_err(unreadable)?;
        // The last is vLLM's before 0.10: the error's fields without an object around them.
        let failed =
            chunk.error.is_some() || event.event == "error" || chunk.object.as_deref() == Some("error");
        if failed {
            let body = serde_json::from_str(&event.data).map_err(unreadable)?;
            return Err(failure::from_stream(super::NAME, &body, self.key.as_deref(), super::kind_of));
        }
        // Some servers count in every chunk: the last count is the whole.
        if let Some(usage) = chunk.usage {
            self.usage = Some(Usage {
                input_tokens: usage.prompt_tokens.unwrap_or(0),
                output_tokens: usage.completion_tokens.unwrap_or(0),
                cached_input_tokens: usage.prompt_tokens_details.and_then(|d| d.cached_tokens).unwrap_or(0),
                cache_write_tokens: 0,
            });
        }
        // One answer was asked for (`n` is 1), so one choice counts.
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            self.take(choice, out)?;
        }
        Ok(Progress::More)
    }

    /// Some servers end after the finish reason without `[DONE]`.
    fn close(&mut self, out: &mut Vec<StreamEvent>) -> Result<bool, ProviderError> {
        if self.reason.is_none() {
            return Ok(false);
        }
        self.stop(out)?;
        Ok(true)
    }
}

/// Text as a string, or as Mistral's list of `{"type": "text", "text": …}`; hidden reasoning is left out.
fn words(content: Value) -> String {
    match content {
        Value::String(text) => text,
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn reason_of(word: &str) -> Result<FinishReason, ProviderError> {
    Ok(match word {
        "stop" | "eos" => FinishReason::Stop,
        // The second is Mistral's.
        "length" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolUse,
        "content_filter" => FinishReason::Refused,
        // OpenRouter and Mistral; DeepSeek.
        "error" | "insufficient_system_resource" => {
            return Err(ProviderError::new(ErrorKind::ServerError, super::NAME, "the provider broke off"));
        }
        other => FinishReason::Other(clip(other, 64)),
    })
}

fn broken(message: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Protocol, super::NAME, message)
}
