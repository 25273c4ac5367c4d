//! How an agent's model is written: `demo`, `openai:<model>` or `anthropic:<model>`.

use std::fmt;
use std::str::FromStr;

use crate::error::{ErrorKind, ProviderError};

/// A provider and its own name of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModelRef {
    /// The built-in model, see [`crate::providers::demo`].
    Demo,
    /// A model of the configured OpenAI-compatible server.
    OpenAi(String),
    /// A model of the Anthropic Messages API.
    Anthropic(String),
}

/// Why a text names no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelRefError {
    /// The part before the first colon is no provider of ours.
    #[error("unknown provider: write demo, openai:<model> or anthropic:<model>")]
    UnknownProvider,
    /// The provider needs the name of a model after the colon.
    #[error("the model is missing: write openai:<model> or anthropic:<model>")]
    MissingModel,
    /// The name is longer than 200 bytes or holds spaces, control or non-ASCII characters.
    #[error("the model's name is too long or has characters that no model has")]
    BadName,
}

impl ModelRef {
    /// The provider's own name of the model.
    pub fn model(&self) -> &str {
        match self {
            Self::Demo => "demo",
            Self::OpenAi(model) | Self::Anthropic(model) => model,
        }
    }
}

impl FromStr for ModelRef {
    type Err = ModelRefError;

    fn from_str(text: &str) -> Result<Self, ModelRefError> {
        if text == "demo" {
            return Ok(Self::Demo);
        }
        // Only the first colon counts: Ollama's names have their own (`llama3.2:3b`).
        let (provider, model) = match text.split_once(':') {
            Some((provider, model)) => (provider, Some(model)),
            None => (text, None),
        };
        let build: fn(String) -> Self = match provider {
            "openai" => Self::OpenAi,
            "anthropic" => Self::Anthropic,
            _ => return Err(ModelRefError::UnknownProvider),
        };
        match model.filter(|model| !model.is_empty()) {
            None => Err(ModelRefError::MissingModel),
            Some(model) if model.len() > 200 || !model.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(ModelRefError::BadName)
            }
            Some(model) => Ok(build(model.to_owned())),
        }
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo => f.write_str("demo"),
            Self::OpenAi(model) => write!(f, "openai:{model}"),
            Self::Anthropic(model) => write!(f, "anthropic:{model}"),
        }
    }
}

impl From<ModelRefError> for ProviderError {
    fn from(_: ModelRefError) -> Self {
        Self::new(ErrorKind::UnknownModel, "slipway", "the agent's model names no provider that is known")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&match text.parse::<ModelRef>() {
            Ok(model) => {
                assert_eq!(model.to_string(), text, "what is read is written alike");
                format!("{model:?}")
            }
            Err(error) => format!("{error:?}: {error}"),
        });
    }

    #[test]
    fn each_provider_is_read_and_written_alike() {
        check("demo", expect!["Demo"]);
        check("openai:gpt-4o", expect![[r#"OpenAi("gpt-4o")"#]]);
        check("openai:llama3.2:3b", expect![[r#"OpenAi("llama3.2:3b")"#]]);
        check("anthropic:claude-sonnet-4-5", expect![[r#"Anthropic("claude-sonnet-4-5")"#]]);
    }

    #[test]
    fn what_names_no_model_is_refused_with_the_reason() {
        check(
            "mistral:large",
            expect!["UnknownProvider: unknown provider: write demo, openai:<model> or anthropic:<model>"],
        );
        check(
            "",
            expect!["UnknownProvider: unknown provider: write demo, openai:<model> or anthropic:<model>"],
        );
        check(
            "openai",
            expect!["MissingModel: the model is missing: write openai:<model> or anthropic:<model>"],
        );
        check(
            "anthropic:",
            expect!["MissingModel: the model is missing: write openai:<model> or anthropic:<model>"],
        );
        check(
            "openai:gpt 4",
            expect!["BadName: the model's name is too long or has characters that no model has"],
        );
        check(
            &format!("openai:{}", "x".repeat(201)),
            expect!["BadName: the model's name is too long or has characters that no model has"],
        );
    }
}
