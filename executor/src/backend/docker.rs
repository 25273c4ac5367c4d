//! Sandboxes by Docker, for hosts where an engine runs and bubblewrap may not make namespaces.
//!
//! A container takes the place of `bwrap`; all else is the same: the host's own system read-only (or an image, where one is
//! set), the sandbox's disk and user, this program as pid 1, a socket to the egress proxy and no network. Two things Docker
//! does not do by itself. Init hangs on the executor by an open connection ([`handover`]): containers do not die with who
//! started them, so init ends when that connection does. And init takes the system calls away from itself that bubblewrap
//! takes away, on top of Docker's own filter.
//!
//! The engine is spoken to with the HTTP client that is here anyway ([`engine`]): a client library (bollard 0.21) brings 36
//! more crates, Unicode tables among them, for nine plain calls.

mod container;
mod engine;
mod handover;
mod image;
mod watching;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use slipway_contract::objects::executor::{BackendCapability, DiskQuota};

use self::container::Container;
use self::engine::{Engine, EngineError};
use self::handover::Handover;
use self::image::Image;
use super::cgroups::Group;
use super::control::Control;
use super::disk;
use super::ground::{Ground, processes};
use super::leader::{Leader, listen};
use super::system::{self, Shown, System};
use super::{Backend, BackendError, Place, Running};
use crate::inside::wire::{Ask, Limits};
use crate::inside::{EGRESS_SOCKET, HANDOVER_SOCKET, HOME, PROGRAM, WORKSPACE};

/// How long a sandbox may take until its init answers. Engines start containers one after the other, in parts.
const START: Duration = Duration::from_secs(30);
/// How long the trial container may take.
const TRIAL: Duration = Duration::from_secs(10);
/// Where the engine listens unless `DOCKER_HOST` says otherwise.
const SOCKET: &str = "/var/run/docker.sock";
/// The highest number of a process on 64-bit Linux (`PID_MAX_LIMIT`): no limit.
const ANY_PROCESSES: u64 = 4 << 20;

/// What was found out about the engine.
#[derive(Debug)]
struct Ready {
    engine: Engine,
    image: Image,
    system: System,
    cgroups: Vec<String>,
    programs: BTreeMap<String, String>,
}

/// The backend.
#[derive(Debug)]
pub struct Docker {
    ground: Ground,
    ready: Result<Ready, String>,
}

impl Docker {
    /// Finds out what the engine can do, by doing it. `image` is what sandboxes see instead of the host's system.
    pub async fn probe(ground: Ground, image: Option<&str>) -> Self {
        let ready = Self::try_out(&ground, image).await;
        Self { ground, ready }
    }

    /// Makes a container for a moment, and ends those that an executor left behind that was killed.
    async fn try_out(ground: &Ground, image: Option<&str>) -> Result<Ready, String> {
        let engine = Engine::at(socket()?)?;
        let info = engine.info().await.map_err(|error| format!("a Docker engine that answers: {error}"))?;
        let lacks = info.lacks();
        if let Some(first) = lacks.first() {
            return Err(format!("a Docker engine with {first}"));
        }
        for name in engine.list(&ground.fingerprint()).await.map_err(|error| error.to_string())? {
            engine.remove(&name).await.map_err(|error| error.to_string())?;
        }
        let (image, system) = match image {
            Some(name) => Image::named(&engine, name).await?,
            None => {
                let system = System::find();
                let image = Image::of_host(&system);
                image.ensure(&engine).await.map_err(|error| format!("an image of this host: {error}"))?;
                (image, system)
            }
        };
        let mut ready = Ready { engine, image, system, cgroups: info.cgroups(), programs: BTreeMap::new() };
        let tried = tokio::time::timeout(TRIAL, ready.make_trial(ground)).await;
        let name = ready.name(ground, "trial");
        // Left over only after a failure.
        let _ = ready.engine.remove(&name).await;
        ready.programs = tried.map_err(|_| "a trial container did not end".to_owned())??;
        Ok(ready)
    }
}

impl Ready {
    fn name(&self, ground: &Ground, of: &str) -> String {
        format!("slipway-{}-{of}", ground.fingerprint())
    }

