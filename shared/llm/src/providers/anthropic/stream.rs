//! Reads the Messages API's events. Unknown events and blocks are skipped, as its versioning policy asks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{ErrorKind, ProviderError, clip};
use crate::providers::decoder::{Progress, Protocol};
use crate::providers::{failure, tool_arguments};
use crate::sse::SseEvent;
use crate::stream::{FinishReason, StreamEvent, Usage};

/// State of one answer.
#[derive(Debug, Default)]
pub(super) struct Messages {
    key: Option<String>,
    /// Tool calls that are being written, by the index of their block.
    open_calls: BTreeMap<u64, OpenCall>,
    calls: usize,
    /// A call ended in half an object: right when the answer was cut by its length, wrong otherwise.
    half_call: bool,
    usage: Option<UsageBody>,
    reason: Option<FinishReason>,
}

#[derive(Debug)]
struct OpenCall {
    id: String,
    name: String,
    json: String,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    index: Option<u64>,
    message: Option<MessageBody>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct MessageBody {
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct UsageBody {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl Messages {
    /// `key` is removed from what a failure keeps for logs.
    pub(super) fn new(key: Option<String>) -> Self {
        Self { key, ..Self::default() }
    }

    fn start_block(
        &mut self,
        index: u64,
        block: Block,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProviderError> {
        if let Some(text) = block.text.filter(|text| block.r#type == "text" && !text.is_empty()) {
            out.push(StreamEvent::Text(text));
        }
        if block.r#type != "tool_use" {
            return Ok(());
        }
        self.calls += 1;
        let (Some(id), Some(name)) = (block.id, block.name) else {
            return Err(broken("a tool call has no id or name"));
        };
        if self.calls > tool_arguments::MAX_CALLS {
            return Err(broken("the answer has too many tool calls"));
        }
        // The input is `{}` here and follows in pieces; proxies that do not stream give all of it at once.
        let whole = block.input.filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
        let json = whole.map(|input| input.to_string()).unwrap_or_default();
        self.open_calls.insert(index, OpenCall { id, name, json });
        Ok(())
    }

    fn continue_block(&mut self, index: u64, delta: Delta, out: &mut Vec<StreamEvent>) {
        // Pieces of thinking, signatures and citations have neither field.
        if let Some(text) = delta.text.filter(|text| !text.is_empty()) {
            out.push(StreamEvent::Text(text));
        }
        if let (Some(piece), Some(call)) = (delta.partial_json, self.open_calls.get_mut(&index)) {
            call.json.push_str(&piece);
        }
    }

    fn stop_block(&mut self, index: u64, out: &mut Vec<StreamEvent>) {
        let Some(OpenCall { id, name, json }) = self.open_calls.remove(&index) else { return };
        match tool_arguments::parse(&json) {
            Some(arguments) => out.push(StreamEvent::ToolCall { id, name, arguments }),
            None => self.half_call = true,
        }
    }

    /// Counts in a later event are totals so far and replace those of an earlier one.
    fn count(&mut self, later: UsageBody) {
        let usage = self.usage.get_or_insert_default();
        usage.input_tokens = later.input_tokens.or(usage.input_tokens);
        usage.output_tokens = later.output_tokens.or(usage.output_tokens);
        usage.cache_read_input_tokens = later.cache_read_input_tokens.or(usage.cache_read_input_tokens);
        usage.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(usage.cache_creation_input_tokens);
    }

    fn stop(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProviderError> {
        let reason = self.reason.take().unwrap_or(FinishReason::Stop);
        if self.half_call && reason != FinishReason::Length {
            return Err(broken("the arguments of a tool call are not a JSON object"));
        }
        if let Some(usage) = self.usage.take() {
            let cached = usage.cache_read_input_tokens.unwrap_or(0);
            let stored = usage.cache_creation_input_tokens.unwrap_or(0);
            out.push(StreamEvent::Usage(Usage {
                // The API counts the cached part beside, we count it within.
                input_tokens: usage.input_tokens.unwrap_or(0).saturating_add(cached).saturating_add(stored),
                output_tokens: usage.output_tokens.unwrap_or(0),
                cached_input_tokens: cached,
                cache_write_tokens: stored,
            }));
        }
        out.push(StreamEvent::Finished { reason });
        Ok(())
    }
}

impl Protocol for Messages {
    const NAME: &'static str = super::NAME;

    fn event(&mut self, event: &SseEvent, out: &mut Vec<StreamEvent>) -> Result<Progress, ProviderError> {
        let unreadable = |_| broken("an event could not be read");
        let body = &event.data;
        let named = &event.event;
        let event: Event = serde_json::from_str(body).map_err(unreadable)?;
        // Proxies drop the event's name, so the type within counts as well.
        if named == "error" || event.r#type == "error" {
            let body = serde_json::from_str(body).map_err(unreadable)?;
            return Err(failure::from_stream(super::NAME, &body, self.key.as_deref(), super::kind_of));
        }
        match (event.r#type.as_str(), event.index) {
            ("message_start", _) => {
                if let Some(usage) = event.message.and_then(|message| message.usage) {
                    self.count(usage);
                }
            }
            ("content_block_start", Some(index)) => {
                if let Some(block) = event.content_block {
                    self.start_block(index, block, out)?;
                }
            }
            ("content_block_delta", Some(index)) => {
                if let Some(delta) = event.delta {
                    self.continue_block(index, delta, out);
                }
            }
            ("content_block_stop", Some(index)) => self.stop_block(index, out),
            ("message_delta", _) => {
                if let Some(usage) = event.usage {
                    self.count(usage);
                }
                if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                    self.reason = Some(reason_of(&reason));
                }
            }
            ("message_stop", _) => {
                self.stop(out)?;
                return Ok(Progress::Finished);
            }
            // `ping`, and whatever the API may add.
            _ => {}
        }
        Ok(Progress::More)
    }

    fn close(&mut self, out: &mut Vec<StreamEvent>) -> Result<bool, ProviderError> {
        if self.reason.is_none() {
            return Ok(false);
        }
        self.stop(out)?;
        Ok(true)
    }
}

/// platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
fn reason_of(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" => FinishReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::Refused,
        other => FinishReason::Other(clip(other, 64)),
    }
}

fn broken(message: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Protocol, super::NAME, message)
}
