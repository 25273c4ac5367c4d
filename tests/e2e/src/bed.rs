//! The one stack that the tests of a binary share. A start costs more than most tests.
//!
//! Invariant: nothing of it outlives the test process. Its programs end when their standard input closes; its folder is
//! removed by a child that waits for the same.

use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use xtask::testbed::{Options, Testbed};

use crate::world::World;

/// Waits for the end of its parent, then for Postgres's (10 s at most), then removes the folder.
const SWEEP: &str = r#"
    cat >/dev/null
    for _ in $(seq 100); do [ -e "$1/postgres/postmaster.pid" ] || break; sleep 0.1; done
    rm -rf -- "$1"
"#;

struct Shared {
    bed: Testbed,
    _sweeper: Child,
}

static SHARED: Mutex<Option<Result<Shared, String>>> = Mutex::new(None);

/// The shared stack's world; the first caller starts the stack.
///
/// # Errors
/// When it does not start; everybody is told the same then.
pub fn shared() -> Result<World> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    match shared.get_or_insert_with(|| start().map_err(|error| format!("{error:#}"))) {
        Ok(shared) => World::of(&shared.bed),
        Err(error) => Err(anyhow!("the stack did not start: {error}")),
    }
}

fn start() -> Result<Shared> {
    let bed = Testbed::start(Options::default())?;
    let sweeper = Command::new("sh")
        .args(["-c", SWEEP, "sweeper"])
        .arg(bed.folder())
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start the sweeper")?;
    Ok(Shared { bed, _sweeper: sweeper })
}
