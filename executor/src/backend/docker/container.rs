//! What a sandbox is as a container: everything is said, so that no setting of the engine opens anything.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::engine::{EXECUTOR_LABEL, SANDBOX_LABEL};
use crate::backend::cgroups::SPARE_PROCESSES;
use crate::backend::system::{Shown, hidden};
use crate::inside::WORKSPACE;

/// What Docker hides of `/proc` by default, and what it makes read-only; a list of one's own replaces these.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/scsi",
    "/proc/sched_debug",
    "/proc/timer_list",
    "/proc/timer_stats",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// Folders that Docker fills by itself and that stay empty here: the host's devices and control groups, message queues.
const EMPTIED: [&str; 3] = ["/sys", "/sys/fs/cgroup", "/dev/mqueue"];

/// A container to be.
pub(super) struct Container<'a> {
    pub(super) image: &'a str,
    pub(super) path: &'a str,
    /// User and group, on the host as inside.
    pub(super) user: u32,
    pub(super) executor: String,
    pub(super) sandbox: String,
    pub(super) memory_bytes: u64,
    pub(super) cpus: u32,
    pub(super) processes: u64,
    pub(super) argv: Vec<&'a str>,
    /// Read-only.
    pub(super) shown: Vec<Shown>,
    /// Its own, to be written to: on the host, and inside.
    pub(super) folders: Vec<(PathBuf, &'static str)>,
}

impl Container<'_> {
    /// The body of `POST /containers/create`.
    pub(super) fn body(&self) -> Value {
        // As much of the memory as bubblewrap gives to files in it.
        let files = self.memory_bytes / 4;
        let empty = "ro,nosuid,nodev,noexec,size=4096,mode=555";
        let mut memory: serde_json::Map<String, Value> =
            EMPTIED.map(|path| (path.to_owned(), json!(empty))).into_iter().collect();
        // Programs are built and run in these.
        let own = json!(format!("rw,exec,nosuid,nodev,size={files},mode=1777"));
        memory.insert("/tmp".to_owned(), own.clone());
        memory.insert("/dev/shm".to_owned(), own);
        let masked = hidden().into_iter().filter_map(|path| Some(path.to_str()?.to_owned()));
        let masked: Vec<_> = masked.chain(MASKED.map(str::to_owned)).collect();
        json!({
            "Image": self.image,
            "Hostname": "sandbox",
            "User": format!("{0}:{0}", self.user),
            "Env": [format!("PATH={}", self.path)],
            "Entrypoint": self.argv,
            "Cmd": [],
            "WorkingDir": WORKSPACE,
            "Labels": { EXECUTOR_LABEL: self.executor, SANDBOX_LABEL: self.sandbox },
            "NetworkDisabled": true,
            "Healthcheck": { "Test": ["NONE"] },
            "HostConfig": {
                "NetworkMode": "none",
                "IpcMode": "private",
                "CgroupnsMode": "private",
                "PidMode": "",
                "UTSMode": "",
                // The user is another for each sandbox on the host itself; an engine's map would make them one.
                "UsernsMode": "host",
                "Privileged": false,
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "MaskedPaths": masked,
                "ReadonlyPaths": READ_ONLY,
                "Memory": self.memory_bytes,
                // With swap, that is: none.
                "MemorySwap": self.memory_bytes,
                "NanoCpus": u64::from(self.cpus) * 1_000_000_000,
                "PidsLimit": self.processes + SPARE_PROCESSES,
                "Init": false,
                "RestartPolicy": { "Name": "no" },
                // Only init writes there, a few words before it ends.
                "LogConfig": { "Type": "json-file", "Config": { "max-size": "64k", "max-file": "1" } },
                "Tmpfs": memory,
                "Mounts": self.mounts(),
            },
        })
    }

    fn mounts(&self) -> Vec<Value> {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut mounts = Vec::new();
        for shown in &self.shown {
            match shown {
                Shown::Same(path) => {
                    mounts.push(bind(path, path, true));
                    // Read-only holds for one mount alone with older engines; so each is named.
                    mounts.extend(below(&mountinfo, path).iter().map(|path| bind(path, path, true)));
                }
                Shown::MadeUp { file, at } => mounts.push(bind(file, at, true)),
                // In the image.
                Shown::Link { .. } => {}
            }
        }
        mounts.extend(self.folders.iter().map(|(from, to)| bind(from, Path::new(to), false)));
        mounts
    }
}

fn bind(from: &Path, to: &Path, read_only: bool) -> Value {
    json!({
        "Type": "bind",
        "Source": from,
        "Target": to,
        "ReadOnly": read_only,
        "BindOptions": { "Propagation": "rprivate", "NonRecursive": true },
    })
}

/// What is mounted below `folder`, the outer ones first.
fn below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    // The kernel writes a space as `\040`; there is no program in such a folder.
    let points = points.filter(|point| !point.contains('\\')).map(PathBuf::from);
    let mut found: Vec<_> = points.filter(|point| point.starts_with(folder) && point != folder).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_no_rights_and_no_network_and_is_bounded() {
        let container = Container {
            image: "image",
            path: "/bin",
            user: 1_900_000_003,
            executor: "abc".to_owned(),
            sandbox: "sbx".to_owned(),
            memory_bytes: 1 << 30,
            cpus: 2,
            processes: 1024,
            argv: vec!["/init"],
            shown: vec![Shown::MadeUp { file: "/data/passwd".into(), at: "/etc/passwd".into() }],
            folders: vec![("/data/workspace".into(), "/workspace")],
        };
        let body = container.body();
        let host = |name: &str| body.pointer(&format!("/HostConfig/{name}")).cloned().unwrap_or_default();
        assert_eq!(body["User"], "1900000003:1900000003");
        assert_eq!(body["Labels"], json!({ "slipway.executor": "abc", "slipway.sandbox": "sbx" }));
        assert_eq!((host("CapDrop"), host("SecurityOpt")), (json!(["ALL"]), json!(["no-new-privileges"])));
        assert_eq!((host("NetworkMode"), host("ReadonlyRootfs")), (json!("none"), json!(true)));
        assert_eq!((host("Memory"), host("MemorySwap")), (json!(1_u64 << 30), json!(1_u64 << 30)));
        assert_eq!((host("PidsLimit"), host("NanoCpus")), (json!(1088), json!(2_000_000_000_u64)));
        let writable: Vec<_> = host("Mounts")
            .as_array()
            .unwrap()
            .iter()
            .filter(|mount| mount["ReadOnly"] == json!(false))
            .map(|mount| mount["Target"].clone())
            .collect();
        assert_eq!(writable, ["/workspace"]);
    }

    #[test]
    fn what_is_mounted_below_a_folder_is_named_too() {
        let mounts = "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /usr/local rw - ext4 b rw\n3 1 8:3 / /usrx rw - ext4 c rw\n\
            4 2 8:4 / /usr/local/lib rw - ext4 d rw\n5 1 8:5 / /usr rw - ext4 e rw";
        assert_eq!(
            below(mounts, Path::new("/usr")),
            [PathBuf::from("/usr/local"), PathBuf::from("/usr/local/lib")]
        );
    }
}