    /// Says which programs are inside.
    async fn make_trial(&self, ground: &Ground) -> Result<BTreeMap<String, String>, String> {
        let failed = |error: &dyn std::fmt::Display| format!("a trial container failed: {error}");
        let folder = ground.trial_folder("trial-docker").map_err(|error| failed(&error))?;
        fs::write(folder.join("here"), "").map_err(|error| failed(&error))?;
        let tried = async {
            let name = self.name(ground, "trial");
            // An engine on another machine, or in another file system, would show another folder of that name.
            // And this program needs the libraries that it was built with.
            let script = format!(
                "test -e here || {{ echo its files are not ours >&2; exit 1; }}; {PROGRAM} --version >/dev/null || exit; {}",
                system::ask_versions()
            );
            let container = Container {
                argv: vec!["/bin/sh", "-c", &script],
                shown: self.shown(&[Shown::MadeUp { file: ground.program.clone(), at: PROGRAM.into() }]),
                folders: vec![(folder.clone(), WORKSPACE)],
                ..self.container(ground, 0, "trial")
            };
            self.create(&name, &container).await?;
            self.engine.start(&name).await?;
            let code = self.engine.wait(&name).await?;
            let (said, complaint) = self.engine.said(&name).await?;
            self.engine.remove(&name).await?;
            Ok::<_, EngineError>((code, said, complaint))
        };
        let tried = tried.await;
        let _ = fs::remove_dir_all(&folder);
        match tried.map_err(|error| failed(&error))? {
            (0, said, _) => Ok(system::versions(&said)),
            (code, _, complaint) => Err(failed(&format!("code {code}: {}", complaint.trim()))),
        }
    }

    /// What all sandboxes have in common.
    fn container(&self, ground: &Ground, slot: u32, sandbox: &str) -> Container<'_> {
        Container {
            image: self.image.name(),
            path: self.system.path(),
            user: user(ground, slot),
            executor: ground.fingerprint(),
            sandbox: sandbox.to_owned(),
            memory_bytes: 64 << 20,
            cpus: 1,
            processes: 64,
            argv: Vec::new(),
            shown: Vec::new(),
            folders: Vec::new(),
        }
    }

    fn shown(&self, more: &[Shown]) -> Vec<Shown> {
        [self.system.shown(), more].concat()
    }

    /// Somebody may have deleted the image since, or left a container of that name.
    async fn create(&self, name: &str, container: &Container<'_>) -> Result<(), EngineError> {
        let body = container.body();
        match self.engine.create(name, &body).await {
            Err(EngineError::Refused { status: 404, .. }) => self.image.ensure(&self.engine).await?,
            Err(EngineError::Refused { status: 409, .. }) => self.engine.remove(name).await?,
            created => return created,
        }
        self.engine.create(name, &body).await
    }
}

/// The sandbox's user on the host, who is the same inside: Docker gives it no numbers of its own.
fn user(ground: &Ground, slot: u32) -> u32 {
    ground.user(slot).unwrap_or_else(|| rustix::process::geteuid().as_raw())
}

/// Where the engine listens.
fn socket() -> Result<PathBuf, String> {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    match host.strip_prefix("unix://") {
        Some(path) => Ok(path.into()),
        None if host.is_empty() => Ok(SOCKET.into()),
        None => Err(format!("a Docker engine on this host (DOCKER_HOST is {host}, not unix://…)")),
    }
}

impl Docker {
    fn ready(&self) -> Result<&Ready, BackendError> {
        self.ready.as_ref().map_err(|missing| BackendError::Unsupported(missing.clone()))
    }

    fn name(&self, place: &Place) -> String {
        format!("slipway-{}-{}", self.ground.fingerprint(), place.sandbox)
    }

