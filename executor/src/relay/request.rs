//! A request of the gateway as the application in the sandbox gets it, and its answer as the browser does.
//!
//! Invariant: path and query keep their bytes; what is the gateway's own never reaches the application.

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Uri, Version};
use slipway_contract::SandboxId;
use slipway_domain::preview::headers;

use super::refusal::Refusal;
use crate::exchange::{connection_of, cut_fields, end_connection};

/// What the gateway writes the browser's `Host` into.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields of [`headers::is_from_outside`] that the gateway writes anew, or takes out; the others are the browser's still.
const BY_GATEWAY: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) sandbox: SandboxId,
    pub(super) port: u16,
    pub(super) path: PathAndQuery,
}

impl Target {
    /// Reads `/relay/{sandbox}/{port}/{path}?{query}`. Nothing of the path behind the port is decoded or tidied.
    pub(super) fn read(uri: &Uri) -> Result<Self, Refusal> {
        let rest = uri.path().strip_prefix("/relay/").ok_or(Refusal::Path)?;
        let (sandbox, rest) = rest.split_once('/').ok_or(Refusal::Path)?;
        let (port_text, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let sandbox = sandbox.parse().map_err(|_| Refusal::Path)?;
        let port: u16 = port_text.parse().map_err(|_| Refusal::Path)?;
        if port == 0 || port.to_string() != port_text {
            return Err(Refusal::Path);
        }
        let path = match uri.query() {
            Some(query) => format!("/{rest}?{query}"),
            None => format!("/{rest}"),
        };
        let path = PathAndQuery::try_from(path).map_err(|_| Refusal::Path)?;
        Ok(Self { sandbox, port, path })
    }
}

/// Rewrites the head for the application. Answers whether it asks for a WebSocket.
pub(super) fn rewrite(parts: &mut Parts, target: &Target) -> Result<bool, Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::Unfit("CONNECT is for proxies"));
    }
    let host = host_of(&parts.headers, target.port)?;
    let connection = end_connection(&mut parts.headers);
    cut_fields(&mut parts.headers, |name| headers::is_from_outside(name) && !BY_GATEWAY.contains(&name));
    cut_cookies(&mut parts.headers);
    parts.headers.insert(header::HOST, host);
    let is_socket = connection.is_websocket() && parts.method == Method::GET;
    if is_socket {
        ask_upgrade(&mut parts.headers);
    }
    parts.uri = Uri::from(target.path.clone());
    parts.version = Version::HTTP_11;
    Ok(is_socket)
}

/// Rewrites the head of the application's answer.
pub(super) fn rewrite_answer(fields: &mut HeaderMap, is_socket: bool) {
    let connection = connection_of(fields);
    cut_fields(fields, |name| connection.ends_here(name) || headers::is_kept_from_browsers(name));
    if let header::Entry::Occupied(cookies) = fields.entry(header::SET_COOKIE) {
        let (name, values) = cookies.remove_entry_mult();
        let kept: Vec<HeaderValue> = values.filter_map(|value| kept_cookie(&value)).collect();
        for value in kept {
            fields.append(name.clone(), value);
        }
    }
    if is_socket {
        ask_upgrade(fields);
    }
}

fn ask_upgrade(fields: &mut HeaderMap) {
    fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// The host that the browser asked for; of a caller that names none, the port as seen from inside.
fn host_of(fields: &HeaderMap, port: u16) -> Result<HeaderValue, Refusal> {
    let mut said = fields.get_all(FORWARDED_HOST).iter();
    match (said.next(), said.next()) {
        (None, _) => {
            HeaderValue::try_from(format!("localhost:{port}")).map_err(|_| Refusal::Unfit("the port"))
        }
        (Some(host), None) => {
            let authority = Authority::try_from(host.as_bytes()).ok();
            match authority.filter(|authority| !authority.as_str().contains('@')) {
                Some(_) => Ok(host.clone()),
                None => Err(Refusal::Unfit("x-forwarded-host is no host")),
            }
        }
        (Some(_), Some(_)) => Err(Refusal::Unfit("x-forwarded-host is there twice")),
    }
}

/// The gateway cuts its cookie out; it is cut out here again, since here is the last place to.
fn cut_cookies(fields: &mut HeaderMap) {
    let header::Entry::Occupied(cookies) = fields.entry(header::COOKIE) else { return };
    let (name, values) = cookies.remove_entry_mult();
    let kept: Vec<HeaderValue> =
        values.filter_map(|value| HeaderValue::try_from(headers::cookie(text_of(&value)?)?).ok()).collect();
    for value in kept {
        fields.append(name.clone(), value);
    }
}

fn kept_cookie(value: &HeaderValue) -> Option<HeaderValue> {
    HeaderValue::try_from(headers::set_cookie(text_of(value)?)?).ok()
}

/// Cookies are ASCII by the book, and UTF-8 in the field. What is neither cannot be searched, and is left out.
fn text_of(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}
