//! One sandbox of this host: what it is, how it is used and how it stands.
//!
//! What it is lies in its record, which is written before anybody is told.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipway_contract::limits::HOSTS_PER_SANDBOX;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem, SandboxReport, StartExec};
use slipway_contract::time::Timestamp;
use slipway_domain::egress::HostPattern;
use tokio::sync::watch;

use super::heartbeat::Counters;
use super::live::Live;
use super::record::Record;
use super::runs::{Run, Runs};
use super::terminals::{self, Terminal, Terminals};
use super::{Host, environment, now};
use crate::api::problem;
use crate::backend::Place;
use crate::backend::control::{Control, not_running};
use crate::inside::WORKSPACE;
use crate::inside::wire::{self, RunMode};

/// A sandbox, running or not.
pub struct Sandbox {
    pub(super) host: Arc<Host>,
    pub(super) place: Place,
    pub(super) record: Mutex<Record>,
    live: Mutex<Option<Arc<Live>>>,
    pub(super) used_at: AtomicI64,
    runs: Runs,
    pub(super) terminals: Terminals,
    /// Held by whoever starts, stops or destroys it, or reads it while it is stopped; true once it is destroyed.
    pub(super) turn: tokio::sync::Mutex<bool>,
    /// How many wait for their turn to start, stop or destroy it: who only reads gives way to them.
    pub(super) wanted: watch::Sender<usize>,
    /// Its workspace as a whole: archived by many at once, replaced by one alone.
    pub(super) workspace: Arc<tokio::sync::RwLock<()>>,
}

impl Sandbox {
    /// The sandbox of that record.
    pub fn new(host: Arc<Host>, place: Place, record: Record) -> Self {
        let runs = Runs::open(&place.folder);
        Self {
            host,
            place,
            record: Mutex::new(record),
            live: Mutex::new(None),
            used_at: AtomicI64::new(0),
            runs,
            terminals: Terminals::default(),
            turn: tokio::sync::Mutex::new(false),
            wanted: watch::Sender::new(0),
            workspace: Arc::default(),
        }
    }

    /// Where it is on the host.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Raises its epoch.
    ///
    /// # Errors
    /// When it has a higher one.
    pub fn set_epoch(&self, epoch: u64) -> Result<(), ExecutorProblem> {
        let known = self.lock_record().epoch;
        if epoch < known {
            return Err(problem(ExecutorCode::EpochOver, format!("The sandbox's epoch is {known} already.")));
        }
        if epoch > known {
            self.change(|record| record.epoch = record.epoch.max(epoch))?;
        }
        if let Some(live) = &*self.lock_live() {
            live.set_epoch(self.lock_record().epoch);
        }
        Ok(())
    }

    /// Changes what it may reach.
    ///
    /// # Errors
    /// When a host is none.
    pub fn set_hosts(&self, hosts: &[String]) -> Result<(), ExecutorProblem> {
        let patterns = patterns(hosts)?;
        if self.lock_record().hosts != hosts {
            self.change(|record| record.hosts = hosts.to_vec())?;
        }
        if let Some(live) = &*self.lock_live() {
            live.policy.set_hosts(patterns);
        }
        Ok(())
    }

    /// How it stands.
    pub async fn report(&self) -> SandboxReport {
        loop {
            let over = self.lock_live().as_ref().is_some_and(|live| live.is_over());
            if over {
                // Whoever ends it has its turn; after that the record says how it ended.
                self.settle().await;
            }
            let Ok(live) = self.live() else { return self.report_from_record() };
            let look = live.running.control.look().await;
            let disk_bytes = self.host.backend.disk_bytes(&self.place).await;
            let counters = Counters { cpu_ms: live.cpu_ms(look.as_ref()), ..self.counters(&live) };
            // Unless it ended while it was looked at.
            if !live.is_over() {
                return SandboxReport {
                    running: true,
                    ended_at: None,
                    ended_because: None,
                    used_at: counters.used_at,
                    cpu_ms: counters.cpu_ms,
                    memory_bytes: live.memory_bytes(look.as_ref()),
                    disk_bytes,
                    egress_bytes: counters.egress_bytes,
                    ports: look.unwrap_or_default().ports,
                    refused_hosts: live.policy.refused(),
                    ..self.report_from_record()
                };
            }
        }
    }

    fn report_from_record(&self) -> SandboxReport {
        let record = self.lock_record().clone();
        let run = record.run.as_ref();
        SandboxReport {
            sandbox: self.place.sandbox,
            epoch: record.epoch,
            running: false,
            started_at: run.map(|run| run.started_at),
            ended_at: run.and_then(|run| run.ended_at),
            ended_because: run.and_then(|run| run.ended_because.clone()),
            blank: record.blank,
            used_at: run.and_then(|run| run.used_at),
            cpu_ms: run.map_or(0, |run| run.cpu_ms),
            memory_bytes: 0,
            disk_bytes: run.map_or(0, |run| run.disk_bytes),
            egress_bytes: run.map_or(0, |run| run.egress_bytes),
            ports: Vec::new(),
            refused_hosts: Vec::new(),
        }
    }

    /// What the heartbeat tells of it; `None` when it does not run.
    pub(super) fn beat(&self) -> Option<Counters> {
        let live = self.live().ok()?;
        Some(self.counters(&live))
    }

