//! Ways to make a sandbox on this host, behind one trait.
//!
//! A backend owns what a sandbox is made of (processes, limits, disk); which sandboxes there are, and what is done in them,
//! is the fleet's. It keeps no list of its own, so it forgets nothing when the executor ends.

pub mod bubblewrap;
pub mod cgroups;
pub mod choice;
pub mod control;
pub mod disk;
pub mod docker;
pub mod ground;
pub mod leader;
pub mod spawner;
mod system;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use slipway_contract::ids::SandboxId;
use slipway_contract::objects::executor::{BackendCapability, DiskQuota, ExecutorCode, ExecutorProblem};
use slipway_domain::sandbox::Resources;
use tokio::sync::{mpsc, watch};

use self::cgroups::Group;
use self::control::Control;
pub use self::leader::Leader;

/// A sandbox's place on the host.
#[derive(Clone, Debug)]
pub struct Place {
    /// Whose.
    pub sandbox: SandboxId,
    /// The number of its own user on the host, from 0; no two sandboxes share one.
    pub slot: u32,
    /// Its folder: disk and record.
    pub folder: PathBuf,
    /// The folder of its sockets. Its path is short, as socket addresses must be.
    pub sockets: PathBuf,
    /// What it may use.
    pub resources: Resources,
}

impl Place {
    /// Where the egress proxy of this sandbox listens.
    pub fn egress_socket(&self) -> PathBuf {
        self.sockets.join("egress.sock")
    }

    /// Where its init listens.
    pub fn control_socket(&self) -> PathBuf {
        self.sockets.join("control.sock")
    }
}

/// A sandbox that runs.
#[derive(Debug)]
pub struct Running {
    /// The way to its init.
    pub control: Control,
    /// Says why it ended, once it has.
    pub ended: watch::Receiver<Option<String>>,
    /// Its outermost process.
    pub leader: Leader,
    /// What limits it, where the host can.
    pub group: Option<Arc<Group>>,
    kill: mpsc::Sender<()>,
}

impl Running {
    /// Kills all of it at once. [`Self::ended`] tells when that is done.
    pub fn kill(&self) {
        // A second kill adds nothing.
        let _ = self.kill.try_send(());
    }

    /// Waits until all of it has ended.
    pub async fn wait(&self) {
        let mut ended = self.ended.clone();
        // Nobody left to tell of it means that it has ended as well.
        let _ = ended.wait_for(Option::is_some).await;
    }

    /// Why it ended; empty while it runs.
    pub fn why(&self) -> String {
        self.ended.borrow().clone().unwrap_or_default()
    }
}

/// Why a backend could not do it.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The host lacks something.
    #[error("The host lacks what a sandbox needs: {0}.")]
    Unsupported(String),
    /// It should have worked.
    #[error("{0}")]
    Failed(String),
    /// The host's operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

impl BackendError {
    /// For `map_err`.
    pub fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl From<BackendError> for ExecutorProblem {
    fn from(error: BackendError) -> Self {
        let code = match &error {
            BackendError::Unsupported(_) => ExecutorCode::Unsupported,
            BackendError::Failed(_) | BackendError::Io { .. } => ExecutorCode::Failed,
        };
        crate::api::problem(code, error.to_string())
    }
}

/// A way to make sandboxes.
pub trait Backend: Send + Sync {
    /// What it is and what it lacks here.
    fn capability(&self) -> BackendCapability;
    /// Every way of this host, the one in use first.
    fn ways(&self) -> Vec<BackendCapability> {
        vec![self.capability()]
    }
    /// What limits a whole sandbox.
    fn cgroups(&self) -> Vec<String>;
    /// How the disk limit is kept.
    fn disk_quota(&self) -> DiskQuota;
    /// Programs inside, with their versions.
    fn programs(&self) -> BTreeMap<String, String>;
    /// `PATH` inside.
    fn path(&self) -> String;
    /// Makes the folder of sockets, readable for none but this sandbox.
    fn prepare_sockets<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>>;
    /// Starts a sandbox whose egress proxy listens already. Its disk is made when it has none.
    fn start<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Running, BackendError>>;
    /// Tidies up after its processes ended: the disk stays.
    fn release<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, ()>;
    /// Ends what an executor that was killed may have left behind, then tidies up.
    fn recover<'a>(&'a self, place: &'a Place, leader: Option<Leader>) -> BoxFuture<'a, ()>;
    /// Deletes its disk.
    fn destroy<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>>;
    /// Disk in use, in bytes.
    fn disk_bytes<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, u64>;
}
