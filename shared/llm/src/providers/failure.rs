//! Reads a provider's failures: from the HTTP status, the headers, and the many shapes of error bodies.

use serde_json::Value;

use crate::error::{ErrorKind, ProviderError};

/// What an error body says, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// `error.type`, or Google's `error.status`.
    pub(super) kind: String,
    /// `error.code`, a word or a number.
    pub(super) code: String,
    /// The sentence, in lower case.
    pub(super) message: String,
}

impl Said {
    /// Reads `{"error": {…}}`, `{"error": "…"}`, `{"message": …, "type": …}` (vLLM before 0.10),
    /// `{"detail": …}` (FastAPI), and a list around any of them (Google).
    pub(super) fn read(body: &Value) -> Self {
        let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let field = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
        };
        let first_set =
            |names: [&str; 2]| names.into_iter().map(field).find(|text| !text.is_empty()).unwrap_or_default();
        let message = match error.as_str() {
            Some(text) => text.to_owned(),
            None => first_set(["message", "detail"]),
        };
        Self { kind: first_set(["type", "status"]), code: field("code"), message: message.to_lowercase() }
    }

    /// Whether the sentence holds one of these phrases, given in lower case.
    pub(super) fn mentions(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }
}

/// The kind that a status stands for when the body says nothing better (RFC 9110; 529 is Anthropic's).
pub(super) fn kind_of_status(status: u16, said: &Said, retry_after_s: Option<u32>) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Authentication,
        402 => ErrorKind::QuotaExhausted,
        404 if said.mentions(&["model"]) => ErrorKind::UnknownModel,
        // Not our protocol's address at all.
        300..=399 | 404 | 405 => ErrorKind::NotConfigured,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::ContextTooLong,
        429 => ErrorKind::RateLimited { retry_after_s },
        400..=499 => ErrorKind::InvalidRequest,
        503 | 529 => ErrorKind::Overloaded { retry_after_s },
        500..=599 => ErrorKind::ServerError,
        _ => ErrorKind::Protocol,
    }
}

/// Our words for a kind.
pub(super) fn words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Authentication => "the provider did not accept the key",
        ErrorKind::RateLimited { .. } => "too many requests for now",
        ErrorKind::QuotaExhausted => "the provider's account has no credit left",
        ErrorKind::Overloaded { .. } => "the provider has no capacity for now",
        ErrorKind::ServerError => "the provider failed",
        ErrorKind::InvalidRequest => "the provider did not accept the request",
        ErrorKind::ContextTooLong => "the conversation is too long for this model",
        ErrorKind::UnknownModel => "the provider does not know this model",
        ErrorKind::Refused => "the provider's policy forbids this request",
        ErrorKind::Timeout => "the provider took too long",
        ErrorKind::Connection => "the connection to the provider failed",
        ErrorKind::Protocol => "the provider's answer could not be read",
        ErrorKind::NotConfigured => "the configured address does not speak this protocol",
    }
}

/// Seconds to wait, rounded up, at most a day. A date cannot be read without a clock and is ignored.
pub(super) fn retry_after_s(headers: &[(String, String)]) -> Option<u32> {
    let seconds = |name, unit: f64| header(headers, name)?.trim().parse::<f64>().ok().map(|n| n / unit);
    let wait = seconds("retry-after-ms", 1_000.0).or_else(|| seconds("retry-after", 1.0))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is a whole number between 0 and 86,400; NaN becomes 0"
    )]
    Some(wait.ceil().clamp(0.0, 86_400.0) as u32)
}

/// The value of a header, by its name in lower case.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The failure behind an answer that is not 200. `read` is the protocol's own reading of the body.
pub(super) fn from_answer(
    provider: &'static str,
    (status, headers, body): (u16, &[(String, String)], &[u8]),
    key: Option<&str>,
    read: impl FnOnce(&Said, Option<u32>) -> Option<ErrorKind>,
) -> ProviderError {
    let retry_after_s = retry_after_s(headers);
    let said = serde_json::from_slice::<Value>(body).map(|body| Said::read(&body)).unwrap_or_default();
    let kind = read(&said, retry_after_s).unwrap_or_else(|| kind_of_status(status, &said, retry_after_s));
    let request_id = header(headers, "request-id").or_else(|| header(headers, "x-request-id"));
    ProviderError::new(kind, provider, words(kind))
        .with_status(status)
        .with_request_id(request_id)
        .with_detail(&String::from_utf8_lossy(body), key)
}

/// The failure that a provider reports inside a stream that began well.
pub(super) fn from_stream(
    provider: &'static str,
    event: &Value,
    key: Option<&str>,
    read: impl FnOnce(&Said, Option<u32>) -> Option<ErrorKind>,
) -> ProviderError {
    let said = Said::read(event);
    // vLLM and OpenRouter put the HTTP status that it would have been into `code`.
    let status = said.code.parse::<u16>().ok().filter(|code| (400..600).contains(code)).unwrap_or(500);
    let kind = read(&said, None).unwrap_or_else(|| kind_of_status(status, &said, None));
    ProviderError::new(kind, provider, words(kind))
        .with_request_id(event.get("request_id").and_then(Value::as_str))
        .with_detail(&event.to_string(), key)
}
