//! Why the relay answers by itself instead of the port.

use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use slipway_contract::preview::RELAY_HEADER;
use slipway_domain::preview::PassRefusal;

use crate::exchange::{StreamBody, full};

/// Why a request does not reach its port, or the port's answer not the gateway.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the path is not /relay/{{sandbox}}/{{port}}/…")]
    Path,
    #[error("the request cannot be passed on: {0}")]
    Unfit(&'static str),
    #[error("there is no pass")]
    NoPass,
    #[error("{0}")]
    Pass(PassRefusal),
    #[error("there is no such sandbox here")]
    NotFound,
    #[error("the sandbox does not run")]
    NotRunning,
    #[error("the sandbox has {most} {what} open, as many as it may")]
    Full { most: usize, what: &'static str },
    #[error("the sandbox's previews have carried as many bytes as they may for now")]
    Carried,
    #[error("nothing listens on the port")]
    Closed,
    #[error("what listens on the port gave no answer in time")]
    Silent,
    #[error("{0}")]
    Broken(String),
}

impl Refusal {
    /// From what a look-up of the sandbox says.
    pub(super) const fn of_look_up(code: ExecutorCode) -> Self {
        match code {
            ExecutorCode::NotRunning => Self::NotRunning,
            ExecutorCode::Unauthenticated
            | ExecutorCode::NotFound
            | ExecutorCode::EpochOver
            | ExecutorCode::Invalid
            | ExecutorCode::TooLarge
            | ExecutorCode::OutsideWorkspace
            | ExecutorCode::DiskFull
            | ExecutorCode::NoPlace
            | ExecutorCode::Unsupported
            | ExecutorCode::PortClosed
            | ExecutorCode::PortSilent
            | ExecutorCode::RateLimited
            | ExecutorCode::Failed => Self::NotFound,
        }
    }

    const fn code(&self) -> (StatusCode, ExecutorCode) {
        match self {
            Self::Path | Self::Unfit(_) => (StatusCode::BAD_REQUEST, ExecutorCode::Invalid),
            Self::Pass(PassRefusal::EpochOver) => (StatusCode::FORBIDDEN, ExecutorCode::EpochOver),
            Self::NoPass | Self::Pass(_) => (StatusCode::UNAUTHORIZED, ExecutorCode::Unauthenticated),
            Self::NotFound => (StatusCode::NOT_FOUND, ExecutorCode::NotFound),
            Self::NotRunning => (StatusCode::CONFLICT, ExecutorCode::NotRunning),
            Self::Full { .. } => (StatusCode::SERVICE_UNAVAILABLE, ExecutorCode::NoPlace),
            Self::Carried => (StatusCode::TOO_MANY_REQUESTS, ExecutorCode::RateLimited),
            Self::Closed => (StatusCode::BAD_GATEWAY, ExecutorCode::PortClosed),
            Self::Silent => (StatusCode::GATEWAY_TIMEOUT, ExecutorCode::PortSilent),
            Self::Broken(_) => (StatusCode::BAD_GATEWAY, ExecutorCode::Failed),
        }
    }

    /// A problem, marked as the executor's own: the application in the sandbox cannot write fields that begin so.
    pub(super) fn answer(&self) -> Response<StreamBody> {
        let (status, code) = self.code();
        let problem = ExecutorProblem { status: status.as_u16(), code, detail: self.to_string() };
        // A problem has nothing in it that JSON lacks.
        let text = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(full(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(HeaderName::from_static(RELAY_HEADER), HeaderValue::from_static("refused"));
        response
    }
}
