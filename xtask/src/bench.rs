//! `cargo xtask bench`: builds the Workers and hands over to the load client in `tests/bench`, which starts its own
//! stack with this crate's library.

use anyhow::Result;
use xtask::progress::Progress;
use xtask::workers::Wanted;
use xtask::{Command, setup};

/// Runs the load client with these arguments.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::run()?;
    setup::build(&Wanted { web: false, ..Wanted::all() })?;
    let cargo = Command::new("cargo")?.args(["run", "--release", "--package", "bench", "--"]);
    cargo.args(arguments).echo().run(&Progress::default())?;
    Ok(())
}
