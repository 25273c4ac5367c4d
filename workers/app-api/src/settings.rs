//! What the deployment sets, read once in an isolate: it cannot change while one lives.

use std::sync::OnceLock;

use slipway_contract::{Problem, ProblemCode};
use slipway_edge::log::Line;
use url::Url;
use worker::Env;

use crate::identity::keys::Keys;

/// What happens when `X-Org-Id` is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enforcement {
    /// The path's org counts, and a log line says so.
    Warn,
    /// The request is refused.
    Strict,
}

/// The settings of this deployment.
pub(crate) struct Settings {
    /// Where people reach the web app.
    pub(crate) public_url: Url,
    pub(crate) enforcement: Enforcement,
    pub(crate) keys: Keys,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

impl Settings {
    /// The settings; `internal` while they are wrong, with a log line that names the one at fault.
    pub(crate) fn of(env: &Env) -> Result<&'static Self, Problem> {
        if let Some(settings) = SETTINGS.get() {
            return Ok(settings);
        }
        let read = |name: &str| env.var(name).map(|value| value.to_string()).unwrap_or_default();
        let settings =
            Self::parse(&read("PUBLIC_URL"), &read("ORG_CONTEXT_ENFORCEMENT"), &read("TOKEN_KEYS")).map_err(
                |name| {
                    Line::error("setting_unusable").name("setting", name).emit();
                    Problem::new(ProblemCode::Internal)
                },
            )?;
        Ok(SETTINGS.get_or_init(|| settings))
    }

    /// `Err` names the setting at fault.
    fn parse(public_url: &str, enforcement: &str, keys: &str) -> Result<Self, &'static str> {
        Ok(Self {
            public_url: Url::parse(public_url).map_err(|_| "PUBLIC_URL")?,
            enforcement: match enforcement {
                "warn" => Enforcement::Warn,
                // An unknown word must not open anything.
                _ => Enforcement::Strict,
            },
            keys: Keys::parse(keys).ok_or("TOKEN_KEYS")?,
        })
    }

    /// Cookies need TLS everywhere but on one's own machine.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.public_url.host_str().unwrap_or_default();
        self.public_url.scheme() == "http" && (host == "localhost" || host == "127.0.0.1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = r#"[{"kid":"a","seed":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]"#;

    #[test]
    fn an_unknown_enforcement_is_strict() {
        for (text, meant) in
            [("warn", Enforcement::Warn), ("strict", Enforcement::Strict), ("", Enforcement::Strict)]
        {
            assert_eq!(Settings::parse("http://localhost:8787", text, KEYS).unwrap().enforcement, meant);
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert_eq!(Settings::parse("localhost", "warn", KEYS).err(), Some("PUBLIC_URL"));
        assert_eq!(Settings::parse("https://a.example", "warn", "[]").err(), Some("TOKEN_KEYS"));
    }

    #[test]
    fn only_ones_own_machine_does_without_tls() {
        for (url, local) in [
            ("http://localhost:8787", true),
            ("https://localhost", false),
            ("http://slipway.example", false),
            ("https://slipway.example", false),
        ] {
            assert_eq!(Settings::parse(url, "strict", KEYS).unwrap().is_local(), local, "{url}");
        }
    }
}
