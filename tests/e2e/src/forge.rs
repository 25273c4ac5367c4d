//! Access tokens that nobody should believe, made by hand from a real one.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use xtask::secrets::TokenKey;

/// A token taken apart.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
}

impl Forgery {
    /// The parts of a token that works.
    ///
    /// # Errors
    /// When it is no JWT.
    pub fn of(token: &str) -> Result<Self> {
        let mut parts = token.split('.');
        let mut part = || -> Result<Value> {
            let text = parts.next().context("a part of the token is missing")?;
            Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
        };
        Ok(Self { header: part()?, claims: part()? })
    }

    /// The same with another entry of the header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(header) = self.header.as_object_mut() {
            header.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The same with another claim; `null` takes it out.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if let Some(claims) = self.claims.as_object_mut() {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.to_owned(), value);
            }
        }
        self
    }

    fn message(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// With this for a signature.
    #[must_use]
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), URL_SAFE_NO_PAD.encode(signature))
    }

    /// Signed with an Ed25519 key.
    ///
    /// # Errors
    /// When the key is none.
    pub fn signed(&self, key: &TokenKey) -> Result<String> {
        let pair = pair(key)?;
        Ok(self.with_signature(pair.sk.sign(self.message(), None).as_ref()))
    }

    /// Signed with HMAC-SHA256 under `key`.
    ///
    /// # Errors
    /// Never: HMAC takes keys of every length.
    pub fn hmac(&self, key: &[u8]) -> Result<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
        mac.update(self.message().as_bytes());
        Ok(self.with_signature(&mac.finalize().into_bytes()))
    }
}

/// The public half of a key.
///
/// # Errors
/// When the key is none.
pub fn public_half(key: &TokenKey) -> Result<Vec<u8>> {
    Ok(pair(key)?.pk.as_ref().to_vec())
}

fn pair(key: &TokenKey) -> Result<KeyPair> {
    let seed = URL_SAFE_NO_PAD.decode(&key.seed)?;
    let seed = Seed::from_slice(&seed).ok().context("no seed of an Ed25519 key")?;
    Ok(KeyPair::from_seed(seed))
}
