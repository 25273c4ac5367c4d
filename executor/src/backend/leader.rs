//! The process on the host that all of a sandbox hangs on, and the socket by which it is spoken to.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process of the host. The start time makes sure that a pid was not given out anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// Its pid on the host.
    pub pid: i32,
    /// When it began, in clock ticks since the host's start.
    pub started: u64,
}

impl Leader {
    /// The process that has this pid now; `None` when there is none.
    pub fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, started: started(pid)? })
    }

    /// Whether it is still there.
    pub fn lives(self) -> bool {
        started(self.pid) == Some(self.started)
    }

    /// Kills it, unless its pid is another's by now.
    pub fn kill(self) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.lives()) {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

/// When the process began.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Field 22; the second, a name in parentheses, may hold spaces.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// Listens where nobody but the executor's own user connects; what was left there goes.
pub(super) fn listen(socket: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
