//! The engine's settings, from the Worker's variables and secrets. What is absent or no number has its default.

use slipway_llm::providers::anthropic::Anthropic;
use slipway_llm::providers::openai::OpenAi;
use slipway_llm::{ErrorKind, ModelRef, Provider, ProviderError};

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

/// The server and the model of it that tell what texts mean, by `EMBEDDING_MODEL` (`openai:<model>`): none where that is unset.
///
/// # Errors
/// [`ErrorKind::NotConfigured`]: it names no model that does, or the server's settings are absent or cannot work.
pub(super) fn embeddings(
    setting: impl Fn(&str) -> Option<String>,
) -> Result<Option<(OpenAi, ModelRef)>, ProviderError> {
    let wanted = setting("EMBEDDING_MODEL").map(|model| model.trim().to_owned());
    let Some(wanted) = wanted.filter(|model| !model.is_empty()) else { return Ok(None) };
    let model = wanted.parse().map_err(ProviderError::from)?;
    match model {
        ModelRef::OpenAi(_) => {
            let (url, key) = (setting("OPENAI_BASE_URL"), setting("OPENAI_API_KEY"));
            Ok(Some((OpenAi::new(url.as_deref(), key.as_deref())?, model)))
        }
        ModelRef::Demo | ModelRef::Anthropic(_) => {
            let message = "only models of an OpenAI-compatible server make embeddings";
            Err(ProviderError::new(ErrorKind::NotConfigured, provider_name(&model), message))
        }
    }
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
    fn embeddings_are_of_an_openai_compatible_server_or_there_are_none() {
        let told = |settings: &[(&str, &str)]| match embeddings(from(settings)) {
            Ok(found) => format!("{:?}", found.map(|(_, model)| model.to_string())),
            Err(error) => error.to_string(),
        };
        let url = ("OPENAI_BASE_URL", "http://localhost:11434");
        expect!["None"].assert_eq(&told(&[url, ("EMBEDDING_MODEL", " ")]));
        expect![[r#"Some("openai:nomic-embed-text")"#]]
            .assert_eq(&told(&[url, ("EMBEDDING_MODEL", "openai:nomic-embed-text")]));
        expect!["demo: not_configured: only models of an OpenAI-compatible server make embeddings"]
            .assert_eq(&told(&[url, ("EMBEDDING_MODEL", "demo")]));
        expect!["slipway: unknown_model: the agent's model names no provider that is known"]
            .assert_eq(&told(&[url, ("EMBEDDING_MODEL", "nomic-embed-text")]));
        expect!["openai: not_configured: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, to use this provider"]
            .assert_eq(&told(&[("EMBEDDING_MODEL", "openai:m")]));
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