    /// Asks its init for what nobody counts outside.
    pub(super) async fn refresh(&self) {
        if let Some(live) = self.live().ok().filter(|live| live.counts_by_looking()) {
            live.cpu_ms(live.running.control.look().await.as_ref());
        }
    }

    /// Whether it writes to a disk that is full; `before` is what was used a second ago.
    pub async fn watch_disk(&self, before: u64) -> u64 {
        let Ok(live) = self.live() else { return 0 };
        let used = self.host.backend.disk_bytes(&self.place).await;
        if used > self.place.resources.disk_bytes && used > before {
            live.stop_writers().await;
        }
        used
    }

    pub(super) fn counters(&self, live: &Live) -> Counters {
        let used = Timestamp::from_unix_ms(self.used_at.load(Ordering::Relaxed));
        Counters {
            cpu_ms: live.cpu_ms(None),
            egress_bytes: live.policy.bytes_out(),
            used_at: Some(live.ports.used_at().map_or(used, |relayed| relayed.max(used))),
        }
    }

    /// The present run.
    ///
    /// # Errors
    /// When it does not run.
    pub fn live(&self) -> Result<Arc<Live>, ExecutorProblem> {
        self.lock_live().clone().filter(|live| !live.is_over()).ok_or_else(not_running)
    }

    /// The way to its init, for something that counts as use of it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn use_control(&self) -> Result<Control, ExecutorProblem> {
        let live = self.live()?;
        self.used_at.fetch_max(now().unix_ms(), Ordering::Relaxed);
        Ok(live.running.control.clone())
    }

    /// The way to its init, for something that may put something into its workspace: whatever comes of that, it is
    /// blank no longer.
    ///
    /// # Errors
    /// When it does not run, or that cannot be written down.
    pub fn fill_control(&self) -> Result<Control, ExecutorProblem> {
        let control = self.use_control()?;
        self.fill()?;
        Ok(control)
    }

    /// It has files from now on.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn fill(&self) -> Result<(), ExecutorProblem> {
        if self.is_blank() { self.change(|record| record.blank = false) } else { Ok(()) }
    }

    /// Whether nothing was put into its workspace yet.
    pub fn is_blank(&self) -> bool {
        self.lock_record().blank
    }

    /// Starts a command, or finds the one of that key.
    ///
    /// # Errors
    /// When it does not fit, or the sandbox does not run.
    pub fn run(&self, key: &str, wanted: StartExec) -> Result<Arc<Run>, ExecutorProblem> {
        let live = || {
            self.fill_control()?;
            self.live()
        };
        self.runs.start(key, wanted, live, |wanted| {
            let mode = if wanted.detach { RunMode::Log(environment::log_name(key)) } else { RunMode::Output };
            let mut command = self.command(wanted.argv.clone(), mode);
            command.cwd = environment::folder(wanted.cwd.as_deref());
            command.env.extend(wanted.env.clone());
            command
        })
    }

    /// Kills the command of that key.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_run(&self, key: &str) -> Result<(), ExecutorProblem> {
        self.runs.kill(key)
    }

    /// Opens a terminal, or finds the one of that key.
    ///
    /// # Errors
    /// When the sandbox does not run, or has as many as it may.
    pub async fn terminal(&self, key: &str, cols: u16, rows: u16) -> Result<Arc<Terminal>, ExecutorProblem> {
        let (cols, rows) = (cols.clamp(1, terminals::SIZE), rows.clamp(1, terminals::SIZE));
        let command = self.command(environment::shell(), RunMode::Terminal { cols, rows });
        let (terminal, is_new) = self.terminals.open(key, || self.fill_control(), command).await?;
        if !is_new {
            terminal.resize(cols, rows);
        }
        Ok(terminal)
    }

    /// A command in the workspace with the environment that all have.
    pub fn command(&self, argv: Vec<String>, mode: RunMode) -> wire::Run {
        let env = environment::variables(&self.host.backend.path());
        wire::Run { argv, cwd: WORKSPACE.to_owned(), env, mode }
    }

    /// Writes the changed record down, then lets it count.
    pub(super) fn change(&self, change: impl FnOnce(&mut Record)) -> Result<(), ExecutorProblem> {
        self.change_record(change, true)
    }

    /// The same, but a loss of power may undo it yet.
    pub(super) fn change_soon(&self, change: impl FnOnce(&mut Record)) -> Result<(), ExecutorProblem> {
        self.change_record(change, false)
    }

    fn change_record(&self, change: impl FnOnce(&mut Record), lasting: bool) -> Result<(), ExecutorProblem> {
        let mut record = self.lock_record();
        let mut changed = record.clone();
        change(&mut changed);
        changed.write(&self.place.folder, lasting).map_err(|error| {
            problem(ExecutorCode::Failed, format!("The record cannot be written: {error}."))
        })?;
        *record = changed;
        Ok(())
    }

    pub(super) fn lock_record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_live(&self) -> MutexGuard<'_, Option<Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn patterns(hosts: &[String]) -> Result<Vec<HostPattern>, ExecutorProblem> {
    if hosts.len() > HOSTS_PER_SANDBOX {
        return Err(problem(
            ExecutorCode::Invalid,
            format!("A sandbox has {HOSTS_PER_SANDBOX} hosts at most."),
        ));
    }
    let parsed = hosts.iter().map(|host| {
        HostPattern::parse(host)
            .map_err(|refusal| problem(ExecutorCode::Invalid, format!("The host {host}: {refusal}.")))
    });
    parsed.collect()
}
