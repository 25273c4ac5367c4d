//! Why a step failed, as chats are told. The one place where a provider's failure gets its code.
//!
//! Invariant: the detail holds our own words, an agent's model and names of settings; never what a provider wrote.

use slipway_contract::events::{TurnFailure, TurnFailureCode};
use slipway_contract::objects::engine::EngineFrame;
use slipway_llm::{ErrorKind, ProviderError};

/// A failed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: TurnFailureCode,
    pub(crate) detail: String,
    pub(crate) retryable: bool,
    pub(crate) retry_after_ms: Option<u32>,
    /// What it came from, for the logs.
    pub(crate) cause: &'static str,
    /// The HTTP status of the provider's answer, for the logs.
    pub(crate) status: Option<u16>,
}

impl Failure {
    /// The agent was removed or switched off.
    pub(crate) fn agent_unavailable() -> Self {
        Self::ours(
            TurnFailureCode::AgentUnavailable,
            "agent_unavailable",
            "The agent was removed or switched off.",
        )
    }

    /// The agent could not be read.
    pub(crate) fn database(unavailable: bool) -> Self {
        if unavailable {
            let detail = "The agent's settings could not be read for now.";
            return Self {
                retryable: true,
                ..Self::ours(TurnFailureCode::ProviderUnavailable, "database_unavailable", detail)
            };
        }
        Self::ours(TurnFailureCode::Internal, "database_failed", "The agent's settings could not be read.")
    }

    fn ours(code: TurnFailureCode, cause: &'static str, detail: &str) -> Self {
        Self { code, detail: detail.to_owned(), retryable: false, retry_after_ms: None, cause, status: None }
    }

    /// The last frame of the step.
    pub(crate) fn frame(self) -> EngineFrame {
        EngineFrame::Failed {
            failure: TurnFailure { code: self.code, detail: self.detail },
            retryable: self.retryable,
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self {
            code: code(error.kind()),
            detail: detail(&error),
            retryable: error.retryable(),
            retry_after_ms: error.retry_after_s().map(|seconds| seconds.saturating_mul(1_000)),
            cause: error.kind().code(),
            status: error.status(),
        }
    }
}

const fn code(kind: ErrorKind) -> TurnFailureCode {
    match kind {
        ErrorKind::Authentication => TurnFailureCode::Authentication,
        ErrorKind::RateLimited { .. }
        | ErrorKind::Overloaded { .. }
        | ErrorKind::ServerError
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Protocol => TurnFailureCode::ProviderUnavailable,
        ErrorKind::QuotaExhausted | ErrorKind::InvalidRequest | ErrorKind::Refused => {
            TurnFailureCode::Refused
        }
        ErrorKind::ContextTooLong => TurnFailureCode::ContextTooLong,
        ErrorKind::UnknownModel | ErrorKind::NotConfigured => TurnFailureCode::NotConfigured,
    }
}

/// What happened and, where somebody can mend it, what to do.
fn detail(error: &ProviderError) -> String {
    let (message, provider) = (error.message(), error.provider());
    match error.kind() {
        ErrorKind::NotConfigured => format!("Models of `{provider}` are not set up: {message}."),
        ErrorKind::UnknownModel => format!("{}: check the agent's model.", capitalised(message)),
        ErrorKind::Authentication => format!("{}: check the key of `{provider}`.", capitalised(message)),
        ErrorKind::RateLimited { .. }
        | ErrorKind::QuotaExhausted
        | ErrorKind::Overloaded { .. }
        | ErrorKind::ServerError
        | ErrorKind::InvalidRequest
        | ErrorKind::ContextTooLong
        | ErrorKind::Refused
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Protocol => format!("{}.", capitalised(message)),
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use slipway_llm::providers::anthropic::Anthropic;
    use slipway_llm::providers::openai::OpenAi;
    use slipway_llm::{ModelRef, Provider};

    use super::*;

    fn told(failure: Failure) -> String {
        serde_json::to_string(&failure.frame()).unwrap()
    }

    #[test]
    fn every_kind_of_failure_has_its_code() {
        let told: Vec<String> = ErrorKind::ALL
            .into_iter()
            .map(|kind| {
                let failure = Failure::from(ProviderError::new(kind, "openai", "it failed"));
                let retry = if failure.retryable { " (retryable)" } else { "" };
                format!("{kind}: {:?}{retry}: {}", failure.code, failure.detail)
            })
            .collect();
        expect![[r#"
            authentication: Authentication: It failed: check the key of `openai`.
            rate_limited: ProviderUnavailable (retryable): It failed.
            quota_exhausted: Refused: It failed.
            overloaded: ProviderUnavailable (retryable): It failed.
            server_error: ProviderUnavailable (retryable): It failed.
            invalid_request: Refused: It failed.
            context_too_long: ContextTooLong: It failed.
            unknown_model: NotConfigured: It failed: check the agent's model.
            refused: Refused: It failed.
            timeout: ProviderUnavailable (retryable): It failed.
            connection: ProviderUnavailable (retryable): It failed.
            protocol: ProviderUnavailable (retryable): It failed.
            not_configured: NotConfigured: Models of `openai` are not set up: it failed."#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn an_admin_reads_what_to_set() {
        let unset = [OpenAi::new(None, None).unwrap_err(), Anthropic::new(None, Some("")).unwrap_err()];
        let told: Vec<String> = unset.into_iter().map(|error| Failure::from(error).detail).collect();
        expect![[r#"
            Models of `openai` are not set up: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to use this provider.
            Models of `anthropic` are not set up: set ANTHROPIC_API_KEY to use this provider."#]]
        .assert_eq(&told.join("\n"));
        let unknown = "mistral:large".parse::<ModelRef>().unwrap_err();
        expect!["The agent's model names no provider that is known: check the agent's model."]
            .assert_eq(&Failure::from(ProviderError::from(unknown)).detail);
    }

    #[test]
    fn a_wait_that_the_provider_asks_for_is_passed_on_in_milliseconds() {
        let provider = OpenAi::new(None, Some("k")).unwrap();
        let error = provider.error(429, &[("retry-after".to_owned(), "7".to_owned())], b"{}");
        expect![[r#"{"failed":{"failure":{"code":"provider_unavailable","detail":"Too many requests for now."},"retryable":true,"retry_after_ms":7000}}"#]].assert_eq(&told(error.into()));
    }

    #[test]
    fn a_provider_s_own_words_are_not_told() {
        let provider = OpenAi::new(None, Some("k")).unwrap();
        let error = provider.error(400, &[], br#"{"error":{"message":"Bad thing: hunter2"}}"#);
        expect![[r#"{"failed":{"failure":{"code":"refused","detail":"The provider did not accept the request."},"retryable":false}}"#]].assert_eq(&told(error.into()));
    }
}
