//! The executor's one program: the executor itself, and what it becomes on the way into a sandbox and in it.

use std::process::ExitCode;

use slipway_executor::backend::bubblewrap::enter;
use slipway_executor::inside::{archive, init, launch};
use slipway_executor::serve;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Read by hand: these are started for every command, by this program alone.
    match arguments.next().as_deref().and_then(|name| name.to_str()) {
        Some("enter") => enter::main(arguments.next()),
        Some("init") => init::main(arguments.next()),
        Some("launch") => launch::main(arguments),
        Some("archive") => archive::write(),
        Some("unarchive") => {
            archive::read(arguments.next().and_then(|most| most.to_str()?.parse().ok()).unwrap_or(u64::MAX))
        }
        Some(_) | None => serve::main(),
    }
}
