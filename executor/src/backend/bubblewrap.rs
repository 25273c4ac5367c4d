//! Sandboxes by bubblewrap: namespaces of their own for users, processes, files, IPC, network, names and control groups.
//!
//! Inside there are a read-only system, the sandbox's own disk, memory for `/tmp`, loopback, one socket to the egress
//! proxy, and processes of an ordinary user without capabilities. When the executor is root, that user is another one on
//! the host for each sandbox, so that not even a way out of the namespaces would lead to another's files.

pub mod enter;
mod process;
mod seccomp;
mod system;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use slipway_contract::objects::executor::{BackendCapability, DiskQuota};
use slipway_domain::sandbox::Resources;
use tokio::process::Command;

use self::enter::Enter;
use self::process::{kill, listen, started, watch_over};
use self::system::System;
use super::cgroups::{Group, Groups};
use super::control::Control;
use super::disk::{self, Disks};
use super::spawner::Spawner;
use super::{Backend, BackendError, Leader, Place, Running};
use crate::inside::wire::{Ask, Limits};
use crate::inside::{EGRESS_SOCKET, HOME, PROGRAM, WORKSPACE};

/// Users of sandboxes on the host begin here, when the executor is root: in the one large range that no distribution,
/// `subuid(5)` or systemd gives to anybody (systemd.io/UIDS-GIDS: 1879048192 to 2147352575 are unused).
const FIRST_USER: u32 = 1_900_000_000;
/// The user inside.
const USER_INSIDE: &str = "1000";
/// How long a sandbox may take until its init answers.
const START: Duration = Duration::from_secs(10);
/// The backend.
#[derive(Debug)]
pub struct Bubblewrap {
    data: PathBuf,
    program: PathBuf,
    system: System,
    groups: Groups,
    disks: Disks,
    spawner: Spawner,
    root: bool,
    no_more_namespaces: bool,
    missing: Vec<String>,
    programs: BTreeMap<String, String>,
}

/// Processes and threads of a sandbox at once: Node alone takes 11 threads, a bundler about 20 for each CPU.
const fn processes(resources: &Resources) -> u64 {
    512 * resources.cpus as u64
}

impl Bubblewrap {
    /// Finds out what this host can do, by doing it.
    ///
    /// # Errors
    /// When the data folder cannot be written. That the host cannot make sandboxes is no error but said in
    /// [`Backend::capability`].
    pub async fn probe(data: &Path) -> Result<Self, BackendError> {
        let program =
            install(data).map_err(BackendError::io("putting the program where sandboxes see it"))?;
        let system =
            System::find(&data.join("etc")).map_err(BackendError::io("making up a system for sandboxes"))?;
        let root = rustix::process::geteuid().is_root();
        let mut backend = Self {
            data: data.to_owned(),
            program,
            system,
            groups: Groups::probe(&format!("slipway-{:08x}", fingerprint(data))),
            disks: Disks::Folders,
            spawner: Spawner::start().map_err(BackendError::io("starting a thread"))?,
            root,
            no_more_namespaces: false,
            missing: Vec::new(),
            programs: BTreeMap::new(),
        };
        if root {
            backend.disks = Disks::probe(data).await;
        }
        match help().await {
            None => backend.missing.push("the program bwrap (package bubblewrap)".to_owned()),
            Some(help) if !help.contains("--add-seccomp-fd") || !help.contains("--size") => {
                backend.missing.push("bubblewrap 0.8 or later".to_owned());
            }
            Some(help) => {
                backend.no_more_namespaces = help.contains("--disable-userns");
                match backend.try_out().await {
                    Ok(programs) => backend.programs = programs,
                    Err(error) => backend.missing.push(error.to_string()),
                }
            }
        }
        Ok(backend)
    }

