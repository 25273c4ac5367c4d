//! Attacks on tokens and cookies. Each is a variation of one token that passes, so that nothing but the change refuses it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, Seed};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use slipway_contract::preview::{AUDIENCE, ISSUER, TOKEN_LIFE_S};
use slipway_contract::{ChatId, SandboxId};

use super::*;

/// Seconds; tokens are made at this time.
pub(crate) const MADE: i64 = 1_800_000_000;
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(MADE * 1000 + 60_000);

fn pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

/// The setting for keys from seeds of one repeated byte.
pub(crate) fn public_keys(seeds: &[u8]) -> String {
    let key =
        |seed: &u8| json!({"kid": format!("k{seed}"), "public": URL_SAFE_NO_PAD.encode(*pair(*seed).pk)});
    Value::from(seeds.iter().map(key).collect::<Vec<_>>()).to_string()
}

pub(crate) fn keys(seeds: &[u8]) -> Keys {
    Keys::parse(&public_keys(seeds)).unwrap()
}

fn sandbox(number: u8) -> SandboxId {
    SandboxId::fresh(1, [number; 10])
}

fn host() -> PreviewHost {
    PreviewHost { sandbox: sandbox(1), port: 3000 }
}

pub(crate) fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "k1"})
}

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": MADE, "exp": MADE + TOKEN_LIFE_S,
        "sub": UserId::fresh(1, [2; 10]), "org": OrgId::fresh(1, [3; 10]), "chat": ChatId::fresh(1, [4; 10]),
        "sbx": sandbox(1), "port": 3000, "epoch": 7,
    })
}

fn with(mut value: Value, name: &str, new: Value) -> Value {
    value[name] = new;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}

/// What is signed: the first two parts.
fn said(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn signed_by(seed: u8, said: &str) -> String {
    let signature = pair(seed).sk.sign(said.as_bytes(), None);
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(*signature))
}

pub(crate) fn token(header: &Value, claims: &Value) -> String {
    signed_by(1, &said(header, claims))
}

fn good() -> String {
    token(&header(), &claims())
}

