//! What every provider can do: write a request, read an answer, name a failure.

use std::fmt;

use crate::error::ProviderError;
use crate::request::ModelRequest;
use crate::stream::StreamDecoder;

/// One provider's protocol, with the address and key of one installation.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Writes the call as this provider's HTTP request.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidRequest`] when the protocol cannot express the request.
    fn request(&self, request: &ModelRequest) -> Result<HttpRequest, ProviderError>;

    /// Names the failure behind an answer whose status is not 200.
    ///
    /// `headers` are pairs of name (any case) and value; `body` may be cut.
    fn error(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> ProviderError;

    /// A decoder for the body of one answer with status 200.
    fn decoder(&self) -> Box<dyn StreamDecoder>;
}

/// An HTTP request to be sent as it is. `Debug` shows neither header values nor the body.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `POST`, for every provider so far.
    pub method: &'static str,
    /// Absolute; `http` or `https`.
    pub url: String,
    /// Names in lower case. Holds the key: never log the values.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
