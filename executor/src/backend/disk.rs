//! A sandbox's disk: an ext4 image of its own, mounted through a loop device, where the host lets us; else a folder that
//! is measured every second.
//!
//! The images are sparse: they take what is written to them. `workspace` and `home` on the disk belong to the sandbox's
//! user, its top to the executor.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use slipway_contract::objects::executor::DiskQuota;
use tokio::process::Command;

use super::{BackendError, Place};

/// Folders of a disk that a sandbox sees.
const FOLDERS: [&str; 2] = ["workspace", "home"];
/// How deep a folder is measured; deeper ones are found when they are not so deep any more.
const DEPTH: usize = 128;

/// How disks are made on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disks {
    /// Images: a write past the limit fails.
    Images,
    /// Folders.
    Folders,
}

impl Disks {
    /// Finds out by making an image.
    pub async fn probe(data: &Path) -> Self {
        let trial = data.join("trial");
        let image = trial.join("disk.img");
        let mounted = trial.join("disk");
        let works = fs::create_dir_all(&mounted).is_ok()
            && make_image(&image, 64 << 20).await.is_ok()
            && mount(&image, &mounted).await.is_ok();
        unmount(&mounted).await;
        let _ = fs::remove_dir_all(&trial);
        if works { Self::Images } else { Self::Folders }
    }

    /// How the limit is kept.
    pub const fn quota(self) -> DiskQuota {
        match self {
            Self::Images => DiskQuota::Hard,
            Self::Folders => DiskQuota::Watched,
        }
    }

    /// Makes a sandbox's disk where it has none, and makes it reachable. `owner` is its user's id on the host, when that is
    /// another than the executor's.
    pub async fn open(self, place: &Place, owner: Option<u32>) -> Result<(), BackendError> {
        let (image, disk) = paths(place);
        fs::create_dir_all(&disk).map_err(BackendError::io("making the disk's folder"))?;
        let is_new = !image.exists() && !disk.join("workspace").exists();
        if is_new && self == Self::Images {
            make_image(&image, place.resources.disk_bytes).await?;
        }
        if image.exists() && !is_mounted(&disk) {
            mount(&image, &disk).await?;
        }
        // Its own user passes through, others do not even do that: the folder above lets nobody else in.
        fs::set_permissions(&disk, fs::Permissions::from_mode(0o711))
            .map_err(BackendError::io("opening the disk"))?;
        for name in FOLDERS {
            let folder = disk.join(name);
            if folder.exists() {
                continue;
            }
            let made = fs::create_dir(&folder)
                .and_then(|()| owner.map_or(Ok(()), |owner| chown(&folder, Some(owner), Some(owner))))
                .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)));
            made.map_err(BackendError::io("making the sandbox's folders"))?;
        }
        Ok(())
    }

    /// Makes it unreachable; it stays.
    pub async fn close(self, place: &Place) {
        let (_, disk) = paths(place);
        if is_mounted(&disk) {
            // Gives blocks of deleted files back to the host. Not every file system below can.
            let _ = run("fstrim", &[disk.as_os_str()]).await;
        }
        unmount(&disk).await;
    }

    /// Deletes it.
    pub async fn destroy(self, place: &Place) -> Result<(), BackendError> {
        let (image, disk) = paths(place);
        unmount(&disk).await;
        if is_mounted(&disk) {
            return Err(BackendError::Failed("The sandbox's disk is still in use.".to_owned()));
        }
        let gone = tokio::task::spawn_blocking(move || {
            let is_gone =
                |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
            fs::remove_file(&image).or_else(is_gone)?;
            remove_all(&disk).or_else(is_gone)
        });
        gone.await.map_err(io::Error::other).flatten().map_err(BackendError::io("deleting the disk"))
    }

    /// How many bytes are used of it.
    pub async fn used(self, place: &Place) -> u64 {
        let (image, disk) = paths(place);
        let counted = tokio::task::spawn_blocking(move || {
            if is_mounted(&disk) {
                let Ok(stat) = rustix::fs::statvfs(&disk) else { return 0 };
                return stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize);
            }
            match fs::metadata(&image) {
                Ok(image) => image.blocks() * 512,
                Err(_) => measure(&disk),
            }
        });
        counted.await.unwrap_or_default()
    }
}

