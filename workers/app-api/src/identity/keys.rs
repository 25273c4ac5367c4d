//! The keys that sign and verify tokens. The first signs; all verify, so that a key can be changed without a break.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, PublicKey, SecretKey, Seed};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Tells the key of refresh tokens from the one of access tokens, which come from the same seed.
const REFRESH: &[u8] = b"slipway refresh token v1\0";

/// One key pair and what is derived from it.
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) secret: SecretKey,
    pub(crate) public: PublicKey,
    /// Authenticates refresh tokens.
    pub(crate) refresh: [u8; 32],
}

/// At least one key.
pub(crate) struct Keys {
    pub(crate) first: Key,
    rest: Vec<Key>,
}

#[derive(Deserialize)]
struct Written {
    kid: String,
    seed: String,
}

impl Keys {
    /// Reads the setting: a JSON array of `{"kid", "seed"}`, the seed 32 bytes as base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let written: Vec<Written> = serde_json::from_str(text).ok()?;
        let mut keys = written.into_iter().map(Key::of).collect::<Option<Vec<_>>>()?.into_iter();
        Some(Self { first: keys.next()?, rest: keys.collect() })
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        core::iter::once(&self.first).chain(&self.rest)
    }
}

impl Key {
    fn of(written: Written) -> Option<Self> {
        let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(written.seed).ok()?.try_into().ok()?;
        let pair = KeyPair::from_seed(Seed::new(seed));
        let refresh = Sha256::new().chain_update(REFRESH).chain_update(seed).finalize().into();
        Some(Self { kid: written.kid, secret: pair.sk, public: pair.pk, refresh })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Keys from seeds of one repeated byte.
    pub(crate) fn keys(seeds: &[u8]) -> Keys {
        let one =
            |seed: &u8| format!(r#"{{"kid":"k{seed}","seed":"{}"}}"#, URL_SAFE_NO_PAD.encode([*seed; 32]));
        Keys::parse(&format!("[{}]", seeds.iter().map(one).collect::<Vec<_>>().join(","))).unwrap()
    }

    #[test]
    fn a_setting_without_a_usable_key_is_refused() {
        for wrong in ["", "[]", "{}", r#"[{"kid":"a","seed":"AAAA"}]"#, r#"[{"kid":"a","seed":"!"}]"#] {
            assert!(Keys::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(keys(&[1, 2]).all().map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["k1", "k2"]);
    }
}
