//! What every backend stands on: the data folder, this program where sandboxes see it, disks, and the sandboxes' users.
//!
//! A sandbox has the same files and the same user on the host whatever it is made with, so that one made by one backend can
//! be started by another.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use slipway_domain::sandbox::Resources;

use super::disk::Disks;
use super::{BackendError, Place};

/// Users of sandboxes on the host begin here, when the executor is root: in the one large range that no distribution,
/// `subuid(5)` or systemd gives to anybody (systemd.io/UIDS-GIDS: 1879048192 to 2147352575 are unused).
const FIRST_USER: u32 = 1_900_000_000;

/// The same for all backends of an executor.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The data folder.
    pub(super) data: PathBuf,
    /// This program.
    pub(super) program: PathBuf,
    /// How disks are made.
    pub(super) disks: Disks,
    root: bool,
}

/// Processes and threads of a sandbox at once: Node alone takes 11 threads, a bundler about 20 for each CPU.
pub(super) const fn processes(resources: &Resources) -> u64 {
    512 * resources.cpus as u64
}

impl Ground {
    /// Prepares the data folder, and finds out how disks can be made in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn prepare(data: &Path) -> Result<Self, BackendError> {
        let program =
            install(data).map_err(BackendError::io("putting the program where sandboxes see it"))?;
        let root = rustix::process::geteuid().is_root();
        let disks = if root { Disks::probe(data).await } else { Disks::Folders };
        Ok(Self { data: data.to_owned(), program, disks, root })
    }

    /// The sandbox's user on the host, where it is another than the executor's.
    pub(super) fn user(&self, slot: u32) -> Option<u32> {
        self.root.then(|| FIRST_USER + slot)
    }

    /// Tells this executor's things from those of others on the host, and is the same after a restart.
    pub(super) fn fingerprint(&self) -> String {
        format!("{:08x}", fnv(self.data.as_os_str().as_encoded_bytes()))
    }

    /// Makes the folders of a sandbox, readable for none but its user.
    pub(super) fn open_folders(&self, place: &Place) -> Result<(), BackendError> {
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
    }

    /// Lets a sandbox's user, and nobody else, connect to a socket.
    pub(super) fn give(&self, socket: &Path, slot: u32) -> io::Result<()> {
        fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
        self.user(slot).map_or(Ok(()), |user| chown(socket, Some(user), Some(user)))
    }

    /// A folder for a trial, owned by the first sandbox's user.
    pub(super) fn trial_folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.data.join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        self.user(0).map_or(Ok(()), |user| chown(&folder, Some(user), Some(user)))?;
        Ok(folder)
    }
}

/// FNV-1a.
pub(super) fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
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
