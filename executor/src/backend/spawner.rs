//! Starts sandboxes from one thread that lives as long as the executor.
//!
//! `bwrap --die-with-parent` is tied to the *thread* that started it (`PR_SET_PDEATHSIG`), and the runtime's threads come
//! and go. This one never ends before the process does, so a sandbox ends with the executor and not earlier.

use std::io;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread.
#[derive(Clone, Debug)]
pub struct Spawner {
    orders: mpsc::Sender<Order>,
}

impl Spawner {
    /// Starts the thread; its children are waited for by the present runtime.
    pub fn start() -> io::Result<Self> {
        let (orders, waiting) = mpsc::channel::<Order>();
        let runtime = Handle::current();
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _inside = runtime.enter();
            while let Ok((mut command, started)) = waiting.recv() {
                // Whoever gave up on it drops the child, which kills it.
                let _ = started.send(command.kill_on_drop(true).spawn());
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts a process.
    pub async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (told, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts sandboxes is gone");
        self.orders.send((command, told)).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}
