//! The commands of a sandbox, by key. The same key is the same run for ever, whoever asks and however often.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipway_contract::objects::executor::{ExecExit, ExecFrame, ExecutorCode, ExecutorProblem, StartExec};
use tokio::io::AsyncWrite;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::ledger::Ledger;
use super::live::Live;
use super::output::{Channel, Cursor, Output};
use crate::api::problem;
use crate::inside::wire::{self, Frame, RunMode, read_frame, write_frame};

/// Ended runs whose output is kept.
const KEPT: usize = 200;
/// Commands that run at once, also in the background.
const RUNNING: usize = 64;
/// How long a command has to end by itself when it is to.
const PEACE: Duration = Duration::from_secs(2);
/// How often somebody who waits for news hears that there are none.
const ALIVE: Duration = Duration::from_secs(10);
/// Longest timeout.
const LONGEST: Duration = Duration::from_secs(3600);
/// Arguments at most, and their bytes together.
const ARGUMENTS: usize = 1_000;
const ARGUMENT_BYTES: usize = 128 * 1024;
/// As shells tell of a process that SIGKILL ended.
const KILLED: i32 = 137;

/// The runs of a sandbox.
pub struct Runs {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    runs: HashMap<String, Arc<Run>>,
    ended: VecDeque<String>,
    ledger: Ledger,
}

/// A run of a command.
pub struct Run {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    kill: Notify,
}

#[derive(Default)]
struct State {
    output: Output,
    /// It was handed to init, or cannot be.
    begun: Option<Result<(), ExecutorProblem>>,
    exit: Option<ExecExit>,
}

/// Refuses what does not fit.
fn check(wanted: &StartExec) -> Result<(), ExecutorProblem> {
    let bytes: usize = wanted.argv.iter().map(String::len).sum();
    let environment: usize = wanted.env.iter().map(|(name, value)| name.len() + value.len()).sum();
    let names = wanted.env.keys().all(|name| !name.is_empty() && !name.contains(['=', '\0']));
    let nul =
        wanted.argv.iter().chain(wanted.env.values()).chain(&wanted.cwd).any(|text| text.contains('\0'));
    let refused = if wanted.argv.is_empty() || wanted.argv.len() > ARGUMENTS || bytes > ARGUMENT_BYTES {
        Some(format!("A command has 1 to {ARGUMENTS} arguments of {ARGUMENT_BYTES} bytes together."))
    } else if environment > ARGUMENT_BYTES || !names {
        Some(format!("The environment has {ARGUMENT_BYTES} bytes at most, and its names are not empty."))
    } else if nul {
        Some("Arguments, environment and folder hold no NUL.".to_owned())
    } else if wanted.timeout_ms == 0 || Duration::from_millis(wanted.timeout_ms) > LONGEST {
        Some(format!("The timeout is 1 ms to {} s.", LONGEST.as_secs()))
    } else {
        None
    };
    refused.map_or(Ok(()), |detail| Err(problem(ExecutorCode::Invalid, detail)))
}

