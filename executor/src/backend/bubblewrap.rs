//! Sandboxes by bubblewrap: namespaces of their own for users, processes, files, IPC, network, names and control groups.
//!
//! Inside there are a read-only system, the sandbox's own disk, memory for `/tmp`, loopback, one socket to the egress
//! proxy, and processes of an ordinary user without capabilities. When the executor is root, that user is another one on
//! the host for each sandbox, so that not even a way out of the namespaces would lead to another's files.

pub mod enter;
mod process;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use slipway_contract::objects::executor::{BackendCapability, DiskQuota};
use tokio::process::Command;

use self::enter::Enter;
use self::process::watch_over;
use super::cgroups::{Group, Groups};
use super::control::Control;
use super::disk;
use super::ground::{Ground, processes};
use super::leader::{Leader, listen};
use super::spawner::Spawner;
use super::system::{self, Shown, System};
use super::{Backend, BackendError, Place, Running};
use crate::inside::wire::{Ask, Limits};
use crate::inside::{EGRESS_SOCKET, HOME, PROGRAM, WORKSPACE};

/// The user inside.
const USER_INSIDE: u32 = 1000;
/// How long a sandbox may take until its init answers.
const START: Duration = Duration::from_secs(10);

/// The backend.
#[derive(Debug)]
pub struct Bubblewrap {
    ground: Ground,
    system: System,
    made_up: Vec<Shown>,
    groups: Groups,
    spawner: Spawner,
    no_more_namespaces: bool,
    missing: Vec<String>,
    programs: BTreeMap<String, String>,
}

impl Bubblewrap {
    /// Finds out what this host can do, by doing it.
    ///
    /// # Errors
    /// When the data folder cannot be written. That the host cannot make sandboxes is no error but said in
    /// [`Backend::capability`].
    pub async fn probe(ground: Ground) -> Result<Self, BackendError> {
        let made_up = system::made_up(&ground.data.join("etc"), USER_INSIDE)
            .map_err(BackendError::io("making up a system for sandboxes"))?;
        let mut backend = Self {
            system: System::find(),
            made_up,
            groups: Groups::probe(&format!("slipway-{}", ground.fingerprint())),
            spawner: Spawner::start().map_err(BackendError::io("starting a thread"))?,
            no_more_namespaces: false,
            missing: Vec::new(),
            programs: BTreeMap::new(),
            ground,
        };
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
        let folder = self.ground.trial_folder("trial").map_err(BackendError::io("preparing a folder"))?;
        let mut options = self.common(64 << 20);
        options.extend(["--bind".into(), folder.clone().into(), WORKSPACE.into()]);
        self.seal(&mut options);
        let program = ["/bin/sh", "-c", &system::ask_versions()].map(OsString::from).into();
        let user = self.ground.user(0);
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
        Ok(system::versions(&String::from_utf8_lossy(&output.stdout)))
    }

    /// What all sandboxes have in common; `memory` bounds what is kept in memory as files.
    fn common(&self, memory: u64) -> Vec<OsString> {
        let files = (memory / 4).to_string();
        let user = USER_INSIDE.to_string();
        let mut options: Vec<OsString> =
            ["bwrap", "--unshare-all", "--unshare-user", "--uid", &user, "--gid", &user]
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
        self.system.shown().iter().chain(&self.made_up).for_each(|shown| options.extend(show(shown)));
        options.extend(["--proc", "/proc"].map(OsString::from));
        for file in system::hidden() {
            options.extend(["--ro-bind".into(), "/dev/null".into(), file.into()]);
        }
        // Settings of the sandbox's own namespaces could be written otherwise: sizes of queues, shared memory, pids.
        options.extend(["--ro-bind", "/proc/sys", "/proc/sys"].map(OsString::from));
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
            ("--ro-bind", self.ground.program.clone(), PROGRAM),
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
        let mut command = Command::new(&self.ground.program);
        let path = std::env::var_os("PATH").unwrap_or_else(|| self.system.path().into());
        command.arg("enter").arg(orders).env_clear().env("PATH", path).current_dir("/");
        Ok(command)
    }

    fn group(&self, place: &Place) -> Group {
        self.groups.find(&place.sandbox.to_string())
    }

    async fn start_now(&self, place: &Place) -> Result<Running, BackendError> {
        if let Some(missing) = self.missing.first() {
            return Err(BackendError::Unsupported(missing.clone()));
        }
        let user = self.ground.user(place.slot);
        self.ground.disks.open(place, user).await?;
        self.ground
            .give(&place.egress_socket(), place.slot)
            .map_err(BackendError::io("opening the way to the egress proxy"))?;
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
        self.ground.disks.quota()
    }

    fn programs(&self) -> BTreeMap<String, String> {
        self.programs.clone()
    }

    fn path(&self) -> String {
        self.system.path().to_owned()
    }

    fn prepare_sockets<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(async move { self.ground.open_folders(place) })
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
            self.ground.disks.close(place).await;
            let _ = fs::remove_file(place.control_socket());
        })
    }

    fn recover<'a>(&'a self, place: &'a Place, leader: Option<Leader>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(leader) = leader {
                leader.kill();
            }
            self.group(place).kill_all();
            self.release(place).await;
        })
    }

    fn destroy<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), BackendError>> {
        Box::pin(self.ground.disks.destroy(place))
    }

    fn disk_bytes<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, u64> {
        Box::pin(self.ground.disks.used(place))
    }
}

impl Drop for Bubblewrap {
    fn drop(&mut self) {
        self.groups.remove_all();
    }
}

/// Options of `bwrap` for one thing of the system.
fn show(shown: &Shown) -> [OsString; 3] {
    match shown {
        Shown::Same(path) => ["--ro-bind".into(), path.into(), path.into()],
        Shown::MadeUp { file, at } => ["--ro-bind".into(), file.into(), at.into()],
        Shown::Link { target, at } => ["--symlink".into(), target.into(), at.into()],
    }
}

async fn help() -> Option<String> {
    let output = Command::new("bwrap").arg("--help").stdin(Stdio::null()).output().await.ok()?;
    Some([output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}
