//! The description of the API.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::errand::Errand;
use crate::router;

static TEXT: LazyLock<String> = LazyLock::new(|| router::document().to_json().unwrap_or_default());

/// This document (OpenAPI 3.1), made from the routes.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "meta", security(()),
    responses((status = 200, content_type = "application/json"))
)]
pub(crate) async fn read(_: Errand) -> Response {
    let mut response = Response::new(Body::from(TEXT.as_str()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
