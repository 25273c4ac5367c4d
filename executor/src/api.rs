//! The HTTP interface. Handlers read a request, ask the fleet, and write the answer; they decide nothing.

mod execs;
mod files;
mod sandboxes;
mod snapshots;
mod terminals;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use slipway_contract::ids::SandboxId;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use subtle::ConstantTimeEq;

use crate::fleet::Fleet;
use crate::fleet::sandbox::Sandbox;
use crate::relay::Relay;

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// The sandboxes.
    pub fleet: Arc<Fleet>,
    /// The way to their ports.
    pub relay: Arc<Relay>,
    /// The key of callers.
    pub key: Arc<str>,
}

/// Longest JSON body: argv, environment and files to begin with.
const BODY_BYTES: usize = 4 * 1024 * 1024;

/// The whole interface.
pub fn router(api: Api) -> Router {
    let guarded = Router::new()
        .route("/v1/capabilities", get(sandboxes::capabilities))
        .route("/v1/sandboxes", get(sandboxes::list))
        .route(
            "/v1/sandboxes/{sandbox}",
            put(sandboxes::create).get(sandboxes::look).delete(sandboxes::destroy),
        )
        .route("/v1/sandboxes/{sandbox}/stop", post(sandboxes::stop))
        .route("/v1/sandboxes/{sandbox}/epoch", put(sandboxes::set_epoch))
        .route("/v1/sandboxes/{sandbox}/hosts", put(sandboxes::set_hosts))
        .route("/v1/sandboxes/{sandbox}/execs/{key}", put(execs::start).merge(delete(execs::kill)))
        .route("/v1/sandboxes/{sandbox}/files", get(files::get).put(files::put).delete(files::remove))
        .route("/v1/sandboxes/{sandbox}/terminals/{key}", get(terminals::attach))
        .route("/v1/sandboxes/{sandbox}/snapshot", get(snapshots::take).put(snapshots::restore))
        .layer(axum::middleware::from_fn_with_state(api.clone(), authenticate))
        .layer(DefaultBodyLimit::max(BODY_BYTES));
    Router::new()
        .merge(guarded)
        .route("/relay/{*path}", any(relay))
        .fallback(async || Refused(problem(ExecutorCode::NotFound, "There is no such path.")))
        .with_state(api)
}

async fn authenticate(State(api): State<Api>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.is_some_and(|given| bool::from(given.ct_eq(api.key.as_bytes()))) {
        return next.run(request).await;
    }
    Refused(problem(ExecutorCode::Unauthenticated, "The key is missing or wrong.")).into_response()
}

/// Asks for no key: the relay asks for a pass.
async fn relay(State(api): State<Api>, request: Request) -> Response {
    api.relay.serve(request).await.map(Body::new)
}

/// A problem with the status that belongs to its code.
pub fn problem(code: ExecutorCode, detail: impl Into<String>) -> ExecutorProblem {
    let status = match code {
        ExecutorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ExecutorCode::NotFound => StatusCode::NOT_FOUND,
        ExecutorCode::NotRunning | ExecutorCode::EpochOver => StatusCode::CONFLICT,
        ExecutorCode::Invalid | ExecutorCode::OutsideWorkspace => StatusCode::UNPROCESSABLE_ENTITY,
        ExecutorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ExecutorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ExecutorCode::NoPlace => StatusCode::SERVICE_UNAVAILABLE,
        ExecutorCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
        ExecutorCode::PortClosed => StatusCode::BAD_GATEWAY,
        ExecutorCode::PortSilent => StatusCode::GATEWAY_TIMEOUT,
        ExecutorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ExecutorCode::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ExecutorProblem { status: status.as_u16(), code, detail: detail.into() }
}

/// A refusal as a reply.
#[derive(Debug)]
pub struct Refused(pub ExecutorProblem);

impl From<ExecutorProblem> for Refused {
    fn from(problem: ExecutorProblem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> axum::extract::FromRequest<S> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => {
                let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
                let code = if too_large { ExecutorCode::TooLarge } else { ExecutorCode::Invalid };
                Err(Refused(problem(code, rejection.body_text())))
            }
        }
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query, as a value.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Refused(problem(ExecutorCode::Invalid, rejection.body_text()))),
        }
    }
}

/// The id of a path's sandbox, whether or not there is one.
pub(crate) struct Id(pub(crate) SandboxId);

/// The sandbox of a path.
pub(crate) struct Known(pub(crate) Arc<Sandbox>);

/// The sandbox of a path, and the key behind it.
pub(crate) struct KnownKey(pub(crate) Arc<Sandbox>, pub(crate) String);

/// Longest key of a command or terminal, in bytes.
const KEY_BYTES: usize = 200;

async fn segments(parts: &mut Parts, api: &Api) -> Result<(SandboxId, Option<String>), Refused> {
    let none = || Refused(problem(ExecutorCode::NotFound, "There is no such sandbox."));
    let Path(all) = Path::<Vec<String>>::from_request_parts(parts, api).await.map_err(|_| none())?;
    let mut all = all.into_iter();
    let sandbox = all.next().and_then(|text| text.parse().ok()).ok_or_else(none)?;
    Ok((sandbox, all.next()))
}

impl FromRequestParts<Api> for Id {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        Ok(Self(segments(parts, api).await?.0))
    }
}

impl FromRequestParts<Api> for Known {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let (id, _) = segments(parts, api).await?;
        Ok(Self(api.fleet.find(id)?))
    }
}

impl FromRequestParts<Api> for KnownKey {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let (id, key) = segments(parts, api).await?;
        let sandbox = api.fleet.find(id)?;
        match key.filter(|key| (1..=KEY_BYTES).contains(&key.len()) && !key.chars().any(char::is_control)) {
            Some(key) => Ok(Self(sandbox, key)),
            None => {
                Err(Refused(problem(ExecutorCode::Invalid, format!("A key has 1 to {KEY_BYTES} bytes."))))
            }
        }
    }
}
