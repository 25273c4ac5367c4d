//! The pass that the gateway shows the executor with every request that it passes on:
//! `v1.<sandbox's UUID, hex>.<port>.<epoch>.<expiry, Unix seconds>.<base64url of HMAC-SHA256 over all before the last dot>`.
//!
//! Invariant: one pass has one text. It is compared in constant time, and nothing of it is believed before that.

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use slipway_contract::preview::RELAY_LIFE_S;
use slipway_contract::{SandboxId, Timestamp};

use super::LEEWAY_MS;
use super::host::sandbox_from_hex;

/// Bytes of the key: as many as the hash has (RFC 2104, section 3).
const KEY_BYTES: usize = 32;
/// Characters of the signature: 32 bytes in base64 without padding.
const MAC_CHARS: usize = 43;
/// No pass is longer: version, 32 digits, 5, 20 and 20, the signature, and 5 dots.
const PASS_BYTES: usize = 2 + 32 + 5 + 20 + 20 + MAC_CHARS + 5;

/// The key that the gateway and its executors share.
#[derive(Clone)]
pub struct RelayKey(Hmac<Sha256>);

impl RelayKey {
    /// Reads the key: 32 bytes, base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok().filter(|bytes| bytes.len() == KEY_BYTES)?;
        Hmac::new_from_slice(&bytes).ok().map(Self)
    }

    fn mac_of(&self, said: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(said)
    }
}

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey")
    }
}

/// What a pass says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayPass {
    /// The sandbox that it opens.
    pub sandbox: SandboxId,
    /// The port that it opens.
    pub port: u16,
    /// The sandbox's epoch, as the gateway knew it.
    pub epoch: u64,
    /// When it ends, in Unix seconds; at that second it has ended.
    pub expires_s: i64,
}

/// What a request wants that a pass must fit.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The sandbox in its path.
    pub sandbox: SandboxId,
    /// The port in its path.
    pub port: u16,
}

/// Why a pass opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassRefusal {
    /// It is not of a pass's form.
    #[error("the pass is malformed")]
    Malformed,
    /// Its signature is not by this key.
    #[error("the pass is not signed by the gateway")]
    Forged,
    /// It has ended.
    #[error("the pass has expired")]
    Expired,
    /// It claims a longer life than any pass gets.
    #[error("the pass claims too long a life")]
    TooLong,
    /// It is for another sandbox.
    #[error("the pass is for another sandbox")]
    OtherSandbox,
    /// It is for another port.
    #[error("the pass is for another port")]
    OtherPort,
    /// It is of an older epoch than the sandbox.
    #[error("the pass is of an older epoch")]
    EpochOver,
}

impl RelayPass {
    /// A pass from `now` on, for as long as passes live.
    pub const fn issue(sandbox: SandboxId, port: u16, epoch: u64, now: Timestamp) -> Self {
        Self { sandbox, port, epoch, expires_s: now.unix_seconds().saturating_add(RELAY_LIFE_S) }
    }

    /// Its text, signed.
    pub fn sign(&self, key: &RelayKey) -> String {
        let mut text = self.said();
        let mac = key.mac_of(&text).finalize().into_bytes();
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, &mut text);
        text
    }

    /// Reads a pass and checks that it opens what is wanted, now. The epoch is apart ([`Self::check_epoch`]): whose it is,
    /// is known only to who has the sandbox.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn verify(text: &str, key: &RelayKey, wanted: Wanted, now: Timestamp) -> Result<Self, PassRefusal> {
        let (said, mac) = text.rsplit_once('.').ok_or(PassRefusal::Malformed)?;
        if text.len() > PASS_BYTES || mac.len() != MAC_CHARS {
            return Err(PassRefusal::Malformed);
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| PassRefusal::Malformed)?;
        key.mac_of(said).verify_slice(&mac).map_err(|_| PassRefusal::Forged)?;
        let pass = Self::read(said).ok_or(PassRefusal::Malformed)?;
        if now.unix_seconds() >= pass.expires_s {
            return Err(PassRefusal::Expired);
        }
        if pass.expires_s.saturating_sub(now.unix_seconds()) > RELAY_LIFE_S + LEEWAY_MS / 1000 {
            return Err(PassRefusal::TooLong);
        }
        if pass.sandbox != wanted.sandbox {
            return Err(PassRefusal::OtherSandbox);
        }
        if pass.port != wanted.port {
            return Err(PassRefusal::OtherPort);
        }
        Ok(pass)
    }

    /// Whether it still opens a sandbox of this epoch. A newer one does: its grown epoch was told to the gateway already.
    ///
    /// # Errors
    /// [`PassRefusal::EpochOver`] for an older one.
    pub const fn check_epoch(&self, epoch: u64) -> Result<(), PassRefusal> {
        if self.epoch < epoch { Err(PassRefusal::EpochOver) } else { Ok(()) }
    }

    fn said(&self) -> String {
        format!("v1.{}.{}.{}.{}", self.sandbox.uuid().simple(), self.port, self.epoch, self.expires_s)
    }

    /// Reads what was signed. Whatever the number parsers let pass (signs, leading zeros), only the printed form counts.
    fn read(said: &str) -> Option<Self> {
        let mut parts = said.split('.').skip(1);
        let pass = Self {
            sandbox: sandbox_from_hex(parts.next()?)?,
            port: parts.next()?.parse().ok().filter(|port| *port > 0)?,
            epoch: parts.next()?.parse().ok()?,
            expires_s: parts.next()?.parse().ok().filter(|expires| *expires >= 0)?,
        };
        (pass.said() == said).then_some(pass)
    }
}
