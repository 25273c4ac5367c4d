//! Secrets of the local stack: made once, kept in an ignored file that only its owner reads. Never used elsewhere.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::repo;

/// All local secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secrets {
    /// Keys of access tokens; the first one signs, all verify.
    pub token_keys: Vec<TokenKey>,
    /// Passwords of the local database's roles.
    pub database: DatabasePasswords,
}

/// One Ed25519 key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenKey {
    /// Names the key in a token's header.
    pub kid: String,
    /// 32 bytes, base64url without padding.
    pub seed: String,
}

/// One password per role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabasePasswords {
    /// Of the superuser of the embedded server.
    pub postgres: String,
    /// Of `slipway_owner`.
    pub owner: String,
    /// Of `slipway_app`.
    pub app: String,
}

impl Secrets {
    /// Fresh random secrets.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self> {
        let database = DatabasePasswords { postgres: random(24)?, owner: random(24)?, app: random(24)? };
        Ok(Self {
            token_keys: vec![TokenKey { kid: format!("local-{}", random(6)?), seed: random(32)? }],
            database,
        })
    }

    /// The kept secrets of this checkout, made on first use.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create() -> Result<Self> {
        let file = path();
        if file.exists() {
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is not a secrets file", file.display()));
        }
        let secrets = Self::generate()?;
        fs::create_dir_all(repo::state())?;
        let staging = file.with_extension(format!("json.{}", std::process::id()));
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staging)?;
        out.write_all(serde_json::to_string_pretty(&secrets)?.as_bytes())?;
        out.sync_all()?;
        fs::rename(&staging, &file).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(secrets)
    }

    /// The value of the variable `TOKEN_KEYS`.
    ///
    /// # Errors
    /// Never in practice: plain text always serializes.
    pub fn token_keys_json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.token_keys)?)
    }
}

/// Where the secrets of this checkout are kept.
#[must_use]
pub fn path() -> PathBuf {
    repo::state().join("secrets.json")
}

fn random(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).context("the system gives no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(buffer))
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn two_sets_share_nothing_and_a_seed_has_32_bytes() {
        let [one, two] = [Secrets::generate().unwrap(), Secrets::generate().unwrap()];
        assert_ne!(one.token_keys[0].seed, two.token_keys[0].seed);
        assert_ne!(one.database.app, two.database.app);
        assert_ne!(one.database.app, one.database.owner);
        // 32 bytes in base64 without padding.
        assert_eq!(one.token_keys[0].seed.len(), 43);
    }

    #[test]
    fn token_keys_are_a_json_list_of_kid_and_seed() {
        let secrets = Secrets::generate().unwrap();
        let keys: serde_json::Value = serde_json::from_str(&secrets.token_keys_json().unwrap()).unwrap();
        let key = &keys[0];
        assert_eq!(key["kid"], secrets.token_keys[0].kid.as_str());
        assert_eq!(key["seed"], secrets.token_keys[0].seed.as_str());
    }
}
