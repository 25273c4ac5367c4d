//! What one sandbox may reach, and what it tried to.
//!
//! Invariant: a name is reached only while the list lets it through; a shorter list ends what is open.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use slipway_domain::egress::{HostName, HostPattern};
use tokio::sync::watch;

use crate::traffic::Meter;

/// Refused hosts that are remembered.
const REFUSED: usize = 50;

/// The policy of one sandbox. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Policy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hosts: watch::Sender<Vec<HostPattern>>,
    meter: Arc<Meter>,
    refused: Mutex<Refused>,
}

/// Hosts that were asked for and refused, each once, newest last.
#[derive(Debug, Default)]
struct Refused {
    next: u64,
    hosts: VecDeque<(u64, HostName)>,
}

/// A moment, for [`Policy::refused_since`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Policy {
    /// Lets through what `hosts` say and nothing else.
    pub fn new(hosts: Vec<HostPattern>) -> Self {
        Self(Arc::new(Inner {
            hosts: watch::Sender::new(hosts),
            meter: Arc::default(),
            refused: Mutex::default(),
        }))
    }

    /// Takes a new list. Connections to names that it does not let through are closed.
    pub fn set_hosts(&self, hosts: Vec<HostPattern>) {
        self.with_refused(|refused| {
            refused.hosts.retain(|(_, host)| !hosts.iter().any(|pattern| pattern.matches(host)));
        });
        self.0.hosts.send_replace(hosts);
    }

    /// Bytes that left for other hosts, over all connections.
    pub fn bytes_out(&self) -> u64 {
        self.0.meter.sent()
    }

    /// Bytes that came from other hosts.
    pub fn bytes_in(&self) -> u64 {
        self.0.meter.received()
    }

    /// Now.
    pub fn mark(&self) -> Mark {
        self.with_refused(|refused| Mark(refused.next))
    }

    /// Hosts that were refused after `mark` and are not let through now, newest last.
    pub fn refused_since(&self, mark: Mark) -> Vec<String> {
        self.with_refused(|refused| {
            refused.hosts.iter().filter(|(at, _)| *at >= mark.0).map(|(_, host)| host.to_string()).collect()
        })
    }

    /// All refused hosts that are remembered, newest last.
    pub fn refused(&self) -> Vec<String> {
        self.refused_since(Mark(0))
    }

    /// Whether the name is let through. One that is not is remembered.
    pub(super) fn admit(&self, host: &HostName) -> bool {
        let admitted = self.lets_through(host);
        if !admitted {
            self.with_refused(|refused| refused.add(host));
        }
        admitted
    }

    /// Waits until the name is no longer let through.
    pub(super) async fn until_closed(self, host: HostName) {
        let mut hosts = self.0.hosts.subscribe();
        let closed = |hosts: &Vec<HostPattern>| !hosts.iter().any(|pattern| pattern.matches(&host));
        // The sender lives as long as this policy does, so the wait ends by the list alone.
        let _ = hosts.wait_for(closed).await;
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.0.meter)
    }

    fn lets_through(&self, host: &HostName) -> bool {
        self.0.hosts.borrow().iter().any(|pattern| pattern.matches(host))
    }

    fn with_refused<T>(&self, work: impl FnOnce(&mut Refused) -> T) -> T {
        work(&mut self.0.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Refused {
    fn add(&mut self, host: &HostName) {
        self.hosts.retain(|(_, known)| known != host);
        while self.hosts.len() >= REFUSED {
            self.hosts.pop_front();
        }
        self.hosts.push_back((self.next, host.clone()));
        self.next = self.next.saturating_add(1);
    }
}
