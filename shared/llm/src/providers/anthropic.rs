//! The Anthropic Messages API, streaming (platform.claude.com/docs/en/build-with-claude/streaming).

mod body;
mod stream;

use crate::error::{ErrorKind, ProviderError};
use crate::provider::{HttpRequest, Provider};
use crate::request::ModelRequest;
use crate::stream::StreamDecoder;

use super::decoder::SseDecoder;
use super::endpoint::{Defaults, Endpoint};
use super::failure::{self, Said};

const NAME: &str = "anthropic";
/// The only version that there is; the API keeps it stable and adds fields and event types to it.
const VERSION: &str = "2023-06-01";

/// The Messages API at one address.
#[derive(Clone, Debug)]
pub struct Anthropic {
    endpoint: Endpoint,
}

impl Anthropic {
    /// Reads `ANTHROPIC_BASE_URL` (default `https://api.anthropic.com`, with or without `/v1`) and
    /// `ANTHROPIC_API_KEY`. Empty counts as unset; an address of one's own may do without a key.
    ///
    /// # Errors
    /// [`ErrorKind::NotConfigured`]: neither is set, or one has a form that cannot work.
    pub fn new(base_url: Option<&str>, api_key: Option<&str>) -> Result<Self, ProviderError> {
        let defaults = Defaults {
            provider: NAME,
            base_url: "https://api.anthropic.com",
            unset: "set ANTHROPIC_API_KEY to use this provider",
        };
        let mut endpoint = Endpoint::read(base_url, api_key, &defaults)?;
        if !endpoint.base_url.ends_with("/v1") {
            endpoint.base_url.push_str("/v1");
        }
        Ok(Self { endpoint })
    }
}

impl Provider for Anthropic {
    fn request(&self, request: &ModelRequest) -> Result<HttpRequest, ProviderError> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "text/event-stream".to_owned()),
            ("anthropic-version", VERSION.to_owned()),
        ];
        if let Some(key) = &self.endpoint.key {
            headers.push(("x-api-key", key.clone()));
        }
        Ok(HttpRequest {
            method: "POST",
            url: format!("{}/messages", self.endpoint.base_url),
            headers,
            body: body::write(request)?.to_string().into_bytes(),
        })
    }

    fn error(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> ProviderError {
        failure::from_answer(NAME, (status, headers, body), self.endpoint.key.as_deref(), kind_of)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::Messages::new(self.endpoint.key.clone())))
    }
}

/// The kind behind an error object, by its type (platform.claude.com/docs/en/api/errors) and, where the type
/// is too wide, by the sentences that the API is known to use.
fn kind_of(said: &Said, retry_after_s: Option<u32>) -> Option<ErrorKind> {
    let too_long = ["prompt is too long", "exceed context limit", "context window"];
    Some(match said.kind.as_str() {
        "authentication_error" | "permission_error" => ErrorKind::Authentication,
        "billing_error" => ErrorKind::QuotaExhausted,
        "rate_limit_error" => ErrorKind::RateLimited { retry_after_s },
        "overloaded_error" => ErrorKind::Overloaded { retry_after_s },
        "timeout_error" => ErrorKind::Timeout,
        "api_error" => ErrorKind::ServerError,
        "request_too_large" => ErrorKind::ContextTooLong,
        "invalid_request_error" if said.mentions(&too_long) => ErrorKind::ContextTooLong,
        "invalid_request_error" if said.mentions(&["credit balance"]) => ErrorKind::QuotaExhausted,
        "invalid_request_error" => ErrorKind::InvalidRequest,
        "not_found_error" if said.mentions(&["model"]) => ErrorKind::UnknownModel,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