    /// Makes a sandbox for a moment; says which programs are inside.
    async fn try_out(&self) -> Result<BTreeMap<String, String>, BackendError> {
        let folder = self.data.join("trial");
        fs::create_dir_all(&folder).map_err(BackendError::io("making a folder"))?;
        let user = self.user(0);
        let ready = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
            .and_then(|()| user.map_or(Ok(()), |user| chown(&folder, Some(user), Some(user))));
        ready.map_err(BackendError::io("preparing a folder"))?;
        let mut options = self.common(64 << 20);
        options.extend(["--bind".into(), folder.clone().into(), WORKSPACE.into()]);
        self.seal(&mut options);
        let script = format!(
            "for program in {}; do command -v $program >/dev/null && echo $program $($program --version 2>&1); done; true",
            system::PROGRAMS.join(" ")
        );
        let program = ["/bin/sh", "-c", &script].map(OsString::from).into();
        let mut command = self.enter(&Enter { groups: Vec::new(), user, bwrap: options, program })?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawner.spawn(command).await.map_err(BackendError::io("starting bwrap"))?;
        let output = tokio::time::timeout(START, child.wait_with_output()).await;
        let _ = fs::remove_dir_all(&folder);
        let output = output
            .map_err(|_| BackendError::Failed("a trial sandbox did not end".to_owned()))?
            .map_err(BackendError::io("waiting for bwrap"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(BackendError::Failed(format!("a trial sandbox failed: {}", said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(version).collect())
    }

    /// What all sandboxes have in common; `memory` bounds what is kept in memory as files.
    fn common(&self, memory: u64) -> Vec<OsString> {
        let files = (memory / 4).to_string();
        let mut options: Vec<OsString> =
            ["bwrap", "--unshare-all", "--unshare-user", "--uid", USER_INSIDE, "--gid", USER_INSIDE]
                .map(OsString::from)
                .into();
        if self.no_more_namespaces {
            options.push("--disable-userns".into());
        }
        options.extend(
            [
                "--die-with-parent",
                "--new-session",
                "--as-pid-1",
                "--cap-drop",
                "ALL",
                "--hostname",
                "sandbox",
                "--clearenv",
                "--setenv",
                "PATH",
                self.system.path(),
            ]
            .map(OsString::from),
        );
        options.extend_from_slice(self.system.options());
        options.extend(["--proc", "/proc"].map(OsString::from));
        options.extend(system::hidden());
        options.extend(
            [
                "--dev",
                "/dev",
                "--size",
                &files,
                "--perms",
                "1777",
                "--tmpfs",
                "/dev/shm",
                "--size",
                &files,
                "--perms",
                "1777",
                "--tmpfs",
                "/tmp",
                "--dir",
                "/var",
                "--symlink",
                "/tmp",
                "/var/tmp",
            ]
            .map(OsString::from),
        );
        options
    }

    /// The last options: what was needed to put things in their places becomes read-only.
    fn seal(&self, options: &mut Vec<OsString>) {
        options
            .extend(["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORKSPACE].map(OsString::from));
    }

    fn options(&self, place: &Place) -> Vec<OsString> {
        let mut options = self.common(place.resources.memory_bytes);
        let binds: [(&str, PathBuf, &str); 4] = [
            ("--ro-bind", self.program.clone(), PROGRAM),
            ("--ro-bind", place.egress_socket(), EGRESS_SOCKET),
            ("--bind", disk::workspace(place), WORKSPACE),
            ("--bind", disk::home(place), HOME),
        ];
        for (option, from, to) in binds {
            options.extend([option.into(), from.into(), to.into()]);
        }
        self.seal(&mut options);
        options
    }

    /// The command that becomes `bwrap`. It gets nothing of the executor's environment.
    fn enter(&self, enter: &Enter) -> Result<Command, BackendError> {
        let orders = serde_json::to_string(enter).map_err(|error| BackendError::Failed(error.to_string()))?;
        let mut command = Command::new(&self.program);
        let path = std::env::var_os("PATH").unwrap_or_else(|| self.system.path().into());
        command.arg("enter").arg(orders).env_clear().env("PATH", path).current_dir("/");
        Ok(command)
    }

    /// The sandbox's user on the host, where it is another than the executor's.
    fn user(&self, slot: u32) -> Option<u32> {
        self.root.then(|| FIRST_USER + slot)
    }

    fn group(&self, place: &Place) -> Group {
        self.groups.find(&place.sandbox.to_string())
    }

    async fn start_now(&self, place: &Place) -> Result<Running, BackendError> {
        if let Some(missing) = self.missing.first() {
            return Err(BackendError::Unsupported(missing.clone()));
        }
        let user = self.user(place.slot);
        self.disks.open(place, user).await?;
        let socket = place.egress_socket();
        let opened = fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))
            .and_then(|()| user.map_or(Ok(()), |user| chown(&socket, Some(user), Some(user))));
        opened.map_err(BackendError::io("opening the way to the egress proxy"))?;

        let group = self
            .groups
            .create(&place.sandbox.to_string(), &place.resources, processes(&place.resources))
            .map_err(BackendError::io("making the control groups"))?;
        let listener = listen(&place.control_socket()).map_err(BackendError::io("listening for init"))?;
        let program = [PROGRAM, "init"].map(OsString::from).into();
        let enter = Enter { groups: group.entrances(), user, bwrap: self.options(place), program };
        let mut command = self.enter(&enter)?;
        command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = self.spawner.spawn(command).await.map_err(BackendError::io("starting bwrap"))?;
        let running = watch_over(child, Control::new(place.control_socket()), Some(Arc::new(group)))?;

        let limits = Limits {
            processes: processes(&place.resources),
            file_bytes: place.resources.disk_bytes,
            watched_memory_bytes: (!self.groups.limits_memory()).then_some(place.resources.memory_bytes),
        };
        let hello = Ask::Hello(limits);
        let answered = tokio::select! {
            answered = tokio::time::timeout(START, running.control.ask::<()>(&hello)) => matches!(answered, Ok(Ok(()))),
            _ = running.wait() => false,
        };
        if answered {
            return Ok(running);
        }
        running.kill();
        running.wait().await;
        Err(BackendError::Failed(format!("The sandbox did not start: {}.", running.why())))
    }
}

impl Backend for Bubblewrap {
    fn capability(&self) -> BackendCapability {
        BackendCapability { name: "bubblewrap".to_owned(), missing: self.missing.clone() }
    }

    fn cgroups(&self) -> Vec<String> {
        self.groups.names()
    }

    fn disk_quota(&self) -> DiskQuota {
        match self.disks {
            Disks::Images => DiskQuota::Hard,
            Disks::Folders => DiskQuota::Watched,
        }
    }

    fn programs(&self) -> BTreeMap<String, String> {
        self.programs.clone()
    }

    fn path(&self) -> String {
        self.system.path().to_owned()
    }

    fn prepare_sockets<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move {
            let user = self.user(place.slot);
            let prepare = |folder: &Path| {
                fs::create_dir_all(folder)?;
                // The sandbox's user passes through; nobody else does.
                user.map_or(Ok(()), |user| chown(folder, Some(0), Some(user)))?;
                fs::set_permissions(
                    folder,
                    fs::Permissions::from_mode(if user.is_some() { 0o710 } else { 0o700 }),
                )
            };
            prepare(&place.folder)
                .and_then(|()| prepare(&place.sockets))
                .map_err(BackendError::io("making folders"))?;
            // Left behind by an executor that was killed.
            let _ = fs::remove_file(place.egress_socket());
            Ok(())
        })
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
        Box::pin(async move {
            self.group(place).remove().await;
            self.disks.close(place).await;
            let _ = fs::remove_file(place.control_socket());
        })
    }

    fn recover<'a>(&'a self, place: &'a Place, leader: Option<Leader>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(leader) = leader.filter(|leader| started(leader.pid) == Some(leader.started)) {
                kill(leader.pid);
            }
            self.group(place).kill_all();
            self.release(place).await;
        })
    }

    fn destroy<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(self.disks.destroy(place))
    }

    fn disk_bytes<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, u64> {
        Box::pin(self.disks.used(place))
    }
}

impl Drop for Bubblewrap {
    fn drop(&mut self) {
        self.groups.remove_all();
    }
}

/// Copies this program to where a sandbox's user can read it, whatever folder it was started from; and running sandboxes
/// keep theirs when it is replaced.
fn install(data: &Path) -> io::Result<PathBuf> {
    let folder = data.join("bin");
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let (program, beside) = (folder.join("slipway-executor"), folder.join("slipway-executor.part"));
    fs::copy("/proc/self/exe", &beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755))?;
    fs::rename(&beside, &program)?;
    Ok(program)
}

async fn help() -> Option<String> {
    let output = Command::new("bwrap").arg("--help").stdin(Stdio::null()).output().await.ok()?;
    Some([output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

/// `node v20.1.0` and `git git version 2.39.5` both end in what is wanted.
fn version(line: &str) -> Option<(String, String)> {
    let (program, said) = line.split_once(' ')?;
    let version = said.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        word.starts_with(|first: char| first.is_ascii_digit()).then(|| word.to_owned())
    })?;
    Some((program.to_owned(), version))
}

/// FNV-1a, so that control groups of executors with different data have different names, and the same after a restart.
fn fingerprint(data: &Path) -> u32 {
    data.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
