//! Refresh tokens: `<session>.<generation>.<mac>`. The mac makes a token of ours known without storing it, so that an old
//! generation is proof of a copy and a made-up one is nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use slipway_contract::SessionId;

use super::keys::Keys;

/// No token of ours is longer: 37 characters, 20 digits, 43 characters, two dots.
const TOKEN_BYTES: usize = 102;

/// The token of a session's generation. The same one again is the same text.
pub(crate) fn issue(keys: &Keys, session: SessionId, generation: u64) -> String {
    let named = format!("{session}.{generation}");
    let mac = mac(&keys.first.refresh, &named).finalize().into_bytes();
    format!("{named}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// The session and generation of a token of ours.
pub(crate) fn verify(keys: &Keys, token: &str) -> Option<(SessionId, u64)> {
    let (named, given) = (token.len() <= TOKEN_BYTES).then(|| token.rsplit_once('.')).flatten()?;
    let given = URL_SAFE_NO_PAD.decode(given).ok()?;
    // Compared in constant time by the crate.
    keys.all().find(|key| mac(&key.refresh, named).verify_slice(&given).is_ok())?;
    let (session, generation) = named.split_once('.')?;
    Some((session.parse().ok()?, generation.parse().ok()?))
}

fn mac(key: &[u8; 32], text: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is good");
    mac.chain_update(text)
}

#[cfg(test)]
mod tests {
    use super::super::keys::tests::keys;
    use super::*;

    #[test]
    fn a_token_names_its_session_and_generation() {
        let session = SessionId::fresh(1, [1; 10]);
        let token = issue(&keys(&[1]), session, u64::MAX);
        assert!(token.len() <= TOKEN_BYTES);
        assert_eq!(verify(&keys(&[1]), &token), Some((session, u64::MAX)));
        assert_eq!(verify(&keys(&[2, 1]), &token), Some((session, u64::MAX)));
        assert_eq!(verify(&keys(&[2]), &token), None);
    }

    #[test]
    fn a_changed_token_is_none_of_ours() {
        let session = SessionId::fresh(1, [1; 10]);
        let token = issue(&keys(&[1]), session, 7);
        let mac = token.rsplit_once('.').unwrap().1;
        let other = SessionId::fresh(2, [1; 10]);
        for attack in [
            format!("{session}.8.{mac}"),
            format!("{session}.07.{mac}"),
            format!("{other}.7.{mac}"),
            format!("{session}.7."),
            format!("{session}.7.{}", mac.chars().skip(1).collect::<String>()),
            mac.to_owned(),
            String::new(),
        ] {
            assert_eq!(verify(&keys(&[1]), &attack), None, "{attack}");
        }
    }
}