fn paths(place: &Place) -> (PathBuf, PathBuf) {
    (place.folder.join("disk.img"), place.folder.join("disk"))
}

/// The folder that becomes `/workspace`.
pub fn workspace(place: &Place) -> PathBuf {
    paths(place).1.join("workspace")
}

/// The folder that becomes `HOME`.
pub fn home(place: &Place) -> PathBuf {
    paths(place).1.join("home")
}

async fn make_image(image: &Path, bytes: u64) -> Result<(), BackendError> {
    let beside = image.with_extension("part");
    let made = fs::File::create(&beside).and_then(|file| file.set_len(bytes));
    made.map_err(BackendError::io("making the disk's image"))?;
    // A small journal, so that a host that crashed needs no check; nothing reserved for root, who writes nothing here.
    let options = ["-q", "-F", "-m", "0", "-J", "size=4", "-E", "lazy_itable_init=1,nodiscard"];
    let mut arguments: Vec<&std::ffi::OsStr> = options.iter().map(AsRef::as_ref).collect();
    arguments.push(beside.as_os_str());
    run("mkfs.ext4", &arguments).await?;
    fs::rename(&beside, image).map_err(BackendError::io("keeping the disk's image"))
}

async fn mount(image: &Path, at: &Path) -> Result<(), BackendError> {
    let options = ["-t", "ext4", "-o", "loop,nosuid,nodev,noatime"];
    let mut arguments: Vec<&std::ffi::OsStr> = options.iter().map(AsRef::as_ref).collect();
    arguments.extend([image.as_os_str(), at.as_os_str()]);
    run("mount", &arguments).await
}

/// Takes the disk off. Its last users may have ended only just now, so it is tried for a while.
async fn unmount(at: &Path) {
    for attempt in 0..50 {
        if !is_mounted(at) {
            return;
        }
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = run("umount", &[at.as_os_str()]).await;
    }
    // It goes when its last user does.
    let _ = run("umount", &["-l".as_ref(), at.as_os_str()]).await;
}

fn is_mounted(at: &Path) -> bool {
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev());
    match (device(at), at.parent().map(device)) {
        (Ok(here), Some(Ok(above))) => here != above,
        _ => false,
    }
}

async fn run(program: &'static str, arguments: &[&std::ffi::OsStr]) -> Result<(), BackendError> {
    let mut command = Command::new(program);
    // Where administrators' programs are, for those who start the executor without it in their path.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    command.args(arguments).env_clear().env("PATH", path).stdin(std::process::Stdio::null());
    let output = command.output().await.map_err(BackendError::io(program))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect::<String>();
    Err(BackendError::Failed(format!("{program}: {said}")))
}

/// Deletes a folder with all in it, also with folders that their owner may not write.
pub fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(folder, DEPTH)?;
            fs::remove_dir_all(folder)
        }
        removed => removed,
    }
}

fn unlock(folder: &Path, depth: usize) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if depth > 0 && entry.file_type()?.is_dir() {
            unlock(&entry.path(), depth - 1)?;
        }
    }
    Ok(())
}

/// Bytes in a folder that a sandbox may change meanwhile: links are not followed, by the kernel's word.
fn measure(folder: &Path) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, folder, flags, Mode::empty()).map_or(0, |open| measure_open(&open, DEPTH))
}

fn measure_open(folder: &OwnedFd, depth: usize) -> u64 {
    let Ok(entries) = Dir::read_from(folder) else { return 0 };
    let mut bytes = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        bytes += u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if depth > 0 && FileType::from_raw_mode(stat.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            if let Ok(below) = rustix::fs::openat(folder, name, flags, Mode::empty()) {
                bytes += measure_open(&below, depth - 1);
            }
        }
    }
    bytes
}
