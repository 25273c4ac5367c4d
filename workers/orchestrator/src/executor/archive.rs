//! A sandbox's workspace as a whole, out and in.

use futures::StreamExt;
use futures::stream::LocalBoxStream;
use slipway_contract::SandboxId;
use worker::wasm_bindgen::JsValue;
use worker::{Data, FixedLengthStream, Method};

use super::{Executor, ExecutorError, FILE_MS, Sent, path};
use crate::outgoing::AbortOnDrop;
use crate::snapshots::PASSAGE_MS;

/// An archive on its way. Fields end in this order: reading stops before the request is aborted.
pub(crate) struct Archive {
    /// Its bytes: `tar` in `gzip`. It ends with an error when it broke off.
    pub(crate) body: LocalBoxStream<'static, worker::Result<Vec<u8>>>,
    _abort: AbortOnDrop,
}

impl Archive {
    pub(super) fn new(body: LocalBoxStream<'static, worker::Result<Vec<u8>>>, abort: AbortOnDrop) -> Self {
        Self { body, _abort: abort }
    }
}

impl Executor<'_> {
    /// The workspace, whether the sandbox runs or not; where a stop ends the files, of one that runs.
    pub(crate) async fn archive(&self, sandbox: SandboxId) -> Result<Archive, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.archive(sandbox).await;
        }
        let (mut reply, abort) =
            self.open(Method::Get, &path(sandbox, "/snapshot"), Sent::Nothing, FILE_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the archive has no body" })?;
        Ok(Archive::new(body.boxed_local(), abort))
    }

    /// Makes the workspace what an archive says; with `blank` only if nothing was put into it yet. Unless the archive comes
    /// to its end, nothing changes.
    pub(crate) async fn unarchive(
        &self,
        sandbox: SandboxId,
        archive: FixedLengthStream,
        blank: bool,
    ) -> Result<(), ExecutorError> {
        let body = JsValue::from(Data::Stream(archive));
        if let Some(bridge) = self.bridge() {
            return bridge.unarchive(sandbox, body, blank).await;
        }
        let path = path(sandbox, if blank { "/snapshot?blank=true" } else { "/snapshot" });
        self.done(Method::Put, &path, Sent::Stream(body), PASSAGE_MS).await
    }
}
