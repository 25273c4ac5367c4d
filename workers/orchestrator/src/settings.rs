//! Settings of sandboxes: the executors, the keys of preview tokens, the address of previews.
//!
//! Invariant: keys are in no `Debug` text, so no line of a log can hold one.

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, SecretKey, Seed};
use serde::Deserialize;
use slipway_contract::sandbox::SandboxSize;
use slipway_domain::preview::PreviewBase;
use slipway_domain::sandbox::Rules;

/// JSON list of `{"id", "url", "key"}`: the hosts that run sandboxes. `"kind": "bridge"` says that it is the Cloudflare
/// sandbox bridge; that one also has `"places"`, how many sandboxes may run in it at once, and perhaps `"size"`, the
/// largest sandbox that its one kind of container holds (`small` when absent).
pub(crate) const EXECUTORS: &str = "EXECUTORS";
/// JSON list of `{"kid", "seed"}`: keys of preview tokens. The first signs; the gateway knows all of them.
pub(crate) const PREVIEW_KEYS: &str = "PREVIEW_KEYS";
/// Address of previews; `{port}-{sandbox}.` is put before its host.
pub(crate) const PREVIEW_URL: &str = "PREVIEW_URL";

/// After how many seconds unused a sandbox is shown as idle, and after how many it stops.
const SANDBOX_IDLE_S: &str = "SANDBOX_IDLE_S";
const SANDBOX_STOP_S: &str = "SANDBOX_STOP_S";

/// Longest name of an executor, in bytes.
const ID_BYTES: usize = 64;

/// A setting that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// Which.
    pub(crate) name: &'static str,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.why)
    }
}

/// A key as text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Key(String);

impl Key {
    /// Its text, for the one header that it goes into.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name, by which sandboxes find it again.
    pub(crate) id: String,
    /// Its address, without a path.
    pub(crate) url: String,
    /// What it asks of its callers.
    pub(crate) key: Key,
    /// What it speaks.
    pub(crate) kind: Kind,
}

impl Host {
    /// Where the gateway reaches ports of its sandboxes by a pass; empty when it cannot.
    pub(crate) fn relay(&self) -> &str {
        match self.kind {
            Kind::Executor => &self.url,
            Kind::Bridge(_) => "",
        }
    }
}

/// What a host of sandboxes speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The executor's interface.
    Executor,
    /// That of the Cloudflare sandbox bridge.
    Bridge(Containers),
}

/// What a bridge does not say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Containers {
    /// Sandboxes that may run at once.
    pub(crate) places: u32,
    /// The largest sandbox that a container holds.
    pub(crate) size: SandboxSize,
}

/// An executor as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    url: String,
    key: Key,
    #[serde(default)]
    kind: Spoken,
    places: Option<u32>,
    size: Option<SandboxSize>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Spoken {
    #[default]
    Executor,
    Bridge,
}

impl Entry {
    fn host(self) -> Result<Host, &'static str> {
        let kind = match (self.kind, self.places, self.size) {
            (Spoken::Executor, None, None) => Kind::Executor,
            (Spoken::Executor, _, _) => {
                return Err("has `places` or `size` that are no bridge's; executors say that themselves");
            }
            (Spoken::Bridge, None | Some(0), _) => return Err("has a bridge without `places`, 1 or more"),
            (Spoken::Bridge, Some(places), size) => {
                Kind::Bridge(Containers { places, size: size.unwrap_or_default() })
            }
        };
        let mut url = self.url;
        url.truncate(url.trim_end_matches('/').len());
        Ok(Host { id: self.id, url, key: self.key, kind })
    }
}

/// All executors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<Host>);

