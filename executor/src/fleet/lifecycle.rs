//! How a sandbox starts, stops and goes.
//!
//! These take turns. A run is written down before anybody is told that it began, and what it used before its place is free.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slipway_contract::objects::executor::{CreateSandbox, ExecutorCode, ExecutorProblem};
use slipway_contract::time::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::heartbeat::Counters;
use super::live::Live;
use super::now;
use super::record::{Record, RunRecord};
use super::sandbox::{Sandbox, patterns};
use crate::api::problem;
use crate::backend::control::Control;
use crate::egress::{Egress, Policy};
use crate::inside::wire;

/// How long a sandbox has to end in peace before it is killed. Init itself gives its processes less.
const PEACE: Duration = Duration::from_secs(3);

impl Sandbox {
    /// Starts it unless it runs. `None` when it was destroyed meanwhile. `place` is only taken when it is needed.
    pub async fn start(
        self: &Arc<Self>,
        wanted: &CreateSandbox,
        place: impl FnOnce() -> Result<OwnedSemaphorePermit, ExecutorProblem>,
    ) -> Option<Result<(), ExecutorProblem>> {
        let _wanted = self.want();
        let turn = self.turn.lock().await;
        if *turn {
            return None;
        }
        Some(self.start_now(wanted, place).await)
    }

    async fn start_now(
        self: &Arc<Self>,
        wanted: &CreateSandbox,
        place: impl FnOnce() -> Result<OwnedSemaphorePermit, ExecutorProblem>,
    ) -> Result<(), ExecutorProblem> {
        if self.lock_record().size != wanted.size {
            return Err(problem(ExecutorCode::Invalid, "A sandbox keeps the size that it was made with."));
        }
        self.set_epoch(wanted.epoch)?;
        self.set_hosts(&wanted.hosts)?;
        if self.live().is_ok() {
            return Ok(());
        }
        // One that ended by itself a moment ago is tidied up first.
        self.finish(false).await;
        let place = place()?;
        let started = self.launch(place, &wanted.files).await;
        if let Err(refused) = &started {
            crate::log::outcome("start", self.place.sandbox, &refused.detail);
        }
        started
    }

    async fn launch(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        files: &BTreeMap<String, String>,
    ) -> Result<(), ExecutorProblem> {
        let backend = &self.host.backend;
        backend.prepare_sockets(&self.place).await?;
        let hosts = patterns(&self.lock_record().hosts)?;
        let policy = Policy::new(hosts);
        let egress = Egress::start(&self.place.egress_socket(), policy.clone()).map_err(|error| {
            problem(ExecutorCode::Failed, format!("The egress proxy does not start: {error}."))
        })?;
        let running = backend.start(&self.place).await?;
        let epoch = self.lock_record().epoch;
        let live = Arc::new(Live::new(running, policy, egress, permit, epoch, now()));
        let ready = async {
            // One that was made to be restored, and was not, has still nothing.
            let begins = {
                let record = self.lock_record();
                record.blank || !record.seeded
            };
            if begins {
                seed(&live.running.control, files).await?;
            }
            self.change_soon(|record| {
                record.blank &= files.is_empty();
                record.seeded = true;
                record.run = Some(RunRecord {
                    started_at: live.started_at,
                    ended_at: None,
                    ended_because: None,
                    used_at: None,
                    cpu_ms: 0,
                    egress_bytes: 0,
                    disk_bytes: 0,
                    leader: Some(live.running.leader),
                });
            })
        };
        if let Err(refused) = ready.await {
            live.running.kill();
            live.running.wait().await;
            backend.release(&self.place).await;
            return Err(refused);
        }
        // Whoever waits for the sandbox need not wait for the disk: an executor that is killed keeps what is written.
        let folder = self.place.folder.clone();
        tokio::task::spawn_blocking(move || Record::sync(&folder));
        self.used_at.store(live.started_at.unix_ms(), Ordering::Relaxed);
        *self.lock_live() = Some(Arc::clone(&live));
        // What changed while it started, when there was nobody to tell yet.
        let record = self.lock_record().clone();
        live.set_epoch(record.epoch);
        live.policy.set_hosts(patterns(&record.hosts)?);
        let own = Arc::clone(self);
        tokio::spawn(async move {
            live.running.wait().await;
            drop(live);
            own.settle().await;
        });
        Ok(())
    }

