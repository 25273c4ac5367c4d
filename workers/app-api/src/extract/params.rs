//! Values in the path and the query: typed, or refused with what is wrong.

use axum::extract::{FromRequestParts, Path, Query as RawQuery};
use http::request::Parts;
use serde::de::DeserializeOwned;
use slipway_contract::{Problem, ProblemCode};

use crate::refusal::Refusal;

/// The values in the path, in its order.
pub(crate) struct Ids<T>(pub(crate) T);

/// The values in the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync + Send, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|error| invalid(error.body_text()))
    }
}

impl<S: Sync + Send, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = RawQuery::from_request_parts(parts, state).await;
        query.map(|RawQuery(values)| Self(values)).map_err(|error| invalid(error.body_text()))
    }
}

fn invalid(detail: String) -> Refusal {
    Problem::new(ProblemCode::InvalidParameter).detail(detail).into()
}