impl Hosts {
    /// Reads `EXECUTORS`. Absent or empty means none.
    ///
    /// # Errors
    /// It is there and cannot work.
    pub(crate) fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, Unusable> {
        let wrong = |why| Unusable { name: EXECUTORS, why };
        let text = setting(EXECUTORS).unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let form = "must be a JSON list of objects with `id`, `url` and `key`";
        let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|_| wrong(form))?;
        let hosts = entries.into_iter().map(Entry::host).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        for host in &hosts {
            let named = !host.id.is_empty()
                && host.id.len() <= ID_BYTES
                && host
                    .id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
            if !named {
                return Err(wrong("has an `id` that is not 1 to 64 letters, digits, `-`, `_` and `.`"));
            }
            if !is_origin(&host.url) {
                return Err(wrong("has a `url` that is not http:// or https:// and a host"));
            }
            if host.key.0.is_empty() || !host.key.0.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(wrong("has a `key` that cannot be sent"));
            }
        }
        let mut names: Vec<&str> = hosts.iter().map(|host| host.id.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < hosts.len() {
            return Err(wrong("names one `id` twice"));
        }
        Ok(Self(hosts))
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of this name.
    pub(crate) fn get(&self, id: &str) -> Option<&Host> {
        self.0.iter().find(|host| host.id == id)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Host> {
        self.0.iter()
    }
}

/// Whether an address is a scheme and a host, with nothing else.
fn is_origin(address: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let Some((scheme, host)) = address.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && !host.is_empty() && host.bytes().all(plain)
}

/// The times that sandboxes live by. What is absent or no number has its default.
pub(crate) fn rules(setting: impl Fn(&str) -> Option<String>) -> Rules {
    let ms = |name, default: i64| {
        let seconds =
            setting(name).and_then(|text| text.trim().parse::<u32>().ok()).filter(|seconds| *seconds > 0);
        seconds.map_or(default, |seconds| i64::from(seconds) * 1_000)
    };
    let default = Rules::default();
    Rules {
        idle_ms: ms(SANDBOX_IDLE_S, default.idle_ms),
        stop_ms: ms(SANDBOX_STOP_S, default.stop_ms),
        ..default
    }
}

/// What preview tokens are made with.
pub(crate) struct Previews {
    /// Name of the key.
    pub(crate) kid: String,
    /// The key.
    pub(crate) secret: SecretKey,
    /// Where previews are.
    pub(crate) base: PreviewBase,
}

#[derive(Deserialize)]
struct Written {
    kid: String,
    seed: String,
}

impl Previews {
    /// Reads `PREVIEW_KEYS` and `PREVIEW_URL`.
    ///
    /// # Errors
    /// One of them is absent or cannot work.
    pub(crate) fn read(setting: impl Fn(&str) -> Option<String>) -> Result<Self, Unusable> {
        let wrong = |why| Unusable { name: PREVIEW_KEYS, why };
        let text = setting(PREVIEW_KEYS).filter(|text| !text.trim().is_empty()).ok_or(wrong("is not set"))?;
        let form = "must be a JSON list of objects with `kid` and `seed`";
        let keys: Vec<Written> = serde_json::from_str(&text).map_err(|_| wrong(form))?;
        let first = keys.into_iter().next().ok_or(wrong("is empty"))?;
        let seed = URL_SAFE_NO_PAD.decode(first.seed).ok().and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        let seed = seed.ok_or(wrong("has a `seed` that is not 32 bytes as base64url"))?;
        let address = setting(PREVIEW_URL).filter(|text| !text.trim().is_empty());
        let address = address.ok_or(Unusable { name: PREVIEW_URL, why: "is not set" })?;
        let wrong = Unusable { name: PREVIEW_URL, why: "must be http:// or https:// and a host" };
        let base = PreviewBase::parse(address.trim()).ok_or(wrong)?;
        Ok(Self { kid: first.kid, secret: KeyPair::from_seed(Seed::new(seed)).sk, base })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn from<'a>(settings: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn hosts(text: &str, expect: Expect) {
        expect.assert_eq(&match Hosts::read(from(&[(EXECUTORS, text)])) {
            Ok(hosts) => format!("{hosts:?}"),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn no_executor_is_a_setting_too() {
        assert_eq!(Hosts::read(from(&[])), Ok(Hosts::default()));
        hosts("", expect!["Hosts([])"]);
        hosts("[]", expect!["Hosts([])"]);
    }

    #[test]
    fn an_executor_has_a_name_an_address_and_a_key_that_no_text_shows() {
        hosts(
            r#"[{"id":"local","url":"http://127.0.0.1:9000/","key":"secret"}]"#,
            expect![[
                r#"Hosts([Host { id: "local", url: "http://127.0.0.1:9000", key: [redacted], kind: Executor }])"#
            ]],
        );
        hosts(
            r#"[{"id":"far","url":"https://sandboxes.example.com","key":"secret","kind":"executor"}]"#,
            expect![[
                r#"Hosts([Host { id: "far", url: "https://sandboxes.example.com", key: [redacted], kind: Executor }])"#
            ]],
        );
    }

    #[test]
    fn a_bridge_has_places_and_a_size_of_its_containers() {
        let bridge = |more: &str| {
            format!(r#"[{{"id":"cf","url":"https://b.workers.dev","key":"secret","kind":"bridge"{more}}}]"#)
        };
        hosts(
            &bridge(r#","places":3"#),
            expect![[
                r#"Hosts([Host { id: "cf", url: "https://b.workers.dev", key: [redacted], kind: Bridge(Containers { places: 3, size: Small }) }])"#
            ]],
        );
        hosts(
            &bridge(r#","places":20,"size":"large""#),
            expect![[
                r#"Hosts([Host { id: "cf", url: "https://b.workers.dev", key: [redacted], kind: Bridge(Containers { places: 20, size: Large }) }])"#
            ]],
        );
        for places in ["", r#","places":0"#, r#","size":"small""#] {
            hosts(&bridge(places), expect!["EXECUTORS has a bridge without `places`, 1 or more"]);
        }
        for wrong in [r#","places":-1"#, r#","places":"3""#, r#","places":1,"size":"huge""#] {
            hosts(
                &bridge(wrong),
                expect!["EXECUTORS must be a JSON list of objects with `id`, `url` and `key`"],
            );
        }
        hosts(
            r#"[{"id":"a","url":"http://b","key":"c","kind":"docker"}]"#,
            expect!["EXECUTORS must be a JSON list of objects with `id`, `url` and `key`"],
        );
        for more in [r#""places":3"#, r#""size":"small""#] {
            hosts(
                &format!(r#"[{{"id":"a","url":"http://b","key":"c",{more}}}]"#),
                expect![
                    "EXECUTORS has `places` or `size` that are no bridge's; executors say that themselves"
                ],
            );
        }
    }

    #[test]
    fn the_gateway_reaches_executors_alone() {
        let read = |text: &str| Hosts::read(from(&[(EXECUTORS, text)])).unwrap();
        let both = read(
            r#"[{"id":"a","url":"http://a","key":"k"},{"id":"b","url":"http://b","key":"k","kind":"bridge","places":1}]"#,
        );
        let relays: Vec<&str> = both.iter().map(Host::relay).collect();
        assert_eq!(relays, ["http://a", ""]);
    }

    #[test]
    fn what_cannot_work_is_said() {
        for wrong in ["x", "{}", r#"[{"id":"a"}]"#, r#"[{"id":"a","url":"http://b","key":"c","more":1}]"#] {
            hosts(wrong, expect!["EXECUTORS must be a JSON list of objects with `id`, `url` and `key`"]);
        }
        hosts(
            r#"[{"id":"a b","url":"http://b","key":"c"}]"#,
            expect!["EXECUTORS has an `id` that is not 1 to 64 letters, digits, `-`, `_` and `.`"],
        );
        for address in ["b", "ftp://b", "http://", "http://b/c", "http://u@b", "http://b?c"] {
            hosts(
                &format!(r#"[{{"id":"a","url":"{address}","key":"c"}}]"#),
                expect!["EXECUTORS has a `url` that is not http:// or https:// and a host"],
            );
        }
        for key in ["", "a b"] {
            hosts(
                &format!(r#"[{{"id":"a","url":"http://b","key":"{key}"}}]"#),
                expect!["EXECUTORS has a `key` that cannot be sent"],
            );
        }
        hosts(
            r#"[{"id":"a","url":"http://b","key":"c"},{"id":"a","url":"http://d","key":"c"}]"#,
            expect!["EXECUTORS names one `id` twice"],
        );
    }

    #[test]
    fn idle_times_have_defaults_and_can_be_set() {
        let read = |idle, stop| {
            let rules = rules(from(&[(SANDBOX_IDLE_S, idle), (SANDBOX_STOP_S, stop)]));
            (rules.idle_ms, rules.stop_ms)
        };
        assert_eq!(rules(from(&[])), Rules::default());
        assert_eq!(read("1", "90"), (1_000, 90_000));
        for wrong in ["", "0", "-1", "soon"] {
            assert_eq!(read(wrong, wrong), (300_000, 600_000), "{wrong}");
        }
    }

    #[test]
    fn previews_need_a_key_and_an_address() {
        let seed = URL_SAFE_NO_PAD.encode([7; 32]);
        let keys = format!(r#"[{{"kid":"p1","seed":"{seed}"}},{{"kid":"p0","seed":"{seed}"}}]"#);
        let read =
            |keys: &str, url: &str| match Previews::read(from(&[(PREVIEW_KEYS, keys), (PREVIEW_URL, url)])) {
                Ok(previews) => format!("{} {:?}", previews.kid, previews.base),
                Err(error) => error.to_string(),
            };
        let table = [
            read(&keys, "http://localhost:8788"),
            read(&keys, "https://preview.example.com/"),
            read("", "http://a"),
            read("[]", "http://a"),
            read("{}", "http://a"),
            read(r#"[{"kid":"p","seed":"AA"}]"#, "http://a"),
            read(&keys, ""),
            read(&keys, "http://a/b"),
        ];
        expect![[r#"
            p1 PreviewBase { scheme: "http", authority: "localhost:8788" }
            p1 PreviewBase { scheme: "https", authority: "preview.example.com" }
            PREVIEW_KEYS is not set
            PREVIEW_KEYS is empty
            PREVIEW_KEYS must be a JSON list of objects with `kid` and `seed`
            PREVIEW_KEYS has a `seed` that is not 32 bytes as base64url
            PREVIEW_URL is not set
            PREVIEW_URL must be http:// or https:// and a host"#]]
        .assert_eq(&table.join("\n"));
    }
}
