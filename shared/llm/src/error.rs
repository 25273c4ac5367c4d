//! Why a model call failed, by what the caller can do about it.
//!
//! Invariant: `Display` holds only our own fixed words; what the provider wrote is kept for logs alone,
//! bounded and with everything that looks like a key removed.

use std::fmt;

/// A failed model call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider}: {kind}: {message}")]
pub struct ProviderError {
    kind: ErrorKind,
    provider: &'static str,
    message: &'static str,
    status: Option<u16>,
    request_id: Option<String>,
    detail: Option<String>,
}

/// What kind of failure, which decides what the caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The key is missing, wrong, or not allowed to do this.
    Authentication,
    /// Too many requests or tokens for now.
    RateLimited {
        /// Seconds to wait, where the provider says so.
        retry_after_s: Option<u32>,
    },
    /// The account has no credit left: waiting does not help.
    QuotaExhausted,
    /// The provider has no capacity for now.
    Overloaded {
        /// Seconds to wait, where the provider says so.
        retry_after_s: Option<u32>,
    },
    /// The provider broke inside.
    ServerError,
    /// The provider does not accept the request as it is.
    InvalidRequest,
    /// The conversation does not fit the model: shorten it.
    ContextTooLong,
    /// There is no such model, or not for this key.
    UnknownModel,
    /// The provider's policy forbids the request.
    Refused,
    /// No answer, or no further byte of it, in time.
    Timeout,
    /// The connection could not be made or ended before the answer did.
    Connection,
    /// The answer does not follow the provider's protocol.
    Protocol,
    /// The installation names no usable key or address for this provider.
    NotConfigured,
}

impl ErrorKind {
    /// Every kind once, in the order of their declaration.
    pub const ALL: [Self; 13] = [
        Self::Authentication,
        Self::RateLimited { retry_after_s: None },
        Self::QuotaExhausted,
        Self::Overloaded { retry_after_s: None },
        Self::ServerError,
        Self::InvalidRequest,
        Self::ContextTooLong,
        Self::UnknownModel,
        Self::Refused,
        Self::Timeout,
        Self::Connection,
        Self::Protocol,
        Self::NotConfigured,
    ];

    /// The stable name, as in the API and in logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded { .. } => "overloaded",
            Self::ServerError => "server_error",
            Self::InvalidRequest => "invalid_request",
            Self::ContextTooLong => "context_too_long",
            Self::UnknownModel => "unknown_model",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Protocol => "protocol",
            Self::NotConfigured => "not_configured",
        }
    }

    /// The kind with this [`code`](Self::code).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether the same request may succeed later or at another provider of the same model.
    pub fn retryable(self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::ServerError
            | Self::Timeout
            | Self::Connection
            | Self::Protocol => true,
            Self::Authentication
            | Self::QuotaExhausted
            | Self::InvalidRequest
            | Self::ContextTooLong
            | Self::UnknownModel
            | Self::Refused
            | Self::NotConfigured => false,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ProviderError {
    /// A failure of `provider` in our own words, which people may read.
    pub fn new(kind: ErrorKind, provider: &'static str, message: &'static str) -> Self {
        Self { kind, provider, message, status: None, request_id: None, detail: None }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same request may succeed later.
    pub fn retryable(&self) -> bool {
        self.kind.retryable()
    }

    /// Seconds to wait before the next try, where the provider says so.
    pub fn retry_after_s(&self) -> Option<u32> {
        if let ErrorKind::RateLimited { retry_after_s } | ErrorKind::Overloaded { retry_after_s } = self.kind
        {
            return retry_after_s;
        }
        None
    }

    /// Which provider failed: `anthropic`, `openai` or `demo`.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// What happened, in words that people may read.
    pub fn message(&self) -> &'static str {
        self.message
    }

    /// The HTTP status of the answer, when there was one that tells of the failure.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The provider's id of the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What the provider wrote, for logs only: at most 2,000 characters, key-like strings removed.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<&str>) -> Self {
        self.request_id = id.map(|id| clip(id, 128));
        self
    }

    /// Keeps the provider's text for logs. `key` is the secret that was sent with the request.
    pub(crate) fn with_detail(mut self, text: &str, key: Option<&str>) -> Self {
        self.detail = Some(clip(&redact(text, key), 2_000)).filter(|text| !text.is_empty());
        self
    }
}

/// The first `max` characters.
pub(crate) fn clip(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

const REDACTED: &str = "[redacted]";

/// Prefixes of keys that the known providers and their neighbours hand out.
const KEY_PREFIXES: [&str; 11] =
    ["sk-", "sk_", "rk_", "pk_", "xai-", "gsk_", "hf_", "nvapi-", "ghp_", "AIza", "key-"];

/// Removes `key` and everything that looks like a key.
fn redact(text: &str, key: Option<&str>) -> String {
    let text = match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, REDACTED),
        None => text.to_owned(),
    };
    let mut clean = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_*+".contains(c) {
            word.push(c);
            continue;
        }
        clean.push_str(if looks_like_key(&word) { REDACTED } else { &word });
        word.clear();
        clean.push(c);
    }
    clean.push_str(if looks_like_key(&word) { REDACTED } else { &word });
    clean
}

/// A known prefix, a masked middle (`abc***xyz`), or 20 letters and digits without a break.
/// Names of models (`claude-sonnet-4-5-20250929`) and UUIDs stay readable.
fn looks_like_key(word: &str) -> bool {
    let dense = |part: &str| {
        part.len() >= 20
            && part.contains(|c: char| c.is_ascii_digit())
            && part.contains(|c: char| c.is_ascii_alphabetic())
    };
    (word.len() >= 8 && KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        || word.contains("**")
        || word.split(['-', '_', '*', '+']).any(dense)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn provider_text_never_reaches_display() {
        let error = ProviderError::new(ErrorKind::Authentication, "openai", "the key was not accepted")
            .with_detail("Incorrect API key provided: hunter2", Some("hunter2"));
        assert_eq!(error.to_string(), "openai: authentication: the key was not accepted");
        assert_eq!(error.detail(), Some("Incorrect API key provided: [redacted]"));
    }

    #[test]
    fn key_like_strings_are_removed_and_names_stay() {
        let seen = redact(
            "sk-ant-api03-x9 for claude-sonnet-4-5-20250929, abcd****wxyz, AIzaSyA1234, \
             0f8fad5bd9cb469fa16570867728950e, 0f8fad5b-d9cb-469f-a165-70867728950e.",
            None,
        );
        assert_eq!(
            seen,
            "[redacted] for claude-sonnet-4-5-20250929, [redacted], [redacted], [redacted], \
             0f8fad5b-d9cb-469f-a165-70867728950e."
        );
    }

    #[test]
    fn every_kind_is_found_by_its_code() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(ErrorKind::from_code("else"), None);
    }

    proptest! {
        #[test]
        fn the_key_that_was_sent_is_never_kept(
            key in "[A-Za-z0-9_./+=-]{7,60}[0-9]", before in ".{0,40}", after in ".{0,40}",
        ) {
            let text = format!("{before}{key}{after}");
            let error = ProviderError::new(ErrorKind::Authentication, "openai", "refused")
                .with_detail(&text, Some(&key));
            let seen = format!("{error} {error:?}");
            prop_assert!(!seen.contains(&key), "{seen}");
        }
    }
}
