//! Where a request to the proxy wants to go.
//!
//! Invariant: a destination is a public name and a port of the web, and the request's `Host` says the same.

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, StatusCode, Uri, Version, header};
use slipway_domain::egress::{HostName, HostRefusal};

/// Ports that are reached: those of the web, 8443 as the usual second one for HTTPS. Others would make the proxy a way
/// to other people's mail servers, databases and shells; what needs them is no web client.
const PORTS: [u16; 3] = [80, 443, 8443];

/// Another host's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: HostName,
    pub(super) port: u16,
}

/// What is asked of the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Bytes both ways, unread.
    Tunnel(Destination),
    /// This request.
    Forward(Destination),
}

/// Why a request goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misdirected {
    #[error("this is a proxy: ask it with CONNECT, or with a whole http:// address")]
    NotForProxies,
    #[error("https:// addresses are reached with CONNECT")]
    NeedsTunnel,
    #[error("the address holds more than a host and a port")]
    Overfull,
    #[error("{host}: {reason}")]
    Host { host: String, reason: HostRefusal },
    #[error("port {0} is not reached, only 80, 443 and 8443")]
    Port(u16),
    #[error("the Host field names another host than the address")]
    HostDiffers,
    #[error("the Host field is missing")]
    HostMissing,
}

impl Misdirected {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Host { .. } | Self::Port(_) => StatusCode::FORBIDDEN,
            Self::NotForProxies
            | Self::NeedsTunnel
            | Self::Overfull
            | Self::HostDiffers
            | Self::HostMissing => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads where a request wants to go.
///
/// # Errors
/// Why it goes nowhere.
pub(super) fn read(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<Wish, Misdirected> {
    let authority = uri.authority().ok_or(Misdirected::NotForProxies)?;
    if authority.as_str().contains('@') {
        return Err(Misdirected::Overfull);
    }
    if *method == Method::CONNECT {
        let port = authority.port_u16().ok_or(Misdirected::NotForProxies)?;
        let to = destination(authority, port)?;
        // Clients of HTTP/1.0 tunnels write no Host; some write it without the port.
        if let Some(said) = host_field(headers)? {
            same_host(&said, &to, port)?;
        }
        return Ok(Wish::Tunnel(to));
    }
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => {}
        Some(scheme) if *scheme == Scheme::HTTPS => return Err(Misdirected::NeedsTunnel),
        Some(_) | None => return Err(Misdirected::NotForProxies),
    }
    let written = authority.as_str();
    if authority.port().is_none() && written != authority.host() {
        // A colon with no port, or with one that is no number.
        return Err(Misdirected::Overfull);
    }
    let to = destination(authority, authority.port_u16().unwrap_or(80))?;
    match host_field(headers)? {
        Some(said) => same_host(&said, &to, 80)?,
        None if version == Version::HTTP_10 => {}
        None => return Err(Misdirected::HostMissing),
    }
    Ok(Wish::Forward(to))
}

fn destination(authority: &Authority, port: u16) -> Result<Destination, Misdirected> {
    let host = HostName::parse(authority.host()).map_err(|reason| {
        let host = authority.host().chars().take(80).collect();
        Misdirected::Host { host, reason }
    })?;
    if !PORTS.contains(&port) {
        return Err(Misdirected::Port(port));
    }
    Ok(Destination { host, port })
}

fn host_field(headers: &HeaderMap) -> Result<Option<Authority>, Misdirected> {
    let Some(value) = headers.get(header::HOST) else { return Ok(None) };
    let said = Authority::try_from(value.as_bytes()).map_err(|_| Misdirected::HostDiffers)?;
    if said.as_str().contains('@') { Err(Misdirected::HostDiffers) } else { Ok(Some(said)) }
}

/// Whether `Host` says what the address says; `unsaid` is the port of one that says none.
fn same_host(said: &Authority, to: &Destination, unsaid: u16) -> Result<(), Misdirected> {
    let host = HostName::parse(said.host());
    let port = said.port_u16().unwrap_or(unsaid);
    if host.as_ref() == Ok(&to.host) && port == to.port { Ok(()) } else { Err(Misdirected::HostDiffers) }
}