fn hmac_by(secret: &[u8], said: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(said).finalize().into_bytes();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// The epoch of the access that a cookie gives.
fn by_cookie(cookie: &str, host: PreviewHost) -> Result<u64, Denied> {
    let open = |token: &str| verify(&keys(&[1]), token, host, NOW);
    best(cookie, |access| access.epoch, open).map(|access| access.epoch)
}

fn outcome(token: &str) -> Result<Access, Denied> {
    verify(&keys(&[1]), token, host(), NOW)
}

#[test]
fn a_token_opens_its_own_port_until_its_end() {
    let access = outcome(&good()).unwrap();
    let ends = Timestamp::from_unix_ms((MADE + TOKEN_LIFE_S) * 1000);
    assert_eq!((access.host, access.epoch, access.ends), (host(), 7, ends));
    assert_eq!((access.org, access.user), (OrgId::fresh(1, [3; 10]), UserId::fresh(1, [2; 10])));
    let at = |now| verify(&keys(&[1]), &good(), host(), now);
    assert!(at(ends.plus_ms(-1)).is_ok());
    assert_eq!(at(ends), Err(Denied::Expired));
    assert_eq!(at(ends.plus_ms(1_000)), Err(Denied::Expired), "expired by a second");
}

#[test]
fn an_older_key_still_verifies_and_a_removed_one_does_not() {
    assert!(verify(&keys(&[2, 1]), &good(), host(), NOW).is_ok());
    assert_eq!(verify(&keys(&[2]), &good(), host(), NOW), Err(Denied::Invalid));
}

#[test]
fn attacks_on_the_header_open_nothing() {
    let public = *pair(1).pk;
    let text = URL_SAFE_NO_PAD.encode(public);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(public));
    let alg = |alg: &str| with(header(), "alg", json!(alg));
    let hs = |secret: &[u8]| hmac_by(secret, &said(&alg("HS256"), &claims()));
    let unsigned = |alg_name: &str| format!("{}.", said(&alg(alg_name), &claims()));
    let attacks = [
        ("none, unsigned", unsigned("none")),
        ("None, unsigned", unsigned("None")),
        ("NONE, unsigned", unsigned("NONE")),
        ("nOnE, unsigned", unsigned("nOnE")),
        ("none, signed", token(&alg("none"), &claims())),
        ("no algorithm", token(&without(header(), "alg"), &claims())),
        ("empty algorithm", token(&alg(""), &claims())),
        ("algorithm in capitals", token(&alg("EDDSA"), &claims())),
        ("algorithm by its curve", token(&alg("Ed448"), &claims())),
        ("algorithm as a list", token(&with(header(), "alg", json!(["EdDSA"])), &claims())),
        ("algorithm as null", token(&with(header(), "alg", Value::Null), &claims())),
        ("HS256 by the public key's bytes", hs(&public)),
        ("HS256 by the public key's text", hs(text.as_bytes())),
        ("HS256 by the public key's PEM", hs(pem.as_bytes())),
        ("HS256 by nothing", hs(b"")),
        ("HS256 by the setting", hs(public_keys(&[1]).as_bytes())),
        ("HS256 with our signature", token(&alg("HS256"), &claims())),
        ("HS512 with our signature", token(&alg("HS512"), &claims())),
        ("ES256 with our signature", token(&alg("ES256"), &claims())),
        ("RS256 with our signature", token(&alg("RS256"), &claims())),
        ("EdDSA over an HMAC", hmac_by(&public, &said(&header(), &claims()))),
        ("unknown kid", token(&with(header(), "kid", json!("k9")), &claims())),
        ("no kid", token(&without(header(), "kid"), &claims())),
        ("empty kid", token(&with(header(), "kid", json!("")), &claims())),
        ("kid as a number", token(&with(header(), "kid", json!(1)), &claims())),
        ("kid as a path", token(&with(header(), "kid", json!("../../dev/null")), &claims())),
        ("kid as SQL", token(&with(header(), "kid", json!("k1' or '1'='1")), &claims())),
        ("kid in capitals", token(&with(header(), "kid", json!("K1")), &claims())),
        ("kid with a space", token(&with(header(), "kid", json!("k1 ")), &claims())),
        ("another's key", signed_by(9, &said(&header(), &claims()))),
        (
            "a key in the header",
            signed_by(
                9,
                &said(
                    &with(
                        header(),
                        "jwk",
                        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(*pair(9).pk)}),
                    ),
                    &claims(),
                ),
            ),
        ),
        (
            "a key's address in the header",
            signed_by(9, &said(&with(header(), "jku", json!("http://evil/keys")), &claims())),
        ),
        ("header no object", signed_by(1, &said(&json!(["EdDSA"]), &claims()))),
    ];
    for (name, attack) in attacks {
        assert_eq!(outcome(&attack), Err(Denied::Invalid), "{name}");
    }
}

