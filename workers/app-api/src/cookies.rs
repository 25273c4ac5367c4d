//! The refresh cookie: out of reach of scripts, of other sites, and of every path but sign-in's.
//!
//! Invariant: a request that acts by the cookie comes from a page of ours. `SameSite=Strict` says so to browsers that know
//! it; the `Origin` that every browser sends with a POST says so to us (OWASP, CSRF Prevention, "Verifying Origin").

use http::{HeaderMap, HeaderValue, header};
use slipway_contract::{Problem, ProblemCode};
use slipway_domain::identity::session::IDLE_MS;
use url::Url;

use crate::settings::Settings;

const NAME: &str = "slipway_refresh";

/// `Set-Cookie` with a refresh token.
pub(crate) fn set(settings: &Settings, token: &str) -> Option<HeaderValue> {
    write(settings.is_local(), token, IDLE_MS / 1000)
}

/// `Set-Cookie` that takes the token away.
pub(crate) fn clear(settings: &Settings) -> Option<HeaderValue> {
    write(settings.is_local(), "", 0)
}

fn write(local: bool, token: &str, seconds: i64) -> Option<HeaderValue> {
    let secure = if local { "" } else { "; Secure" };
    let text = format!("{NAME}={token}; Path=/v1/auth; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).ok()
}

/// The refresh token that the request carries. With several of the name, the first is the most specific (RFC 6265, 5.4).
pub(crate) fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// The request comes from a page of ours: of the public address, or of the host that it was sent to.
///
/// # Errors
/// `forbidden`.
pub(crate) fn same_origin(headers: &HeaderMap, public: &Url, own_host: &str) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let host = origin.and_then(|origin| Url::parse(origin).ok()).and_then(|url| host_and_port(&url));
    let ours = host.is_some_and(|host| Some(&host) == host_and_port(public).as_ref() || host == own_host);
    if ours { Ok(()) } else { Err(foreign()) }
}

/// As [`same_origin`], but clients that are no browsers and send no `Origin` pass: there is no cookie to misuse yet.
///
/// # Errors
/// `forbidden`.
pub(crate) fn not_foreign(headers: &HeaderMap, public: &Url, own_host: &str) -> Result<(), Problem> {
    if headers.contains_key(header::ORIGIN) { same_origin(headers, public, own_host) } else { Ok(()) }
}

fn foreign() -> Problem {
    Problem::new(ProblemCode::Forbidden).detail("this is only for pages of this site (Origin)")
}

fn host_and_port(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_shut_off_from_scripts_sites_and_other_paths() {
        let cookie = |local| write(local, "t", 60).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            cookie(false),
            "slipway_refresh=t; Path=/v1/auth; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(cookie(true), "slipway_refresh=t; Path=/v1/auth; Max-Age=60; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let found = |values: &[&str]| read(&headers(header::COOKIE, values)).map(str::to_owned);
        assert_eq!(found(&["a=b; slipway_refresh=x.1.y; c=d"]), Some("x.1.y".into()));
        assert_eq!(found(&["a=b", "slipway_refresh=z"]), Some("z".into()));
        assert_eq!(found(&["xslipway_refresh=z", "slipway_refresh="]), None);
    }

    #[test]
    fn only_pages_of_ours_act_by_the_cookie() {
        let public = Url::parse("https://slipway.example").unwrap();
        let origin =
            |value: &str| same_origin(&headers(header::ORIGIN, &[value]), &public, "localhost:8787").is_ok();
        for ours in ["https://slipway.example", "https://slipway.example:443", "http://localhost:8787"] {
            assert!(origin(ours), "{ours}");
        }
        let foreign = [
            "null",
            "https://evil.example",
            "https://slipway.example.evil.example",
            "https://slipway.example:444",
            "http://localhost",
        ];
        for foreign in foreign {
            assert!(!origin(foreign), "{foreign}");
        }
        assert!(same_origin(&HeaderMap::new(), &public, "localhost:8787").is_err());
        assert!(not_foreign(&HeaderMap::new(), &public, "localhost:8787").is_ok());
    }
}
