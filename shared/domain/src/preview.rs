//! Access to a port of a sandbox: who is let in (claims, host, pass), how often (bucket) and what is passed on (headers).
//!
//! Invariant: everything here has one written form, and what is not in it is refused. A pass, a host name or a token that
//! fits another sandbox or another port opens nothing.

pub mod bucket;
pub mod bytes;
pub mod headers;
mod host;
mod pass;
#[cfg(test)]
mod tests;

pub use host::{PreviewBase, PreviewHost};
pub use pass::{PassRefusal, RelayKey, RelayPass, Wanted};

use slipway_contract::Timestamp;
use slipway_contract::preview::{AUDIENCE, ISSUER, PreviewClaims, TOKEN_LIFE_S};

/// How far clocks may be apart, in milliseconds: a token or pass from so far ahead is not yet a forgery.
///
/// It is not added to an expiry: what ended a second ago has ended.
pub const LEEWAY_MS: i64 = 60_000;

/// Why a preview token with a good signature opens nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsRefusal {
    /// It was made by somebody else, or for something else than previews.
    #[error("the token is not one for previews")]
    NotForPreviews,
    /// It is for another sandbox than the host name names.
    #[error("the token is for another sandbox")]
    OtherSandbox,
    /// It is for another port than the host name names.
    #[error("the token is for another port")]
    OtherPort,
    /// It was made further in the future than clocks may be apart.
    #[error("the token is from the future")]
    NotYet,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It claims a longer life than any token gets.
    #[error("the token claims too long a life")]
    TooLong,
}

/// Whether a token whose signature was verified opens `host` now. Its epoch is the route's to judge.
///
/// It ends at `exp` sharp (RFC 7519, 4.1.4: "on or after which"); `iat` may lie [`LEEWAY_MS`] ahead.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(
    claims: &PreviewClaims,
    iat: Timestamp,
    exp: Timestamp,
    host: &PreviewHost,
    now: Timestamp,
) -> Result<(), ClaimsRefusal> {
    if claims.iss != ISSUER || claims.aud != AUDIENCE {
        return Err(ClaimsRefusal::NotForPreviews);
    }
    if claims.sbx != host.sandbox {
        return Err(ClaimsRefusal::OtherSandbox);
    }
    if claims.port != host.port {
        return Err(ClaimsRefusal::OtherPort);
    }
    if now >= exp {
        return Err(ClaimsRefusal::Expired);
    }
    if iat.since(now) > LEEWAY_MS {
        return Err(ClaimsRefusal::NotYet);
    }
    if exp.since(iat) > TOKEN_LIFE_S.saturating_mul(1000) {
        return Err(ClaimsRefusal::TooLong);
    }
    Ok(())
}
