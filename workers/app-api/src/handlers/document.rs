//! The description of the API.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::errand::Errand;

/// What [`crate::document`] makes of the handlers, as it is kept in the repository; `cargo xtask tidy` holds the two
/// together.
const TEXT: &str = include_str!("../../../../web/src/lib/api/openapi.json");

/// This document (OpenAPI 3.1), made from the routes.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "meta", security(()),
    responses((status = 200, content_type = "application/json"))
)]
pub(crate) async fn read(_: Errand) -> Response {
    let mut response = Response::new(Body::from(TEXT));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
