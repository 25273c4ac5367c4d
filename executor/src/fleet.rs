//! All sandboxes of this host.
//!
//! What is on disk is the truth: at its start the fleet reads every record, settles runs that an earlier executor left open,
//! and from then on writes a heartbeat each second.

mod environment;
mod heartbeat;
mod ledger;
mod lifecycle;
pub mod live;
pub mod output;
pub mod record;
pub mod runs;
pub mod sandbox;
pub mod snapshots;
pub mod terminals;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use slipway_contract::ids::SandboxId;
use slipway_contract::objects::executor::{
    Capabilities, CreateSandbox, DiskQuota, ExecutorCode, ExecutorProblem, SandboxList, SandboxReport,
};
use slipway_contract::time::Timestamp;
use slipway_domain::sandbox::resources;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::heartbeat::Heartbeat;
use self::record::Record;
use self::sandbox::Sandbox;
use crate::api::problem;
use crate::backend::{Backend, Place};
use crate::relay::{Find, Ports};

/// How often the heartbeat is written and folders are measured.
const BEAT: Duration = Duration::from_secs(1);
/// How many heartbeats apart sandboxes are asked for what only they know.
const LOOK: u32 = 5;
/// Longest path of the data folder: a socket's address has 107 bytes, of which 35 go to `/run/<slot>/control.sock`.
const DATA_BYTES: usize = 72;
/// Stopped sandboxes that are brought up at once, to read their workspace. They take no place, so they must be few.
const READING: usize = 2;
/// Files that a sandbox may be made with.
const FILES: usize = 1_000;

/// What all sandboxes share.
pub struct Host {
    /// How they are made.
    pub backend: Box<dyn Backend>,
    /// Stopped sandboxes whose workspace is read now.
    reading: Semaphore,
    data: PathBuf,
}

/// The sandboxes.
pub struct Fleet {
    host: Arc<Host>,
    sandboxes: Mutex<HashMap<SandboxId, Arc<Sandbox>>>,
    places: Arc<Semaphore>,
    most: u32,
}

/// The time.
pub fn now() -> Timestamp {
    chrono::Utc::now().into()
}

/// Makes the data folder, which sandboxes' users pass through on the way to their own.
///
/// # Errors
/// When it cannot be made, or its path is too long for the sockets in it.
pub fn prepare(data: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(data)?;
    let data = fs::canonicalize(data)?;
    if data.as_os_str().len() > DATA_BYTES {
        return Err(std::io::Error::other(format!(
            "the data folder's path has more than {DATA_BYTES} bytes"
        )));
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o711))?;
    let sockets = data.join("run");
    fs::create_dir_all(&sockets)?;
    fs::set_permissions(&sockets, fs::Permissions::from_mode(0o711))?;
    Ok(data)
}

