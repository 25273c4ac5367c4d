//! The file interface, as init carries it out. Reads and writes go in pieces so that a large file holds nobody up.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use slipway_contract::objects::executor::{ExecutorCode, FileEntry, FileKind, FileList};
use slipway_contract::time::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::wire::{Answer, FRAME_BYTES, Frame, Got, Refusal, read_frame, write_value};
use super::workspace::{FILE_MODE, Workspace, refusal, relative};

/// Entries that are told of one folder.
const TOLD: usize = 1_000;
/// Names that are read of one folder to find the first of them.
const READ: usize = 100_000;
/// Entries deleted before others get their turn.
const BATCH: usize = 256;

/// Answers [`Got`] and the file's bytes.
pub(super) async fn get(mut host: UnixStream, path: &str) -> std::io::Result<()> {
    match open(path) {
        Ok((Got::File { bytes }, Some(mut file))) => {
            write_value(&mut host, &Answer::Ok(Got::File { bytes })).await?;
            let mut left = bytes;
            let mut buffer = vec![0; FRAME_BYTES];
            while left > 0 {
                let read = file.read(&mut buffer)?;
                // It shrank meanwhile: the connection ends early, and the host tells.
                let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
                let piece =
                    piece.get(..usize::try_from(left).unwrap_or(usize::MAX).min(read)).unwrap_or(piece);
                host.write_all(piece).await?;
                left -= u64::try_from(piece.len()).unwrap_or(left);
                tokio::task::yield_now().await;
            }
            host.flush().await
        }
        Ok((got, _)) => write_value(&mut host, &Answer::Ok(got)).await,
        Err(refusal) => write_value(&mut host, &Answer::<Got>::Err(refusal)).await,
    }
}

fn open(path: &str) -> Answer<(Got, Option<File>)> {
    let found = Workspace::open()?.open_below(&relative(path)?, OFlags::RDONLY, Mode::empty())?;
    let stat = rustix::fs::fstat(&found).map_err(refusal)?;
    match kind(&stat) {
        FileKind::File => Ok((
            Got::File { bytes: u64::try_from(stat.st_size).unwrap_or_default() },
            Some(File::from(found)),
        )),
        FileKind::Folder => Ok((Got::Folder(list(&found)?), None)),
        FileKind::Link | FileKind::Other => {
            Err(Refusal::new(ExecutorCode::Invalid, "This is neither a file nor a folder."))
        }
    }
}

fn list(folder: &OwnedFd) -> Answer<FileList> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(refusal)?.take(READ) {
        let name = entry.map_err(refusal)?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort_unstable();
    let truncated = names.len() > TOLD;
    let entries = names.iter().take(TOLD).filter_map(|name| entry(folder, name)).collect();
    Ok(FileList { entries, truncated })
}

/// `None` when it vanished meanwhile.
fn entry(folder: &OwnedFd, name: &CStr) -> Option<FileEntry> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let kind = kind(&stat);
    let milliseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or_default() / 1_000_000;
    Some(FileEntry {
        name: name.to_string_lossy().into_owned(),
        kind,
        bytes: if kind == FileKind::Folder { 0 } else { u64::try_from(stat.st_size).unwrap_or_default() },
        changed_at: Timestamp::from_unix_ms(stat.st_mtime.saturating_mul(1000).saturating_add(milliseconds)),
    })
}

fn kind(stat: &Stat) -> FileKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Link,
        FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => FileKind::Other,
    }
}

/// Takes the file's bytes and answers when it stands under its name: whole, or not at all.
pub(super) async fn put(mut host: UnixStream, path: &str) -> std::io::Result<()> {
    let mut written = Upload::begin(path);
    loop {
        match read_frame(&mut host).await? {
            Some(Frame::Input(bytes)) => {
                // After a refusal the rest is read away, so that the host gets to the answer.
                if let Ok(upload) = &mut written
                    && let Err(error) = upload.file.write_all(&bytes)
                {
                    written = Err(from_io(&error));
                }
                tokio::task::yield_now().await;
            }
            Some(Frame::InputEnd) => break,
            // The host gave up: nothing happened.
            _ => return Ok(()),
        }
    }
    let answer = written.and_then(Upload::finish);
    write_value(&mut host, &answer).await
}

