//! Waits for every process that ends inside, also for orphans that pid 1 inherits, so that none stays a zombie.
//!
//! Init is one thread: between starting a process and [`Reaper::expect`] nothing else runs, so no end is missed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use rustix::process::{Pid, WaitOptions, WaitStatus};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Knows who waits for which process.
#[derive(Clone, Default)]
pub(super) struct Reaper {
    waiting: Rc<RefCell<HashMap<i32, oneshot::Sender<i32>>>>,
}

impl Reaper {
    /// Begins to collect ended processes.
    pub(super) fn start() -> io::Result<Self> {
        let reaper = Self::default();
        let mut ended = signal(SignalKind::child())?;
        let own = reaper.clone();
        tokio::task::spawn_local(async move {
            loop {
                own.collect();
                if ended.recv().await.is_none() {
                    return;
                }
            }
        });
        Ok(reaper)
    }

    /// The exit code of a process that was just started, once it has ended.
    pub(super) fn expect(&self, pid: i32) -> oneshot::Receiver<i32> {
        let (told, code) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, told);
        code
    }

    fn collect(&self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let waiting = self.waiting.borrow_mut().remove(&Pid::as_raw(Some(pid)));
            if let Some(told) = waiting {
                // Whoever waited may have given up.
                let _ = told.send(exit_code(status));
            }
        }
    }
}

/// As shells tell it: 128 and the signal's number for a process that a signal ended.
fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(255)
}
