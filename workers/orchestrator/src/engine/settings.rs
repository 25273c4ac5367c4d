//! The engine's settings, from the Worker's variables and secrets. What is absent or no number has its default.

use slipway_llm::providers::anthropic::Anthropic;
use slipway_llm::providers::openai::OpenAi;
use slipway_llm::{ModelRef, Provider, ProviderError};

use super::watch::Limits;

/// Pieces of text a second, as fast as a person reads along.
const DEMO_TOKENS_PER_SECOND: u32 = 50;
const FIRST_BYTE_MS: u32 = 60_000;
const SILENCE_MS: u32 = 60_000;
const STEP_MS: u32 = 10 * 60_000;

/// Where a model is called.
#[derive(Debug)]
pub(crate) enum Route {
    /// Inside the engine, with this many tokens a second.
    Demo(u32),
    /// At a provider.
    Provider(Box<dyn Provider>),
}

/// The way to `model`; `setting` gives a variable or secret by its name.
///
/// # Errors
/// [`slipway_llm::ErrorKind::NotConfigured`]: the provider's settings are absent or cannot work.
pub(crate) fn route(
    model: &ModelRef,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<Route, ProviderError> {
    Ok(match model {
        ModelRef::Demo => Route::Demo(number(&setting, "DEMO_TOKENS_PER_SECOND", DEMO_TOKENS_PER_SECOND)),
        ModelRef::OpenAi(_) => Route::Provider(Box::new(OpenAi::new(
            setting("OPENAI_BASE_URL").as_deref(),
            setting("OPENAI_API_KEY").as_deref(),
        )?)),
        ModelRef::Anthropic(_) => Route::Provider(Box::new(Anthropic::new(
            setting("ANTHROPIC_BASE_URL").as_deref(),
            setting("ANTHROPIC_API_KEY").as_deref(),
        )?)),
    })
}

/// The longest waits: `MODEL_FIRST_BYTE_MS`, `MODEL_SILENCE_MS`, `MODEL_STEP_MS`.
pub(crate) fn limits(setting: impl Fn(&str) -> Option<String>) -> Limits {
    let number = |name, default| i64::from(number(&setting, name, default).max(1));
    Limits {
        first_byte_ms: number("MODEL_FIRST_BYTE_MS", FIRST_BYTE_MS),
        silence_ms: number("MODEL_SILENCE_MS", SILENCE_MS),
        step_ms: number("MODEL_STEP_MS", STEP_MS),
    }
}

/// The provider of a model, as in logs and failures.
pub(crate) const fn provider_name(model: &ModelRef) -> &'static str {
    match model {
        ModelRef::Demo => "demo",
        ModelRef::OpenAi(_) => "openai",
        ModelRef::Anthropic(_) => "anthropic",
    }
}

fn number(setting: &impl Fn(&str) -> Option<String>, name: &str, default: u32) -> u32 {
    setting(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn from<'a>(settings: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn check(model: &str, settings: &[(&str, &str)], expect: Expect) {
        expect.assert_eq(&match route(&model.parse().unwrap(), from(settings)) {
            Ok(route) => format!("{route:?}"),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn each_model_has_its_way() {
        check("demo", &[], expect!["Demo(50)"]);
        check("demo", &[("DEMO_TOKENS_PER_SECOND", "1000")], expect!["Demo(1000)"]);
        check("demo", &[("DEMO_TOKENS_PER_SECOND", "fast")], expect!["Demo(50)"]);
        check(
            "openai:m",
            &[("OPENAI_BASE_URL", "http://localhost:11434")],
            expect![[
                r#"Provider(OpenAi { endpoint: Endpoint { base_url: "http://localhost:11434/v1", key: None } })"#
            ]],
        );
        check(
            "anthropic:m",
            &[("ANTHROPIC_API_KEY", "k")],
            expect![[
                r#"Provider(Anthropic { endpoint: Endpoint { base_url: "https://api.anthropic.com/v1", key: Some("[redacted]") } })"#
            ]],
        );
    }

    #[test]
    fn a_provider_without_settings_has_none() {
        check(
            "openai:m",
            &[("ANTHROPIC_API_KEY", "k"), ("OPENAI_API_KEY", "")],
            expect![
                "openai: not_configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to use this provider"
            ],
        );
        check(
            "anthropic:m",
            &[],
            expect!["anthropic: not_configured: set ANTHROPIC_API_KEY to use this provider"],
        );
    }

    #[test]
    fn limits_have_defaults_and_can_be_set() {
        expect!["Limits { first_byte_ms: 60000, silence_ms: 60000, step_ms: 600000 }"]
            .assert_eq(&format!("{:?}", limits(from(&[]))));
        expect!["Limits { first_byte_ms: 500, silence_ms: 1, step_ms: 600000 }"].assert_eq(&format!(
            "{:?}",
            limits(from(&[
                ("MODEL_FIRST_BYTE_MS", "500"),
                ("MODEL_SILENCE_MS", "0"),
                ("MODEL_STEP_MS", "-1")
            ]))
        ));
    }
}
