//! Artifacts: files of sandboxes, kept in R2 beyond the sandbox's life.
//!
//! Invariants: a row is written once its bytes are kept, and names their digest; the same key gives the same artifact. An
//! object of R2 is written once and never changed.

use std::cell::RefCell;
use std::rc::Rc;

use futures::StreamExt;
use sha2::{Digest, Sha256};
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::limits::SANDBOX_FILE_BYTES;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{Actor, ArtifactId, OrgId, Problem, ProblemCode};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::artifacts;
use slipway_store::sandboxes::StoredSandbox;
use worker::{Data, FixedLengthStream};

use crate::errand::Errand;
use crate::executor::{ExecutorError, File, Found};
use crate::outgoing;
use crate::sandboxes::Changes;

/// The binding of the bucket.
pub(crate) const BUCKET: &str = "ARTIFACTS";
/// How long keeping a file may take, in milliseconds.
const KEEP_MS: u64 = 60_000;

/// Why a file was not kept.
pub(crate) enum NotKept {
    /// The executor did not give it.
    Executor(ExecutorError),
    /// As callers are told.
    Problem(Problem),
}

impl From<Problem> for NotKept {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// The object of R2 that holds an artifact.
pub(crate) fn object(org: OrgId, artifact: ArtifactId) -> String {
    format!("orgs/{org}/artifacts/{artifact}")
}

impl Changes<'_> {
    /// Keeps a file of a sandbox. `key` names what asks for it.
    ///
    /// # Errors
    /// It could not be read or kept.
    pub(crate) async fn keep(
        &mut self,
        row: &StoredSandbox,
        path: &str,
        key: &str,
        by: Actor,
    ) -> Result<Artifact, NotKept> {
        let mut rows = self.link.rows(row.org).await?;
        let found = artifacts::find_by_key(&mut rows, row.id, key).await;
        if let Some(artifact) = found.map_err(|error| self.errand.refuse(&error))? {
            return Ok(artifact);
        }
        self.link.done(rows);
        let unreachable = ExecutorError::Unavailable { cause: "the executor is not set up" };
        let executor = self.executor(row).ok_or(NotKept::Executor(unreachable))?;
        let path = below_workspace(path);
        let file = match executor.read(row.id, path).await {
            Ok(Found::File(file)) => file,
            Ok(Found::Folder(_)) => {
                let detail = "it is a folder; only files can be kept".to_owned();
                return Err(NotKept::Executor(ExecutorError::Refused {
                    code: ExecutorCode::Invalid,
                    detail,
                }));
            }
            Err(error) => return Err(NotKept::Executor(error)),
        };
        let id: ArtifactId = ids::fresh();
        let (bytes, sha256) = store(self.errand, &object(row.org, id), file).await?;
        let artifact = Artifact {
            id,
            chat: row.chat,
            sandbox: row.id,
            path: path.to_owned(),
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            bytes,
            sha256,
            by,
            created_at: self.errand.now(),
        };
        let saved = self.record(row.org, &artifact, key).await;
        // The other's object is the one that counts, and none where the chat was deleted meanwhile; of an answer that was
        // lost, nobody knows.
        let needless = match &saved {
            Ok(saved) => saved.id != id,
            Err(NotKept::Problem(problem)) => problem.code == ProblemCode::NotFound,
            Err(NotKept::Executor(_)) => false,
        };
        if needless
            && let Ok(bucket) = self.errand.env.bucket(BUCKET)
            && let Err(error) = bucket.delete(object(row.org, id)).await
        {
            Line::warn("artifact_left_over").request(self.errand.request).org(row.org).fault(&error).emit();
        }
        saved
    }

    async fn record(&mut self, org: OrgId, artifact: &Artifact, key: &str) -> Result<Artifact, NotKept> {
        let mut rows = self.link.rows(org).await?;
        let saved = match artifacts::save(&mut rows, artifact, key).await {
            Ok(saved) => self.link.commit(rows).await.map(|()| saved),
            Err(error) => Err(error),
        };
        saved.map_err(|error| self.errand.refuse(&error).into())
    }
}

/// Puts a file into R2 as it comes; answers its size and digest.
async fn store(errand: &Errand, object: &str, file: File) -> Result<(u64, String), NotKept> {
    let File { body, bytes, abort } = file;
    let Some(length) = bytes else {
        return Err(NotKept::Executor(ExecutorError::Unavailable {
            cause: "the file comes without its length",
        }));
    };
    let digest = Rc::new(RefCell::new(Sha256::new()));
    let counted = Rc::clone(&digest);
    let hashed = body.map(move |chunk| {
        chunk.inspect(|bytes| {
            if let Ok(mut digest) = counted.try_borrow_mut() {
                digest.update(bytes);
            }
        })
    });
    let failed = |error: &worker::Error| {
        Line::warn("artifact_not_kept").request(errand.request).fault(error).emit();
        Problem::new(ProblemCode::Unavailable).detail("The file could not be kept for now.").retry_after(2)
    };
    let bucket = errand.env.bucket(BUCKET).map_err(|error| {
        Line::error("artifact_not_kept").request(errand.request).fault(&error).emit();
        Problem::new(ProblemCode::Unavailable).detail("There is no bucket for artifacts.")
    })?;
    let data = Data::Stream(FixedLengthStream::wrap(hashed, length));
    match outgoing::within(KEEP_MS, bucket.put(object, data).execute()).await {
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(failed(&error).into()),
        None => return Err(failed(&worker::Error::RustError("not kept in time".to_owned())).into()),
    }
    drop(abort);
    let digest = digest.borrow().clone().finalize();
    Ok((length, digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// A path as it is below `/workspace`.
pub(crate) fn below_workspace(path: &str) -> &str {
    let path = path.strip_prefix("/workspace/").unwrap_or(path);
    path.trim_start_matches("./").trim_end_matches('/')
}

/// What is told of a file that is too large to be kept.
pub(crate) fn too_large() -> String {
    format!("Files of more than {} MiB cannot be kept.", SANDBOX_FILE_BYTES >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_as_it_is_below_the_workspace() {
        for (path, expected) in [
            ("a/b.txt", "a/b.txt"),
            ("/workspace/a/b.txt", "a/b.txt"),
            ("./b.txt", "b.txt"),
            ("a/", "a"),
            ("/etc/passwd", "/etc/passwd"),
            ("/workspaces/a", "/workspaces/a"),
        ] {
            assert_eq!(below_workspace(path), expected);
        }
    }

    #[test]
    fn an_object_lies_below_its_org() {
        let (org, artifact) = (OrgId::fresh(1, [0; 10]), ArtifactId::fresh(2, [0; 10]));
        assert_eq!(
            object(org, artifact),
            "orgs/org_00000000000170008000000000000000/artifacts/art_00000000000270008000000000000000"
        );
    }
}
