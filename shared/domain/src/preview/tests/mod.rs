//! Hosts and claims; passes, headers and the bucket have their own files.

mod bucket;
mod bytes;
mod headers;
mod pass;

use slipway_contract::SandboxId;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_162_530_500);
const HEX: &str = "018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b";

fn sandbox() -> SandboxId {
    format!("sbx_{HEX}").parse().unwrap()
}

fn other() -> SandboxId {
    "sbx_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5c".parse().unwrap()
}

fn host() -> PreviewHost {
    PreviewHost { sandbox: sandbox(), port: 3000 }
}

fn local() -> PreviewBase {
    PreviewBase::parse("http://localhost:8788").unwrap()
}

#[test]
fn a_host_name_prints_what_it_was_read_from() {
    for port in [1, 80, 3000, 65_535] {
        let host = PreviewHost { sandbox: sandbox(), port };
        let name = local().host_of(&host);
        assert_eq!(name, format!("{port}-{HEX}.localhost:8788"));
        assert_eq!(local().read_host(&name), Some(host));
    }
    let remote = PreviewBase::parse("https://preview.example.com/").unwrap();
    assert_eq!(remote.address_of(&host()), format!("https://3000-{HEX}.preview.example.com"));
    assert_eq!(remote.read_host(&format!("3000-{HEX}.preview.example.com")), Some(host()));
}

#[test]
fn only_the_one_written_form_of_a_host_name_is_read() {
    let upper = HEX.to_uppercase();
    let dashed = "018f2b1a-7c3e-7d4f-8a9b-0c1d2e3f4a5b";
    let wrong = [
        String::new(),
        "localhost:8788".to_owned(),
        ".localhost:8788".to_owned(),
        format!("3000-{HEX}"),
        format!("3000-{HEX}.localhost"),
        format!("3000-{HEX}.localhost:8789"),
        format!("3000-{HEX}.localhost:8788."),
        format!("3000-{HEX}.localhost.:8788"),
        format!("3000-{HEX}.LOCALHOST:8788"),
        format!("3000-{HEX}.evil.localhost:8788"),
        format!("3000-{HEX}localhost:8788"),
        format!("0-{HEX}.localhost:8788"),
        format!("03000-{HEX}.localhost:8788"),
        format!("+3000-{HEX}.localhost:8788"),
        format!("-3000-{HEX}.localhost:8788"),
        format!("65536-{HEX}.localhost:8788"),
        format!("3000{HEX}.localhost:8788"),
        format!("3000-{upper}.localhost:8788"),
        format!("3000-{dashed}.localhost:8788"),
        format!("3000-{HEX}0.localhost:8788"),
        format!("3000-sbx_{HEX}.localhost:8788"),
        format!(" 3000-{HEX}.localhost:8788"),
        format!("3000-{HEX}-.localhost:8788"),
        format!("3000--{HEX}.localhost:8788"),
        format!("a@3000-{HEX}.localhost:8788"),
        format!("٣000-{HEX}.localhost:8788"),
    ];
    for text in wrong {
        assert_eq!(local().read_host(&text), None, "{text}");
    }
}

#[test]
fn links_to_files_have_a_host_of_their_own() {
    assert_eq!(local().files_address(), "http://files.localhost:8788");
    assert!(local().is_files("files.localhost:8788"));
    for wrong in
        ["localhost:8788", "files.localhost", "xfiles.localhost:8788", "files.", "files.a.localhost:8788", ""]
    {
        assert!(!local().is_files(wrong), "{wrong}");
    }
    assert_eq!(local().read_host("files.localhost:8788"), None);
}

#[test]
fn a_base_is_a_scheme_and_a_host() {
    for wrong in
        ["", "localhost", "ftp://a.b", "https://", "https://a.b/c", "https://A.b", "https://u@a.b", "http:/a"]
    {
        assert_eq!(PreviewBase::parse(wrong), None, "{wrong}");
    }
    assert_eq!(local().scheme(), "http");
}

/// A token of ours, made at `iat` and good until `exp`, both in milliseconds from now.
fn judged(change: impl FnOnce(&mut PreviewClaims), iat: i64, exp: i64) -> Result<(), ClaimsRefusal> {
    let mut claims = PreviewClaims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: "user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a01".parse().unwrap(),
        org: "org_018f2b1a7c3e7d4f8a9b0c1d2e3f4a02".parse().unwrap(),
        chat: "chat_018f2b1a7c3e7d4f8a9b0c1d2e3f4a03".parse().unwrap(),
        sbx: sandbox(),
        port: 3000,
        epoch: 7,
    };
    change(&mut claims);
    check(&claims, NOW.plus_ms(iat), NOW.plus_ms(exp), &host(), NOW)
}

const LIFE: i64 = TOKEN_LIFE_S * 1000;

#[test]
fn a_token_opens_its_own_host_while_it_lives() {
    assert_eq!(judged(|_| (), 0, LIFE), Ok(()));
    assert_eq!(judged(|_| (), 1 - LIFE, 1), Ok(()));
    assert_eq!(judged(|_| (), LEEWAY_MS, LEEWAY_MS + LIFE), Ok(()));
}

#[test]
fn a_token_that_does_not_fit_is_refused_for_its_reason() {
    assert_eq!(judged(|c| c.iss = "slipway".into(), 0, LIFE), Err(ClaimsRefusal::NotForPreviews));
    assert_eq!(judged(|c| c.aud = "slipway-api".into(), 0, LIFE), Err(ClaimsRefusal::NotForPreviews));
    assert_eq!(judged(|c| c.sbx = other(), 0, LIFE), Err(ClaimsRefusal::OtherSandbox));
    assert_eq!(judged(|c| c.port = 3001, 0, LIFE), Err(ClaimsRefusal::OtherPort));
    assert_eq!(judged(|_| (), -LIFE, 0), Err(ClaimsRefusal::Expired));
    assert_eq!(judged(|_| (), -LIFE - 1000, -1000), Err(ClaimsRefusal::Expired), "by a second");
    assert_eq!(judged(|_| (), LEEWAY_MS + 1, LIFE), Err(ClaimsRefusal::NotYet));
    assert_eq!(judged(|_| (), -1, LIFE), Err(ClaimsRefusal::TooLong));
    assert_eq!(judged(|_| (), -i64::MAX, i64::MAX), Err(ClaimsRefusal::TooLong));
}
