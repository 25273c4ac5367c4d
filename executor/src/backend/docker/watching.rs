//! Waits for the end of a sandbox made by Docker, and ends it when told.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};

use super::engine::Engine;
use crate::backend::Running;
use crate::backend::cgroups::Group;
use crate::backend::control::Control;
use crate::backend::leader::Leader;

/// How often a sandbox is looked at while its engine does not answer.
const LOOK: Duration = Duration::from_millis(500);

/// A container that runs.
pub(super) struct Watched {
    pub(super) engine: Engine,
    pub(super) name: String,
    pub(super) leader: Leader,
    /// Init ends when this is closed.
    pub(super) lifeline: UnixStream,
}

impl Watched {
    /// Waits for its end in a task of its own.
    pub(super) fn watch_over(self, control: Control, group: Option<Arc<Group>>) -> Running {
        let (told, ended) = watch::channel(None);
        let (kill, mut killed) = mpsc::channel(1);
        let leader = self.leader;
        tokio::spawn(async move {
            let end = tokio::select! {
                end = self.end() => end,
                _ = killed.recv() => {
                    if self.engine.kill(&self.name).await.is_err() {
                        // It has ended, or the engine has.
                        self.leader.kill();
                    }
                    self.end().await
                }
            };
            drop(self.lifeline);
            told.send_replace(Some(end));
        });
        Running { control, ended, leader, group, kill }
    }

    /// How it ended, once it has. An engine that is restarted does not end it; one that is gone for good cannot tell.
    async fn end(&self) -> String {
        loop {
            match self.engine.wait(&self.name).await {
                Ok(code) => return tell(&self.engine, &self.name, code).await,
                Err(error) if !self.leader.lives() => return error.to_string(),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// What its code means, with its last words.
pub(super) async fn tell(engine: &Engine, name: &str, code: i64) -> String {
    // As engines say it: 128 and the signal's number for a process that a signal ended.
    let code = i32::try_from(code).unwrap_or(255);
    let status = ExitStatus::from_raw(if (129..=192).contains(&code) { code - 128 } else { code << 8 });
    let said = if code == 0 { None } else { engine.said(name).await.ok() };
    match said.as_ref().map(|(_, complaint)| complaint.trim()) {
        None | Some("") => status.to_string(),
        Some(complaint) => format!("{status}: {complaint}"),
    }
}
