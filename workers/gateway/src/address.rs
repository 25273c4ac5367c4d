//! Addresses as text: what a request asks for, and where it goes on the executor.
//!
//! Invariant: a path that is passed on stays behind the pass that opens it: one that a URL parser would shorten is refused.

use slipway_contract::preview::{QUERY, RELAY_PATH};
use slipway_domain::preview::headers;

/// Longest address, in bytes (the platform's own limit).
const ADDRESS_BYTES: usize = 16 * 1024;

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misaddressed {
    /// Longer than 16 KiB.
    TooLong,
    /// It is not of the form of an address, or its path climbs.
    Malformed,
}

/// The parts of a request's address, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// Host and port.
    pub(crate) host: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
}

impl<'a> Address<'a> {
    /// Reads `http://host/path?query`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(url: &'a str) -> Result<Self, Misaddressed> {
        if url.len() > ADDRESS_BYTES {
            return Err(Misaddressed::TooLong);
        }
        let (_, rest) = url.split_once("://").ok_or(Misaddressed::Malformed)?;
        let at = rest.find('/').ok_or(Misaddressed::Malformed)?;
        let (host, target) = rest.split_at_checked(at).ok_or(Misaddressed::Malformed)?;
        let path = target.split(['?', '#']).next().unwrap_or_default();
        // A URL parser leaves tabs and line breaks out, so they could hide dots.
        let plain = target.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        if !plain || target.contains('#') || climbs(path) {
            Err(Misaddressed::Malformed)
        } else {
            Ok(Self { host, target })
        }
    }

    /// The token in the query, and the target without any. `None` when there is none to take out.
    pub(crate) fn token(&self) -> Option<(&'a str, String)> {
        let (path, query) = self.target.split_once('?').filter(|(_, query)| query.contains(QUERY))?;
        let (token, query) = headers::take_token(query);
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        (target.len() < self.target.len()).then(|| (token.unwrap_or_default(), target))
    }
}

/// Whether a segment of the path is `.` or `..` in any writing that URL parsers know (WHATWG URL, "dot segments").
fn climbs(path: &str) -> bool {
    path.split(['/', '\\']).any(|segment| {
        let mut rest = segment;
        let mut dots = 0;
        while !rest.is_empty() {
            let dot = rest.strip_prefix('.').or_else(|| {
                rest.split_at_checked(3)
                    .filter(|(dot, _)| dot.eq_ignore_ascii_case("%2e"))
                    .map(|(_, rest)| rest)
            });
            match dot {
                Some(left) => rest = left,
                None => return false,
            }
            dots += 1;
        }
        dots == 1 || dots == 2
    })
}

/// Where requests go below the executor's address, in the form that needs no header field.
pub(crate) fn relay_path(pass: &str, scheme: &str, host: &str) -> String {
    format!("{RELAY_PATH}{pass}/{scheme}/{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_came() {
        let address = Address::read("http://3000-ab.localhost:8788/a%20b/?q=1/../2&x").unwrap();
        assert_eq!((address.host, address.target), ("3000-ab.localhost:8788", "/a%20b/?q=1/../2&x"));
        for fine in ["/", "/...", "/a..b/.hidden/x.", "/%2", "/%2e%2e%2e", "/%2ex", "/?..", "/é"] {
            assert!(Address::read(&format!("https://h{fine}")).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_path_that_a_url_parser_would_shorten_is_refused() {
        let climbing = [
            "/..",
            "/../",
            "/a/../b",
            "/./a",
            "/a/.",
            "/%2e",
            "/%2E%2e/",
            "/.%2e/a",
            "/%2e./a",
            "/\\..\\a",
            "/a\\..",
            "/..\\",
            "/a/%2E%2E/%2e%2E/x?y",
            "/../../sbx_0/80/",
            "/.\t./",
            "/.\n./",
            "/\u{7f}",
            "/ ",
            "/#..",
        ];
        for path in climbing {
            assert_eq!(Address::read(&format!("http://h{path}")), Err(Misaddressed::Malformed), "{path:?}");
        }
        for address in ["", "h/", "http://h", "http:/h/"] {
            assert_eq!(Address::read(address), Err(Misaddressed::Malformed), "{address:?}");
        }
    }

    #[test]
    fn an_address_of_more_than_sixteen_kib_is_too_long() {
        let of = |bytes: usize| format!("http://h/{}", "a".repeat(bytes - 9));
        assert!(Address::read(&of(ADDRESS_BYTES)).is_ok());
        assert_eq!(Address::read(&of(ADDRESS_BYTES + 1)), Err(Misaddressed::TooLong));
    }

    #[test]
    fn a_token_is_taken_out_of_the_query_wherever_it_stands() {
        let table = [
            ("/?slipway_token=t", Some(("t", "/"))),
            ("/a?slipway_token=t&b=1", Some(("t", "/a?b=1"))),
            ("/a?b=1&slipway_token=t", Some(("t", "/a?b=1"))),
            ("/a?b=1&slipway_token=t&c", Some(("t", "/a?b=1&c"))),
            ("/a?slipway_token=t&slipway_token=u", Some(("t", "/a"))),
            ("/a?slipway_token=", Some(("", "/a"))),
            ("/a?x=slipway_token=t", None),
            ("/a?slipway_tokens=t", None),
            ("/a?slipway_token", Some(("", "/a"))),
            ("/slipway_token=t", None),
            ("/a", None),
        ];
        for (target, expected) in table {
            let url = format!("http://h{target}");
            let found = Address::read(&url).unwrap().token();
            assert_eq!(found.as_ref().map(|(token, rest)| (*token, rest.as_str())), expected, "{target}");
        }
    }
}
