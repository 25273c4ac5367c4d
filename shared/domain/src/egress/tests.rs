//! Names and addresses, each with what becomes of it.

use core::net::IpAddr;

use super::*;

fn host(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

#[test]
fn a_name_has_one_form() {
    for (text, name) in [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("a-b.c1.example", "a-b.c1.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.example", "1.example"),
        ("0x7f.example", "0x7f.example"),
        ("my.notlocalhost.example", "my.notlocalhost.example"),
    ] {
        let read =
            HostName::parse(text).map_or_else(|refusal| format!("{refusal:?}"), |name| name.to_string());
        assert_eq!(read, name, "{text}");
    }
    let longest = [&"a".repeat(63), "b", &"c".repeat(63), &"d".repeat(63), &"e".repeat(59)].join(".");
    assert_eq!((longest.len(), HostName::parse(&longest).is_ok()), (253, true));
    assert!(HostName::parse(&format!("f{longest}")).is_err());
}

#[test]
fn what_is_no_public_name_is_refused_for_its_reason() {
    use HostRefusal::{Address, Local, NotAName};
    for (text, reason) in [
        ("", NotAName),
        (".", NotAName),
        ("..", NotAName),
        ("example.com..", NotAName),
        (".example.com", NotAName),
        ("a..b", NotAName),
        ("-a.example", NotAName),
        ("a-.example", NotAName),
        ("a_b.example", NotAName),
        ("a b.example", NotAName),
        (" example.com", NotAName),
        ("example.com ", NotAName),
        ("exa\tmple.com", NotAName),
        ("exam\0ple.com", NotAName),
        ("example.com\r\nx", NotAName),
        ("bücher.example", NotAName),
        ("ｅxample.com", NotAName),
        ("example。com", NotAName),
        ("ex%61mple.com", NotAName),
        ("user@example.com", NotAName),
        ("example.com/path", NotAName),
        ("example.com#x", NotAName),
        ("example.com\\x", NotAName),
        ("*", NotAName),
        ("*.example.com", NotAName),
        ("example.com:443", Address),
        ("127.0.0.1", Address),
        ("127.0.0.1.", Address),
        ("127.1", Address),
        ("2130706433", Address),
        ("0x7f000001", Address),
        ("0x7f.1", Address),
        ("0X7F.0.0.0X1", Address),
        ("0177.0.0.1", Address),
        ("017700000001", Address),
        ("127.0.0.0x", Address),
        ("8.8.8.8", Address),
        ("1.2.3.4.5", Address),
        ("example.1", Address),
        ("[::1]", Address),
        ("::1", Address),
        ("fe80::1%eth0", Address),
        ("[::ffff:127.0.0.1]", Address),
        ("localhost", Local),
        ("LocalHost.", Local),
        ("a.localhost", Local),
        ("printer.local", Local),
        ("metadata.google.internal", Local),
        ("metadata", Local),
        ("router.home.arpa", Local),
        ("com", Local),
        ("a.onion", Local),
    ] {
        assert_eq!(HostName::parse(text), Err(reason), "{text:?}");
    }
    assert_eq!(HostName::parse(&format!("{}.example", "a".repeat(64))), Err(NotAName));
}

#[test]
fn an_entry_lets_through_what_it_says_and_nothing_beside_it() {
    for (entry, name, through) in [
        ("example.com", "example.com", true),
        ("Example.com.", "EXAMPLE.COM.", true),
        ("example.com", "www.example.com", false),
        ("example.com", "example.com.evil.org", false),
        ("example.com", "notexample.com", false),
        ("*.example.com", "www.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.Example.com", "a.example.com.", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "notexample.com", false),
        ("*.example.com", "www.example.com.evil.org", false),
        ("*.example.com", "www.example.org", false),
        ("xn--bcher-kva.example", "XN--bcher-kva.example", true),
    ] {
        assert_eq!(HostPattern::parse(entry).unwrap().matches(&host(name)), through, "{entry} {name}");
    }
}

#[test]
fn a_star_stands_before_two_labels_or_more() {
    for wrong in [
        "*",
        "*.",
        "*.com",
        "*.com.",
        "*.*.com",
        "a.*.com",
        "w*.example.com",
        "**.example.com",
        "*example.com",
    ] {
        let refused = HostPattern::parse(wrong);
        assert!(matches!(refused, Err(HostRefusal::Wildcard | HostRefusal::NotAName)), "{wrong} {refused:?}");
    }
    for wrong in ["*.0.0.1", "*.127.0.0.1", "*.a.localhost", "127.0.0.1", "*.metadata.internal"] {
        assert!(HostPattern::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_is_kept_in_its_one_form_without_doubles() {
    let kept = |entries: &[&str]| {
        hosts(entries)
            .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>())
            .map_err(|p| p.detail)
    };
    assert_eq!(kept(&[]), Ok(vec![]));
    assert_eq!(
        kept(&[" Registry.npmjs.org ", "*.Example.com", "registry.npmjs.org.", "example.com"]),
        Ok(vec!["registry.npmjs.org".to_owned(), "*.example.com".to_owned(), "example.com".to_owned()])
    );
    assert_eq!(
        kept(&["a.example", "10.0.0.1"]),
        Err(Some("10.0.0.1: must be a name, not an address".to_owned()))
    );
    assert_eq!(kept(&["a\u{202e}b"]).unwrap_err().unwrap().split(':').next(), Some("a\\u{202e}b"));
    let many: Vec<String> = (0..51).map(|n| format!("h{n}.example")).collect();
    assert_eq!(hosts(&many[..50]).map(|list| list.len()).ok(), Some(50));
    let problem = hosts(&many).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (422, Some("hosts")));
}

/// Not public: at least one address of every special block, and its ends.
const SPECIAL: &str = "
    0.0.0.0 0.0.0.1 0.255.255.255
    10.0.0.0 10.0.0.1 10.255.255.255
    100.64.0.0 100.64.0.1 100.100.100.200 100.127.255.255
    127.0.0.0 127.0.0.1 127.0.0.53 127.1.2.3 127.255.255.255
    168.63.129.16
    169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255
    172.16.0.0 172.16.0.1 172.17.0.1 172.31.255.255
    192.0.0.0 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.10 192.0.0.170 192.0.0.171 192.0.0.192 192.0.0.255
    192.0.2.0 192.0.2.1 192.0.2.255
    192.31.196.0 192.31.196.255 192.52.193.0 192.52.193.255
    192.88.99.0 192.88.99.1 192.88.99.255
    192.168.0.0 192.168.1.1 192.168.255.255
    192.175.48.0 192.175.48.255
    198.18.0.0 198.18.0.1 198.19.255.255
    198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255
    224.0.0.0 224.0.0.1 224.0.0.251 239.255.255.250 239.255.255.255
    240.0.0.0 240.0.0.1 254.255.255.255 255.255.255.254 255.255.255.255
    :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff
    ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8
    ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8
    64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::192.168.0.1 64:ff9b::0.0.0.0
    64:ff9b::100.64.0.1 64:ff9b::255.255.255.255
    64:ff9b:1:: 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 64:ff9b::1:8.8.8.8
    100:: 100::1 100:0:0:1::1
    2001:: 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:0:a9fe:a9fe::1
    2001:1::1 2001:1::2 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1
    2001:db8:: 2001:db8::1 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
    2002::1 2002:7f00:1::1 2002:a9fe:a9fe::1 2002:a00:1::1 2002:808:808::1 2002:ffff:ffff::1
    2620:4f:8000::1
    3fff:: 3fff::1 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
    4000::1 5f00::1 8000::1
    fc00:: fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
    fe00::1 fe80:: fe80::1 fe80::a9fe:a9fe febf:ffff::1 fec0::1 feff::1
    ff00:: ff01::1 ff02::1 ff02::fb ff05::1:3 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
";

/// Public: ordinary hosts, and the neighbours of every special block.
const PUBLIC: &str = "
    1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0
    126.255.255.255 128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
    191.255.255.255 192.0.1.0 192.0.3.0 192.31.195.255 192.31.197.0 192.88.98.255 192.88.100.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
    223.255.255.255
    2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2400:cb00::1 2606:4700:4700::1111
    2620:4f:7fff::1 2620:4f:8001::1 2a00:1450:4001::200e 3ffe::1
    64:ff9b::8.8.8.8 64:ff9b::1.1.1.1
";

#[test]
fn only_public_addresses_are_public() {
    let addresses = |list: &'static str| list.split_whitespace().map(|text| text.parse::<IpAddr>().unwrap());
    for address in addresses(SPECIAL) {
        assert!(!is_public(address), "{address}");
    }
    for address in addresses(PUBLIC) {
        assert!(is_public(address), "{address}");
    }
    assert!(addresses(SPECIAL).count() + addresses(PUBLIC).count() >= 150);
}

#[test]
fn no_embedding_of_a_special_ipv4_address_is_public() {
    let v4 = SPECIAL.split_whitespace().filter_map(|text| text.parse::<core::net::Ipv4Addr>().ok());
    for address in v4 {
        let [a, b, c, d] = address.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for text in [
            format!("::{high:x}:{low:x}"),
            format!("::ffff:{high:x}:{low:x}"),
            format!("64:ff9b::{high:x}:{low:x}"),
            format!("64:ff9b:1::{high:x}:{low:x}"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("2001:0:{high:x}:{low:x}::{:x}:{:x}", !high, !low),
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
