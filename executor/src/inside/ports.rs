//! Ports that something inside listens on, read from `/proc/net/tcp` and `/proc/net/tcp6`.

use std::collections::BTreeSet;
use std::fs;

use super::PROXY_PORT;

/// Ports at most; a sandbox that listens on more has no use for the list.
const MOST: usize = 100;

/// Listening ports that loopback reaches, in order, without init's own.
pub(super) fn listening() -> Vec<u16> {
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        ports.extend(fs::read_to_string(table).unwrap_or_default().lines().skip(1).filter_map(port));
    }
    ports.remove(&PROXY_PORT);
    ports.into_iter().take(MOST).collect()
}

/// The port of a line in state `0A` (listening). There is no address but loopback, so the address does not matter.
fn port(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (_, port) = fields.next()?.rsplit_once(':')?;
    (fields.nth(1)? == "0A").then(|| u16::from_str_radix(port, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_lines_name_a_port() {
        let listening = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 1 1 0 100 0 0 10 0";
        let v6 =
            "   0: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 0:0 0 0 0";
        let connected =
            "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000 0 1";
        assert_eq!(
            [listening, v6, connected, "", "0: x"].map(port),
            [Some(8080), Some(3000), None, None, None]
        );
    }
}
