//! Bodies that are handed on unread: a file for a sandbox never enters this Worker's memory.
//!
//! Invariant: a body that says it is longer than allowed is not handed on. One that does not say is cut off by the executor.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use http::request::Parts;
use slipway_contract::{Problem, ProblemCode, limits};
use wasm_bindgen::JsValue;
use worker::send::SendWrapper;
use worker::{Method, Request};

use crate::refusal::Refusal;

/// The body of the request at hand.
#[derive(Clone)]
pub(crate) struct Upload(Arc<Mutex<Option<SendWrapper<JsValue>>>>);

impl Upload {
    /// The request's body, where its operation takes one unread; `None` where bodies are read.
    ///
    /// # Errors
    /// `too_large`.
    pub(crate) fn of(request: &Request, path: &str) -> Result<Option<Self>, Problem> {
        if request.method() != Method::Put || !is_file(path) {
            return Ok(None);
        }
        let declared = request.headers().get("content-length").ok().flatten();
        check(declared.as_deref())?;
        let body = request.inner().body().map(|body| SendWrapper::new(JsValue::from(body)));
        Ok(Some(Self(Arc::new(Mutex::new(body)))))
    }

    /// The stream, once; `None` for an empty body.
    pub(crate) fn take(&self) -> Option<JsValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|wrapped| wrapped.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Upload {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Ok(parts.extensions.get::<Self>().cloned().ok_or(ProblemCode::Internal)?)
    }
}

/// Whether a path is that of a sandbox's files.
fn is_file(path: &str) -> bool {
    let rest = path.strip_prefix("/v1/sandboxes/").and_then(|rest| rest.strip_suffix("/files"));
    rest.is_some_and(|sandbox| !sandbox.contains('/'))
}

fn check(declared: Option<&str>) -> Result<(), Problem> {
    let length = declared.and_then(|text| text.parse::<usize>().ok());
    if length.is_some_and(|length| length > limits::SANDBOX_FILE_BYTES) {
        let detail = format!("a file has at most {} bytes", limits::SANDBOX_FILE_BYTES);
        return Err(Problem::new(ProblemCode::TooLarge).detail(detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_sandboxes_are_handed_on_unread() {
        assert!(is_file("/v1/sandboxes/sbx_1/files"));
        for path in [
            "/v1/sandboxes/sbx_1/files/x",
            "/v1/sandboxes/a/b/files",
            "/v1/sandboxes/files",
            "/v1/chats/x/files",
        ] {
            assert!(!is_file(path), "{path}");
        }
    }

    #[test]
    fn a_file_has_a_largest_size() {
        assert!(check(None).is_ok() && check(Some("33554432")).is_ok());
        assert_eq!(check(Some("33554433")).map_err(|problem| problem.code), Err(ProblemCode::TooLarge));
    }
}
