//! A run of a sandbox, from ready to ended: what there is of it only while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::backend::Running;
use crate::backend::control::Control;
use crate::egress::{EgressHandle, Policy};
use crate::inside::wire::{Ask, Look};
use crate::relay::{Dial, Ports, Stream};

/// A running sandbox.
pub struct Live {
    /// Its processes.
    pub running: Running,
    /// What it may reach.
    pub policy: Policy,
    /// When it was ready.
    pub started_at: Timestamp,
    /// The ports of it, for the relay.
    pub ports: Arc<Ports>,
    epoch: Mutex<Option<watch::Sender<u64>>>,
    disk_stops: AtomicU64,
    cpu_ms: AtomicU64,
    held: Mutex<Option<(EgressHandle, OwnedSemaphorePermit)>>,
}

impl Live {
    /// A sandbox that has just become ready.
    pub fn new(
        running: Running,
        policy: Policy,
        egress: EgressHandle,
        place: OwnedSemaphorePermit,
        epoch: u64,
        now: Timestamp,
    ) -> Self {
        let (epoch, told) = watch::channel(epoch);
        let ports = Arc::new(Ports::new(told, ToPort(running.control.clone())));
        Self {
            running,
            policy,
            started_at: now,
            ports,
            epoch: Mutex::new(Some(epoch)),
            disk_stops: AtomicU64::new(0),
            cpu_ms: AtomicU64::new(0),
            held: Mutex::new(Some((egress, place))),
        }
    }

    /// Closes what the relay opened under older epochs. A lower one changes nothing.
    pub fn set_epoch(&self, to: u64) {
        if let Some(epoch) = &*self.epoch.lock().unwrap_or_else(PoisonError::into_inner) {
            epoch.send_if_modified(|now| {
                let grows = to > *now;
                *now = to.max(*now);
                grows
            });
        }
    }

    /// Closes all that the relay opened, and lets in no more.
    pub fn close(&self) {
        // A group that goes with its processes counts no more after them.
        self.cpu_ms(None);
        drop(self.epoch.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Gives up its place and its way out.
    pub fn release(&self) {
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether it has ended, or is about to.
    pub fn is_over(&self) -> bool {
        self.running.ended.borrow().is_some()
            || self.epoch.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Processes that were killed because memory ran out.
    pub async fn memory_kills(&self) -> u64 {
        match self.running.group.as_ref().and_then(|group| group.memory_kills()) {
            Some(kills) => kills,
            None => self.running.control.look().await.unwrap_or_default().memory_kills,
        }
    }

    /// CPU time so far, in milliseconds. It never goes back: the last word counts when there is no other.
    pub fn cpu_ms(&self, look: Option<&Look>) -> u64 {
        let counted = self.running.group.as_ref().and_then(|group| group.cpu_ms());
        let counted = counted.or(look.map(|look| look.cpu_ms)).unwrap_or(0);
        self.cpu_ms.fetch_max(counted, Ordering::Relaxed).max(counted)
    }

    /// Whether nobody but its init counts its CPU time.
    pub fn counts_by_looking(&self) -> bool {
        self.running.group.as_ref().and_then(|group| group.cpu_ms()).is_none()
    }

    /// Memory in use, in bytes.
    pub fn memory_bytes(&self, look: Option<&Look>) -> u64 {
        let counted = self.running.group.as_ref().and_then(|group| group.memory_bytes());
        counted.or(look.map(|look| look.memory_bytes)).unwrap_or(0)
    }

    /// How often its processes were killed because they went on writing to a full disk.
    pub fn disk_stops(&self) -> u64 {
        self.disk_stops.load(Ordering::Relaxed)
    }

    /// Kills its processes, who go on writing to a full disk.
    pub async fn stop_writers(&self) {
        self.disk_stops.fetch_add(1, Ordering::Relaxed);
        // One that does not answer is asked again a second later.
        let _ = self.running.control.ask::<()>(&Ask::KillAll).await;
    }
}

/// Dials ports through init.
struct ToPort(Control);

impl Dial for ToPort {
    fn dial(&self, port: u16) -> BoxFuture<'_, std::io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            match self.0.dial(port).await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn Stream>),
                Err(problem) if problem.code == ExecutorCode::PortClosed => {
                    Err(std::io::ErrorKind::ConnectionRefused.into())
                }
                Err(problem) => Err(std::io::Error::other(problem.detail)),
            }
        })
    }
}