impl Fleet {
    /// Finds the sandboxes in `data`, with room for `most` that run.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn open(data: PathBuf, backend: Box<dyn Backend>, most: u32) -> std::io::Result<Arc<Self>> {
        let last = Heartbeat::read(&data);
        let host = Arc::new(Host { backend, reading: Semaphore::new(READING), data });
        let mut sandboxes = HashMap::new();
        for entry in fs::read_dir(&host.data)? {
            let folder = entry?.path();
            let id = folder.file_name().and_then(|name| name.to_str()?.parse::<SandboxId>().ok());
            let Some((id, record)) = id.and_then(|id| Some((id, Record::read(&folder).ok()?))) else {
                continue;
            };
            let sandbox = Sandbox::new(Arc::clone(&host), host.place(id, &record), record);
            sandbox.recover(last.at, last.of(id)).await;
            sandboxes.insert(id, Arc::new(sandbox));
        }
        let places = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let fleet =
            Self { host, sandboxes: Mutex::new(sandboxes), places: Arc::new(Semaphore::new(places)), most };
        let fleet = Arc::new(fleet);
        fleet.beat();
        tokio::spawn(Arc::clone(&fleet).keep_beating());
        Ok(fleet)
    }

    /// What this host can do.
    pub fn capabilities(&self) -> Capabilities {
        let backend = &self.host.backend;
        Capabilities {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backends: backend.ways(),
            cgroups: backend.cgroups(),
            disk_quota: backend.disk_quota(),
            programs: backend.programs(),
            places: self.most,
        }
    }

    /// Every sandbox, by id.
    pub async fn list(&self) -> SandboxList {
        let all: Vec<_> = self.lock().values().cloned().collect();
        let mut sandboxes = join_all(all.iter().map(|sandbox| sandbox.report())).await;
        sandboxes.sort_by_key(|report| report.sandbox);
        SandboxList { sandboxes }
    }

    /// Finds a sandbox.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, id: SandboxId) -> Result<Arc<Sandbox>, ExecutorProblem> {
        let found = self.lock().get(&id).cloned();
        found.ok_or_else(|| problem(ExecutorCode::NotFound, "There is no such sandbox."))
    }

    /// Makes a sandbox, or starts it again, or finds that it runs.
    ///
    /// # Errors
    /// Why it does not run. A new one that had no place is forgotten.
    pub async fn create(
        &self,
        id: SandboxId,
        wanted: CreateSandbox,
    ) -> Result<SandboxReport, ExecutorProblem> {
        sandbox::patterns(&wanted.hosts)?;
        if wanted.files.len() > FILES {
            return Err(problem(
                ExecutorCode::Invalid,
                format!("A sandbox is made with {FILES} files at most."),
            ));
        }
        loop {
            let (sandbox, is_new) = self.find_or_add(id, &wanted)?;
            match sandbox.start(&wanted, || self.place()).await {
                // It was destroyed in this moment.
                None => continue,
                Some(Ok(())) => return Ok(sandbox.report().await),
                Some(Err(refused)) => {
                    if is_new && refused.code == ExecutorCode::NoPlace {
                        self.destroy(id).await?;
                    }
                    return Err(refused);
                }
            }
        }
    }

    fn find_or_add(
        &self,
        id: SandboxId,
        wanted: &CreateSandbox,
    ) -> Result<(Arc<Sandbox>, bool), ExecutorProblem> {
        let mut sandboxes = self.lock();
        if let Some(sandbox) = sandboxes.get(&id) {
            return Ok((Arc::clone(sandbox), false));
        }
        let taken: Vec<u32> = sandboxes.values().map(|sandbox| sandbox.place().slot).collect();
        let record = Record {
            slot: (0..).find(|slot| !taken.contains(slot)).unwrap_or_default(),
            size: wanted.size,
            hosts: wanted.hosts.clone(),
            epoch: wanted.epoch,
            seeded: false,
            blank: true,
            run: None,
        };
        let place = self.host.place(id, &record);
        fs::create_dir_all(&place.folder).and_then(|()| record.write(&place.folder, false)).map_err(
            |error| problem(ExecutorCode::Failed, format!("The record cannot be written: {error}.")),
        )?;
        let sandbox = Arc::new(Sandbox::new(Arc::clone(&self.host), place, record));
        sandboxes.insert(id, Arc::clone(&sandbox));
        Ok((sandbox, true))
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, ExecutorProblem> {
        let full =
            || problem(ExecutorCode::NoPlace, format!("{} sandboxes run here, as many as may.", self.most));
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| full())
    }

    /// Deletes a sandbox with its files. One that is not there is gone as well.
    ///
    /// # Errors
    /// When its files could not be deleted.
    pub async fn destroy(&self, id: SandboxId) -> Result<(), ExecutorProblem> {
        let Some(sandbox) = self.lock().get(&id).cloned() else { return Ok(()) };
        sandbox.destroy().await?;
        let mut sandboxes = self.lock();
        if sandboxes.get(&id).is_some_and(|now| Arc::ptr_eq(now, &sandbox)) {
            sandboxes.remove(&id);
        }
        Ok(())
    }

    /// Stops every sandbox.
    pub async fn stop_all(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        join_all(all.iter().map(|sandbox| sandbox.stop())).await;
        self.beat();
    }

    fn beat(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        let running =
            all.iter().filter_map(|sandbox| Some((sandbox.place().sandbox.to_string(), sandbox.beat()?)));
        let heartbeat = Heartbeat { at: now(), running: running.collect() };
        if let Err(error) = heartbeat.write(&self.host.data) {
            crate::log::trouble("heartbeat", &error.to_string());
        }
    }

    async fn keep_beating(self: Arc<Self>) {
        let mut tick = tokio::time::interval(BEAT);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut used: HashMap<SandboxId, u64> = HashMap::new();
        for number in 0_u32.. {
            tick.tick().await;
            self.beat();
            if number % LOOK == 0 {
                let all: Vec<_> = self.lock().values().cloned().collect();
                join_all(all.iter().map(|sandbox| sandbox.refresh())).await;
            }
            if self.host.backend.disk_quota() == DiskQuota::Watched {
                let all: Vec<_> = self.lock().values().cloned().collect();
                let measured = all.iter().map(async |sandbox| {
                    let id = sandbox.place().sandbox;
                    (id, sandbox.watch_disk(used.get(&id).copied().unwrap_or_default()).await)
                });
                used = join_all(measured).await.into_iter().collect();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SandboxId, Arc<Sandbox>>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    fn place(&self, sandbox: SandboxId, record: &Record) -> Place {
        Place {
            sandbox,
            slot: record.slot,
            folder: self.data.join(sandbox.to_string()),
            sockets: self.data.join("run").join(record.slot.to_string()),
            resources: resources(record.size),
        }
    }
}

/// What the relay asks.
#[derive(Clone)]
pub struct ToRelay(pub Arc<Fleet>);

impl Find for ToRelay {
    fn find(&self, sandbox: SandboxId) -> Result<Arc<Ports>, ExecutorCode> {
        let found = self.0.find(sandbox).and_then(|sandbox| sandbox.live());
        found.map(|live| Arc::clone(&live.ports)).map_err(|refused| refused.code)
    }
}
