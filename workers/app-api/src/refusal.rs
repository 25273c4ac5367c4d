//! The one way out of a handler that does not succeed. What the caller is told is written by the gate, which knows the
//! request's id.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use slipway_contract::{Problem, ProblemCode, RequestId};
use slipway_edge::db;
use slipway_store::StoreError;

/// Why a request is not done.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// What the caller is told.
    Problem(Box<Problem>),
    /// The store's refusal, still to be logged and turned into what the caller is told.
    Store(Arc<StoreError>),
}

impl Refusal {
    /// What the caller is told.
    pub(crate) fn problem(&self, request: RequestId) -> Problem {
        match self {
            Self::Problem(problem) => (**problem).clone(),
            Self::Store(error) => db::refuse(error, request),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<ProblemCode> for Refusal {
    fn from(code: ProblemCode) -> Self {
        Problem::new(code).into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}