    async fn start_now(&self, place: &Place) -> Result<Running, BackendError> {
        let ready = self.ready()?;
        self.ground.disks.open(place, self.ground.user(place.slot)).await?;
        self.ground
            .give(&place.egress_socket(), place.slot)
            .map_err(BackendError::io("opening the way to the egress proxy"))?;
        let made_up = system::made_up(&place.folder.join("etc"), user(&self.ground, place.slot))
            .map_err(BackendError::io("making up accounts"))?;
        let control = listen(&place.control_socket()).map_err(BackendError::io("listening for init"))?;
        let handover =
            Handover::prepare(&self.ground, place).map_err(BackendError::io("waiting for init"))?;

        let name = self.name(place);
        let mut shown = ready.shown(&made_up);
        let nothing = place.folder.join("etc/nothing");
        fs::write(&nothing, "").map_err(BackendError::io("making up accounts"))?;
        shown.extend([
            // Docker would put the host's there.
            Shown::MadeUp { file: nothing, at: "/etc/resolv.conf".into() },
            Shown::MadeUp { file: handover.folder().to_owned(), at: parent(PROGRAM) },
            Shown::MadeUp { file: self.ground.program.clone(), at: PROGRAM.into() },
            Shown::MadeUp { file: place.egress_socket(), at: EGRESS_SOCKET.into() },
        ]);
        let container = Container {
            memory_bytes: place.resources.memory_bytes,
            cpus: place.resources.cpus,
            processes: processes(&place.resources),
            argv: vec![PROGRAM, "init", HANDOVER_SOCKET],
            shown,
            folders: vec![(disk::workspace(place), WORKSPACE), (disk::home(place), HOME)],
            ..ready.container(&self.ground, place.slot, &place.sandbox.to_string())
        };
        ready.create(&name, &container).await?;
        ready.engine.start(&name).await?;
        let pid = ready.engine.pid(&name).await?;
        let lifeline = tokio::select! {
            handed = tokio::time::timeout(START, handover.hand_over(&control)) => handed
                .map_err(|_| BackendError::Failed("The sandbox's init did not come.".to_owned()))?
                .map_err(BackendError::io("handing over to init"))?,
            code = ready.engine.wait(&name) => {
                let how = watching::tell(&ready.engine, &name, code?).await;
                return Err(BackendError::Failed(format!("The sandbox did not start: {how}.")));
            }
        };
        let leader = pid.and_then(Leader::of);
        let leader = leader.ok_or_else(|| BackendError::Failed("The sandbox ended at once.".to_owned()))?;
        let watched = watching::Watched { engine: ready.engine.clone(), name, leader, lifeline };
        let group = Arc::new(Group::of_process(leader.pid));
        let running = watched.watch_over(Control::new(place.control_socket()), Some(group));

        let limits = Limits {
            // The control group counts. The kernel itself counts by user, which is the host's here: an executor that is not
            // root shares its own with its sandboxes, and a second executor has the same ones.
            processes: ANY_PROCESSES,
            file_bytes: place.resources.disk_bytes,
            watched_memory_bytes: None,
        };
        let hello = Ask::Hello(limits);
        let answered = tokio::select! {
            answered = tokio::time::timeout(START, running.control.ask::<()>(&hello)) => matches!(answered, Ok(Ok(()))),
            () = running.wait() => false,
        };
        if answered {
            return Ok(running);
        }
        running.kill();
        running.wait().await;
        Err(BackendError::Failed(format!("The sandbox did not start: {}.", running.why())))
    }

    /// Takes away what is left of a sandbox but its files.
    async fn tidy(&self, place: &Place) {
        if let Ok(ready) = self.ready()
            && let Err(error) = ready.engine.remove(&self.name(place)).await
        {
            crate::log::outcome("container", place.sandbox, &error.to_string());
        }
        self.ground.disks.close(place).await;
        let _ = fs::remove_file(place.control_socket());
    }
}

fn parent(path: &str) -> PathBuf {
    Path::new(path).parent().map(Path::to_owned).unwrap_or_default()
}

impl Backend for Docker {
    fn capability(&self) -> BackendCapability {
        BackendCapability {
            name: "docker".to_owned(),
            missing: self.ready.as_ref().err().cloned().into_iter().collect(),
        }
    }

    fn cgroups(&self) -> Vec<String> {
        self.ready.as_ref().map(|ready| ready.cgroups.clone()).unwrap_or_default()
    }

    fn disk_quota(&self) -> DiskQuota {
        self.ground.disks.quota()
    }

    fn programs(&self) -> BTreeMap<String, String> {
        self.ready.as_ref().map(|ready| ready.programs.clone()).unwrap_or_default()
    }

    fn path(&self) -> String {
        self.ready.as_ref().map(|ready| ready.system.path().to_owned()).unwrap_or_default()
    }

    fn prepare_sockets<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move { self.ground.open_folders(place) })
    }

    fn start<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Running, BackendError>> {
        Box::pin(async move {
            let started = self.start_now(place).await;
            if started.is_err() {
                self.release(place).await;
            }
            started
        })
    }

    fn release<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, ()> {
        Box::pin(self.tidy(place))
    }

    fn recover<'a>(&'a self, place: &'a Place, _leader: Option<Leader>) -> BoxFuture<'a, ()> {
        // Found by its name: a leader may be of another backend, and a container may have none left.
        Box::pin(self.tidy(place))
    }

    fn destroy<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(self.ground.disks.destroy(place))
    }

    fn disk_bytes<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, u64> {
        Box::pin(self.ground.disks.used(place))
    }
}
