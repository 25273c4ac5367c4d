//! A Docker engine of the tests' own: in a folder of its own, with no network and no file system that the kernel would have to
//! know. It ends with the value and leaves nothing behind.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

/// An engine that does not answer by then never will.
const START_LIMIT: Duration = Duration::from_secs(60);
/// It gives its containers 10 s to end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A running engine.
pub struct DockerEngine {
    child: Child,
    folder: TempDir,
}

impl DockerEngine {
    /// Starts one, as root.
    ///
    /// # Errors
    /// When it does not answer; the error has its last words.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("slipway-docker-").tempdir()?;
        // A user whom the tests trust with its socket passes through; who may connect is the socket's own business.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let option = |name: &str, file: &str| format!("{name}={}", folder.path().join(file).display());
        fs::write(folder.path().join("settings.json"), "{}")?;
        let log = File::create(folder.path().join("log"))?;
        // Ends with this thread, the main one, also when that is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "dockerd"])
            // Sandboxes have no network, so the engine changes nothing of the host's. `vfs` works in every file system.
            .args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"])
            .args([option("--data-root", "data"), option("--exec-root", "exec"), option("--pidfile", "pid")])
            .args([option("--host", "docker.sock").replacen('=', "=unix://", 1)])
            // Instead of this host's.
            .args([option("--config-file", "settings.json")])
            .env("PATH", path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start dockerd")?;
        let mut engine = Self { child, folder };
        let until = Instant::now() + START_LIMIT;
        while !engine.answers() {
            if Instant::now() > until || engine.child.try_wait()?.is_some() {
                let said = fs::read_to_string(engine.folder.path().join("log")).unwrap_or_default();
                let last: Vec<_> = said.lines().rev().take(5).collect();
                bail!("the Docker engine does not answer: {}", last.join("; "));
            }
            thread::sleep(POLL);
        }
        Ok(engine)
    }

    /// `DOCKER_HOST` for its clients.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// It listens before it is ready, and lets those wait who ask.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.contains(" 200 "))
        };
        ask().unwrap_or(false)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}

/// `dockerd` looks for `containerd`, `runc` and `iptables` where administrators' programs are.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        let _ = kill_process(pid, Signal::TERM);
        let until = Instant::now() + STOP_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(POLL);
        }
        // What is left of it, also of containerd.
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.child.wait();
        // It mounts its folder over itself, and what runs in containers below it; the innermost goes first.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let points = mounts.lines().rev().filter_map(|line| line.split(' ').nth(1));
        for point in points.filter(|point| std::path::Path::new(point).starts_with(self.folder.path())) {
            let _ = Command::new("umount").args(["-l", point]).env("PATH", path()).status();
        }
    }
}
