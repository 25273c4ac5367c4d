//! Who may come in: preview tokens, the cookie that holds one, and the tokens of links to files.
//!
//! Invariant: a token is an EdDSA JWT (RFC 8037). The algorithm is fixed by the code, the key chosen by `kid`, and what the
//! claims must say to open a host is decided in `slipway_domain::preview` (RFC 8725).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::PublicKey;
use jwt_compact::alg::Ed25519;
use jwt_compact::{AlgorithmExt, UntrustedToken};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use slipway_contract::files::FileClaims;
use slipway_contract::preview::{COOKIE, PreviewClaims};
use slipway_contract::{OrgId, Timestamp, UserId};
use slipway_domain::attachments::{self, LinkRefusal};
use slipway_domain::preview::{ClaimsRefusal, PreviewHost, check, headers};

/// No preview token of ours is longer, in bytes: five ids, five numbers and two names take about 600.
const TOKEN_BYTES: usize = 1_024;
/// No token of a link is longer, in bytes: a name of 255 bytes, each of them escaped, makes about 1,300.
const LINK_BYTES: usize = 2_048;
/// Cookies of our name that are tried: a page of another preview can put some beside the right one.
const COOKIES_TRIED: usize = 4;

/// The keys that verify tokens, by their names.
#[derive(Debug)]
pub(crate) struct Keys(Vec<(String, PublicKey)>);

#[derive(Deserialize)]
struct Written {
    kid: String,
    public: String,
}

impl Keys {
    /// Reads the setting: a JSON array of `{"kid", "public"}`, the key 32 bytes as base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let written: Vec<Written> = serde_json::from_str(text).ok()?;
        let key = |written: Written| {
            let bytes = URL_SAFE_NO_PAD.decode(written.public).ok()?;
            Some((written.kid, PublicKey::from_slice(&bytes).ok()?))
        };
        let keys: Vec<_> = written.into_iter().map(key).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(Self(keys))
    }

    fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|(known, _)| known == kid).map(|(_, key)| key)
    }
}

/// What a verified token opens, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// The sandbox and the port.
    pub(crate) host: PreviewHost,
    /// The org that owns the sandbox.
    pub(crate) org: OrgId,
    /// Whose access it is.
    pub(crate) user: UserId,
    /// The sandbox's epoch when the token was made.
    pub(crate) epoch: u64,
    /// When it ends.
    pub(crate) ends: Timestamp,
}

/// Why a token opens nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It is none of ours, or not for this host.
    Invalid,
    /// It was good for this host.
    Expired,
}

/// Checks that a token opens `host` now.
///
/// # Errors
/// Why it does not. That it expired is only said of a token that was good for this very host.
pub(crate) fn verify(keys: &Keys, token: &str, host: PreviewHost, now: Timestamp) -> Result<Access, Denied> {
    let signed = signed::<PreviewClaims>(keys, token, TOKEN_BYTES).ok_or(Denied::Invalid)?;
    check(&signed.claims, signed.issued, signed.ends, &host, now).map_err(|refusal| match refusal {
        ClaimsRefusal::Expired => Denied::Expired,
        ClaimsRefusal::NotForPreviews
        | ClaimsRefusal::OtherSandbox
        | ClaimsRefusal::OtherPort
        | ClaimsRefusal::NotYet
        | ClaimsRefusal::TooLong => Denied::Invalid,
    })?;
    // A claim that we never make, but one that limits must not be passed over.
    if signed.begins.is_some_and(|begins| now < begins) {
        return Err(Denied::Invalid);
    }
    let PreviewClaims { org, sub: user, epoch, .. } = signed.claims;
    Ok(Access { host, org, user, epoch, ends: signed.ends })
}

/// Checks that a link's token opens a file now; what it says, and when it ends.
///
/// # Errors
/// Why it does not.
pub(crate) fn file(keys: &Keys, token: &str, now: Timestamp) -> Result<(FileClaims, Timestamp), Denied> {
    let signed = signed::<FileClaims>(keys, token, LINK_BYTES).ok_or(Denied::Invalid)?;
    let checked = attachments::check(&signed.claims, signed.issued, signed.ends, now);
    checked.map_err(|refusal| match refusal {
        LinkRefusal::Expired => Denied::Expired,
        LinkRefusal::NotForFiles | LinkRefusal::NotYet | LinkRefusal::TooLong => Denied::Invalid,
    })?;
    if signed.begins.is_some_and(|begins| now < begins) {
        return Err(Denied::Invalid);
    }
    Ok((signed.claims, signed.ends))
}

/// The best access that tokens of a `Cookie` value give, as `open` finds it: that of the newest epoch. An older token beside
/// the newest, which a page of another preview can put there, locks nobody out.
///
/// # Errors
/// None of them gives any; `Expired` when one of them did.
pub(crate) fn best<T>(
    cookie: &str,
    epoch: impl Fn(&T) -> u64,
    mut open: impl FnMut(&str) -> Result<T, Denied>,
) -> Result<T, Denied> {
    let mut best = Err(Denied::Invalid);
    for token in headers::tokens(cookie).take(COOKIES_TRIED) {
        match (open(token), &best) {
            (Ok(found), Ok(known)) if epoch(&found) <= epoch(known) => {}
            (Ok(found), _) => best = Ok(found),
            (Err(Denied::Expired), Err(_)) => best = Err(Denied::Expired),
            (Err(_), _) => {}
        }
    }
    best
}

struct Signed<C> {
    claims: C,
    issued: Timestamp,
    begins: Option<Timestamp>,
    ends: Timestamp,
}

/// The claims of a token of at most so many bytes that one of our keys signed.
fn signed<C: DeserializeOwned + Clone>(keys: &Keys, token: &str, most: usize) -> Option<Signed<C>> {
    let token = (token.len() <= most).then(|| UntrustedToken::new(token).ok()).flatten()?;
    let key = keys.get(token.header().key_id.as_deref()?)?;
    let token = Ed25519.validator::<C>(key).validate(&token).ok()?;
    let claims = token.claims();
    Some(Signed {
        issued: claims.issued_at?.into(),
        begins: claims.not_before.map(Timestamp::from),
        ends: claims.expiration?.into(),
        claims: claims.custom.clone(),
    })
}

/// The `Set-Cookie` value that keeps a token: for this host alone (no `Domain`), never for scripts, also where the preview
/// is a frame in the app (`SameSite=None; Partitioned`). It has no end of its own: a token that has expired is told from
/// one that was never there.
pub(crate) fn keep(token: &str) -> String {
    format!("{COOKIE}={token}; HttpOnly; Secure; SameSite=None; Partitioned; Path=/")
}

#[cfg(test)]
pub(crate) mod tests;
