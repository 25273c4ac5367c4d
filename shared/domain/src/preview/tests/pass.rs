//! The pass between gateway and executor, and everything that is none.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use proptest::prelude::*;
use sha2::Sha256;

use super::*;

const KEY: [u8; 32] = [7; 32];
const WANTED: u16 = 3000;

fn key_of(bytes: &[u8]) -> RelayKey {
    RelayKey::parse(&URL_SAFE_NO_PAD.encode(bytes)).unwrap()
}

/// Signs any text with the right key, so that only its form can be at fault.
fn sealed(said: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(said).finalize().into_bytes();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn verify(text: &str) -> Result<RelayPass, PassRefusal> {
    RelayPass::verify(text, &key_of(&KEY), Wanted { sandbox: sandbox(), port: WANTED }, NOW)
}

#[test]
fn a_pass_is_written_in_its_documented_form() {
    let pass = RelayPass::issue(sandbox(), WANTED, 7, NOW);
    let text = pass.sign(&key_of(&KEY));
    assert_eq!(text, sealed(&format!("v1.{HEX}.3000.7.1795162590")));
    assert_eq!(verify(&text), Ok(pass));
    let longest = RelayPass { epoch: u64::MAX, ..pass };
    assert_eq!(verify(&longest.sign(&key_of(&KEY))), Ok(longest));
}

#[test]
fn a_pass_ends_at_its_second() {
    let at = |ms| RelayPass::issue(sandbox(), WANTED, 7, NOW.plus_ms(ms)).sign(&key_of(&KEY));
    assert!(verify(&at(-59_000)).is_ok());
    assert_eq!(verify(&at(-60_000)), Err(PassRefusal::Expired));
    assert_eq!(verify(&at(-61_000)), Err(PassRefusal::Expired));
    assert!(verify(&at(60_000)).is_ok(), "the gateway's clock may be ahead");
    assert_eq!(verify(&at(61_000)), Err(PassRefusal::TooLong));
}

#[test]
fn an_older_epoch_is_over_and_a_newer_one_is_not() {
    let pass = RelayPass::issue(sandbox(), WANTED, 7, NOW);
    assert_eq!([6, 7, 8].map(|epoch| pass.check_epoch(epoch)), [Ok(()), Ok(()), Err(PassRefusal::EpochOver)]);
}

#[test]
fn a_pass_for_something_else_is_refused_for_its_reason() {
    let sign = |sandbox, port, key: &[u8]| RelayPass::issue(sandbox, port, 7, NOW).sign(&key_of(key));
    assert_eq!(verify(&sign(sandbox(), WANTED, &[8; 32])), Err(PassRefusal::Forged));
    assert_eq!(verify(&sign(other(), WANTED, &KEY)), Err(PassRefusal::OtherSandbox));
    assert_eq!(verify(&sign(sandbox(), 3001, &KEY)), Err(PassRefusal::OtherPort));
}

#[test]
fn what_is_signed_but_not_in_the_one_form_is_malformed() {
    let upper = HEX.to_uppercase();
    let wrong = [
        String::new(),
        ".".to_owned(),
        "v1".to_owned(),
        format!("v1.{HEX}.3000.7"),
        format!("v1.{HEX}.3000.7.1795162590.0"),
        format!("v1.{HEX}.3000.7.1795162590."),
        format!("v2.{HEX}.3000.7.1795162590"),
        format!("V1.{HEX}.3000.7.1795162590"),
        format!("1.{HEX}.3000.7.1795162590"),
        format!(".{HEX}.3000.7.1795162590"),
        format!("v1.{upper}.3000.7.1795162590"),
        format!("v1.sbx_{HEX}.3000.7.1795162590"),
        "v1.018f2b1a-7c3e-7d4f-8a9b-0c1d2e3f4a5b.3000.7.1795162590".to_owned(),
        format!("v1.{HEX}0.3000.7.1795162590"),
        format!("v1.{HEX}.03000.7.1795162590"),
        format!("v1.{HEX}.+3000.7.1795162590"),
        format!("v1.{HEX}.0.7.1795162590"),
        format!("v1.{HEX}.65536.7.1795162590"),
        format!("v1.{HEX}..7.1795162590"),
        format!("v1.{HEX}.3000.07.1795162590"),
        format!("v1.{HEX}.3000.+7.1795162590"),
        format!("v1.{HEX}.3000.-7.1795162590"),
        format!("v1.{HEX}.3000..1795162590"),
        format!("v1.{HEX}.3000.18446744073709551616.1795162590"),
        format!("v1.{HEX}.3000.7.01795162590"),
        format!("v1.{HEX}.3000.7.+1795162590"),
        format!("v1.{HEX}.3000.7.-1795162590"),
        format!("v1.{HEX}.3000.7.1795162590.5"),
        format!("v1.{HEX}.3000.7."),
        format!("v1.{HEX}.3000.7.1e10"),
        format!("v1.{HEX}.3000.7.9223372036854775808"),
        format!(" v1.{HEX}.3000.7.1795162590"),
        format!("v1.{HEX}.3000.7.1795162590 "),
        format!("v1.{HEX}.3000 .7.1795162590"),
        format!("v1.{HEX}.3000.7,1795162590"),
        format!("v1:{HEX}:3000:7:1795162590"),
        format!("v1.{HEX}.3000.7.٣"),
    ];
    for said in wrong {
        assert_eq!(verify(&sealed(&said)), Err(PassRefusal::Malformed), "{said}");
    }
}

#[test]
fn a_changed_signature_is_no_signature() {
    let good = RelayPass::issue(sandbox(), WANTED, 7, NOW).sign(&key_of(&KEY));
    let (said, mac) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(mac).unwrap();
    let wrong = [
        said.to_owned(),
        format!("{said}."),
        format!("{said}.{mac}="),
        format!("{said}.{mac}A"),
        format!("{said}.{}", mac.split_at(42).0),
        format!("{said}.{}", mac.split_at(21).0),
        format!("{said}.{mac}.{mac}"),
        format!("{said}.{}", URL_SAFE.encode(&bytes)),
        format!("{said}.{}", URL_SAFE_NO_PAD.encode([0; 32])),
        format!("{said}.{}", "A".repeat(43)),
        format!("{said}.{}", mac.to_lowercase()),
        format!("{said}. {mac}"),
        format!("{said}{mac}"),
        good.replacen(".7.", ".8.", 1),
        good.replacen("3000", "3001", 1),
        good.replacen("1795162590", "1795162591", 1),
        "A".repeat(4096),
    ];
    for text in wrong {
        let refused = verify(&text).unwrap_err();
        assert!(matches!(refused, PassRefusal::Malformed | PassRefusal::Forged), "{text}");
    }
    // The other alphabet, and other bits behind the last byte, spell the same signature; still only one spelling counts.
    for n in 0..64 {
        let said = format!("v1.{HEX}.3000.{n}.1795162590");
        let good = sealed(&said);
        let (_, mac) = good.rsplit_once('.').unwrap();
        let other = STANDARD_NO_PAD.encode(URL_SAFE_NO_PAD.decode(mac).unwrap());
        assert_eq!(verify(&format!("{said}.{other}")).is_ok(), other == mac);
        let bumped = char::from(mac.as_bytes()[42] + 1);
        assert!(verify(&format!("{said}.{}{bumped}", mac.split_at(42).0)).is_err());
    }
}

#[test]
fn a_key_is_32_bytes_and_never_printed() {
    assert!(RelayKey::parse(&URL_SAFE_NO_PAD.encode([1; 31])).is_none());
    assert!(RelayKey::parse(&URL_SAFE_NO_PAD.encode([1; 33])).is_none());
    assert!(RelayKey::parse("").is_none() && RelayKey::parse("not base64!").is_none());
    assert_eq!(format!("{:?}", key_of(&KEY)), "RelayKey");
}

proptest! {
    #[test]
    fn any_single_changed_byte_of_a_pass_is_noticed(at in 0_usize..110, to in 0x20_u8..0x7f, epoch: u64) {
        let good = RelayPass::issue(sandbox(), WANTED, epoch, NOW).sign(&key_of(&KEY));
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verify(&changed).is_ok(), changed == good);
    }
}
