//! What crosses between a browser and a sandbox.

use super::super::headers::*;

fn connection(connection: &[&str], upgrade: &[&str]) -> Connection {
    Connection::read(connection.iter().copied(), upgrade.iter().copied())
}

#[test]
fn what_belongs_to_one_connection_ends_with_it() {
    let plain = connection(&["keep-alive, X-Secret", " x-more ,,"], &[]);
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "x-secret",
        "x-more",
    ] {
        assert!(plain.ends_here(name), "{name}");
    }
    for name in
        ["authorization", "content-length", "content-type", "accept", "origin", "sec-websocket-key", ""]
    {
        assert!(!plain.ends_here(name), "{name}");
    }
}

#[test]
fn only_an_upgrade_to_websocket_is_one() {
    assert!(connection(&["Upgrade"], &["websocket"]).is_websocket());
    assert!(connection(&["keep-alive, upgrade"], &["WebSocket"]).is_websocket());
    for (names, upgrade) in [
        (&["upgrade"][..], &[][..]),
        (&["keep-alive"], &["websocket"]),
        (&[], &["websocket"]),
        (&["upgrade, http2-settings"], &["h2c"]),
        (&["upgrade"], &["websocket, h2c"]),
        (&["upgrade"], &["h2c, websocket"]),
        (&["upgrade"], &["websocket", "h2c"]),
        (&["upgrade"], &["websocket", "websocket"]),
        (&["upgrade"], &["websocket/13"]),
        (&["upgraded"], &["websocket"]),
    ] {
        assert!(!connection(names, upgrade).is_websocket(), "{names:?} {upgrade:?}");
    }
}

#[test]
fn what_outsiders_could_have_written_stays_outside() {
    for name in [
        "x-slipway-relay",
        "x-slipway-anything",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-prefix",
        "forwarded",
        "x-real-ip",
        "cf-connecting-ip",
        "cf-ray",
        "cf-access-jwt-assertion",
        "cdn-loop",
        "true-client-ip",
        "via",
    ] {
        assert!(is_from_outside(name), "{name}");
    }
    for name in
        ["authorization", "cookie", "host", "accept", "x-forward", "cfg", "x-requested-with", "origin"]
    {
        assert!(!is_from_outside(name), "{name}");
    }
}

#[test]
fn the_gateways_cookie_is_cut_out_and_the_others_stay() {
    for (value, kept) in [
        ("slipway_preview=abc", None),
        ("a=1; slipway_preview=abc; b=2", Some("a=1; b=2")),
        ("a=1;slipway_preview=abc;b=2", Some("a=1; b=2")),
        ("slipway_preview=abc; slipway_preview=def; a=1", Some("a=1")),
        ("  slipway_preview = abc ; a=1", Some("a=1")),
        ("slipway_preview", None),
        ("a=1", Some("a=1")),
        ("slipway_preview2=abc", Some("slipway_preview2=abc")),
        ("a=slipway_preview=abc", Some("a=slipway_preview=abc")),
        ("a=\"x y\"; theme", Some("a=\"x y\"; theme")),
        ("", None),
        (" ; ;", None),
    ] {
        assert_eq!(cookie(value).as_deref(), kept, "{value}");
    }
}

#[test]
fn every_token_among_the_cookies_is_seen() {
    let found: Vec<_> =
        tokens("a=1; slipway_preview=one; b; slipway_preview= two ;slipway_preview=; Slipway_preview=no")
            .collect();
    assert_eq!(found, ["one", "two"]);
}

#[test]
fn a_sandbox_sets_cookies_for_its_own_host_only_and_never_ours() {
    for (value, told) in [
        ("a=1", Some("a=1")),
        ("a=1; Path=/; HttpOnly", Some("a=1; Path=/; HttpOnly")),
        ("a=1; Domain=preview.example.com; Path=/", Some("a=1; Path=/")),
        ("a=1; path=/; DOMAIN = .example.com", Some("a=1; path=/")),
        ("a=1; domain", Some("a=1")),
        ("slipway_preview=abc; Path=/", None),
        (" slipway_preview =abc", None),
        ("=slipway_preview=abc", None),
        ("= slipway_preview=abc", None),
        ("slipway_preview", None),
        ("slipway_preview_theme=dark", Some("slipway_preview_theme=dark")),
    ] {
        assert_eq!(set_cookie(value).as_deref(), told, "{value}");
    }
}

#[test]
fn a_sandbox_does_not_speak_for_slipway_or_the_whole_domain() {
    for name in ["x-slipway-relay", "x-slipway-kind", "alt-svc", "clear-site-data"] {
        assert!(is_kept_from_browsers(name), "{name}");
    }
    for name in ["content-type", "set-cookie", "content-security-policy", "location", "server"] {
        assert!(!is_kept_from_browsers(name), "{name}");
    }
}

#[test]
fn the_token_is_taken_out_of_the_query() {
    for (query, token, rest) in [
        ("slipway_token=abc", Some("abc"), ""),
        ("a=1&slipway_token=abc&b=2", Some("abc"), "a=1&b=2"),
        ("slipway_token=abc&slipway_token=def", Some("abc"), ""),
        ("slipway_token=&a", None, "a"),
        ("slipway_token", None, ""),
        ("a=%20&b", None, "a=%20&b"),
        ("xslipway_token=abc", None, "xslipway_token=abc"),
        ("", None, ""),
    ] {
        assert_eq!(take_token(query), (token, rest.to_owned()), "{query}");
    }
}
