//! The step between init and a command: its own session, its terminal, its limits; then it becomes the command.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Files a process may have open.
const OPEN_FILES: u64 = 16 * 1024;
/// Memory that a process may lock.
const LOCKED_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes in POSIX message queues.
const QUEUED_BYTES: u64 = 819_200;
/// When memory runs out, commands go before init does.
const OOM_SCORE: &[u8] = b"500";
/// As shells say that there is no such command, and that it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Becomes the command: folder, processes, bytes of a file, `terminal` or `pipes`, then program and arguments.
pub fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let number =
        |text: Option<OsString>| text.and_then(|text| text.to_str()?.parse::<u64>().ok()).unwrap_or(0);
    let Some(folder) = arguments.next() else { return NOT_RUNNABLE.into() };
    let (processes, file_bytes) = (number(arguments.next()), number(arguments.next()));
    let terminal = arguments.next().is_some_and(|kind| kind == "terminal");
    let Some(program) = arguments.next() else { return NOT_RUNNABLE.into() };

    let prepared = rustix::process::setsid()
        .and_then(
            |_| if terminal { rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()) } else { Ok(()) },
        )
        .and_then(|()| limit(processes, file_bytes));
    if let Err(error) = prepared {
        complain(&format!("cannot prepare the command: {error}"));
        return NOT_RUNNABLE.into();
    }
    // Missing only where /proc is not; then nothing is lost but the order.
    let _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    if let Err(error) = std::env::set_current_dir(&folder) {
        complain(&format!("{}: {error}", folder.display()));
        return NOT_RUNNABLE.into();
    }
    let error = Command::new(&program).args(arguments).exec();
    complain(&format!("{}: {error}", program.display()));
    if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND.into() } else { NOT_RUNNABLE.into() }
}

fn limit(processes: u64, file_bytes: u64) -> rustix::io::Result<()> {
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Nproc, processes),
        (Resource::Fsize, file_bytes),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Memlock, LOCKED_BYTES),
        (Resource::Msgqueue, QUEUED_BYTES),
        (Resource::Rtprio, 0),
    ] {
        let held = rustix::process::getrlimit(resource).maximum;
        let most = held.map_or(most, |held| held.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Says on standard error why there is no command.
pub fn complain(text: &str) {
    // Nowhere else to say it.
    let _ = writeln!(std::io::stderr(), "slipway: {text}");
}
