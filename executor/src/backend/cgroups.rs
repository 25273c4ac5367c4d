//! Memory, CPU and process limits of whole sandboxes by control groups, version 1 or 2, wherever the host lets us write.
//!
//! Groups are made below the executor's own group, so that whatever limits the executor limits its sandboxes too. What can
//! be used is found out by making a group and setting its limits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use slipway_domain::sandbox::Resources;

/// Length of a scheduler period, in microseconds (the kernel's default).
const PERIOD_US: u64 = 100_000;
/// Processes beyond the sandbox's own limit, for init and what it starts for the host.
pub(super) const SPARE_PROCESSES: u64 = 64;

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Memory,
    Cpu,
    CpuAccount,
    Pids,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::CpuAccount => "cpuacct",
            Self::Pids => "pids",
        }
    }
}

/// A controller and the folder of our groups in its hierarchy.
#[derive(Clone, Debug)]
struct Controller {
    kind: Kind,
    unified: bool,
    folder: PathBuf,
}

/// The controllers that work here.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    controllers: Vec<Controller>,
}

impl Groups {
    /// Finds out what works. `name` tells this executor's groups from others'.
    pub fn probe(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let found = [Kind::Memory, Kind::Cpu, Kind::CpuAccount, Kind::Pids]
            .into_iter()
            .filter_map(|kind| find(kind, &mounts, &own, name));
        let trial = Resources { cpus: 1, memory_bytes: 64 << 20, disk_bytes: 0 };
        let controllers = found
            .filter(|controller| {
                let one = Self { controllers: vec![controller.clone()] };
                let made = one.create("trial", &trial, 16);
                let works = made.is_ok();
                // What a failed trial leaves is an empty group at most.
                let _ = made.map(|group| group.try_remove());
                works
            })
            .collect();
        Self { controllers }
    }

    /// Names of the controllers that limit something.
    pub fn names(&self) -> Vec<String> {
        let limits = self.controllers.iter().filter(|controller| controller.kind != Kind::CpuAccount);
        limits
            .map(|controller| {
                format!("{} (v{})", controller.kind.name(), if controller.unified { 2 } else { 1 })
            })
            .collect()
    }

    /// Whether memory is limited.
    pub fn limits_memory(&self) -> bool {
        self.controllers.iter().any(|controller| controller.kind == Kind::Memory)
    }

    /// Makes the group of a sandbox, or takes over one that was left behind. `None` when nothing can be limited.
    pub fn create(&self, name: &str, resources: &Resources, processes: u64) -> io::Result<Group> {
        let group = self.find(name);
        for (controller, folder) in &group.folders {
            fs::create_dir_all(folder)?;
            let set = |file: &str, value: String| fs::write(folder.join(file), value);
            let quota = u64::from(resources.cpus) * PERIOD_US;
            match (controller.kind, controller.unified) {
                (Kind::Memory, false) => {
                    set("memory.limit_in_bytes", resources.memory_bytes.to_string())?;
                    // Only where the kernel counts swap.
                    let _ = set("memory.memsw.limit_in_bytes", resources.memory_bytes.to_string());
                }
                (Kind::Memory, true) => {
                    set("memory.max", resources.memory_bytes.to_string())?;
                    let _ = set("memory.swap.max", "0".to_owned());
                }
                (Kind::Cpu, false) => {
                    set("cpu.cfs_period_us", PERIOD_US.to_string())?;
                    set("cpu.cfs_quota_us", quota.to_string())?;
                }
                (Kind::Cpu, true) => set("cpu.max", format!("{quota} {PERIOD_US}"))?,
                (Kind::Pids, _) => set("pids.max", (processes + SPARE_PROCESSES).to_string())?,
                (Kind::CpuAccount, _) => {}
            }
        }
        Ok(group)
    }

    /// The group of a sandbox, whether or not it exists.
    pub fn find(&self, name: &str) -> Group {
        let folders =
            self.controllers.iter().map(|controller| (controller.clone(), controller.folder.join(name)));
        Group { folders: folders.collect() }
    }

    /// Removes the folders that hold the groups. They stay while a group is in them.
    pub fn remove_all(&self) {
        for controller in &self.controllers {
            let _ = fs::remove_dir(&controller.folder);
        }
    }
}

