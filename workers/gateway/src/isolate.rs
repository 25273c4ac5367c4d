//! What an isolate remembers between requests: settings, verified tokens, leases. All of it can be lost at any time.
//!
//! Invariant: nothing of the platform is called while the memory is borrowed, so no borrow outlives a call. Only finished
//! values are kept, nothing that a request waits for: another request could never wake it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use slipway_contract::Timestamp;
use slipway_domain::preview::RelayPass;

use crate::access::Access;
use crate::address;
use crate::lease::{Key, Leases};
use crate::settings::Settings;

/// Verified tokens that are remembered: checking a signature in Wasm takes about a millisecond.
const REMEMBERED: usize = 2_048;
/// A pass is signed anew when this much of its life is over, in milliseconds: half of it.
const PASS_MS: i64 = slipway_contract::preview::RELAY_LIFE_S * 500;

/// The memory.
#[derive(Default)]
pub(crate) struct Memory {
    /// The variables, once they were read.
    pub(crate) settings: Option<Rc<Settings>>,
    /// What the route objects granted.
    pub(crate) leases: Leases,
    /// By their tokens. What is not verified never gets in, so callers cannot choose the keys.
    visits: HashMap<String, Rc<Visit>>,
}

/// Access that was verified, with all that its requests need again and again.
pub(crate) struct Visit {
    /// What it opens.
    pub(crate) access: Access,
    /// The host as browsers name it.
    pub(crate) host: String,
    /// Where its requests go below the executor's address, and until when.
    way: RefCell<(String, Timestamp)>,
}

impl Visit {
    /// Of verified access.
    pub(crate) fn new(access: Access, settings: &Settings) -> Self {
        let host = settings.base.host_of(&access.host);
        Self { access, host, way: RefCell::new((String::new(), Timestamp::from_unix_ms(i64::MIN))) }
    }

    /// Whose lease it uses.
    pub(crate) fn key(&self) -> Key {
        (self.access.org, self.access.host.sandbox, self.access.epoch)
    }

    /// Where `target` is: on this executor, by a pass that has half of its life before it.
    pub(crate) fn address(
        &self,
        executor: &str,
        target: &str,
        settings: &Settings,
        now: Timestamp,
    ) -> String {
        let mut way = self.way.borrow_mut();
        if way.1 <= now {
            let Access { host, epoch, .. } = self.access;
            let pass = RelayPass::issue(host.sandbox, host.port, epoch, now).sign(&settings.relay);
            let path = address::relay_path(&pass, settings.base.scheme(), &self.host);
            *way = (path, now.plus_ms(PASS_MS));
        }
        [executor, way.0.as_str(), target].concat()
    }
}

impl Memory {
    /// What a token was found to open, if it still does and is for this host.
    pub(crate) fn visit(&self, token: &str, host: &str, now: Timestamp) -> Option<Rc<Visit>> {
        let visit = self.visits.get(token)?;
        (visit.host == host && now < visit.access.ends).then(|| Rc::clone(visit))
    }

    /// Remembers what a token opens.
    pub(crate) fn remember(&mut self, token: &str, visit: &Rc<Visit>, now: Timestamp) {
        if self.visits.len() >= REMEMBERED {
            self.visits.retain(|_, visit| now < visit.access.ends);
        }
        if self.visits.len() >= REMEMBERED {
            self.visits.clear();
        }
        self.visits.insert(token.to_owned(), Rc::clone(visit));
    }
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Looks into the memory, or changes it. `with` calls nothing of the platform.
pub(crate) fn memory<T>(with: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with(|memory| with(&mut memory.borrow_mut()))
}
