//! The system that a sandbox sees: which of the host's folders and files, made-up accounts, and programs outside `/usr`.
//!
//! Nothing of the host's `/etc` is shown that says something of this host: certificates, the linker's cache, time zone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::inside::HOME;

/// Programs that templates ask for.
const PROGRAMS: [&str; 3] = ["node", "python3", "git"];
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

/// One thing that sandboxes see of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A file or folder of the host at its own path, read-only.
    Same(PathBuf),
    /// A made-up file at another path, read-only.
    MadeUp {
        /// Where it lies on the host.
        file: PathBuf,
        /// Where it is seen.
        at: PathBuf,
    },
    /// A symbolic link.
    Link {
        /// What it holds.
        target: PathBuf,
        /// Where it is seen.
        at: PathBuf,
    },
}

/// What every sandbox of this host sees.
#[derive(Clone, Debug, Default)]
pub(super) struct System {
    shown: Vec<Shown>,
    path: String,
}

impl System {
    /// Looks at the host.
    pub(super) fn find() -> Self {
        let mut system = Self { shown: vec![Shown::Same("/usr".into())], path: STANDARD_PATH.to_owned() };
        for name in ROOT_NAMES {
            let at = Path::new("/").join(name);
            match fs::read_link(&at) {
                Ok(target) => system.shown.push(Shown::Link { target, at }),
                Err(_) if at.is_dir() => system.shown.push(Shown::Same(at)),
                Err(_) => {}
            }
        }
        let files = SHOWN.map(|name| Path::new("/etc").join(name)).into_iter();
        system.shown.extend(files.filter(|path| path.exists()).map(Shown::Same));
        let search = std::env::var_os("PATH").unwrap_or_default();
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        for program in PROGRAMS {
            if let Some(prefix) = prefix_outside_usr(program, &search, &home) {
                system.path = format!("{}:{}", prefix.join("bin").display(), system.path);
                system.shown.push(Shown::Same(prefix));
            }
        }
        system
    }

    /// Nothing of the host, for sandboxes that bring a system of their own.
    pub(super) fn none(path: Option<String>) -> Self {
        Self { shown: Vec::new(), path: path.unwrap_or_else(|| STANDARD_PATH.to_owned()) }
    }

    /// All of it, what lies in others' folders after those.
    pub(super) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// `PATH` inside.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// Writes made-up files of `/etc` to `folder`, with a user of this number.
pub(super) fn made_up(folder: &Path, user: u32) -> io::Result<Vec<Shown>> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let files = [
        (
            "passwd",
            format!(
                "sandbox:x:{user}:{user}:sandbox:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
            ),
        ),
        ("group", format!("sandbox:x:{user}:\nnogroup:x:65534:\n")),
        ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n".to_owned()),
        ("hostname", "sandbox\n".to_owned()),
        // Names of other hosts are looked up by the egress proxy.
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
    ];
    let write = |(name, text): (&str, String)| {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        Ok(Shown::MadeUp { file, at: Path::new("/etc").join(name) })
    };
    files.into_iter().map(write).collect()
}

/// A script that says which programs are inside, for [`versions`] to read.
pub(super) fn ask_versions() -> String {
    format!(
        "for program in {}; do command -v $program >/dev/null && echo $program $($program --version 2>&1); done; true",
        PROGRAMS.join(" ")
    )
}

/// What that script said.
pub(super) fn versions(said: &str) -> BTreeMap<String, String> {
    said.lines().filter_map(version).collect()
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

/// Files of `/proc` that sandboxes find empty, as far as this kernel has them.
pub(super) fn hidden() -> Vec<PathBuf> {
    HIDDEN.map(|name| Path::new("/proc").join(name)).into_iter().filter(|file| file.exists()).collect()
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
