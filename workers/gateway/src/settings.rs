//! The gateway's variables, read once in an isolate. A setting that cannot work lets nobody in.

use slipway_domain::preview::bucket::Rate;
use slipway_domain::preview::{PreviewBase, RelayKey};

use crate::access::Keys;

/// What a preview request is checked with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where previews are.
    pub(crate) base: PreviewBase,
    /// By which tokens are verified.
    pub(crate) keys: Keys,
    /// By which the executor knows the gateway.
    pub(crate) relay: RelayKey,
    /// Where the app is, for those who must open a preview from there.
    pub(crate) app: AppUrl,
}

/// An address that fits into an attribute and a policy as it is: `http` or `https`, a host, perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppUrl(String);

impl AppUrl {
    /// The address, without a path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let fits = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':'));
        fits.then(|| Self(text.to_owned()))
    }
}

impl Settings {
    /// Reads the variables.
    ///
    /// # Errors
    /// The name of the first one that is missing or cannot work.
    pub(crate) fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        let text = |name: &'static str| setting(name).ok_or(name);
        Ok(Self {
            base: PreviewBase::parse(&text("PREVIEW_URL")?).ok_or("PREVIEW_URL")?,
            keys: Keys::parse(&text("PREVIEW_PUBLIC_KEYS")?).ok_or("PREVIEW_PUBLIC_KEYS")?,
            relay: RelayKey::parse(&text("RELAY_KEY")?).ok_or("RELAY_KEY")?,
            app: AppUrl::parse(&text("APP_URL")?).ok_or("APP_URL")?,
        })
    }
}

/// How often a sandbox's previews may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Requests.
    pub(crate) requests: Rate,
    /// WebSockets that are opened.
    pub(crate) sockets: Rate,
}

impl Rates {
    /// Reads the variables; what is missing or no number is as if it were not set.
    pub(crate) fn read(setting: impl Fn(&str) -> Option<String>) -> Self {
        let number =
            |name: &str, usual: u32| setting(name).and_then(|text| text.trim().parse().ok()).unwrap_or(usual);
        Self {
            requests: Rate {
                per_minute: number("PREVIEW_REQUESTS_PER_MINUTE", 600),
                burst: number("PREVIEW_BURST", 120),
            },
            sockets: Rate {
                per_minute: number("PREVIEW_SOCKETS_PER_MINUTE", 60),
                burst: number("PREVIEW_SOCKET_BURST", 30),
            },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::access::tests::public_keys;

    /// The app on this machine.
    pub(crate) fn app() -> AppUrl {
        AppUrl::parse("http://localhost:8787").unwrap()
    }

    /// Settings that work.
    pub(crate) fn usual() -> Settings {
        Settings::read(setting).unwrap()
    }

    fn setting(name: &str) -> Option<String> {
        match name {
            "PREVIEW_URL" => Some("http://localhost:8788".to_owned()),
            "PREVIEW_PUBLIC_KEYS" => Some(public_keys(&[1])),
            "RELAY_KEY" => Some(URL_SAFE_NO_PAD.encode([5; 32])),
            "APP_URL" => Some("http://localhost:8787/".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_whole_setting_is_read_and_its_app_address_has_no_path() {
        let settings = usual();
        assert_eq!(settings.app.as_str(), "http://localhost:8787");
        assert_eq!(settings.base.scheme(), "http");
    }

    #[test]
    fn each_setting_that_is_missing_or_cannot_work_is_named() {
        for name in ["PREVIEW_URL", "PREVIEW_PUBLIC_KEYS", "RELAY_KEY", "APP_URL"] {
            for value in [None, Some(""), Some("[]"), Some("x"), Some("https://a\"b"), Some("javascript:1")] {
                let read =
                    Settings::read(
                        |asked| {
                            if asked == name { value.map(str::to_owned) } else { setting(asked) }
                        },
                    );
                assert_eq!(read.err(), Some(name), "{value:?}");
            }
        }
    }

    #[test]
    fn rates_that_are_not_set_are_the_usual_ones() {
        let rates = Rates::read(|name| (name == "PREVIEW_BURST").then(|| "7".to_owned()));
        assert_eq!(rates.requests, Rate { per_minute: 600, burst: 7 });
        assert_eq!(Rates::read(|_| Some("many".to_owned())).sockets, Rate { per_minute: 60, burst: 30 });
    }
}
