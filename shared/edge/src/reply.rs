//! Replies: JSON, and problems as `application/problem+json` (RFC 9457). Every reply names its request.

use serde::Serialize;
use slipway_contract::{Problem, RequestId};
use worker::{Headers, Response, ResponseBuilder};

/// Name of the header that names the request.
pub const REQUEST_ID: &str = "x-request-id";
/// Media type of a problem (RFC 9457, section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// `value` as JSON with `status`.
///
/// # Errors
/// When the platform refuses a header, or `value` does not become JSON; neither happens with contract types.
pub fn json<T: Serialize>(status: u16, value: &T, request: RequestId) -> worker::Result<Response> {
    raw(status, "application/json", serde_json::to_vec(value)?, request)
}

/// JSON that is written already, with `status`.
///
/// # Errors
/// As [`json`].
pub fn json_text(status: u16, text: String, request: RequestId) -> worker::Result<Response> {
    raw(status, "application/json", text.into_bytes(), request)
}

/// A refusal with its own status, and `Retry-After` where it says how long to wait.
///
/// # Errors
/// As [`json`].
pub fn problem(problem: Problem, request: RequestId) -> worker::Result<Response> {
    let retry_after = problem.retry_after_s;
    let problem = problem.for_request(request);
    let reply = raw(problem.status, PROBLEM_JSON, serde_json::to_vec(&problem)?, request)?;
    if let Some(seconds) = retry_after {
        reply.headers().set("retry-after", &seconds.to_string())?;
    }
    Ok(reply)
}

/// No body.
///
/// # Errors
/// As [`json`].
pub fn empty(status: u16, request: RequestId) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set(REQUEST_ID, &request.to_string())?;
    Ok(ResponseBuilder::new().with_status(status).with_headers(headers).empty())
}

/// Bytes that are written already. Nothing of the API may be kept by caches or guessed at by browsers.
fn raw(status: u16, media_type: &str, body: Vec<u8>, request: RequestId) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", media_type)?;
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set(REQUEST_ID, &request.to_string())?;
    Ok(ResponseBuilder::new().with_status(status).with_headers(headers).fixed(body))
}
