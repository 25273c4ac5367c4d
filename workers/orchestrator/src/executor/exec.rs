//! Commands in a sandbox, as a stream of frames.

use futures::StreamExt;
use slipway_contract::objects::executor::{ExecFrame, StartExec};
use slipway_contract::{SandboxId, Timestamp};
use slipway_edge::clock;
use worker::{ByteStream, Method, Response};

use super::{ASK_MS, Executor, ExecutorError, body, escaped, path};
use crate::outgoing::{self, AbortOnDrop};
use crate::stream::Cutter;

/// An executor that says nothing for so long is gone: it tells `alive` every 10 s.
const SILENCE_MS: i64 = 30_000;
/// Longest line, in bytes: all output that is kept of a command (4 MiB) might be told at once, each byte escaped.
const LINE_BYTES: usize = 26 * 1024 * 1024;

/// A command that runs. Fields end in this order: reading stops before the request is aborted. The command goes on.
pub(crate) struct Run {
    body: ByteStream,
    lines: Cutter,
    heard: Timestamp,
    _abort: AbortOnDrop,
}

impl Executor<'_> {
    /// Starts a command under a name, or attaches to the one that has this name.
    pub(crate) async fn exec(
        &self,
        sandbox: SandboxId,
        key: &str,
        wanted: &StartExec,
    ) -> Result<Run, ExecutorError> {
        let path = path(sandbox, &format!("/execs/{}", escaped(key)));
        let (mut reply, abort) = self.open(Method::Put, &path, body(wanted)?, 2 * ASK_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the reply has no body" })?;
        Ok(Run { body, lines: Cutter::default(), heard: clock::now(), _abort: abort })
    }

    /// As [`Self::exec`], with the executor's reply as it comes.
    pub(crate) async fn exec_reply(
        &self,
        sandbox: SandboxId,
        key: &str,
        wanted: &StartExec,
    ) -> Result<Response, ExecutorError> {
        let path = path(sandbox, &format!("/execs/{}", escaped(key)));
        let (reply, abort) = self.open(Method::Put, &path, body(wanted)?, 2 * ASK_MS).await?;
        abort.release();
        Ok(reply)
    }
}

impl Run {
    /// The next frame. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The stream ended before the command did; attaching again goes on.
    pub(crate) async fn next(&mut self) -> Result<ExecFrame, ExecutorError> {
        let cut = |cause| ExecutorError::Unavailable { cause };
        loop {
            if let Some(line) = self.lines.next_line() {
                return serde_json::from_slice(&line).map_err(|_| cut("a line is not of the contract"));
            }
            if self.lines.waiting() > LINE_BYTES {
                return Err(cut("a line is too long"));
            }
            let patience = SILENCE_MS - clock::now().since(self.heard);
            match outgoing::within(patience.max(0).unsigned_abs(), self.body.next()).await {
                Some(Some(Ok(bytes))) => {
                    self.heard = clock::now();
                    self.lines.feed(&bytes);
                }
                Some(Some(Err(_)) | None) => return Err(cut("the stream was cut")),
                None => return Err(cut("the stream fell silent")),
            }
        }
    }
}
