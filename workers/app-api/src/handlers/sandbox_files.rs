//! Files of a sandbox. Which paths there are, and that they stay below the workspace, is the executor's to say.

use slipway_contract::http::sandboxes::FileQuery;
use slipway_contract::objects::executor::FileList;
use slipway_contract::{Problem, ProblemCode, SandboxId, limits};
use worker::{Method, Response};

use crate::download::{self, encoded, file_name};
use crate::extract::{Query, SandboxParty};
use crate::orchestrator::{self, Asked};
use crate::refusal::Refusal;
use crate::reply::{Done, Passed};
use crate::upload::Upload;

/// Header by which the executor tells folders from files.
const KIND: &str = "x-slipway-kind";

/// A file's bytes, as an attachment; or what is in a folder.
#[utoipa::path(
    get, path = "/v1/sandboxes/{sandbox}/files", operation_id = "read_file", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path), FileQuery),
    responses(
        (status = 200, description = "a folder's entries as JSON, a file's bytes as application/octet-stream", body = FileList),
        (status = "default", body = Problem)
    )
)]
#[worker::send]
pub(crate) async fn read(at: SandboxParty, Query(query): Query<FileQuery>) -> Result<Passed, Refusal> {
    let request = at.party.errand.id();
    let reply = ask(at, Method::Get, &query.path, None).await?;
    if reply.status_code() != 200 {
        return Ok(Passed::new(reply));
    }
    let kind = reply.headers().get(KIND).ok().flatten();
    let answer = match kind.as_deref() {
        Some("folder") => download::json(reply, request),
        Some(_) | None => download::file(reply, file_name(&query.path), request),
    };
    Ok(Passed::new(answer.map_err(|_| ProblemCode::Internal)?))
}

/// Writes a file, at most 32 MiB, and the folders that lead to it.
#[utoipa::path(
    put, path = "/v1/sandboxes/{sandbox}/files", operation_id = "write_file", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path), FileQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn write(
    at: SandboxParty,
    Query(query): Query<FileQuery>,
    upload: Upload,
) -> Result<Changed, Refusal> {
    at.party.acts()?;
    named(&query.path)?;
    Ok(changed(ask(at, Method::Put, &query.path, Some(upload)).await?))
}

/// Removes a file, or a folder with all in it.
#[utoipa::path(
    delete, path = "/v1/sandboxes/{sandbox}/files", operation_id = "delete_file", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path), FileQuery),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn delete(at: SandboxParty, Query(query): Query<FileQuery>) -> Result<Changed, Refusal> {
    at.party.acts()?;
    named(&query.path)?;
    Ok(changed(ask(at, Method::Delete, &query.path, None).await?))
}

/// 204, or the refusal as it came.
type Changed = Result<Done, Passed>;

fn changed(reply: Response) -> Changed {
    if matches!(reply.status_code(), 200..=299) { Ok(Done) } else { Err(Passed::new(reply)) }
}

async fn ask(
    at: SandboxParty,
    method: Method,
    path: &str,
    upload: Option<Upload>,
) -> Result<Response, Refusal> {
    let SandboxParty { party, sandbox, db } = at;
    drop(db);
    check(path)?;
    let path = format!("/internal/sandboxes/{}/files?path={}", sandbox.id, encoded(path));
    let body = upload.and_then(|upload| upload.take());
    let asked = Asked { method, path: &path, body, json: false };
    orchestrator::stream(&party.errand, party.behalf(), asked).await
}

/// The workspace itself is neither written nor removed.
fn named(path: &str) -> Result<(), Problem> {
    if path.trim_matches('/').is_empty() { Err(wrong("path must name a file or folder")) } else { Ok(()) }
}

fn check(path: &str) -> Result<(), Problem> {
    if path.len() > limits::PATH_BYTES || path.contains('\0') {
        return Err(wrong(&format!("path must have at most {} bytes without NUL", limits::PATH_BYTES)));
    }
    Ok(())
}

fn wrong(detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidParameter).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_longest_length_and_no_nul() {
        assert!(check("").is_ok() && check(&"x".repeat(1024)).is_ok());
        assert!(check(&"x".repeat(1025)).is_err() && check("a\0b").is_err());
    }

    #[test]
    fn the_workspace_itself_cannot_be_written_or_removed() {
        for path in ["", "/", "//"] {
            assert!(named(path).is_err(), "{path}");
        }
        assert!(named("a").is_ok());
    }
}
