//! The way out of a sandbox: an HTTP proxy on a Unix socket, one for each sandbox.
//!
//! Invariant: nothing leaves but to names that the sandbox's [`Policy`] lets through, at public addresses that this
//! process looked up itself, on ports of the web. What is inside a tunnel is not read: a name that shares its server with
//! others (a content network) lets those be reached too.

mod head;
mod policy;
mod proxy;
mod reach;
mod target;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use policy::{Mark, Policy};

use proxy::{Patience, Proxy};
use reach::{Internet, Network};

use crate::traffic::Task;

/// Connections of one sandbox at once.
const CONNECTIONS: usize = 64;
/// A head comes in one piece from any client that means well; five minutes of silence are what web servers allow tunnels.
const PATIENCE: Patience = Patience { head: Duration::from_secs(10), quiet: Duration::from_secs(5 * 60) };
/// Refusals of connections beyond [`CONNECTIONS`] that are being said at once; more are closed without a word.
const REFUSALS: usize = 16;

/// The proxy of one sandbox.
#[derive(Debug)]
pub struct Egress;

/// Keeps the proxy running. Dropped, it ends with all its connections, and the socket's file goes.
#[derive(Debug)]
pub struct EgressHandle {
    socket: PathBuf,
    _accepting: Task,
}

impl Egress {
    /// Listens on a Unix socket at `socket`, where nothing may be yet, and serves what `policy` lets through.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(socket: &Path, policy: Policy) -> io::Result<EgressHandle> {
        start(socket, policy, Arc::new(Internet), PATIENCE)
    }
}

fn start(
    socket: &Path,
    policy: Policy,
    network: Arc<dyn Network>,
    patience: Patience,
) -> io::Result<EgressHandle> {
    let listener = UnixListener::bind(socket)?;
    let proxy = Arc::new(Proxy { policy, network, patience });
    let accepting = Task::spawn(accept(listener, proxy));
    Ok(EgressHandle { socket: socket.to_owned(), _accepting: accepting })
}

/// Accepts until it is dropped, and every connection with it.
async fn accept(listener: UnixListener, proxy: Arc<Proxy>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let mut serving = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = serving.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // The process is out of descriptors: the next ones are free when others have been closed.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let proxy = Arc::clone(&proxy);
            serving.spawn(async move {
                proxy.serve(stream).await;
                drop(place);
            });
        } else if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
            serving.spawn(async move {
                full_house(stream).await;
                drop(place);
            });
        }
    }
}

async fn full_house(stream: UnixStream) {
    let text = format!("this sandbox has {CONNECTIONS} connections open, as many as it may");
    proxy::refuse(stream, StatusCode::SERVICE_UNAVAILABLE, &text).await;
}

impl Drop for EgressHandle {
    fn drop(&mut self) {
        // It may be gone with the sandbox's folder.
        let _ = std::fs::remove_file(&self.socket);
    }
}
