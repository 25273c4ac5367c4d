//! Artifacts: files that people and agents kept from sandboxes.

use slipway_contract::http::artifacts::{Artifact, ArtifactsQuery, SaveArtifact};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{ArtifactId, OrgId, Problem, ProblemCode, SandboxId, limits};
use slipway_store::artifacts;
use wasm_bindgen::JsValue;
use worker::Method;

use crate::download;
use crate::extract::{ArtifactParty, Body, OrgMember, Query, SandboxParty};
use crate::orchestrator::{self, Asked};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// The artifacts of the chats that the caller takes part in, the newest first.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/artifacts", operation_id = "list_artifacts", tag = "artifacts",
    params(("org" = OrgId, Path), ArtifactsQuery),
    responses((status = 200, body = Page<Artifact>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<ArtifactsQuery>,
) -> Result<Json<Page<Artifact>>, Refusal> {
    let wanted = paging::wanted(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let found = artifacts::list(&mut member.db, member.user, query.chat, &wanted).await?;
    Ok(Json::ok(paging::page(found, |artifact| artifact.id)))
}

/// Keeps a file of a sandbox; it stays when the sandbox goes.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/artifacts", operation_id = "save_artifact", tag = "artifacts",
    params(("sandbox" = SandboxId, Path)), request_body = SaveArtifact,
    responses((status = 201, body = Artifact), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn save(at: SandboxParty, Body(asked): Body<SaveArtifact>) -> Result<Passed, Refusal> {
    let SandboxParty { party, sandbox, db } = at;
    drop(db);
    party.acts()?;
    if asked.path.is_empty() || asked.path.len() > limits::PATH_BYTES || asked.path.contains('\0') {
        let detail = format!("must have 1 to {} bytes without NUL", limits::PATH_BYTES);
        return Err(Problem::field("path", detail).into());
    }
    let Ok(body) = serde_json::to_string(&asked) else { return Err(ProblemCode::Internal.into()) };
    let path = format!("/internal/sandboxes/{}/artifacts", sandbox.id);
    let body = Some(JsValue::from_str(&body));
    let asked = Asked { method: Method::Post, path: &path, body, json: true };
    Ok(Passed::new(orchestrator::stream(&party.errand, party.behalf(), asked).await?))
}

/// An artifact.
#[utoipa::path(
    get, path = "/v1/artifacts/{artifact}", operation_id = "read_artifact", tag = "artifacts",
    params(("artifact" = ArtifactId, Path)),
    responses((status = 200, body = Artifact), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(at: ArtifactParty) -> Result<Json<Artifact>, Refusal> {
    Ok(Json::ok(at.artifact))
}

/// An artifact's bytes, as an attachment.
#[utoipa::path(
    get, path = "/v1/artifacts/{artifact}/content", operation_id = "read_artifact_content", tag = "artifacts",
    params(("artifact" = ArtifactId, Path)),
    responses(
        (status = 200, description = "the bytes", body = String, content_type = "application/octet-stream"),
        (status = "default", body = Problem)
    )
)]
#[worker::send]
pub(crate) async fn content(at: ArtifactParty) -> Result<Passed, Refusal> {
    let ArtifactParty { party, artifact } = at;
    let path = format!("/internal/artifacts/{}/content", artifact.id);
    let asked = Asked { method: Method::Get, path: &path, body: None, json: false };
    let reply = orchestrator::stream(&party.errand, party.behalf(), asked).await?;
    if reply.status_code() != 200 {
        return Ok(Passed::new(reply));
    }
    let answer = download::file(reply, &artifact.name, party.errand.id());
    Ok(Passed::new(answer.map_err(|_| ProblemCode::Internal)?))
}
