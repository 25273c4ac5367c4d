//! Which backend makes the sandboxes of this executor, and what of the others has still to be done: each ends what it left
//! behind, whoever is in use now.

use std::collections::BTreeMap;

use clap::ValueEnum;
use futures::future::BoxFuture;
use slipway_contract::objects::executor::{BackendCapability, DiskQuota};

use super::bubblewrap::Bubblewrap;
use super::docker::Docker;
use super::ground::Ground;
use super::{Backend, BackendError, Leader, Place, Running};

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The first that this host has all for, bubblewrap before Docker.
    #[default]
    Auto,
    /// Bubblewrap, also where it does not work.
    Bubblewrap,
    /// Docker, also where it does not work.
    Docker,
}

/// The one in use, and the others.
pub struct Backends {
    used: Box<dyn Backend>,
    others: Vec<Box<dyn Backend>>,
}

impl Backends {
    /// Tries all of them out, at the same time.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub async fn probe(ground: Ground, choice: Choice, image: Option<&str>) -> Result<Self, BackendError> {
        let (bubblewrap, docker) =
            tokio::join!(Bubblewrap::probe(ground.clone()), Docker::probe(ground, image));
        Ok(Self::choose(choice, Box::new(bubblewrap?), Box::new(docker)))
    }

    fn choose(choice: Choice, bubblewrap: Box<dyn Backend>, docker: Box<dyn Backend>) -> Self {
        let works = |backend: &dyn Backend| backend.capability().missing.is_empty();
        let docker_is_used = match choice {
            Choice::Auto => !works(&*bubblewrap) && works(&*docker),
            Choice::Bubblewrap => false,
            Choice::Docker => true,
        };
        let (used, other) = if docker_is_used { (docker, bubblewrap) } else { (bubblewrap, docker) };
        Self { used, others: vec![other] }
    }
}

impl Backend for Backends {
    fn capability(&self) -> BackendCapability {
        self.used.capability()
    }

    fn ways(&self) -> Vec<BackendCapability> {
        let others = self.others.iter().map(|other| other.capability());
        std::iter::once(self.used.capability()).chain(others).collect()
    }

    fn cgroups(&self) -> Vec<String> {
        self.used.cgroups()
    }

    fn disk_quota(&self) -> DiskQuota {
        self.used.disk_quota()
    }

    fn programs(&self) -> BTreeMap<String, String> {
        self.used.programs()
    }

    fn path(&self) -> String {
        self.used.path()
    }

    fn prepare_sockets<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        self.used.prepare_sockets(place)
    }

    fn start<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Running, BackendError>> {
        self.used.start(place)
    }

    fn release<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, ()> {
        self.used.release(place)
    }

    fn recover<'a>(&'a self, place: &'a Place, leader: Option<Leader>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            for backend in self.others.iter().chain([&self.used]) {
                backend.recover(place, leader).await;
            }
        })
    }

    fn destroy<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        self.used.destroy(place)
    }

    fn disk_bytes<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, u64> {
        self.used.disk_bytes(place)
    }
}
