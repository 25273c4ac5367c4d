//! Where a sandbox may reach: host names that people allowed, and only at public addresses.
//!
//! Invariant: deny by default. A name is compared in one written form (ASCII, lower case, no dot at its end), an address
//! never matches a name, and no special-purpose address is public whatever name leads to it.

mod address;
#[cfg(test)]
mod tests;

use core::fmt;

use slipway_contract::{Problem, limits};

pub use address::is_public;

/// Longest host name, in characters (RFC 1035, 2.3.4, as text).
const NAME_CHARS: usize = 253;
/// Longest label of one, in characters.
const LABEL_CHARS: usize = 63;
/// Names that are never public: single machines, local networks, clouds' own (RFC 6761, 6762, 7686, 8375, 9476; ICANN's
/// `internal`).
const LOCAL: [&str; 6] = ["localhost", "local", "internal", "onion", "home.arpa", "alt"];

/// A host name in the one form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

/// Why a text names no host that could be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// It is no host name.
    #[error("must be a host name such as example.com; names beyond ASCII in their xn-- form")]
    NotAName,
    /// It is an address, in one of the many forms that programs read.
    #[error("must be a name, not an address")]
    Address,
    /// It is a name of a machine or network that is not public.
    #[error("must be a public name")]
    Local,
    /// A `*` anywhere but as the whole first label, or above everything of a top-level domain.
    #[error("a * may stand only before a name of two labels or more, as in *.example.com")]
    Wildcard,
}

impl HostName {
    /// Reads a name as it stands in a request. Letters become lower case and one dot at the end is cut.
    ///
    /// # Errors
    /// What keeps it from being one. It is not looked up.
    pub fn parse(text: &str) -> Result<Self, HostRefusal> {
        if text.contains([':', '[', ']']) {
            return Err(HostRefusal::Address);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() || name.len() > NAME_CHARS || !name.split('.').all(is_label) {
            return Err(HostRefusal::NotAName);
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if is_number(last) {
            return Err(HostRefusal::Address);
        }
        let local = LOCAL.iter().any(|local| is_below_or_same(&name, local));
        if local || !name.contains('.') {
            return Err(HostRefusal::Local);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits and hyphens, with no hyphen at an end (RFC 1123, 2.1). No underscore: such names are not hosts.
fn is_label(label: &str) -> bool {
    (1..=LABEL_CHARS).contains(&label.len())
        && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a last label makes the whole an IPv4 address for programs that read hosts as browsers do: `127.1`, `0x7f.1`,
/// `2130706433` (WHATWG URL, "ends in a number checker").
fn is_number(label: &str) -> bool {
    let digits = label.bytes().all(|byte| byte.is_ascii_digit());
    let hex = label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits || hex
}

fn is_below_or_same(name: &str, of: &str) -> bool {
    name.strip_suffix(of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// An entry of a sandbox's list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This name only.
    Exactly(HostName),
    /// All names below this one, at any depth, but not itself.
    Below(HostName),
}

impl HostPattern {
    /// Reads an entry: a name, or `*.` and a name.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn parse(text: &str) -> Result<Self, HostRefusal> {
        match text.strip_prefix("*.") {
            Some(name) if name.trim_end_matches('.').contains('.') => HostName::parse(name).map(Self::Below),
            Some(_) => Err(HostRefusal::Wildcard),
            None if text.contains('*') => Err(HostRefusal::Wildcard),
            None => HostName::parse(text).map(Self::Exactly),
        }
    }

    /// Whether it lets the name through.
    pub fn matches(&self, host: &HostName) -> bool {
        match self {
            Self::Exactly(name) => name == host,
            Self::Below(name) => {
                host.0.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => write!(f, "{name}"),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

/// A list of hosts as it is kept: each entry in its one form, none twice, in the order given.
///
/// # Errors
/// `invalid_field` for `hosts`, naming the entry.
pub fn hosts<T: AsRef<str>>(entries: &[T]) -> Result<Vec<HostPattern>, Problem> {
    let mut patterns = Vec::new();
    for entry in entries {
        let entry = entry.as_ref().trim();
        let pattern = HostPattern::parse(entry)
            .map_err(|refusal| Problem::field("hosts", format!("{}: {refusal}", shown(entry))))?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    if patterns.len() > limits::HOSTS_PER_SANDBOX {
        let most = limits::HOSTS_PER_SANDBOX;
        return Err(Problem::field("hosts", format!("must be at most {most} hosts")));
    }
    Ok(patterns)
}

/// What was given, short and without surprises for whoever prints it.
fn shown(entry: &str) -> String {
    entry.chars().take(80).flat_map(char::escape_debug).collect()
}