#[test]
fn attacks_on_the_claims_open_nothing() {
    let end = MADE + TOKEN_LIFE_S;
    let change = |name: &str, new: Value| token(&header(), &with(claims(), name, new));
    let lack = |name: &str| token(&header(), &without(claims(), name));
    let attacks = [
        ("other sandbox", change("sbx", json!(sandbox(2)))),
        ("other port", change("port", json!(3001))),
        ("port 0", change("port", json!(0))),
        ("port past the last", change("port", json!(65_536 + 3000))),
        ("negative port", change("port", json!(-1))),
        ("port as text", change("port", json!("3000"))),
        ("port as a fraction", change("port", json!(3000.5))),
        ("sandbox as a bare UUID", change("sbx", json!(sandbox(1).uuid().to_string()))),
        ("sandbox in capitals", change("sbx", json!(sandbox(1).to_string().to_uppercase()))),
        ("sandbox as a list", change("sbx", json!([sandbox(1)]))),
        ("other issuer", change("iss", json!("slipway"))),
        ("issuer with a slash", change("iss", json!(format!("{ISSUER}/")))),
        ("other audience", change("aud", json!("slipway-api"))),
        ("audience as a list", change("aud", json!([AUDIENCE]))),
        ("epoch as text", change("epoch", json!("7"))),
        ("negative epoch", change("epoch", json!(-1))),
        ("org of another kind", change("org", json!(UserId::fresh(1, [3; 10])))),
        ("end as text", change("exp", json!(end.to_string()))),
        ("no end", lack("exp")),
        ("no beginning", lack("iat")),
        ("no sandbox", lack("sbx")),
        ("no port", lack("port")),
        ("no epoch", lack("epoch")),
        ("no issuer", lack("iss")),
        ("no audience", lack("aud")),
        ("no org", lack("org")),
        ("no user", lack("sub")),
        ("a second too long a life", change("exp", json!(end + 1))),
        ("no end in sight", change("exp", json!(4_000_000_000_i64))),
        ("from the future", change("iat", json!(MADE + 60 + 61))),
        ("not yet", change("nbf", json!(MADE + 61))),
        ("claims no object", token(&header(), &json!("claims"))),
        ("no claims", token(&header(), &json!({}))),
    ];
    for (name, attack) in attacks {
        assert_eq!(outcome(&attack), Err(Denied::Invalid), "{name}");
    }
    // Only of what was good for this very port it is said that it has expired.
    let old = |claims| with(with(claims, "iat", json!(MADE - TOKEN_LIFE_S)), "exp", json!(MADE));
    assert_eq!(outcome(&token(&header(), &old(claims()))), Err(Denied::Expired));
    let other = with(claims(), "sbx", json!(sandbox(2)));
    assert_eq!(outcome(&token(&header(), &old(other))), Err(Denied::Invalid));
    assert_eq!(outcome(&signed_by(9, &said(&header(), &old(claims())))), Err(Denied::Invalid));
}

