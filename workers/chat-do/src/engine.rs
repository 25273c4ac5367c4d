//! The engine's reply as frames: JSON lines out of a byte stream.

use futures::StreamExt;
use slipway_contract::objects::engine::{EngineFrame, TurnRequest};
use worker::{ByteStream, Env, Error, Result};

use crate::effects;

/// Longest line that the engine may send, in bytes: a tool call with all its arguments.
const LINE_BYTES: usize = 1024 * 1024;

/// Frames of one step, as they come.
pub(crate) struct Frames {
    bytes: ByteStream,
    line: Vec<u8>,
    rest: std::vec::IntoIter<u8>,
}

impl Frames {
    /// Asks the engine for one step.
    pub(crate) async fn ask(env: &Env, request: &TurnRequest) -> Result<Self> {
        let mut reply = effects::post(env, "/internal/turns/stream", request).await?;
        if reply.status_code() != 200 {
            return Err(Error::RustError(format!("the engine answered {}", reply.status_code())));
        }
        Ok(Self { bytes: reply.stream()?, line: Vec::new(), rest: Vec::new().into_iter() })
    }

    /// The next frame; `None` where the stream ends. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<EngineFrame>> {
        loop {
            for byte in self.rest.by_ref() {
                if byte != b'\n' {
                    self.line.push(byte);
                    continue;
                }
                let line = core::mem::take(&mut self.line);
                if !line.is_empty() {
                    return Some(serde_json::from_slice(&line).map_err(Error::from));
                }
            }
            if self.line.len() > LINE_BYTES {
                return Some(Err(Error::RustError("the engine sent too long a line".to_owned())));
            }
            match self.bytes.next().await? {
                Ok(bytes) => self.rest = bytes.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
