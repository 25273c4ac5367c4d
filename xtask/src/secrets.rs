//! Secrets of the local stack: made once, kept in an ignored file that only its owner reads. Never used elsewhere.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::repo;

/// All local secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secrets {
    /// Keys of access tokens; the first one signs, all verify.
    pub token_keys: Vec<TokenKey>,
    /// Keys of preview tokens; the first one signs, all verify.
    pub preview_keys: Vec<TokenKey>,
    /// By which the gateway shows the executor that it let somebody in: 32 bytes, base64url without padding.
    pub relay_key: String,
    /// By which the orchestrator shows the executor who it is.
    pub executor_key: String,
    /// Passwords of the local database's roles.
    pub database: DatabasePasswords,
}

/// The file as it was before a secret of [`Secrets`] was added: what is there is kept.
#[derive(Deserialize)]
struct Kept {
    token_keys: Vec<TokenKey>,
    preview_keys: Option<Vec<TokenKey>>,
    relay_key: Option<String>,
    executor_key: Option<String>,
    database: DatabasePasswords,
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
            token_keys: vec![TokenKey::generate()?],
            preview_keys: vec![TokenKey::generate()?],
            relay_key: random(32)?,
            executor_key: random(32)?,
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
            let kept: Kept = serde_json::from_str(&text)
                .with_context(|| format!("{} is not a secrets file", file.display()))?;
            let (secrets, complete) = kept.completed()?;
            if !complete {
                secrets.keep(&file)?;
            }
            return Ok(secrets);
        }
        let secrets = Self::generate()?;
        secrets.keep(&file)?;
        Ok(secrets)
    }

    fn keep(&self, file: &Path) -> Result<()> {
        fs::create_dir_all(repo::state())?;
        let staging = file.with_extension(format!("json.{}", std::process::id()));
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staging)?;
        out.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        out.sync_all()?;
        fs::rename(&staging, file).with_context(|| format!("cannot write {}", file.display()))
    }

    /// The value of the variable `TOKEN_KEYS`.
    ///
    /// # Errors
    /// Never in practice: plain text always serializes.
    pub fn token_keys_json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.token_keys)?)
    }

    /// The value of the orchestrator's variable `PREVIEW_KEYS`.
    ///
    /// # Errors
    /// Never in practice: plain text always serializes.
    pub fn preview_keys_json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.preview_keys)?)
    }

    /// The value of the gateway's variable `PREVIEW_PUBLIC_KEYS`: it verifies tokens and can make none.
    ///
    /// # Errors
    /// When a seed is not one.
    pub fn preview_public_keys_json(&self) -> Result<String> {
        let public = |key: &TokenKey| -> Result<serde_json::Value> {
            let seed: [u8; 32] =
                URL_SAFE_NO_PAD.decode(&key.seed)?.try_into().map_err(|_| anyhow!("a seed has 32 bytes"))?;
            let pair = KeyPair::from_seed(Seed::new(seed));
            Ok(json!({"kid": key.kid, "public": URL_SAFE_NO_PAD.encode(*pair.pk)}))
        };
        Ok(serde_json::to_string(&self.preview_keys.iter().map(public).collect::<Result<Vec<_>>>()?)?)
    }
}

impl TokenKey {
    fn generate() -> Result<Self> {
        Ok(Self { kid: format!("local-{}", random(6)?), seed: random(32)? })
    }
}

impl Kept {
    /// With what is missing made anew; and whether nothing was.
    fn completed(self) -> Result<(Secrets, bool)> {
        let complete = self.preview_keys.is_some() && self.relay_key.is_some() && self.executor_key.is_some();
        let fresh = Secrets::generate()?;
        let secrets = Secrets {
            token_keys: self.token_keys,
            preview_keys: self.preview_keys.unwrap_or(fresh.preview_keys),
            relay_key: self.relay_key.unwrap_or(fresh.relay_key),
            executor_key: self.executor_key.unwrap_or(fresh.executor_key),
            database: self.database,
        };
        Ok((secrets, complete))
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
    use super::{Kept, Secrets};

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

    #[test]
    fn a_file_from_before_a_secret_was_added_keeps_what_it_has() {
        let before = Secrets::generate().unwrap();
        let mut file = serde_json::to_value(&before).unwrap();
        for later in ["preview_keys", "relay_key", "executor_key"] {
            file.as_object_mut().unwrap().remove(later);
        }
        let (now, complete) = serde_json::from_value::<Kept>(file).unwrap().completed().unwrap();
        assert!(!complete);
        assert_eq!(now.token_keys[0].seed, before.token_keys[0].seed);
        assert_eq!(now.database.app, before.database.app);
        assert_eq!(now.relay_key.len(), 43);
        let whole = serde_json::to_value(&now).unwrap();
        assert!(serde_json::from_value::<Kept>(whole).unwrap().completed().unwrap().1);
    }

    #[test]
    fn the_gateway_is_given_public_halves_alone() {
        let secrets = Secrets::generate().unwrap();
        let public = secrets.preview_public_keys_json().unwrap();
        assert!(public.contains(&secrets.preview_keys[0].kid));
        assert!(!public.contains(&secrets.preview_keys[0].seed));
    }
}
