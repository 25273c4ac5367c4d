//! The system that a sandbox sees: which of the host's folders and files, made-up accounts, and programs outside `/usr`.
//!
//! Nothing of the host's `/etc` is shown that says something of this host: certificates, the linker's cache, time zone.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::inside::HOME;

/// Programs that templates ask for.
pub(super) const PROGRAMS: [&str; 3] = ["node", "python3", "git"];
/// Folders of programs below `/usr`.
const STANDARD_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Names at the host's root that lead into `/usr` on most hosts and are folders of their own on others.
const ROOT_NAMES: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// What of `/etc` is the same on any host of its kind.
const SHOWN: [&str; 12] = [
    "alternatives",
    "ca-certificates",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
];
/// Files of `/proc` that tell of the host's kernel or keys; the same that container engines hide.
const HIDDEN: [&str; 8] = [
    "kcore",
    "keys",
    "key-users",
    "latency_stats",
    "sched_debug",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
];

/// What every sandbox of this host sees.
#[derive(Clone, Debug, Default)]
pub(super) struct System {
    options: Vec<OsString>,
    path: String,
}

impl System {
    /// Looks at the host; made-up files go to `folder`.
    pub(super) fn find(folder: &Path) -> io::Result<Self> {
        let mut system = Self { options: Vec::new(), path: STANDARD_PATH.to_owned() };
        system.bind(Path::new("/usr"));
        for name in ROOT_NAMES {
            let path = Path::new("/").join(name);
            match fs::read_link(&path) {
                Ok(target) => system.add(&["--symlink".as_ref(), target.as_os_str(), path.as_os_str()]),
                Err(_) if path.is_dir() => system.bind(&path),
                Err(_) => {}
            }
        }
        system.add_etc(folder)?;
        let search = std::env::var_os("PATH").unwrap_or_default();
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        for program in PROGRAMS {
            if let Some(prefix) = prefix_outside_usr(program, &search, &home) {
                system.bind(&prefix);
                system.path = format!("{}:{}", prefix.join("bin").display(), system.path);
            }
        }
        Ok(system)
    }

    /// Options of `bwrap` for it.
    pub(super) fn options(&self) -> &[OsString] {
        &self.options
    }

    /// `PATH` inside.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn add(&mut self, options: &[&OsStr]) {
        self.options.extend(options.iter().map(OsString::from));
    }

    fn bind(&mut self, path: &Path) {
        self.add(&["--ro-bind".as_ref(), path.as_os_str(), path.as_os_str()]);
    }

    fn add_etc(&mut self, folder: &Path) -> io::Result<()> {
        for path in SHOWN.map(|name| Path::new("/etc").join(name)).iter().filter(|path| path.exists()) {
            self.bind(path);
        }
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let made_up = [
            (
                "passwd",
                format!(
                    "sandbox:x:1000:1000:sandbox:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
                ),
            ),
            ("group", "sandbox:x:1000:\nnogroup:x:65534:\n".to_owned()),
            ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n".to_owned()),
            ("hostname", "sandbox\n".to_owned()),
            // Names of other hosts are looked up by the egress proxy.
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
        ];
        for (name, text) in made_up {
            let file = folder.join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
            self.add(&["--ro-bind".as_ref(), file.as_os_str(), Path::new("/etc").join(name).as_os_str()]);
        }
        Ok(())
    }
}

/// Options that put `/dev/null` over files of `/proc`, as far as this kernel has them, and make its settings read-only.
pub(super) fn hidden() -> Vec<OsString> {
    let files = HIDDEN.map(|name| Path::new("/proc").join(name));
    // Settings of the sandbox's own namespaces could be written otherwise: sizes of queues, shared memory, pids.
    let settings = ["--ro-bind", "/proc/sys", "/proc/sys"].map(OsString::from);
    files
        .iter()
        .filter(|file| file.exists())
        .flat_map(|file| ["--ro-bind".into(), "/dev/null".into(), file.into()])
        .chain(settings)
        .collect()
}

/// The folder that a program was installed to, as `/opt/node` for `/opt/node/bin/node`, when no sandbox sees it anyway.
///
/// Only a program itself counts, not a script that looks for one elsewhere; and never a whole home.
fn prefix_outside_usr(program: &str, search: &OsStr, home: &Path) -> Option<PathBuf> {
    let found: Vec<PathBuf> = std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .filter_map(|folder| fs::canonicalize(folder.join(program)).ok())
        .filter(|file| is_program(file))
        .collect();
    let standard = STANDARD_PATH.split(':').map(|folder| Path::new(folder).join(program));
    if standard.into_iter().any(|file| file.exists()) {
        return None;
    }
    found.iter().find_map(|file| {
        let bin = file.parent()?;
        let prefix = bin.parent()?;
        let narrow = prefix.components().count() > 2 && !home.starts_with(prefix);
        (bin.ends_with("bin") && !prefix.starts_with("/usr") && narrow).then(|| prefix.to_owned())
    })
}

fn is_program(file: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(file).and_then(|mut file| io::Read::read_exact(&mut file, &mut magic)).is_ok()
        && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_outside_usr_is_shown_with_its_own_folder_only() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        let install = |folder: &str, content: &[u8]| {
            let bin = root.join(folder).join("bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("slipway-test-program"), content).unwrap();
            bin
        };
        let script = install("shims", b"#!/bin/sh\n");
        let home = install("home/ann", b"\x7fELF...");
        let real = install("opt/program", b"\x7fELF...");
        let find = |folders: &[&PathBuf]| {
            let search = std::env::join_paths(folders).unwrap();
            prefix_outside_usr("slipway-test-program", &search, &root.join("home/ann"))
        };
        assert_eq!(find(&[&script, &home, &real]), Some(root.join("opt/program")));
        assert_eq!(find(&[&script, &home]), None);
    }
}
