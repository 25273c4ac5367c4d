//! Provider-neutral model requests and streams: bytes in, values out. No I/O, no async, no clock.
//!
//! A caller turns a [`ModelRequest`] into an [`HttpRequest`] with a [`Provider`], sends it with its own HTTP
//! client, and feeds the bytes of the answer to the provider's [`StreamDecoder`], in chunks of any size.
//! Invariant: the same bytes give the same [`StreamEvent`]s, however they were cut, and an answer counts as
//! whole only when the protocol said so.

mod error;
mod model_ref;
mod provider;
pub mod providers;
mod request;
mod sse;
mod stream;

pub use error::{ErrorKind, ProviderError};
pub use model_ref::{ModelRef, ModelRefError};
pub use provider::{HttpRequest, Provider};
pub use request::{Content, Message, ModelRequest, Role, ToolSpec};
pub use sse::{SseError, SseEvent, SseParser};
pub use stream::{FinishReason, StreamDecoder, StreamEvent, Usage};

#[cfg(test)]
mod testing;
