//! Chat completions, streaming, as OpenAI and the many servers that follow it speak them: xAI, Google,
//! Mistral, OpenRouter, Ollama, vLLM, llama.cpp, LM Studio (platform.openai.com/docs/api-reference/chat).

mod body;
mod embeddings;
mod stream;

use serde_json::Value;

use crate::error::{ErrorKind, ProviderError};
use crate::provider::{HttpRequest, Provider};
use crate::request::ModelRequest;
use crate::stream::StreamDecoder;

use super::decoder::SseDecoder;
use super::endpoint::{Defaults, Endpoint};
use super::failure::{self, Said};

pub use embeddings::{EMBEDDING_INPUTS, EMBEDDING_NUMBERS};

const NAME: &str = "openai";

/// An OpenAI-compatible server at one address.
#[derive(Clone, Debug)]
pub struct OpenAi {
    endpoint: Endpoint,
}

impl OpenAi {
    /// Reads `OPENAI_BASE_URL` (default `https://api.openai.com/v1`; a bare host gets `/v1`) and
    /// `OPENAI_API_KEY`. Empty counts as unset; an address of one's own may do without a key.
    ///
    /// # Errors
    /// [`ErrorKind::NotConfigured`]: neither is set, or one has a form that cannot work.
    pub fn new(base_url: Option<&str>, api_key: Option<&str>) -> Result<Self, ProviderError> {
        let defaults = Defaults {
            provider: NAME,
            base_url: "https://api.openai.com/v1",
            unset: "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to use this provider",
        };
        let mut endpoint = Endpoint::read(base_url, api_key, &defaults)?;
        if endpoint.is_bare() {
            endpoint.base_url.push_str("/v1");
        }
        Ok(Self { endpoint })
    }

    /// OpenAI's reasoning models refuse `max_tokens`; Ollama ignores `max_completion_tokens`
    /// (ollama/ollama#7125) and old vLLM refuses it. So the newer name goes to OpenAI and Azure only.
    fn limit_field(&self) -> &'static str {
        let host = self.endpoint.host();
        if host == "api.openai.com" || host.ends_with(".openai.azure.com") {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }
    }

    fn post(&self, path: &str, accept: &str, body: &Value) -> HttpRequest {
        let mut headers =
            vec![("content-type", "application/json".to_owned()), ("accept", accept.to_owned())];
        if let Some(key) = &self.endpoint.key {
            headers.push(("authorization", format!("Bearer {key}")));
        }
        let url = format!("{}/{path}", self.endpoint.base_url);
        HttpRequest { method: "POST", url, headers, body: body.to_string().into_bytes() }
    }
}

impl Provider for OpenAi {
    fn request(&self, request: &ModelRequest) -> Result<HttpRequest, ProviderError> {
        let body = body::write(request, self.limit_field())?;
        Ok(self.post("chat/completions", "text/event-stream", &body))
    }

    fn error(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> ProviderError {
        failure::from_answer(NAME, (status, headers, body), self.endpoint.key.as_deref(), kind_of)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(SseDecoder::new(stream::Completion::new(self.endpoint.key.clone())))
    }
}

/// The kind behind an error object: OpenAI's codes, then the types and sentences of other servers.
fn kind_of(said: &Said, retry_after_s: Option<u32>) -> Option<ErrorKind> {
    let too_long = [
        "maximum context length",
        "context window",
        "context size",
        "prompt is too long",
        "prompt too long",
        "input is too long",
    ];
    Some(match said.code.to_ascii_lowercase().as_str() {
        "context_length_exceeded" => ErrorKind::ContextTooLong,
        "model_not_found" => ErrorKind::UnknownModel,
        "invalid_api_key" => ErrorKind::Authentication,
        "insufficient_quota" | "billing_hard_limit_reached" => ErrorKind::QuotaExhausted,
        "rate_limit_exceeded" => ErrorKind::RateLimited { retry_after_s },
        "content_filter" | "content_policy_violation" => ErrorKind::Refused,
        _ => match said.kind.as_str() {
            // llama.cpp
            "exceed_context_size_error" => ErrorKind::ContextTooLong,
            "insufficient_quota" => ErrorKind::QuotaExhausted,
            "authentication_error" => ErrorKind::Authentication,
            "rate_limit_error" => ErrorKind::RateLimited { retry_after_s },
            "overloaded_error" => ErrorKind::Overloaded { retry_after_s },
            // Google says the same in capitals as a status.
            "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited { retry_after_s },
            "UNAVAILABLE" => ErrorKind::Overloaded { retry_after_s },
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => ErrorKind::Authentication,
            _ if said.mentions(&too_long) => ErrorKind::ContextTooLong,
            // Google answers 400 to a wrong key.
            _ if said.mentions(&["api key not valid", "incorrect api key"]) => ErrorKind::Authentication,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests;
