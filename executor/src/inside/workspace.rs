//! Paths below `/workspace`, opened so that neither `..` nor a link leads out of it (`openat2(2)`, `RESOLVE_BENEATH`):
//! the kernel refuses at the moment of opening, so nothing can be swapped in between.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use slipway_contract::limits::PATH_BYTES;
use slipway_contract::objects::executor::ExecutorCode;

use super::WORKSPACE;
use super::wire::{Answer, Refusal};

/// What a new file may be accessed as, before the umask.
pub(super) const FILE_MODE: Mode = Mode::from_bits_truncate(0o666);
/// The same for a folder.
pub(super) const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o777);

/// How often a path is tried that could not be followed safely.
const ATTEMPTS: usize = 100;

/// The open workspace.
pub(super) struct Workspace {
    root: OwnedFd,
}

impl Workspace {
    /// Opens it.
    pub(super) fn open() -> Answer<Self> {
        Self::open_at(Path::new(WORKSPACE))
    }

    fn open_at(root: &Path) -> Answer<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::openat(CWD, root, flags, Mode::empty()).map_err(refusal)? })
    }

    /// Opens what `path` names. Never waits for the other end of a pipe.
    pub(super) fn open_below(&self, path: &Path, flags: OFlags, mode: Mode) -> Answer<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        // A path alone is not opened, so there is nothing to wait for, and the kernel refuses the two together.
        let wait = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK };
        let open = || rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC | wait, mode, resolve);
        // While something is moved anywhere on the host, the kernel cannot always tell where a `..` leads, and says so.
        let opened = (0..ATTEMPTS).map(|_| open()).find(|opened| !matches!(opened, Err(Errno::AGAIN)));
        opened.unwrap_or(Err(Errno::AGAIN)).map_err(refusal)
    }

    /// Opens a folder, making it and those above it where they are missing.
    pub(super) fn make_folder(&self, path: &Path) -> Answer<OwnedFd> {
        let mut made = PathBuf::new();
        for part in path.components() {
            let above = self.open_below(&made, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
            made.push(part);
            match rustix::fs::mkdirat(above.as_fd(), part.as_os_str(), FOLDER_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        self.open_below(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }
}

/// A path as clients write it, relative to the workspace: `a/b`, `./a/b` or `/workspace/a/b`; empty for the workspace.
pub(super) fn relative(path: &str) -> Answer<PathBuf> {
    if path.len() > PATH_BYTES || path.contains('\0') {
        return Err(Refusal::new(
            ExecutorCode::Invalid,
            format!("A path has at most {PATH_BYTES} bytes and no NUL."),
        ));
    }
    let path = Path::new(path);
    let path = path.strip_prefix(WORKSPACE).unwrap_or(path);
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            // Leading out by `..` and back in would depend on links; nobody needs it.
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    Ok(parts)
}

fn outside() -> Refusal {
    Refusal::new(ExecutorCode::OutsideWorkspace, "The path leads out of /workspace.")
}

/// What an error of the file system means to who asked.
pub(super) fn refusal(error: Errno) -> Refusal {
    match error {
        Errno::NOENT | Errno::NOTDIR => {
            Refusal::new(ExecutorCode::NotFound, "There is no such file or folder.")
        }
        Errno::XDEV | Errno::LOOP => outside(),
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => {
            Refusal::new(ExecutorCode::DiskFull, "The sandbox's disk is full.")
        }
        Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST | Errno::INVAL | Errno::NAMETOOLONG => {
            Refusal::new(ExecutorCode::Invalid, format!("That cannot be done with this path: {error}."))
        }
        Errno::NOSYS => {
            Refusal::new(ExecutorCode::Unsupported, "The host's kernel is older than 5.6 (no openat2).")
        }
        other => Refusal::new(ExecutorCode::Failed, format!("The file system says: {other}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_workspace_or_refused() {
        for (path, expected) in [
            ("", ""),
            (".", ""),
            ("a/b", "a/b"),
            ("./a//b/.", "a/b"),
            ("/workspace", ""),
            ("/workspace/a", "a"),
            ("..a", "..a"),
        ] {
            assert_eq!(relative(path).unwrap(), Path::new(expected), "{path}");
        }
        for path in ["..", "a/../b", "a/../../b", "/etc/passwd", "/", "/workspace/../etc", "/workspaces/a"] {
            assert_eq!(relative(path).unwrap_err().code, ExecutorCode::OutsideWorkspace, "{path}");
        }
        assert_eq!(relative("a\0b").unwrap_err().code, ExecutorCode::Invalid);
        assert_eq!(relative(&"a".repeat(PATH_BYTES + 1)).unwrap_err().code, ExecutorCode::Invalid);
    }

    #[test]
    fn a_link_that_leads_out_is_refused_by_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("in")).unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::fs::write(root.join("in/file"), "y").unwrap();
        for (link, to) in [
            ("up", ".."),
            ("abs", "/etc"),
            ("file", "../secret"),
            ("fine", "in/file"),
            ("magic", "/proc/self/root"),
        ] {
            std::os::unix::fs::symlink(to, root.join(link)).unwrap();
        }
        let workspace = Workspace::open_at(&root).unwrap();
        let open =
            |path: &str| workspace.open_below(Path::new(path), OFlags::RDONLY, Mode::empty()).map(drop);
        assert_eq!(open("fine"), Ok(()));
        for path in ["up/secret", "abs/passwd", "file", "magic/etc/passwd"] {
            assert_eq!(open(path).unwrap_err().code, ExecutorCode::OutsideWorkspace, "{path}");
        }
        assert_eq!(
            workspace.make_folder(Path::new("up/new")).unwrap_err().code,
            ExecutorCode::OutsideWorkspace
        );
        assert!(workspace.make_folder(Path::new("a/b/c")).is_ok() && root.join("a/b/c").is_dir());
    }
}
