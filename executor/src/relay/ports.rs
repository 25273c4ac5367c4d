//! The ports of one running sandbox, as the relay reaches them.
//!
//! Invariant: what was opened under an epoch ends when the epoch grows or the sandbox stops.

use std::io;
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::{SandboxId, Timestamp};
use slipway_domain::preview::bucket::Rate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::pace::Allowance;
use super::refusal::Refusal;
use crate::traffic::Meter;

/// Requests of one sandbox that are being answered at once, streams that do not end with them.
pub(super) const REQUESTS: usize = 256;
/// WebSockets of one sandbox at once.
pub(super) const SOCKETS: usize = 200;

/// A connection into a sandbox.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Reaches the ports of one sandbox.
pub trait Dial: Send + Sync + 'static {
    /// Connects to `127.0.0.1:port` inside. `ConnectionRefused` when nothing listens there.
    fn dial(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
}

/// Finds the ports of a sandbox.
pub trait Find: Send + Sync + 'static {
    /// The ports of one that runs.
    ///
    /// # Errors
    /// `NotFound`, or `NotRunning`.
    fn find(&self, sandbox: SandboxId) -> Result<Arc<Ports>, ExecutorCode>;
}

/// The ports of one sandbox, from its start to its stop.
pub struct Ports {
    epoch: watch::Receiver<u64>,
    dial: Box<dyn Dial>,
    meter: Arc<Meter>,
    /// What it may carry; whole until its first request.
    allowance: OnceLock<Arc<Allowance>>,
    requests: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
}

impl Ports {
    /// The ports that `dial` reaches. `epoch` is the sandbox's own; dropping its sender means that the sandbox stops.
    pub fn new(epoch: watch::Receiver<u64>, dial: impl Dial) -> Self {
        Self {
            epoch,
            dial: Box::new(dial),
            meter: Arc::default(),
            allowance: OnceLock::new(),
            requests: Arc::new(Semaphore::new(REQUESTS)),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
        }
    }

    /// Bytes into the sandbox (`sent`) and out of it (`received`).
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// When somebody last sent something to a port. What the sandbox says by itself is no use of it.
    pub fn used_at(&self) -> Option<Timestamp> {
        self.meter.sent_at()
    }

    pub(super) fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    /// Whether the sandbox has not been stopped.
    pub(super) fn is_running(&self) -> bool {
        self.epoch.has_changed().is_ok()
    }

    /// Waits until the sandbox's epoch is above `epoch`, or it stops.
    pub(super) async fn until_over(self: Arc<Self>, epoch: u64) {
        // An error is a sender that is gone: the sandbox stops, and it is over as well.
        let _ = self.epoch.clone().wait_for(|now| *now > epoch).await;
    }

    pub(super) fn dial(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        self.dial.dial(port)
    }

    pub(super) fn shared_meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// What it may still carry, at the rate of its host.
    pub(super) fn allowance(&self, rate: Rate) -> &Arc<Allowance> {
        self.allowance.get_or_init(|| Arc::new(Allowance::whole(rate)))
    }

    /// A place for a request or a WebSocket.
    pub(super) fn place(&self, is_socket: bool) -> Result<OwnedSemaphorePermit, Refusal> {
        let (places, most, what) = if is_socket {
            (&self.sockets, SOCKETS, "sockets")
        } else {
            (&self.requests, REQUESTS, "requests")
        };
        Arc::clone(places).try_acquire_owned().map_err(|_| Refusal::Full { most, what })
    }
}
