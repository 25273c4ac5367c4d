//! Snapshots of sandboxes: the list comes from Postgres, everything that happens from the orchestrator.

use slipway_contract::http::page::Page;
use slipway_contract::http::sandboxes::Sandbox;
use slipway_contract::http::snapshots::{RestoreSnapshot, Snapshot};
use slipway_contract::limits::SNAPSHOTS_PER_SANDBOX;
use slipway_contract::objects::sandboxes::SandboxOperation;
use slipway_contract::{Problem, SandboxId, SnapshotId};
use slipway_store::snapshots;

use crate::extract::{Body, Ids, SandboxParty};
use crate::refusal::Refusal;
use crate::reply::{Done, Json, Passed};

/// The snapshots of a sandbox, the newest first: all of them, five at most.
#[utoipa::path(
    get, path = "/v1/sandboxes/{sandbox}/snapshots", operation_id = "list_snapshots", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 200, body = Page<Snapshot>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(mut at: SandboxParty) -> Result<Json<Page<Snapshot>>, Refusal> {
    let items = snapshots::list(&mut at.db, at.sandbox.id, SNAPSHOTS_PER_SANDBOX).await?;
    Ok(Json::ok(Page { items, next_cursor: None }))
}

/// Keeps a running sandbox's workspace as it is now. The oldest snapshot makes way for a sixth.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/snapshots", operation_id = "take_snapshot", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)),
    responses((status = 201, body = Snapshot), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn take(at: SandboxParty) -> Result<Passed, Refusal> {
    let reply = ask(at, |sandbox| SandboxOperation::TakeSnapshot { sandbox }).await?;
    Ok(Passed::new(reply).created())
}

/// Makes a running sandbox's workspace what it was: what is there now is gone then. Refused, it is as it was.
#[utoipa::path(
    post, path = "/v1/sandboxes/{sandbox}/restore", operation_id = "restore_snapshot", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path)), request_body = RestoreSnapshot,
    responses((status = 200, body = Sandbox), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn restore(at: SandboxParty, Body(asked): Body<RestoreSnapshot>) -> Result<Passed, Refusal> {
    let RestoreSnapshot { snapshot } = asked;
    let reply = ask(at, |sandbox| SandboxOperation::RestoreSnapshot { sandbox, snapshot }).await?;
    Ok(Passed::new(reply))
}

/// Forgets a snapshot. Once more is harmless.
#[utoipa::path(
    delete, path = "/v1/sandboxes/{sandbox}/snapshots/{snapshot}", operation_id = "delete_snapshot", tag = "sandboxes",
    params(("sandbox" = SandboxId, Path), ("snapshot" = SnapshotId, Path)),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn delete(
    at: SandboxParty,
    Ids((_, snapshot)): Ids<(SandboxId, SnapshotId)>,
) -> Result<Result<Done, Passed>, Refusal> {
    let reply = ask(at, |sandbox| SandboxOperation::DeleteSnapshot { sandbox, snapshot }).await?;
    Ok(if matches!(reply.status_code(), 200..=299) { Ok(Done) } else { Err(Passed::new(reply)) })
}

/// Asks the orchestrator on behalf of somebody who acts.
async fn ask(
    at: SandboxParty,
    operation: impl FnOnce(SandboxId) -> SandboxOperation,
) -> Result<worker::Response, Refusal> {
    let SandboxParty { party, sandbox, db } = at;
    // The connection is not needed while the orchestrator works.
    drop(db);
    party.acts()?;
    party.call(operation(sandbox.id)).await
}