impl Runs {
    /// The runs of the sandbox in `folder`.
    pub fn open(folder: &Path) -> Self {
        let inner = Inner { runs: HashMap::new(), ended: VecDeque::new(), ledger: Ledger::open(folder) };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Starts a command in `live`, or finds the run of that key.
    ///
    /// # Errors
    /// When the command does not fit, or the sandbox does not run.
    pub fn start(
        &self,
        key: &str,
        wanted: StartExec,
        live: impl FnOnce() -> Result<Arc<Live>, ExecutorProblem>,
        command: impl FnOnce(&StartExec) -> wire::Run,
    ) -> Result<Arc<Run>, ExecutorProblem> {
        check(&wanted)?;
        let mut inner = lock(&self.inner);
        if let Some(run) = inner.runs.get(key) {
            return Ok(Arc::clone(run));
        }
        if let Some(code) = inner.ledger.find(key) {
            return Ok(Arc::new(Run::forgotten(code)));
        }
        let live = live()?;
        if inner.runs.len() - inner.ended.len() >= RUNNING {
            return Err(problem(ExecutorCode::Failed, format!("{RUNNING} commands run already.")));
        }
        inner
            .ledger
            .start(key)
            .map_err(|error| problem(ExecutorCode::Failed, format!("The host's disk: {error}.")))?;
        let run = Arc::new(Run::new(State::default()));
        inner.runs.insert(key.to_owned(), Arc::clone(&run));
        drop(inner);

        let (own, all, key) = (Arc::clone(&run), Arc::clone(&self.inner), key.to_owned());
        let command = command(&wanted);
        tokio::spawn(async move {
            let code = own.drive(&live, command, &wanted).await;
            let mut inner = lock(&all);
            inner.ledger.end(&key, code);
            inner.ended.push_back(key);
            while inner.ended.len() > KEPT {
                let oldest = inner.ended.pop_front();
                oldest.and_then(|key| inner.runs.remove(&key));
            }
        });
        Ok(run)
    }

    /// Kills a run. One that has ended stays as it is.
    ///
    /// # Errors
    /// When there is none of that key.
    pub fn kill(&self, key: &str) -> Result<(), ExecutorProblem> {
        let inner = lock(&self.inner);
        if let Some(run) = inner.runs.get(key) {
            run.kill.notify_one();
            return Ok(());
        }
        let known = inner.ledger.find(key).map(drop);
        known.ok_or_else(|| problem(ExecutorCode::NotFound, "There is no such command."))
    }
}

impl Run {
    fn new(state: State) -> Self {
        Self { state: Mutex::new(state), changed: watch::Sender::new(()), kill: Notify::new() }
    }

    /// A run whose output is gone.
    fn forgotten(code: Option<i32>) -> Self {
        let mut output = Output::default();
        output.note("This command ran before; what it wrote is no longer kept.\n");
        let exit = ExecExit {
            code: code.unwrap_or(KILLED),
            timed_out: false,
            killed: code.is_none(),
            dropped_bytes: 0,
            duration_ms: 0,
            refused_hosts: Vec::new(),
        };
        Self::new(State { output, begun: Some(Ok(())), exit: Some(exit) })
    }