    /// Ends its processes. Its files stay.
    pub async fn stop(&self) {
        let _wanted = self.want();
        let _turn = self.turn.lock().await;
        self.stop_now().await;
    }

    async fn stop_now(&self) {
        let Some(live) = self.lock_live().clone() else { return };
        let asked = live.running.ended.borrow().is_none();
        live.close();
        if live.counts_by_looking() {
            live.cpu_ms(live.running.control.look().await.as_ref());
        }
        live.running.control.shut_down().await;
        if tokio::time::timeout(PEACE, live.running.wait()).await.is_err() {
            live.running.kill();
            live.running.wait().await;
        }
        self.finish(asked).await;
    }

    /// Finishes a run whose processes have ended, unless somebody else is at it.
    pub(super) async fn settle(&self) {
        let _turn = self.turn.lock().await;
        let ended = self.lock_live().as_ref().is_some_and(|live| live.running.ended.borrow().is_some());
        if ended {
            self.finish(false).await;
        }
    }

    /// Writes down how the run ended, then tidies up. Its processes are gone; `asked` says whether somebody wanted that.
    pub(super) async fn finish(&self, asked: bool) {
        let Some(live) = self.lock_live().clone() else { return };
        let at = now();
        live.close();
        let because = (!asked).then(|| format!("Its processes ended: {}.", live.running.why()));
        let disk_bytes = self.host.backend.disk_bytes(&self.place).await;
        let counters = self.counters(&live);
        if let Some(because) = &because {
            crate::log::outcome("lost", self.place.sandbox, because);
        }
        let written = self.change(|record| {
            if let Some(run) = &mut record.run {
                *run = RunRecord { ended_because: because, disk_bytes, ..ended(run, at, counters) };
            }
        });
        if let Err(refused) = written {
            crate::log::outcome("record", self.place.sandbox, &refused.detail);
        }
        self.terminals.forget().await;
        self.host.backend.release(&self.place).await;
        *self.lock_live() = None;
        // Last, and not when the last command lets go of it: its place is free.
        live.release();
    }

    /// Ends it and deletes its files. Nobody starts it again.
    ///
    /// # Errors
    /// When files could not be deleted; it is still there then.
    pub async fn destroy(&self) -> Result<(), ExecutorProblem> {
        let _wanted = self.want();
        let mut turn = self.turn.lock().await;
        if *turn {
            return Ok(());
        }
        self.stop_now().await;
        self.host.backend.destroy(&self.place).await?;
        for folder in [&self.place.folder, &self.place.sockets] {
            match tokio::fs::remove_dir_all(folder).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(problem(
                        ExecutorCode::Failed,
                        format!("Its folder cannot be deleted: {error}."),
                    ));
                }
                Ok(()) | Err(_) => {}
            }
        }
        *turn = true;
        Ok(())
    }

    /// Settles a run that an executor left open when it was killed.
    pub(super) async fn recover(&self, last: Timestamp, counters: Option<Counters>) {
        let open = self.lock_record().run.clone().filter(|run| run.ended_at.is_none());
        let leader = open.as_ref().and_then(|run| run.leader);
        self.host.backend.recover(&self.place, leader).await;
        let Some(open) = open else { return };
        let settled = RunRecord {
            ended_because: Some("The executor ended, and with it all that ran.".to_owned()),
            ..ended(&open, last.max(open.started_at), counters.unwrap_or_default())
        };
        if let Err(refused) = self.change(|record| record.run = Some(settled)) {
            crate::log::outcome("record", self.place.sandbox, &refused.detail);
        }
    }
}

/// The run as it stood when it ended.
fn ended(run: &RunRecord, at: Timestamp, counters: Counters) -> RunRecord {
    RunRecord {
        ended_at: Some(at),
        used_at: counters.used_at.or(run.used_at),
        cpu_ms: counters.cpu_ms,
        egress_bytes: counters.egress_bytes,
        leader: None,
        ..run.clone()
    }
}

async fn seed(control: &Control, files: &BTreeMap<String, String>) -> Result<(), ExecutorProblem> {
    for (path, content) in files {
        let mut file = control.put(path).await?;
        for piece in content.as_bytes().chunks(wire::FRAME_BYTES) {
            file.write(piece).await?;
        }
        file.finish().await?;
    }
    Ok(())
}
