//! Files of a sandbox.

use slipway_contract::SandboxId;
use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::{ExecutorCode, FileList};
use worker::{ByteStream, Method};

use super::{Executor, ExecutorError, FILE_MS, REPLY_BYTES, Sent, escaped, path};
use crate::outgoing::{self, AbortOnDrop, Body};

/// Says what a path is.
pub(super) const KIND: &str = "x-slipway-kind";

/// What is at a path.
pub(crate) enum Found {
    /// A file.
    File(File),
    /// A folder.
    Folder(FileList),
}

/// A file on its way. Fields end in this order: reading stops before the request is aborted.
pub(crate) struct File {
    /// Its bytes.
    pub(crate) body: ByteStream,
    /// How many, where the executor says so.
    pub(crate) bytes: Option<u64>,
    /// Ends the transfer when it is dropped.
    pub(crate) abort: AbortOnDrop,
}

impl Executor<'_> {
    /// What is at a path.
    pub(crate) async fn read(&self, sandbox: SandboxId, file: &str) -> Result<Found, ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.read(sandbox, file).await;
        }
        let broken = |cause| ExecutorError::Unavailable { cause };
        let (mut reply, abort) = self.open(Method::Get, &at(sandbox, file), Sent::Nothing, FILE_MS).await?;
        if reply.headers().get(KIND).ok().flatten().as_deref() == Some("folder") {
            let read = outgoing::within(FILE_MS, outgoing::body(&mut reply, REPLY_BYTES)).await;
            return match read {
                Some(Body::Whole(bytes)) => serde_json::from_slice(&bytes)
                    .map(Found::Folder)
                    .map_err(|_| broken("the list is not of the contract")),
                Some(Body::TooLong | Body::Cut) | None => Err(broken("the list did not come")),
            };
        }
        let length = reply.headers().get("content-length").ok().flatten();
        let bytes = length.and_then(|length| length.parse().ok());
        if bytes.is_some_and(|bytes: u64| bytes > SANDBOX_FILE_BYTES as u64) {
            let detail = format!("the file has more than {} MiB", SANDBOX_FILE_BYTES >> 20);
            return Err(ExecutorError::Refused { code: ExecutorCode::TooLarge, detail });
        }
        let body = reply.stream().map_err(|_| broken("the file has no body"))?;
        Ok(Found::File(File { body, bytes, abort }))
    }

    /// Writes a file; folders above it are made.
    pub(crate) async fn write(
        &self,
        sandbox: SandboxId,
        file: &str,
        content: &[u8],
    ) -> Result<(), ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.write(sandbox, file, content).await;
        }
        self.done(Method::Put, &at(sandbox, file), Sent::Bytes(content), FILE_MS).await
    }

    /// Deletes a file, or a folder with all in it.
    pub(crate) async fn delete(&self, sandbox: SandboxId, file: &str) -> Result<(), ExecutorError> {
        if let Some(bridge) = self.bridge() {
            return bridge.delete(sandbox, file).await;
        }
        self.done(Method::Delete, &at(sandbox, file), Sent::Nothing, FILE_MS).await
    }
}

fn at(sandbox: SandboxId, file: &str) -> String {
    path(sandbox, &format!("/files?path={}", escaped(file)))
}
