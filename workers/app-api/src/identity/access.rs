//! Access tokens: EdDSA JWTs (RFC 8037) of 15 minutes. The algorithm is fixed by the code, the key chosen by `kid`, and
//! issuer, audience and times are checked here (RFC 8725).

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use jwt_compact::alg::Ed25519;
use jwt_compact::{AlgorithmExt, Claims, Header, UntrustedToken};
use serde::{Deserialize, Serialize};
use slipway_contract::{SessionId, Timestamp, UserId};

use super::keys::Keys;

/// How long a token is good, in milliseconds.
pub(crate) const LIFE_MS: i64 = 15 * 60 * 1000;
/// How far clocks may be apart, in milliseconds.
const LEEWAY_MS: i64 = 30_000;
const ISSUER: &str = "slipway";
const AUDIENCE: &str = "slipway-api";
/// Tokens that are remembered in an isolate. Checking a signature in Wasm costs about a millisecond; a look-up nothing.
const REMEMBERED: usize = 2_048;
/// No token of ours is longer, in bytes.
const TOKEN_BYTES: usize = 1_024;

#[derive(Serialize, Deserialize)]
struct Access {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
}

/// A token for the person, and when it ends.
pub(crate) fn issue(
    keys: &Keys,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Option<(String, Timestamp)> {
    // Whole seconds, as they stand in the token.
    let ends = Timestamp::from_unix_ms((now.unix_seconds() * 1000).saturating_add(LIFE_MS));
    let access = Access { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), sub: user, sid: session };
    let mut claims = Claims::new(access);
    claims.issued_at = Some(now.into());
    claims.expiration = Some(ends.into());
    let header = Header::empty().with_key_id(keys.first.kid.as_str());
    let token = Ed25519.token(&header, &claims, &keys.first.secret).ok()?;
    Some((token, ends))
}

/// Verified tokens and when they end. What is not verified never gets in, so callers cannot choose the keys.
static VERIFIED: LazyLock<Mutex<HashMap<String, (UserId, Timestamp)>>> = LazyLock::new(Mutex::default);

/// Whose token it is, if it is one of ours and good now.
pub(crate) fn verify(keys: &Keys, token: &str, now: Timestamp) -> Option<UserId> {
    let mut verified = VERIFIED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((user, ends)) = verified.get(token) {
        return (now < *ends).then_some(*user);
    }
    let (user, ends) = check(keys, token, now)?;
    if verified.len() >= REMEMBERED {
        verified.retain(|_, (_, ends)| now < *ends);
    }
    if verified.len() >= REMEMBERED {
        verified.clear();
    }
    verified.insert(token.to_owned(), (user, ends));
    Some(user)
}

fn check(keys: &Keys, token: &str, now: Timestamp) -> Option<(UserId, Timestamp)> {
    let token = (token.len() <= TOKEN_BYTES).then(|| UntrustedToken::new(token).ok()).flatten()?;
    let kid = token.header().key_id.as_deref()?;
    let key = keys.all().find(|key| key.kid == kid)?;
    let token = Ed25519.validator::<Access>(&key.public).validate(&token).ok()?;
    let claims = token.claims();
    let time = |time: Option<DateTime<Utc>>| time.map(Timestamp::from);
    let (issued, ends) = (time(claims.issued_at)?, time(claims.expiration)?);
    let Access { iss, aud, sub, sid: _ } = &claims.custom;
    let ours = iss == ISSUER && aud == AUDIENCE;
    let timely = now < ends
        && issued <= now.plus_ms(LEEWAY_MS)
        && ends.since(issued) <= LIFE_MS + 1000
        && time(claims.not_before).is_none_or(|from| from <= now);
    (ours && timely).then_some((*sub, ends))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::super::keys::tests::keys;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_500);

    fn ids() -> (UserId, SessionId) {
        (UserId::fresh(1, [1; 10]), SessionId::fresh(1, [2; 10]))
    }

    fn token() -> String {
        let (user, session) = ids();
        issue(&keys(&[1]), user, session, NOW).unwrap().0
    }

    #[test]
    fn a_token_says_who_asks_for_fifteen_minutes() {
        let (user, session) = ids();
        let (token, ends) = issue(&keys(&[1]), user, session, NOW).unwrap();
        assert_eq!(ends, Timestamp::from_unix_ms(1_800_000_900_000));
        for at in [NOW, ends.plus_ms(-1)] {
            assert_eq!(check(&keys(&[1]), &token, at), Some((user, ends)));
            assert_eq!(verify(&keys(&[1]), &token, at), Some(user));
        }
        assert_eq!(check(&keys(&[1]), &token, ends), None);
        // Remembered, and over all the same.
        assert_eq!(verify(&keys(&[1]), &token, ends), None);
    }

    #[test]
    fn an_older_key_still_verifies_and_a_removed_one_does_not() {
        let token = token();
        assert!(check(&keys(&[2, 1]), &token, NOW).is_some());
        assert!(check(&keys(&[2]), &token, NOW).is_none());
    }

    #[test]
    fn a_token_from_the_future_is_refused() {
        assert!(check(&keys(&[1]), &token(), NOW.plus_ms(-LEEWAY_MS - 1000)).is_none());
    }

    /// A token with this header and these claims, signed as ours are.
    fn signed(header: &str, claims: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = keys(&[1]).first.secret.sign(text.as_bytes(), None);
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn claims(iss: &str, aud: &str, iat: i64, exp: i64) -> String {
        let (user, session) = ids();
        format!(r#"{{"iss":"{iss}","aud":"{aud}","sub":"{user}","sid":"{session}","iat":{iat},"exp":{exp}}}"#)
    }

    const HEADER: &str = r#"{"alg":"EdDSA","kid":"k1"}"#;

    #[test]
    fn issuer_audience_and_length_of_life_are_checked() {
        let at = 1_800_000_000;
        let passes = |claims: String| check(&keys(&[1]), &signed(HEADER, &claims), NOW).is_some();
        assert!(passes(claims(ISSUER, AUDIENCE, at, at + 900)));
        assert!(!passes(claims("other", AUDIENCE, at, at + 900)));
        assert!(!passes(claims(ISSUER, "other", at, at + 900)));
        assert!(!passes(claims(ISSUER, AUDIENCE, at, at + 902)));
        assert!(!passes(claims(ISSUER, AUDIENCE, at - 900, at)));
        assert!(!passes(format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}"}}"#)));
    }

    #[test]
    fn nothing_but_a_whole_signed_token_passes() {
        let good = token();
        let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k1"}"#);
        let hmac = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"k1"}"#);
        let no_kid = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA"}"#);
        let other = issue(&keys(&[1]), UserId::fresh(9, [9; 10]), ids().1, NOW).unwrap().0;
        let other_body = other.split('.').nth(1).unwrap();
        let attacks = [
            String::new(),
            ".".repeat(2),
            "a.b.c".to_owned(),
            format!("{header}.{body}"),
            format!("{header}.{body}."),
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{hmac}.{body}.{signature}"),
            format!("{no_kid}.{body}.{signature}"),
            format!("{header}.{other_body}.{signature}"),
            format!("{header}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            format!("{header}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 10])),
            format!("{header}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 70])),
            format!("{good}."),
            format!("{good}A"),
            format!("{good}{}", "A".repeat(2000)),
        ];
        for attack in attacks {
            assert_eq!(check(&keys(&[1]), &attack, NOW), None, "{attack}");
        }
    }
}
