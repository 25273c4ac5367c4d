//! The workspace as a whole: read from a sandbox that runs or is stopped, and replaced in one that runs.
//!
//! A stopped one is brought up for as long as it is read, with nothing inside but its init and the archiver. That is no run:
//! nobody is told of it, it holds no place and it reaches nothing. Whoever wants to start, stop or destroy it comes first.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use slipway_contract::objects::executor::{ExecutorCode, ExecutorProblem};
use tokio::net::UnixStream;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, mpsc, oneshot, watch};

use super::sandbox::Sandbox;
use crate::api::problem;
use crate::backend::Running;
use crate::egress::{Egress, Policy};
use crate::inside::PROGRAM;
use crate::inside::wire::{Frame, RunMode, read_frame};

/// Pieces that wait for a reader that is slower than the archiver.
const WAITING: usize = 8;

/// An archive on its way. It ends with an error unless it was read to its end: half an archive must not look like one.
pub struct Archive(From);

enum From {
    /// A running sandbox, whose workspace is not replaced meanwhile.
    Running(UnixStream, OwnedRwLockReadGuard<()>),
    /// A stopped one, that somebody else reads.
    Stopped(mpsc::Receiver<io::Result<Bytes>>),
}

/// Somebody waits for a sandbox; whoever only reads it gives way.
pub(super) struct Wanted<'s>(&'s watch::Sender<usize>);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

impl Archive {
    /// Its next piece; `None` at its end.
    ///
    /// # Errors
    /// When it broke off.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.0 {
            From::Running(stream, _guard) => piece(stream).await,
            From::Stopped(pieces) => match pieces.recv().await {
                // The end is an empty piece: who reads may have died as well.
                Some(Ok(bytes)) if bytes.is_empty() => Ok(None),
                Some(piece) => piece.map(Some),
                None => Err(broken()),
            },
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("the snapshot broke off")
}

/// What the archiver writes, until it ends well.
async fn piece(stream: &mut UnixStream) -> io::Result<Option<Bytes>> {
    loop {
        match read_frame(stream).await? {
            Some(Frame::Stdout(bytes)) if bytes.is_empty() => {}
            Some(Frame::Stdout(bytes)) => return Ok(Some(Bytes::from(bytes))),
            Some(Frame::Exit(0)) => return Ok(None),
            Some(Frame::Stderr(_)) => {}
            Some(Frame::Exit(_) | Frame::Input(_) | Frame::InputEnd | Frame::Kill(_) | Frame::Resize(..))
            | None => return Err(broken()),
        }
    }
}

impl Sandbox {
    /// The workspace as an archive, as it is now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn archive(self: &Arc<Self>) -> Result<Archive, ExecutorProblem> {
        loop {
            if let Ok(control) = self.use_control() {
                let guard = Arc::clone(&self.workspace).read_owned().await;
                return Ok(Archive(From::Running(control.run(self.archiver()).await?, guard)));
            }
            let ((begin, begun), (pieces, waiting)) = (oneshot::channel(), mpsc::channel(WAITING));
            // Goes on without a client that has left, until it is all down again.
            tokio::spawn(Arc::clone(self).read_stopped(begin, pieces));
            let broke = || problem(ExecutorCode::Failed, "It broke off in the middle.");
            match begun.await.map_err(|_| broke())? {
                Begun::Reading => return Ok(Archive(From::Stopped(waiting))),
                Begun::Runs => {}
                Begun::Refused(refused) => return Err(refused),
            }
        }
    }

    /// Keeps its workspace from being read or replaced by others.
    pub async fn replace_workspace(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.workspace).write_owned().await
    }

    /// Says that somebody waits for their turn.
    pub(super) fn want(&self) -> Wanted<'_> {
        self.wanted.send_modify(|waiting| *waiting += 1);
        Wanted(&self.wanted)
    }

    fn archiver(&self) -> crate::inside::wire::Run {
        self.command([PROGRAM, "archive"].map(String::from).into(), RunMode::Output)
    }

    async fn read_stopped(
        self: Arc<Self>,
        begin: oneshot::Sender<Begun>,
        pieces: mpsc::Sender<io::Result<Bytes>>,
    ) {
        // Never closed.
        let Ok(_reading) = self.host.reading.acquire().await else { return };
        let turn = self.turn.lock().await;
        // Nobody waits for the answer any more when it cannot be sent.
        if *turn {
            let gone = problem(ExecutorCode::NotFound, "There is no such sandbox.");
            return drop(begin.send(Begun::Refused(gone)));
        }
        if self.live().is_ok() {
            return drop(begin.send(Begun::Runs));
        }
        // One that ended by itself a moment ago is tidied up first.
        self.finish(false).await;
        if let Err(refused) = self.read_now(begin, &pieces).await {
            crate::log::outcome("snapshot", self.place.sandbox, &refused.detail);
        }
    }

    /// Brings it up, reads it, and takes it down again.
    async fn read_now(
        &self,
        begin: oneshot::Sender<Begun>,
        pieces: &mpsc::Sender<io::Result<Bytes>>,
    ) -> Result<(), ExecutorProblem> {
        let backend = &self.host.backend;
        let up = async {
            backend.prepare_sockets(&self.place).await?;
            // Nothing is on the list of this one.
            let egress =
                Egress::start(&self.place.egress_socket(), Policy::new(Vec::new())).map_err(|error| {
                    problem(ExecutorCode::Failed, format!("The egress proxy does not start: {error}."))
                })?;
            Ok::<_, ExecutorProblem>((egress, backend.start(&self.place).await?))
        };
        let (egress, running) = match up.await {
            Ok(up) => up,
            Err(refused) => {
                drop(begin.send(Begun::Refused(refused.clone())));
                return Err(refused);
            }
        };
        let mut wanted = self.wanted.subscribe();
        tokio::select! {
            biased;
            _ = wanted.wait_for(|waiting| *waiting > 0) => {
                drop(pieces.try_send(Err(broken())));
            }
            () = self.send_archive(&running, begin, pieces) => {}
        }
        running.kill();
        running.wait().await;
        backend.release(&self.place).await;
        drop(egress);
        Ok(())
    }

    /// Sends what the archiver writes, as long as somebody reads it.
    async fn send_archive(
        &self,
        running: &Running,
        begin: oneshot::Sender<Begun>,
        pieces: &mpsc::Sender<io::Result<Bytes>>,
    ) {
        let mut stream = match running.control.run(self.archiver()).await {
            Ok(stream) => stream,
            Err(refused) => return drop(begin.send(Begun::Refused(refused))),
        };
        if begin.send(Begun::Reading).is_err() {
            return;
        }
        loop {
            let piece = piece(&mut stream).await;
            let last = !matches!(piece, Ok(Some(_)));
            let sent = pieces.send(piece.map(Option::unwrap_or_default)).await;
            if last || sent.is_err() {
                return;
            }
        }
    }
}

/// What became of the wish to read a stopped sandbox.
enum Begun {
    /// It is read.
    Reading,
    /// It runs meanwhile.
    Runs,
    /// Why not.
    Refused(ExecutorProblem),
}
