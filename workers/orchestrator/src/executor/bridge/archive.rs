//! A workspace as a whole. It is packed and unpacked in the container, and goes by the bridge's routes for files: so no
//! more can be kept than can be put back, which is 32 MiB.

use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use slipway_contract::SandboxId;
use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::ExecutorCode;
use worker::{Method, wasm_bindgen::JsValue};

use super::{Bridge, WORKSPACE, agent, at, files, no};
use crate::executor::archive::Archive;
use crate::executor::{ExecutorError, FILE_MS, Sent};
use crate::snapshots::PASSAGE_MS;

/// How long a container may take to pack or unpack, in milliseconds.
const PACK_MS: u64 = 60_000;

impl Bridge<'_> {
    /// The workspace of a sandbox that runs.
    pub(in crate::executor) async fn archive(&self, sandbox: SandboxId) -> Result<Archive, ExecutorError> {
        let name = files::fresh("out");
        let lines = self.ask(sandbox, &agent(&["pack", &name]), PACK_MS).await?;
        let line = lines.first().map(String::as_str);
        let packed = line.and_then(|line| line.strip_prefix("packed ")?.parse::<u64>().ok());
        let Some(bytes) = packed else {
            let error = no(line);
            if error.code() == Some(ExecutorCode::NotRunning) {
                // The container that this gave it holds nothing, and is given up.
                let _sleeps_later = self.report(sandbox).await;
            }
            return Err(error);
        };
        if bytes > SANDBOX_FILE_BYTES as u64 {
            let _removed_later = self.done(sandbox, &agent(&["drop", &name])).await;
            return Err(too_large());
        }
        let path = format!("{}{WORKSPACE}/{name}", at(sandbox, "/file"));
        let (mut reply, abort) = self.via.open(Method::Get, &path, Sent::Nothing, FILE_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the archive has no body" })?;
        Ok(Archive::new(whole(body.boxed_local(), bytes), abort))
    }

    /// Makes the workspace what an archive says.
    pub(in crate::executor) async fn unarchive(
        &self,
        sandbox: SandboxId,
        archive: JsValue,
        blank: bool,
    ) -> Result<(), ExecutorError> {
        let name = files::fresh("in");
        let path = files::upload(sandbox, &name);
        match self.via.done(Method::Put, &path, Sent::Stream(archive), PASSAGE_MS).await {
            Err(error) if error.code() == Some(ExecutorCode::TooLarge) => return Err(too_large()),
            done => done?,
        }
        let mut unpack = agent(&["unpack", &name]);
        unpack.extend(blank.then(|| "blank".to_owned()));
        self.done_within(sandbox, &unpack, PACK_MS).await
    }
}

fn too_large() -> ExecutorError {
    let detail = format!(
        "the files, packed, have more than the {} MiB that go into a container there",
        SANDBOX_FILE_BYTES >> 20
    );
    ExecutorError::Refused { code: ExecutorCode::TooLarge, detail }
}

/// The same bytes, with an error at the end unless there are so many: the bridge may end a file early and say nothing.
fn whole(
    body: LocalBoxStream<'static, worker::Result<Vec<u8>>>,
    bytes: u64,
) -> LocalBoxStream<'static, worker::Result<Vec<u8>>> {
    stream::unfold(Some((body, bytes)), |open| async {
        let (mut body, left) = open?;
        match body.next().await {
            Some(Ok(piece)) => {
                let left = left.checked_sub(piece.len() as u64);
                Some((Ok(piece), left.map(|left| (body, left))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if left == 0 => None,
            None => Some((Err(worker::Error::RustError("the archive ended early".to_owned())), None)),
        }
    })
    .boxed_local()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn half_an_archive_is_an_error() {
        let told = |pieces: &[usize], bytes| -> Vec<Option<usize>> {
            let pieces: Vec<_> = pieces.iter().map(|length| Ok(vec![0; *length])).collect();
            let all = whole(stream::iter(pieces).boxed_local(), bytes).collect::<Vec<_>>();
            all.now_or_never().unwrap().iter().map(|piece| piece.as_ref().ok().map(Vec::len)).collect()
        };
        assert_eq!(told(&[2, 1], 3), [Some(2), Some(1)]);
        assert_eq!(told(&[], 0), []);
        assert_eq!(told(&[2], 3), [Some(2), None]);
        assert_eq!(told(&[], 3), [None]);
    }
}
