//! Which header fields cross between a browser and a sandbox, and what of them. Names are given in lower case.
//!
//! Invariant: what belongs to one connection ends with it (RFC 9110, 7.6.1), what proves who somebody is to Slipway never
//! reaches a sandbox, and nothing that a sandbox says speaks for Slipway or for another preview.

use slipway_contract::preview::{COOKIE, QUERY};

/// Our own fields all begin so: the pass, and the mark of the executor's own answers.
pub const OURS: &str = "x-slipway-";

/// Fields of a single connection. `trailer` goes too: trailers are not passed on.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which proxies tell where a request came from. Outside the gateway anybody may have written them.
const ORIGINS: [&str; 6] = ["cdn-loop", "forwarded", "true-client-ip", "via", "x-client-ip", "x-real-ip"];

/// What the `Connection` and `Upgrade` fields of a message say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    named: Vec<String>,
    websocket: bool,
}

impl Connection {
    /// Reads all `Connection` values and all `Upgrade` values of a message.
    pub fn read<'a>(
        connection: impl IntoIterator<Item = &'a str>,
        upgrade: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let named = connection
            .into_iter()
            .flat_map(|value| value.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>();
        let mut upgrade = upgrade.into_iter();
        let only = (upgrade.next(), upgrade.next());
        let asks =
            matches!(only, (Some(protocol), None) if protocol.trim().eq_ignore_ascii_case("websocket"));
        Self { websocket: asks && named.iter().any(|name| name == "upgrade"), named }
    }

    /// Whether it is an upgrade to WebSocket, the only one that is passed on. Any other (`h2c` above all) would put a
    /// protocol between browser and sandbox that nobody in between reads.
    pub const fn is_websocket(&self) -> bool {
        self.websocket
    }

    /// Whether the field belongs to the connection alone. `Upgrade` and `Connection` of a WebSocket are written anew.
    pub fn ends_here(&self, name: &str) -> bool {
        HOP_BY_HOP.contains(&name) || self.named.iter().any(|named| named == name)
    }
}

/// Whether a field from a browser stays outside: the gateway writes its own in its place, or none.
///
/// `Authorization` is not among them: it is for the application in the sandbox, and Slipway's own is never sent to a
/// preview's host. `Cookie` is looked at apart ([`cookie`]).
pub fn is_from_outside(name: &str) -> bool {
    is_ours(name) || ORIGINS.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("cf-")
}

/// Whether the field is one of ours, which nobody else may write.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(OURS)
}

/// Whether a field of a sandbox's answer is kept from the browser, beside those that end with the connection.
///
/// `Clear-Site-Data` empties the cookies of the whole registrable domain, of Slipway itself too. `Alt-Svc` would lead
/// later requests past the gateway.
pub fn is_kept_from_browsers(name: &str) -> bool {
    is_ours(name) || matches!(name, "alt-svc" | "clear-site-data")
}

/// A `Cookie` value without the gateway's cookie; `None` when nothing is left. What is left keeps its bytes and order.
pub fn cookie(value: &str) -> Option<String> {
    let kept = value.split(';').filter(|pair| name_of(pair) != COOKIE && !pair.trim().is_empty());
    let kept = kept.map(str::trim).collect::<Vec<_>>().join("; ");
    (!kept.is_empty()).then_some(kept)
}

/// The tokens in a `Cookie` value, as they came. There may be several: a page of another preview can set one for the
/// whole domain, and that must not lock anybody out.
pub fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').filter_map(|pair| pair.split_once('=')).filter_map(|(name, token)| {
        let token = token.trim();
        (name.trim() == COOKIE && !token.is_empty()).then_some(token)
    })
}

/// A `Set-Cookie` value of a sandbox as browsers may have it; `None` when it would set the gateway's cookie.
///
/// `Domain` is cut out, so that the cookie stays with its own host: previews are neighbours on one domain.
pub fn set_cookie(value: &str) -> Option<String> {
    let mut parts = value.split(';');
    let pair = parts.next()?;
    // A cookie without a name is sent back as its bare value (RFC 6265bis, 5.7), and would read as ours.
    if name_of(pair.trim_start_matches(['=', ' ', '\t'])) == COOKIE {
        return None;
    }
    let kept = parts.filter(|part| !name_of(part).eq_ignore_ascii_case("domain"));
    Some(std::iter::once(pair).chain(kept).collect::<Vec<_>>().join(";"))
}

/// A query without the token, and the token. Of several the first counts, and none is left.
pub fn take_token(query: &str) -> (Option<&str>, String) {
    let mut token = None;
    let mut kept = Vec::new();
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name == QUERY {
            token = token.or(Some(value)).filter(|value| !value.is_empty());
        } else {
            kept.push(part);
        }
    }
    (token, kept.join("&"))
}

/// The name before the `=`, without spaces.
fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name).trim()
}
