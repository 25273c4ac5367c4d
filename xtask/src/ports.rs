//! Free TCP ports of this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below the range that Linux gives to outgoing connections (32768 and up), so that none of those takes a port
/// between our look and its use.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;
const TRIES: u16 = 2_000;

/// A port on 127.0.0.1 that nothing listens on; never the same twice in one process.
///
/// # Errors
/// When none of many tries was free.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static SEEDED: Mutex<bool> = Mutex::new(false);
    if let Ok(mut seeded) = SEEDED.lock()
        && !*seeded
    {
        let mut seed = [0; 2];
        // Without randomness the walk starts at the first port; two processes then meet, and look on.
        let _ = getrandom::fill(&mut seed);
        NEXT.store(u16::from_le_bytes(seed), Ordering::Relaxed);
        *seeded = true;
    }
    for _ in 0..TRIES {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % (LAST - FIRST + 1);
        if is_free(port) {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST} and {LAST}")
}

/// Whether nothing listens on this port of 127.0.0.1.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
