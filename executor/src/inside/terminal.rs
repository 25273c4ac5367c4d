//! A pseudo-terminal's controlling side, read and written without blocking.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;

/// The controlling side.
#[derive(Clone)]
pub(super) struct Terminal {
    fd: Rc<AsyncFd<OwnedFd>>,
}

#[expect(
    unsafe_code,
    reason = "tokio has no safe way to wait for an owned descriptor that is no pipe or socket"
)]
fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and stays the same descriptor for as long as it lives, and the `AsyncFd` owns it.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

impl Terminal {
    /// Opens a terminal of this size; the second is the program's side.
    pub(super) fn open(cols: u16, rows: u16) -> io::Result<(Self, OwnedFd)> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let fd = openpt(flags)?;
        grantpt(&fd)?;
        unlockpt(&fd)?;
        let program = ioctl_tiocgptpeer(&fd, flags)?;
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        let terminal = Self { fd: Rc::new(watch(fd)?) };
        terminal.resize(cols, rows)?;
        Ok((terminal, program))
    }

    /// Tells the program another size.
    pub(super) fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.fd.get_ref(), size)?)
    }

    /// What the program wrote; empty when its side is closed.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.fd.readable().await?;
            let read = ready.try_io(|fd| match rustix::io::read(fd.get_ref(), &mut *buffer) {
                // Linux says so when nobody has the program's side open any more.
                Err(Errno::IO) => Ok(0),
                other => Ok(other?),
            });
            if let Ok(read) = read {
                return read;
            }
        }
    }

    /// Types into it.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.fd.writable().await?;
            if let Ok(written) = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
                bytes = bytes.get(written?..).unwrap_or_default();
            }
        }
        Ok(())
    }
}
