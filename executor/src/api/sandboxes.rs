//! Sandboxes themselves: made, looked at, stopped, destroyed; their epoch and hosts.

use axum::extract::State;
use axum::http::StatusCode;
use slipway_contract::objects::executor::{
    Capabilities, CreateSandbox, ExecutorCode, ExecutorProblem, SandboxList, SandboxReport, SetEpoch,
    SetHosts,
};

use super::{Api, Id, Json, Known, Refused, problem};

pub(super) async fn capabilities(State(api): State<Api>) -> Json<Capabilities> {
    Json(api.fleet.capabilities())
}

pub(super) async fn list(State(api): State<Api>) -> Json<SandboxList> {
    Json(api.fleet.list().await)
}

pub(super) async fn create(
    State(api): State<Api>,
    Id(id): Id,
    Json(wanted): Json<CreateSandbox>,
) -> Result<Json<SandboxReport>, Refused> {
    Ok(Json(to_its_end(async move { api.fleet.create(id, wanted).await }).await??))
}

pub(super) async fn look(Known(sandbox): Known) -> Json<SandboxReport> {
    Json(sandbox.report().await)
}

pub(super) async fn stop(Known(sandbox): Known) -> Result<Json<SandboxReport>, Refused> {
    let stopped = async move {
        sandbox.stop().await;
        sandbox.report().await
    };
    Ok(Json(to_its_end(stopped).await?))
}

pub(super) async fn destroy(State(api): State<Api>, Id(id): Id) -> Result<StatusCode, Refused> {
    to_its_end(async move { api.fleet.destroy(id).await }).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// A client that goes away must not leave a sandbox half made or half gone, so this goes on without it.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, ExecutorProblem> {
    tokio::spawn(work).await.map_err(|_| problem(ExecutorCode::Failed, "It broke off in the middle."))
}

pub(super) async fn set_epoch(
    Known(sandbox): Known,
    Json(wanted): Json<SetEpoch>,
) -> Result<Json<SandboxReport>, Refused> {
    sandbox.set_epoch(wanted.epoch)?;
    Ok(Json(sandbox.report().await))
}

pub(super) async fn set_hosts(
    Known(sandbox): Known,
    Json(wanted): Json<SetHosts>,
) -> Result<Json<SandboxReport>, Refused> {
    sandbox.set_hosts(&wanted.hosts)?;
    Ok(Json(sandbox.report().await))
}