/// A sandbox's group in each hierarchy.
#[derive(Clone, Debug)]
pub struct Group {
    folders: Vec<(Controller, PathBuf)>,
}

impl Group {
    /// The groups that somebody else put a process in, as far as they are of its own and not of the whole host.
    pub fn of_process(pid: i32) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let ours = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let folders =
            [Kind::Memory, Kind::Cpu, Kind::CpuAccount, Kind::Pids].into_iter().filter_map(|kind| {
                let (unified, folder) = folder_of(kind, &mounts, &own)?;
                let is_its_own = folder_of(kind, &mounts, &ours).is_none_or(|(_, shared)| shared != folder);
                let controller = Controller { kind, unified, folder: folder.parent()?.to_owned() };
                (is_its_own && !(unified && kind == Kind::CpuAccount)).then_some((controller, folder))
            });
        Self { folders: folders.collect() }
    }

    /// Files that take in a process whose pid is written to them; `0` stands for the writer.
    pub fn entrances(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = self.folders.iter().map(|(_, folder)| folder.join("cgroup.procs")).collect();
        files.sort();
        files.dedup();
        files
    }

    /// Memory in use without the file cache that the kernel would give up first; `None` where it is not counted.
    pub fn memory_bytes(&self) -> Option<u64> {
        let (controller, folder) = self.folder(Kind::Memory)?;
        let (usage, cache) = if controller.unified {
            ("memory.current", "inactive_file")
        } else {
            ("memory.usage_in_bytes", "total_inactive_file")
        };
        let cache = keyed(&folder.join("memory.stat"), cache).unwrap_or(0);
        Some(number(&folder.join(usage))?.saturating_sub(cache))
    }

    /// CPU time so far, in milliseconds.
    pub fn cpu_ms(&self) -> Option<u64> {
        if let Some((_, folder)) = self.folder(Kind::CpuAccount) {
            return Some(number(&folder.join("cpuacct.usage"))? / 1_000_000);
        }
        let (_, folder) = self.folder(Kind::Cpu).filter(|(controller, _)| controller.unified)?;
        Some(keyed(&folder.join("cpu.stat"), "usage_usec")? / 1000)
    }

    /// Processes killed because memory ran out.
    pub fn memory_kills(&self) -> Option<u64> {
        let (controller, folder) = self.folder(Kind::Memory)?;
        keyed(
            &folder.join(if controller.unified { "memory.events" } else { "memory.oom_control" }),
            "oom_kill",
        )
    }

    /// Kills whoever is in it.
    pub fn kill_all(&self) {
        for entrance in self.entrances() {
            let pids = fs::read_to_string(entrance).unwrap_or_default();
            for pid in pids.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }

    /// Removes it; possible once its last process is gone.
    pub async fn remove(&self) {
        for _ in 0..100 {
            if self.try_remove() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn try_remove(&self) -> bool {
        let mut gone = true;
        for (_, folder) in &self.folders {
            gone &= match fs::remove_dir(folder) {
                Ok(()) => true,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
        }
        gone
    }

    fn folder(&self, kind: Kind) -> Option<(&Controller, &Path)> {
        let (controller, folder) = self.folders.iter().find(|(controller, _)| controller.kind == kind)?;
        Some((controller, folder))
    }
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The value of a line `key value`.
fn keyed(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The folder of the group that `own` (of `/proc/<pid>/cgroup`) names in the controller's hierarchy, and whether that is the
/// one of version 2.
fn folder_of(kind: Kind, mounts: &str, own: &str) -> Option<(bool, PathBuf)> {
    let (unified, path) = own
        .lines()
        .find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            controllers.split(',').any(|controller| controller == kind.name()).then_some((false, path))
        })
        .or_else(|| Some((true, own.lines().find_map(|line| line.strip_prefix("0::"))?)))?;
    let folder = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (root, point) = (before.split(' ').nth(3)?, before.split(' ').nth(4)?);
        let mut after = after.split(' ');
        let (system, options) = (after.next()?, after.nth(1)?);
        let ours = if unified {
            system == "cgroup2"
        } else {
            system == "cgroup" && options.split(',').any(|option| option == kind.name())
        };
        let below = path.strip_prefix(root.trim_end_matches('/'))?.trim_start_matches('/');
        ours.then(|| Path::new(point).join(below))
    })?;
    Some((unified, folder))
}

/// The folder for our groups below our own group in the controller's hierarchy.
fn find(kind: Kind, mounts: &str, own: &str, name: &str) -> Option<Controller> {
    let (unified, folder) = folder_of(kind, mounts, own)?;
    if !unified {
        return Some(Controller { kind, unified, folder: folder.join(name) });
    }
    // Version 2 hands a controller down only from a group without processes of its own. A service manager that delegates
    // a group to us puts us below it (systemd: `Delegate=yes` with `DelegateSubgroup=executor`). CPU time is counted
    // with `cpu` there.
    let delegated = if folder.ends_with("executor") { folder.parent()?.to_owned() } else { folder };
    let ours = delegated.join(name);
    let given = kind != Kind::CpuAccount
        && is_handed_down(&delegated, kind)
        && fs::create_dir_all(&ours).is_ok()
        && is_handed_down(&ours, kind);
    given.then_some(Controller { kind, unified, folder: ours })
}

/// Whether groups below `folder` get the controller; asks for it where that is not so yet.
fn is_handed_down(folder: &Path, kind: Kind) -> bool {
    let file = folder.join("cgroup.subtree_control");
    let has =
        || fs::read_to_string(&file).is_ok_and(|text| text.split_whitespace().any(|one| one == kind.name()));
    has() || (fs::write(&file, format!("+{}", kind.name())).is_ok() && has())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1_MOUNTS: &str = "30 25 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        31 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct";
    const V1_OWN: &str = "4:memory:/service/executor\n2:cpu,cpuacct:/\n0::/";

    #[test]
    fn groups_are_made_below_the_executors_own() {
        let folder = |kind| find(kind, V1_MOUNTS, V1_OWN, "ours").map(|controller| controller.folder);
        assert_eq!(folder(Kind::Memory), Some("/sys/fs/cgroup/memory/service/executor/ours".into()));
        assert_eq!(folder(Kind::CpuAccount), Some("/sys/fs/cgroup/cpu,cpuacct/ours".into()));
        assert_eq!(folder(Kind::Pids), None);
        let container = "30 25 0:27 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        let found =
            find(Kind::Memory, container, "4:memory:/docker/abc", "ours").map(|controller| controller.folder);
        assert_eq!(found, Some("/sys/fs/cgroup/memory/ours".into()));
    }

    #[test]
    fn a_group_of_version_2_is_limited_and_read_in_its_own_files() {
        let root = tempfile::tempdir().unwrap();
        let controllers = [Kind::Memory, Kind::Cpu, Kind::Pids]
            .map(|kind| Controller { kind, unified: true, folder: root.path().join("ours") })
            .into();
        let groups = Groups { controllers };
        let resources = Resources { cpus: 2, memory_bytes: 1 << 30, disk_bytes: 0 };
        let group = groups.create("one", &resources, 100).unwrap();
        let file = |name: &str| root.path().join("ours/one").join(name);
        let read = |name: &str| fs::read_to_string(file(name)).unwrap();
        assert_eq!(
            (read("memory.max"), read("cpu.max"), read("pids.max")),
            ("1073741824".into(), "200000 100000".into(), "164".into())
        );
        assert_eq!(group.entrances(), [file("cgroup.procs")]);
        fs::write(file("memory.current"), "1000\n").unwrap();
        fs::write(file("memory.stat"), "anon 5\ninactive_file 300\n").unwrap();
        fs::write(file("cpu.stat"), "usage_usec 4200\nuser_usec 1\n").unwrap();
        fs::write(file("memory.events"), "oom 1\noom_kill 3\n").unwrap();
        assert_eq!(
            (group.memory_bytes(), group.cpu_ms(), group.memory_kills()),
            (Some(700), Some(4), Some(3))
        );
        assert_eq!(groups.names(), ["memory (v2)", "cpu (v2)", "pids (v2)"]);
    }
}
