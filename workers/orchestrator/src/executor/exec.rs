//! Commands in a sandbox, as a stream of frames.

use futures::StreamExt;
use slipway_contract::objects::executor::{ExecFrame, StartExec};
use slipway_contract::{SandboxId, Timestamp};
use slipway_edge::clock;
use worker::{ByteStream, Method, Response};

use super::bridge::Followed;
use super::{ASK_MS, Executor, ExecutorError, body, escaped, path};
use crate::outgoing::{self, AbortOnDrop};
use crate::stream::Cutter;

/// An executor that says nothing for so long is gone: it tells `alive` every 10 s.
pub(super) const SILENCE_MS: i64 = 30_000;
/// Longest line, in bytes: all output that is kept of a command (4 MiB) might be told at once, each byte escaped.
const LINE_BYTES: usize = 26 * 1024 * 1024;

/// A command that runs. Dropped, it goes on.
pub(crate) struct Run(Source);

enum Source {
    Executor(Told),
    Bridge(Box<Followed>),
}

/// What an executor tells. Fields end in this order: reading stops before the request is aborted.
struct Told {
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
        if let Some(bridge) = self.bridge() {
            let followed = bridge.exec(sandbox, key, wanted).await?;
            return Ok(Run(Source::Bridge(Box::new(followed))));
        }
        let path = path(sandbox, &format!("/execs/{}", escaped(key)));
        let (mut reply, abort) = self.open(Method::Put, &path, body(wanted)?, 2 * ASK_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the reply has no body" })?;
        let told = Told { body, lines: Cutter::default(), heard: clock::now(), _abort: abort };
        Ok(Run(Source::Executor(told)))
    }

    /// As [`Self::exec`], with the reply as it comes: JSON lines of [`ExecFrame`].
    pub(crate) async fn exec_reply(
        &self,
        sandbox: SandboxId,
        key: &str,
        wanted: &StartExec,
    ) -> Result<Response, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.exec_reply(sandbox, key, wanted).await;
        }
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
        match &mut self.0 {
            Source::Executor(told) => told.next().await,
            Source::Bridge(followed) => followed.next().await,
        }
    }
}

impl Told {
    async fn next(&mut self) -> Result<ExecFrame, ExecutorError> {
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