    /// What came after `cursor`; waits until there is something, and says so every now and then. After
    /// [`ExecFrame::Exit`] nothing comes.
    pub async fn next(&self, cursor: &mut Cursor) -> Vec<ExecFrame> {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let state = lock(&self.state);
                let mut frames = state.output.read(cursor);
                if frames.is_empty() {
                    frames.extend(state.exit.clone().map(ExecFrame::Exit));
                }
                if !frames.is_empty() {
                    return frames;
                }
            }
            if tokio::time::timeout(ALIVE, changed.changed()).await.is_err() {
                return vec![ExecFrame::Alive];
            }
        }
    }

    /// Waits until it was started.
    ///
    /// # Errors
    /// When it could not be.
    pub async fn started(&self) -> Result<(), ExecutorProblem> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(begun) = lock(&self.state).begun.clone() {
                return begun;
            }
            if changed.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.send_replace(());
    }

    /// Runs it to its end.
    async fn drive(&self, live: &Live, command: wire::Run, wanted: &StartExec) -> i32 {
        let began = Instant::now();
        let mark = live.policy.mark();
        let kills = live.memory_kills().await;
        let stopped_for_disk = live.disk_stops();
        let background = matches!(command.mode, RunMode::Log(_));
        let stream = match live.running.control.run(command).await {
            Ok(stream) => stream,
            Err(refused) => {
                self.change(|state| {
                    state.output.note(&format!("{}\n", refused.detail));
                    state.begun = Some(Err(refused));
                });
                self.end(exit(KILLED, began));
                return KILLED;
            }
        };
        self.change(|state| state.begun = Some(Ok(())));
        // What goes on in the background goes on until the sandbox stops.
        let timeout = if background { Duration::MAX } else { Duration::from_millis(wanted.timeout_ms) };
        let (mut from, to) = stream.into_split();
        let (timed_out, killed) = (AtomicBool::new(false), AtomicBool::new(false));
        let give_up = self.give_up(to, timeout, &timed_out, &killed);
        let read = async {
            loop {
                match read_frame(&mut from).await {
                    Ok(Some(Frame::Stdout(bytes))) => {
                        self.change(|state| state.output.push(Channel::Stdout, &bytes))
                    }
                    Ok(Some(Frame::Stderr(bytes))) => {
                        self.change(|state| state.output.push(Channel::Stderr, &bytes))
                    }
                    Ok(Some(Frame::Exit(code))) => return Some(code),
                    Ok(
                        Some(Frame::Input(_) | Frame::InputEnd | Frame::Kill(_) | Frame::Resize(..)) | None,
                    )
                    | Err(_) => {
                        return None;
                    }
                }
            }
        };
        let code = tokio::select! {
            code = read => code,
            never = give_up => match never {},
        };
        let (timed_out, mut killed) = (timed_out.into_inner(), killed.into_inner());
        let code_said = code.is_some();
        let code = code.unwrap_or(KILLED);
        // Without a last word, or ended by a signal while the sandbox stops: it ended with all in it.
        killed |= !code_said || (live.is_over() && code >= 128);
        if code == KILLED && !timed_out && !killed {
            let reason = if live.memory_kills().await > kills {
                Some("the sandbox's memory ran out")
            } else {
                (live.disk_stops() > stopped_for_disk).then_some("the sandbox's disk is full")
            };
            if let Some(reason) = reason {
                self.change(|state| state.output.note(&format!("Killed: {reason}.\n")));
            }
        }
        let refused_hosts = live.policy.refused_since(mark);
        self.end(ExecExit { timed_out, killed, refused_hosts, ..exit(code, began) });
        code
    }

    /// Ends it at its timeout or when somebody wants it: first with a signal that it may heed, then with one that it must.
    async fn give_up(
        &self,
        mut to: impl AsyncWrite + Unpin,
        timeout: Duration,
        timed_out: &AtomicBool,
        killed: &AtomicBool,
    ) -> std::convert::Infallible {
        tokio::select! {
            () = tokio::time::sleep(timeout) => timed_out.store(true, Ordering::Relaxed),
            () = self.kill.notified() => killed.store(true, Ordering::Relaxed),
        }
        // An init that is gone has taken the command with it.
        let _ = write_frame(&mut to, &Frame::Kill(false)).await;
        loop {
            tokio::time::sleep(PEACE).await;
            let _ = write_frame(&mut to, &Frame::Kill(true)).await;
        }
    }

    fn end(&self, exit: ExecExit) {
        self.change(|state| {
            state.output.finish();
            state.exit = Some(ExecExit { dropped_bytes: state.output.dropped(), ..exit });
        });
    }
}

fn exit(code: i32, began: Instant) -> ExecExit {
    ExecExit {
        code,
        timed_out: false,
        killed: false,
        dropped_bytes: 0,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        refused_hosts: Vec::new(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_every_ten_seconds_that_the_run_is_alive() {
        let run = Run::new(State::default());
        let mut cursor = Cursor::default();
        let began = Instant::now();
        for seconds in [10, 20] {
            assert_eq!(run.next(&mut cursor).await, [ExecFrame::Alive]);
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
        run.change(|state| state.output.push(Channel::Stdout, b"news"));
        assert_eq!(run.next(&mut cursor).await, [ExecFrame::Stdout("news".into())]);
        run.end(exit(0, began));
        assert!(matches!(run.next(&mut cursor).await.as_slice(), [ExecFrame::Exit(_)]));
    }
}
