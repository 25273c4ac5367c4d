//! The step between the executor and `bwrap`: takes part in the sandbox's control groups, gives up the executor's user,
//! brings the system call filter, and becomes `bwrap`.
//!
//! A process of its own does this, so that nothing of it is ever true for the executor, and nothing of the sandbox runs
//! outside of its limits even for a moment.

use std::ffi::OsString;
use std::io::{self, Seek, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rustix::fs::MemfdFlags;
use serde::{Deserialize, Serialize};

use crate::inside::launch::complain;
use crate::inside::seccomp;

/// What to do before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Enter {
    /// Files of control groups that take this process in.
    pub(super) groups: Vec<PathBuf>,
    /// User and group to become, where that is not the executor's own.
    pub(super) user: Option<u32>,
    /// `bwrap` and its options up to the filters.
    pub(super) bwrap: Vec<OsString>,
    /// The program and its arguments.
    pub(super) program: Vec<OsString>,
}

/// Becomes `bwrap`; the only argument is an [`Enter`] as JSON.
pub fn main(argument: Option<OsString>) -> ExitCode {
    let error = argument
        .and_then(|text| serde_json::from_str::<Enter>(text.to_str()?).ok())
        .ok_or_else(|| io::Error::other("no orders"))
        .and_then(|enter| become_bwrap(&enter));
    if let Err(error) = error {
        complain(&format!("the sandbox cannot be entered: {error}"));
    }
    ExitCode::FAILURE
}

/// Returns only with an error.
fn become_bwrap(enter: &Enter) -> io::Result<()> {
    keep_nothing_open()?;
    for group in &enter.groups {
        std::fs::write(group, "0")?;
    }
    let (program, options) = enter.bwrap.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut command = Command::new(program);
    command.args(options);
    for filter in seccomp::filters().map_err(io::Error::other)? {
        command.arg("--add-seccomp-fd").arg(hand_over(&bytes(&filter))?.to_string());
    }
    command.arg("--").args(&enter.program);
    if let Some(user) = enter.user {
        // Also leaves every supplementary group.
        command.gid(user).uid(user);
    }
    Err(command.exec())
}

/// What the executor's own parent left open must not come along: it could be anything of the host.
#[expect(unsafe_code, reason = "close_range(2) has no safe wrapper")]
fn keep_nothing_open() -> io::Result<()> {
    // SAFETY: takes three numbers; nothing is closed now, and this process opened none of these.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// As the kernel reads a filter: an array of `struct sock_filter`.
fn bytes(filter: &[seccompiler::sock_filter]) -> Vec<u8> {
    let each = filter.iter().flat_map(|one| {
        let [a, b] = one.code.to_ne_bytes();
        let [e, f, g, h] = one.k.to_ne_bytes();
        [a, b, one.jt, one.jf, e, f, g, h]
    });
    each.collect()
}

/// A file in memory that stays open across `exec`.
fn hand_over(bytes: &[u8]) -> io::Result<i32> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create("filter", MemfdFlags::empty())?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into_raw_fd())
}
