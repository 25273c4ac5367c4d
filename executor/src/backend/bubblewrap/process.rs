//! Waits for the end of a sandbox made by `bwrap`.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use crate::backend::cgroups::Group;
use crate::backend::control::Control;
use crate::backend::leader::Leader;
use crate::backend::{BackendError, Running};

/// What is kept of what `bwrap` and init say on standard error.
const SAID_BYTES: u64 = 4096;

/// Waits for the end of a sandbox in a task of its own.
pub(super) fn watch_over(
    mut child: Child,
    control: Control,
    group: Option<Arc<Group>>,
) -> Result<Running, BackendError> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let leader = pid.and_then(Leader::of);
    let leader = leader.ok_or_else(|| BackendError::Failed("bwrap ended at once.".to_owned()))?;
    let (told, ended) = watch::channel(None);
    let (kill, mut killed) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut said = Vec::new();
        let stderr = child.stderr.take();
        let listen = async {
            if let Some(stderr) = stderr {
                // What cannot be read is not told.
                let _ = stderr.take(SAID_BYTES).read_to_end(&mut said).await;
            }
        };
        let status = tokio::select! {
            status = child.wait() => status,
            _ = killed.recv() => child.kill().await.and(child.wait().await),
        };
        // The last words are there already, but a process that holds the pipe open must not delay the news.
        let _ = tokio::time::timeout(Duration::from_millis(100), listen).await;
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        told.send_replace(Some(if said.is_empty() { how } else { format!("{how}: {said}") }));
    });
    Ok(Running { control, ended, leader, group, kill })
}
