//! What handlers answer with: JSON, nothing, or a chat object's own reply, handed on without being read.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use slipway_contract::ProblemCode;
use worker::send::SendWrapper;

use crate::refusal::Refusal;

/// JSON with its status.
pub(crate) struct Json<T> {
    status: StatusCode,
    value: T,
}

impl<T> Json<T> {
    /// 200.
    pub(crate) const fn ok(value: T) -> Self {
        Self { status: StatusCode::OK, value }
    }

    /// 201.
    pub(crate) const fn created(value: T) -> Self {
        Self { status: StatusCode::CREATED, value }
    }

    /// 202.
    pub(crate) const fn accepted(value: T) -> Self {
        Self { status: StatusCode::ACCEPTED, value }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let Ok(text) = serde_json::to_vec(&self.value) else {
            return Refusal::from(ProblemCode::Internal).into_response();
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// 204.
pub(crate) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A reply of another Worker. Its body stays where it is: it never enters this Worker's memory.
#[derive(Clone)]
pub(crate) struct Passed(Arc<Mutex<Option<SendWrapper<worker::Response>>>>);

impl Passed {
    pub(crate) fn new(response: worker::Response) -> Self {
        Self(Arc::new(Mutex::new(Some(SendWrapper::new(response)))))
    }

    /// The same with 201 in place of 200.
    pub(crate) fn created(self) -> Self {
        self.instead_of_200(201)
    }

    /// The same with 202 in place of 200.
    pub(crate) fn accepted(self) -> Self {
        self.instead_of_200(202)
    }

    fn instead_of_200(self, status: u16) -> Self {
        match self.take() {
            Some(response) if response.status_code() == 200 => Self::new(response.with_status(status)),
            Some(response) => Self::new(response),
            None => self,
        }
    }

    /// The reply itself; once.
    pub(crate) fn take(&self) -> Option<worker::Response> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|wrapped| wrapped.0)
    }
}

impl IntoResponse for Passed {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}