#[test]
fn attacks_on_the_writing_open_nothing() {
    let good = good();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let other = token(&header(), &with(claims(), "epoch", json!(8)));
    let other_body = other.split('.').nth(1).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut flipped = bytes.clone();
    flipped[0] ^= 1;
    // S + L: the same signature to who does not check that it is reduced (RFC 8032, 5.1.7).
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut unreduced = bytes.clone();
    let mut carry = 0_u16;
    for (byte, add) in unreduced[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let attacks = [
        ("nothing", String::new()),
        ("two dots", "..".to_owned()),
        ("three letters", "a.b.c".to_owned()),
        ("no signature", format!("{head}.{body}")),
        ("empty signature", format!("{head}.{body}.")),
        ("no claims", format!("{head}..{signature}")),
        ("no header", format!(".{body}.{signature}")),
        ("a part too many", format!("{good}.")),
        ("two signatures", format!("{good}.{signature}")),
        ("claims of another token", format!("{head}.{other_body}.{signature}")),
        ("signature of another token", format!("{head}.{body}.{}", other.rsplit('.').next().unwrap())),
        ("one bit of the signature", format!("{head}.{body}.{}", part(&flipped))),
        ("signature with the order added", format!("{head}.{body}.{}", part(&unreduced))),
        ("signature of zeros", format!("{head}.{body}.{}", part(&[0; 64]))),
        ("signature too short", format!("{head}.{body}.{}", part(&bytes[..63]))),
        ("signature too long", format!("{head}.{body}.{}", part(&[bytes.as_slice(), &[0]].concat()))),
        ("padded", format!("{head}.{body}.{}", URL_SAFE.encode(&bytes))),
        ("a letter more", format!("{good}A")),
        ("a letter less", good.chars().take(good.len() - 1).collect()),
        ("a space before", format!(" {good}")),
        ("a line break after", format!("{good}\n")),
        ("a zero inside", good.replacen('.', "\0.", 1)),
        ("percent-encoded dots", good.replace('.', "%2E")),
        ("not base64", format!("{head}.{body}.{}", "!".repeat(86))),
        ("not ASCII", format!("{head}.{body}.{}", "é".repeat(43))),
        ("in JSON", json!({"protected": head, "payload": body, "signature": signature}).to_string()),
        ("encrypted form", format!("{head}.{body}.{body}.{body}.{signature}")),
        ("far too long", format!("{good}{}", "A".repeat(100_000))),
    ];
    for (name, attack) in attacks {
        assert_eq!(outcome(&attack), Err(Denied::Invalid), "{name}");
    }
}

#[test]
fn no_change_of_one_character_makes_another_token_that_passes() {
    let good = good();
    let spare = good.len() - 1;
    for at in 0..spare {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(outcome(&changed), Err(Denied::Invalid), "character {at}");
    }
}

#[test]
fn a_token_opens_no_other_host() {
    let others = [
        PreviewHost { sandbox: sandbox(1), port: 3001 },
        PreviewHost { sandbox: sandbox(1), port: 80 },
        PreviewHost { sandbox: sandbox(2), port: 3000 },
        PreviewHost { sandbox: sandbox(2), port: 80 },
    ];
    for other in others {
        assert_eq!(verify(&keys(&[1]), &good(), other, NOW), Err(Denied::Invalid), "{other}");
        let cookie = format!("{COOKIE}={}", good());
        assert_eq!(by_cookie(&cookie, other), Err(Denied::Invalid), "{other}, by cookie");
    }
}

#[test]
fn a_cookie_is_found_among_others_and_beside_forged_ones() {
    let (good, other) = (good(), token(&header(), &with(claims(), "sbx", json!(sandbox(2)))));
    let old = with(with(claims(), "iat", json!(MADE - TOKEN_LIFE_S)), "exp", json!(MADE));
    let old = token(&header(), &old);
    let of_epoch = |epoch: u64| token(&header(), &with(claims(), "epoch", json!(epoch)));
    let (six, eight) = (of_epoch(6), of_epoch(8));
    let table = [
        (format!("{COOKIE}={good}"), Ok(7)),
        (format!("a=1; {COOKIE}={good}; b=2"), Ok(7)),
        (format!("a=1;{COOKIE}={good};b=2"), Ok(7)),
        (format!("{COOKIE}={other}; {COOKIE}={good}"), Ok(7)),
        (format!("{COOKIE}=; {COOKIE}=x; {COOKIE}={old}; {COOKIE}={good}"), Ok(7)),
        (format!("{COOKIE}={six}; {COOKIE}={eight}; {COOKIE}={good}"), Ok(8)),
        (format!("{COOKIE}={eight}; {COOKIE}={old}"), Ok(8)),
        (format!("{COOKIE}={old}; {COOKIE}={other}"), Err(Denied::Expired)),
        (format!("{}{COOKIE}={good}", format!("{COOKIE}=x; ").repeat(COOKIES_TRIED)), Err(Denied::Invalid)),
        (String::new(), Err(Denied::Invalid)),
        (COOKIE.to_owned(), Err(Denied::Invalid)),
        (format!("{COOKIE}={other}"), Err(Denied::Invalid)),
        (format!("{COOKIE}2={good}"), Err(Denied::Invalid)),
        (format!("x{COOKIE}={good}"), Err(Denied::Invalid)),
        (format!("{}={good}", COOKIE.to_uppercase()), Err(Denied::Invalid)),
        (format!("a={COOKIE}={good}"), Err(Denied::Invalid)),
        (format!("{COOKIE}=\"{good}\""), Err(Denied::Invalid)),
        (format!("{COOKIE}={good},x"), Err(Denied::Invalid)),
        (good.clone(), Err(Denied::Invalid)),
    ];
    for (cookie, expected) in table {
        assert_eq!(by_cookie(&cookie, host()), expected, "{cookie}");
    }
}

#[test]
fn the_token_is_kept_for_one_host_and_from_scripts() {
    let kept = keep("t");
    assert_eq!(kept, "slipway_preview=t; HttpOnly; Secure; SameSite=None; Partitioned; Path=/");
    assert!(!kept.to_lowercase().contains("domain"));
}

#[test]
fn a_setting_without_a_usable_key_is_refused() {
    let wrong = [
        "",
        "[]",
        "{}",
        r#"[{"kid":"a"}]"#,
        r#"[{"kid":"a","public":"AAAA"}]"#,
        r#"[{"kid":"a","public":"!"}]"#,
        r#"[{"public":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#,
    ];
    for text in wrong {
        assert!(Keys::parse(text).is_none(), "{text}");
    }
    assert_eq!(Keys::parse(&public_keys(&[1, 2])).unwrap().0.len(), 2);
}
