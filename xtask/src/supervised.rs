//! A program of `xtask/stack/` that runs until its standard input closes. It therefore ends when this process
//! ends, in whatever way; dropping the value ends it in good order.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::repo;

/// A program that is not ready by then never will be.
const START_LIMIT: Duration = Duration::from_secs(90);
/// Postgres may take 15 s to end its sessions; a program that takes longer is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);

/// A running program and the JSON lines it prints.
pub struct Supervised {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    over: bool,
}

impl Supervised {
    /// Starts `script` with `settings` and waits until it says that it is ready; returns that message too.
    /// What it writes to standard error is appended to `log`, and shown when `show_errors` is set.
    ///
    /// # Errors
    /// When it cannot start, says that it failed, ends, or is not ready after 90 s.
    pub fn start(script: &str, settings: &Value, log: &Path, show_errors: bool) -> Result<(Self, Value)> {
        let file = repo::root().join("xtask/stack").join(script);
        let mut command = Command::new(repo::node_bin().join("node"));
        command.arg(&file).current_dir(repo::root()).env("PATH", repo::path_variable()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own group: Ctrl-C in the terminal reaches only us, and we stop things in order.
        command.process_group(0);
        let mut child = command.spawn().context("cannot start Node; run `cargo xtask setup`")?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let stderr = child.stderr.take().context("no standard error")?;
        let log = open_log(log)?;
        thread::spawn(move || copy_errors(BufReader::new(stderr), log, show_errors));
        let (sender, messages) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Anything that is not a message is chatter of a library.
                if let Ok(message) = serde_json::from_str::<Value>(&line)
                    && sender.send(message).is_err()
                {
                    break;
                }
            }
        });
        let sent = serde_json::to_writer(&mut stdin, settings).map_err(|error| anyhow!(error));
        let sent = sent.and_then(|()| Ok(stdin.write_all(b"\n")?)).and_then(|()| Ok(stdin.flush()?));
        let running = Self { name: script.to_owned(), child, stdin: Some(stdin), messages, over: false };
        // A program that ended before reading its settings said why on its standard output.
        let ready = running.wait_for("ready", START_LIMIT)?;
        sent?;
        Ok((running, ready))
    }

    /// The next message that has `key`, or the program's failure.
    ///
    /// # Errors
    /// When the program fails, ends, or says nothing of the kind in time.
    pub fn wait_for(&self, key: &str, limit: Duration) -> Result<Value> {
        let until = Instant::now() + limit;
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) if message.get(key).is_some() => return Ok(message),
                Ok(message) => {
                    if let Some(failure) = message.get("failed").and_then(Value::as_str) {
                        bail!("{}: {failure}", self.name);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{}: no `{key}` after {} s", self.name, limit.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("{} ended before `{key}`", self.name),
            }
        }
    }

    /// Sends one more JSON line.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn send(&mut self, message: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the program was stopped")?;
        writeln!(stdin, "{message}")
            .and_then(|()| stdin.flush())
            .with_context(|| format!("{} is gone", self.name))
    }

    /// The exit status once the program has ended.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Process id of the Node process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in good order: standard input is closed, then it is waited for, then it is killed.
    pub fn stop(&mut self) {
        if self.over {
            return;
        }
        drop(self.stdin.take());
        let until = Instant::now() + STOP_LIMIT;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(POLL);
        }
        self.kill();
    }

    /// kill -9 of the program and everything in its process group.
    pub fn kill(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Fails only when all of it is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        drop(self.stdin.take());
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open_log(log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}

fn copy_errors(lines: impl std::io::BufRead, mut log: File, show: bool) {
    for line in lines.split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        // The log is a convenience: a full disk shows itself elsewhere.
        let _ = writeln!(log, "{line}");
        if show {
            crate::progress::print(&format!("  ! {line}"));
        }
    }
}
