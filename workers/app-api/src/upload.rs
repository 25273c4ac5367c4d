//! Bodies that are handed on unread: a file for a sandbox or a chat never enters this Worker's memory.
//!
//! Invariant: a body that says it is longer than allowed is not handed on. One that does not say is cut off by the executor;
//! a part of an attachment must say.

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
pub(crate) struct Upload {
    body: Arc<Mutex<Option<SendWrapper<JsValue>>>>,
    /// How many bytes it says that it has.
    pub(crate) length: Option<u64>,
}

impl Upload {
    /// The request's body, where its operation takes one unread; `None` where bodies are read.
    ///
    /// # Errors
    /// `too_large`.
    pub(crate) fn of(request: &Request, path: &str) -> Result<Option<Self>, Problem> {
        let (Method::Put, Some(most)) = (request.method(), most(path)) else { return Ok(None) };
        let declared = request.headers().get("content-length").ok().flatten();
        let length = check(declared.as_deref(), most)?;
        let body = request.inner().body().map(|body| SendWrapper::new(JsValue::from(body)));
        Ok(Some(Self { body: Arc::new(Mutex::new(body)), length }))
    }

    /// The stream, once; `None` for an empty body.
    pub(crate) fn take(&self) -> Option<JsValue> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).take().map(|wrapped| wrapped.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Upload {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Ok(parts.extensions.get::<Self>().cloned().ok_or(ProblemCode::Internal)?)
    }
}

/// The most bytes that a path takes unread: that of a sandbox's files, or of an attachment's parts.
fn most(path: &str) -> Option<u64> {
    let files = path.strip_prefix("/v1/sandboxes/").and_then(|rest| rest.strip_suffix("/files"));
    let parts = path.strip_prefix("/v1/attachments/").and_then(|rest| rest.split_once("/parts/"));
    match (files, parts) {
        (Some(sandbox), _) if !sandbox.contains('/') => Some(limits::SANDBOX_FILE_BYTES as u64),
        (_, Some((attachment, part))) if !attachment.contains('/') && !part.contains('/') => {
            Some(limits::ATTACHMENT_PART_BYTES)
        }
        (_, _) => None,
    }
}

fn check(declared: Option<&str>, most: u64) -> Result<Option<u64>, Problem> {
    let length = declared.and_then(|text| text.parse().ok());
    if length.is_some_and(|length| length > most) {
        return Err(Problem::new(ProblemCode::TooLarge).detail(format!("this body has at most {most} bytes")));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_sandboxes_and_parts_of_attachments_are_handed_on_unread() {
        assert_eq!(most("/v1/sandboxes/sbx_1/files"), Some(32 << 20));
        assert_eq!(most("/v1/attachments/att_1/parts/1"), Some(8 << 20));
        for path in [
            "/v1/sandboxes/sbx_1/files/x",
            "/v1/sandboxes/a/b/files",
            "/v1/sandboxes/files",
            "/v1/chats/x/files",
            "/v1/attachments/att_1/parts",
            "/v1/attachments/att_1/parts/1/2",
            "/v1/attachments/a/b/parts/1",
            "/v1/attachments/att_1/complete",
        ] {
            assert_eq!(most(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_has_a_largest_size() {
        assert_eq!(check(None, 10), Ok(None));
        assert_eq!(check(Some("10"), 10), Ok(Some(10)));
        assert_eq!(check(Some("11"), 10).map_err(|problem| problem.code), Err(ProblemCode::TooLarge));
    }
}
