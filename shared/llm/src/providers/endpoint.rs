//! Address and key of a provider, checked once when the configuration is read.

use std::fmt;

use crate::error::{ErrorKind, ProviderError};

/// A provider's address and, where it wants one, its key.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// Without a slash at its end.
    pub(super) base_url: String,
    /// Visible ASCII without quotes and backslashes, so that it fits a header as it is.
    pub(super) key: Option<String>,
}

/// What a provider's configuration defaults to.
pub(super) struct Defaults {
    pub(super) provider: &'static str,
    pub(super) base_url: &'static str,
    /// Said when neither key nor address is set.
    pub(super) unset: &'static str,
}

impl Endpoint {
    /// Reads settings as they come from the environment: an empty one counts as unset. The provider's own
    /// address needs a key; an address of one's own may do without.
    pub(super) fn read(
        base_url: Option<&str>,
        key: Option<&str>,
        defaults: &Defaults,
    ) -> Result<Self, ProviderError> {
        let set = |value: Option<&str>| {
            value.map(str::trim).filter(|value| !value.is_empty()).map(ToOwned::to_owned)
        };
        let refuse = |message| Err(ProviderError::new(ErrorKind::NotConfigured, defaults.provider, message));
        let (base_url, key) = (set(base_url), set(key));
        // Quotes and backslashes would be escaped in JSON, where the key could not be found and removed.
        let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if key.as_ref().is_some_and(|key| key.len() > 1_024 || !key.bytes().all(plain)) {
            return refuse("the key has characters that no key has");
        }
        let base_url = match base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if key.is_none() => return refuse(defaults.unset),
            None => defaults.base_url.to_owned(),
        };
        let rest = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://"));
        match rest {
            Some(rest)
                if !rest.is_empty()
                    && !rest.starts_with(['/', ':'])
                    && !rest.contains(['@', '?', '#', '\\'])
                    && rest.bytes().all(|b| b.is_ascii_graphic()) =>
            {
                Ok(Self { base_url, key })
            }
            Some(_) | None => refuse("the base URL must be http(s)://host/path, without user or query"),
        }
    }

    /// Whether the address is a bare host, with no path.
    pub(super) fn is_bare(&self) -> bool {
        self.base_url.matches('/').count() == 2
    }

    /// The host, without scheme, port and path.
    pub(super) fn host(&self) -> &str {
        self.base_url.split('/').nth(2).and_then(|host| host.split(':').next()).unwrap_or_default()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "[redacted]");
        f.debug_struct("Endpoint").field("base_url", &self.base_url).field("key", &key).finish()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(base_url: Option<&str>, key: Option<&str>, expect: Expect) {
        let defaults =
            Defaults { provider: "openai", base_url: "https://api.openai.com/v1", unset: "set a key" };
        expect.assert_eq(&match Endpoint::read(base_url, key, &defaults) {
            Ok(endpoint) => format!("{endpoint:?} bare={} host={}", endpoint.is_bare(), endpoint.host()),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn the_default_address_needs_a_key_and_an_own_one_does_not() {
        check(None, None, expect!["openai: not_configured: set a key"]);
        check(Some(" "), Some(""), expect!["openai: not_configured: set a key"]);
        check(
            None,
            Some("sk-1"),
            expect![[
                r#"Endpoint { base_url: "https://api.openai.com/v1", key: Some("[redacted]") } bare=false host=api.openai.com"#
            ]],
        );
        check(
            Some("http://localhost:11434/"),
            None,
            expect![[
                r#"Endpoint { base_url: "http://localhost:11434", key: None } bare=true host=localhost"#
            ]],
        );
    }

    #[test]
    fn addresses_and_keys_that_could_carry_something_else_are_refused() {
        let bad = "openai: not_configured: the base URL must be http(s)://host/path, without user or query";
        for url in [
            "ftp://x",
            "https://",
            "https:///v1",
            "https://u:p@x/v1",
            "https://x/v1?a=1",
            "https://x/v1#a",
            "https://x/ v1",
            "x.example/v1",
            "https://:80/",
        ] {
            let defaults =
                Defaults { provider: "openai", base_url: "https://api.openai.com/v1", unset: "set a key" };
            let error = Endpoint::read(Some(url), Some("k"), &defaults).expect_err(url);
            assert_eq!(error.to_string(), bad, "{url}");
        }
        check(
            None,
            Some("a\r\nb"),
            expect!["openai: not_configured: the key has characters that no key has"],
        );
    }
}