/// A file that is being written beside the one that it shall replace. Dropped, it leaves nothing behind.
struct Upload {
    folder: OwnedFd,
    name: std::ffi::OsString,
    beside: Option<String>,
    file: File,
}

impl Upload {
    fn begin(path: &str) -> Answer<Self> {
        let path = relative(path)?;
        let name = path
            .file_name()
            .ok_or_else(|| Refusal::new(ExecutorCode::Invalid, "The path names no file."))?
            .to_owned();
        let folder = Workspace::open()?.make_folder(path.parent().unwrap_or(Path::new("")))?;
        let mode = match rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => return Err(refusal(Errno::ISDIR)),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => {
                Some(Mode::from_raw_mode(stat.st_mode))
            }
            Ok(_) | Err(_) => None,
        };
        let mut attempt = 0_u32;
        let (beside, file) = loop {
            let beside = format!(".slipway-{}-{attempt}.part", rustix::process::getpid().as_raw_nonzero());
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&folder, beside.as_str(), flags, FILE_MODE) {
                Ok(file) => break (beside, file),
                Err(Errno::EXIST) if attempt < 1_000 => attempt += 1,
                Err(error) => return Err(refusal(error)),
            }
        };
        if let Some(mode) = mode {
            // Programs stay executable.
            let _ = rustix::fs::fchmod(&file, mode & Mode::from_bits_truncate(0o777));
        }
        Ok(Self { folder, name, beside: Some(beside), file: File::from(file) })
    }

    fn finish(mut self) -> Answer<()> {
        if let Some(beside) = self.beside.as_deref() {
            rustix::fs::renameat(&self.folder, beside, &self.folder, &self.name).map_err(refusal)?;
        }
        self.beside = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = rustix::fs::unlinkat(&self.folder, beside.as_str(), AtFlags::empty());
        }
    }
}

fn from_io(error: &std::io::Error) -> Refusal {
    refusal(Errno::from_io_error(error).unwrap_or(Errno::IO))
}

/// Deletes a file, or a folder with all in it. Links are deleted, not followed.
pub(super) async fn remove(path: &str) -> Answer<()> {
    let path = relative(path)?;
    let name = path
        .file_name()
        .ok_or_else(|| Refusal::new(ExecutorCode::Invalid, "The workspace itself cannot be deleted."))?;
    let above = path.parent().unwrap_or(Path::new(""));
    let folder = Workspace::open()?.open_below(above, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
        Ok(()) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(error) => return Err(refusal(error)),
    }
    empty(open_folder(&folder, name.as_encoded_bytes())?).await?;
    rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).map_err(refusal)
}

/// Opens a folder that shall be emptied, even if its owner may not write it as it is.
fn open_folder(above: impl AsFd, name: &[u8]) -> Answer<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(above.as_fd(), name, flags, Mode::empty()).or_else(|error| {
        rustix::fs::chmodat(above.as_fd(), name, Mode::RWXU, AtFlags::empty()).map_err(|_| error)?;
        rustix::fs::openat(above.as_fd(), name, flags, Mode::empty())
    });
    let folder = folder.map_err(refusal)?;
    // Not ours to write otherwise; where that fails, deleting says so.
    let _ = rustix::fs::fchmod(&folder, Mode::RWXU);
    Ok(folder)
}

/// Empties a folder. How deep it may be is bounded by the open files, not by the stack.
async fn empty(folder: OwnedFd) -> Answer<()> {
    let mut stack: Vec<(OwnedFd, std::ffi::CString)> = Vec::new();
    let mut here = folder;
    let mut done = 0;
    'folder: loop {
        loop {
            let mut found = false;
            for entry in Dir::read_from(&here).map_err(refusal)? {
                let name = entry.map_err(refusal)?.file_name().to_owned();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                found = true;
                match rustix::fs::unlinkat(&here, &name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(Errno::ISDIR) => {
                        let below = open_folder(&here, name.to_bytes())?;
                        stack.push((std::mem::replace(&mut here, below), name));
                        continue 'folder;
                    }
                    Err(error) => return Err(refusal(error)),
                }
                done += 1;
                if done % BATCH == 0 {
                    tokio::task::yield_now().await;
                }
            }
            if !found {
                break;
            }
        }
        let Some((above, name)) = stack.pop() else { return Ok(()) };
        match rustix::fs::unlinkat(&above, &name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY) => {}
            Err(error) => return Err(refusal(error)),
        }
        here = above;
    }
}
