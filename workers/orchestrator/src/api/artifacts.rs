//! The bytes of an artifact: `GET /internal/artifacts/{artifact}/content`.
//!
//! Invariant: whatever the file holds, a browser stores it and shows nothing of it: it comes from a sandbox.

use std::rc::Rc;

use slipway_contract::http::artifacts::Artifact;
use slipway_contract::{ArtifactId, OrgId, Problem, ProblemCode};
use slipway_edge::log::Line;
use slipway_edge::reply;
use slipway_store::artifacts;
use worker::{Context, Env, Headers, Request, Response, ResponseBuilder};

use super::caller::{self, Caller};
use crate::artifacts::{BUCKET, object};
use crate::errand::Errand;
use crate::executor::escaped;

/// `GET /internal/artifacts/{artifact}/content`
pub(crate) async fn content(
    request: Request,
    env: Env,
    context: Rc<Context>,
    artifact: ArtifactId,
) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let errand = Errand::of(env, context, id, request.headers());
    let read = async {
        let caller = Caller::of(request.headers())?;
        let found = find(&errand, caller.org, artifact).await?;
        open(&errand, caller.org, &found).await
    };
    match read.await {
        Ok(reply) => Ok(reply),
        Err(problem) => {
            caller::refused("artifact_not_read", &problem).request(id).emit();
            reply::problem(problem, id)
        }
    }
}

async fn find(errand: &Errand, org: OrgId, artifact: ArtifactId) -> Result<Artifact, Problem> {
    let mut rows = errand.rows(org).await?;
    let found = artifacts::find(&mut rows, artifact).await.map_err(|error| errand.refuse(&error))?;
    found.ok_or_else(|| ProblemCode::NotFound.into())
}

async fn open(errand: &Errand, org: OrgId, artifact: &Artifact) -> Result<Response, Problem> {
    let failed = |error: worker::Error| {
        Line::error("artifact_unreadable").request(errand.request).org(org).fault(&error).emit();
        Problem::new(ProblemCode::Unavailable).retry_after(2)
    };
    let bucket = errand.env.bucket(BUCKET).map_err(failed)?;
    let found = bucket.get(object(org, artifact.id)).execute().await.map_err(failed)?;
    let gone = || failed(worker::Error::RustError("the object is gone".to_owned()));
    let found = found.ok_or_else(gone)?;
    let body = found.body().ok_or_else(gone)?.response_body().map_err(failed)?;
    let headers = headers(artifact, &errand.request.to_string()).map_err(failed)?;
    Ok(ResponseBuilder::new().with_headers(headers).body(body))
}

fn headers(artifact: &Artifact, request: &str) -> worker::Result<Headers> {
    let headers = Headers::new();
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", artifact.bytes.to_string().as_str()),
        ("content-disposition", disposition("attachment", &artifact.name).as_str()),
        ("etag", format!("\"{}\"", artifact.sha256).as_str()),
        ("cache-control", "private, no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        (reply::REQUEST_ID, request),
    ] {
        headers.set(name, value)?;
    }
    Ok(headers)
}

/// As a download or otherwise, of this name (RFC 6266, with RFC 8187 for what is beyond ASCII).
pub(super) fn disposition(kind: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|one| if one.is_ascii_graphic() && !matches!(one, '"' | '\\') || one == ' ' { one } else { '_' })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", escaped(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_cannot_leave_its_header() {
        for (name, expected) in [
            ("a b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
            (
                "x\"; y=\"\r\nz",
                "attachment; filename=\"x_; y=___z\"; filename*=UTF-8''x%22%3B%20y%3D%22%0D%0Az",
            ),
            ("ä.svg", "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A4.svg"),
        ] {
            assert_eq!(disposition("attachment", name), expected);
        }
    }
}
