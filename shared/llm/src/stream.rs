//! What a model answers, in no provider's dialect, and the trait of the decoders that produce it.
//!
//! Order of events: `Text` and `ToolCall` as they complete, then at most one `Usage`, then one `Finished`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ProviderError;

/// One thing that happened in an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEvent {
    /// More words; never empty.
    Text(String),
    /// The model asks for a tool. Given once, when the call is complete.
    ToolCall {
        /// Names the call; unique within the answer.
        id: String,
        /// Name of the tool.
        name: String,
        /// A JSON object.
        arguments: Value,
    },
    /// What the answer cost. Absent when the provider does not say.
    Usage(Usage),
    /// The answer is whole. Always the last event.
    Finished {
        /// Why the model stopped.
        reason: FinishReason,
    },
}

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All tokens read, those from and into a cache included.
    pub input_tokens: u64,
    /// Tokens written, hidden reasoning included.
    pub output_tokens: u64,
    /// Part of `input_tokens` that came from the provider's cache, at a lower price.
    pub cached_input_tokens: u64,
    /// Part of `input_tokens` that was stored in the provider's cache, at a higher price.
    pub cache_write_tokens: u64,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It had said what it had to say.
    Stop,
    /// It hit `max_tokens` or the end of its context; the answer is cut.
    Length,
    /// It waits for the results of its tool calls.
    ToolUse,
    /// The model or the provider's filter declined.
    Refused,
    /// A reason that we do not know, in the provider's word (at most 64 characters).
    Other(String),
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolUse => "tool_use",
            Self::Refused => "refused",
            Self::Other(_) => "other",
        })
    }
}

/// Turns the bytes of one answer into events. One decoder per answer.
///
/// Events are appended to `out` also when the call then fails: they happened before the failure.
/// After a failure every further call fails alike; after [`StreamEvent::Finished`] further bytes are ignored.
pub trait StreamDecoder: Send {
    /// Takes the next bytes of the body, cut anywhere.
    ///
    /// # Errors
    /// The provider reported a failure inside the stream, or the bytes break the protocol or its limits.
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), ProviderError>;

    /// The body has ended.
    ///
    /// # Errors
    /// The body ended before the answer did: [`crate::ErrorKind::Connection`], which is retryable.
    fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProviderError>;
}
