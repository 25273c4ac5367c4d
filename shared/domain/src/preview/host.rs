//! Host names of previews: `{port}-{the sandbox's UUID, 32 lower-case hexadecimal digits}.{preview domain}`.
//!
//! Invariant: a name is read by printing it again, so that two texts never name one port.

use core::fmt;

use slipway_contract::{SandboxId, files};

/// A port of a sandbox, as the first label of a preview's host name names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreviewHost {
    /// Which sandbox.
    pub sandbox: SandboxId,
    /// Which port, from 1 on.
    pub port: u16,
}

impl PreviewHost {
    /// Reads the first label of a host name.
    pub fn from_label(label: &str) -> Option<Self> {
        let (port, hex) = label.split_once('-')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let host = Self { sandbox: sandbox_from_hex(hex)?, port };
        (host.to_string() == label).then_some(host)
    }
}

/// The label, without the domain.
impl fmt::Display for PreviewHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.port, self.sandbox.uuid().simple())
    }
}

/// The sandbox whose UUID is written as 32 lower-case hexadecimal digits.
pub(super) fn sandbox_from_hex(hex: &str) -> Option<SandboxId> {
    format!("{}_{hex}", SandboxId::PREFIX).parse().ok()
}

/// The address below which all previews lie, as configured: `http://localhost:8788` or `https://preview.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewBase {
    scheme: &'static str,
    authority: String,
}

impl PreviewBase {
    /// Reads the address: a scheme, a host in lower case, a port if need be; no path but `/`.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = ["https", "http"].into_iter().find_map(|scheme| {
            url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).map(|rest| (scheme, rest))
        })?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let fits = !authority.is_empty()
            && authority.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':'));
        fits.then(|| Self { scheme, authority: authority.to_owned() })
    }

    /// `http` or `https`: what the browser speaks.
    pub const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The `Host` of a preview, with the port that the base has.
    pub fn host_of(&self, host: &PreviewHost) -> String {
        format!("{host}.{}", self.authority)
    }

    /// The address of a preview, without a path.
    pub fn address_of(&self, host: &PreviewHost) -> String {
        format!("{}://{host}.{}", self.scheme, self.authority)
    }

    /// The address of links to files, without a path.
    pub fn files_address(&self) -> String {
        format!("{}://{}.{}", self.scheme, files::HOST, self.authority)
    }

    /// Whether a request's `Host` is that of links to files.
    pub fn is_files(&self, host: &str) -> bool {
        let label = host.strip_suffix(self.authority.as_str()).and_then(|label| label.strip_suffix('.'));
        label == Some(files::HOST)
    }

    /// What a request's `Host` names; `None` for anything but the one written form of a preview's.
    pub fn read_host(&self, host: &str) -> Option<PreviewHost> {
        let label = host.strip_suffix(self.authority.as_str())?.strip_suffix('.')?;
        PreviewHost::from_label(label)
    }
}
