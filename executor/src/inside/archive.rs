//! Archives of the workspace, `tar` in `gzip`: written to standard output, read from standard input.
//!
//! An archive is unpacked beside the workspace's files and takes their place only when it was read to its end, so a bad
//! one changes nothing.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};
use std::process::ExitCode;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tar::{Archive, Builder, EntryType, Header};

use super::WORKSPACE;
use super::launch::complain;
use crate::backend::disk::remove_all;

/// Files and folders of one archive.
const ENTRIES: usize = 500_000;
/// Our own folder in the workspace: logs and unfinished archives. It is in no archive.
const OWN: &str = ".slipway";

/// Exit code: the archive leads out of the workspace.
pub const ESCAPES: u8 = 3;
/// Exit code: the archive is larger than the sandbox's disk, or has too many entries.
pub const TOO_LARGE: u8 = 4;
/// Exit code: the disk is full.
pub const DISK_FULL: u8 = 5;
/// Exit code: it is no archive.
pub const INVALID: u8 = 6;

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0} is not a path below the archive's own folder")]
    Escapes(String),
    #[error("the archive holds more than {0}")]
    TooLarge(String),
    #[error("the archive cannot be read: {0}")]
    Invalid(String),
    #[error("the archive cannot be unpacked: {0}")]
    Io(#[from] io::Error),
}

impl Refused {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Escapes(_) => ESCAPES,
            Self::TooLarge(_) => TOO_LARGE,
            Self::Invalid(_) => INVALID,
            Self::Io(error) if is_full(error) => DISK_FULL,
            // Every other error is of the archive: it was cut, or is none.
            Self::Io(_) => INVALID,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Writes the workspace to standard output.
pub fn write() -> ExitCode {
    // The fast level: a snapshot is waited for, and most of what is large is compressed already.
    let mut archive = Builder::new(GzEncoder::new(io::stdout().lock(), Compression::fast()));
    let written = add_folder(&mut archive, Path::new(WORKSPACE), Path::new(""))
        .and_then(|()| archive.into_inner()?.finish()?.flush());
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("snapshot: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Adds what is in a folder. What vanishes meanwhile is left out.
fn add_folder(archive: &mut Builder<impl Write>, root: &Path, folder: &Path) -> io::Result<()> {
    let mut names: Vec<_> = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect(),
        Err(_) => return Ok(()),
    };
    names.sort_unstable();
    for name in names {
        let path = folder.join(&name);
        if path == Path::new(OWN) {
            continue;
        }
        let whole = root.join(&path);
        let Ok(metadata) = fs::symlink_metadata(&whole) else { continue };
        let mut header = Header::new_gnu();
        header.set_metadata_in_mode(&metadata, tar::HeaderMode::Complete);
        header.set_uid(1000);
        header.set_gid(1000);
        if metadata.is_dir() {
            header.set_size(0);
            archive.append_data(&mut header, path.join(""), io::empty())?;
            add_folder(archive, root, &path)?;
        } else if metadata.is_symlink() {
            let Ok(target) = fs::read_link(&whole) else { continue };
            header.set_size(0);
            archive.append_link(&mut header, &path, target)?;
        } else if metadata.is_file() {
            let Ok(file) = File::open(&whole) else { continue };
            // A file that grows or shrinks meanwhile still fills exactly the place that the header promises.
            header.set_size(metadata.len());
            archive.append_data(&mut header, &path, file.chain(io::repeat(0)).take(metadata.len()))?;
        }
    }
    Ok(())
}

/// Reads an archive from standard input in place of the workspace's files. It may hold `most` bytes.
pub fn read(most: u64) -> ExitCode {
    match replace(Path::new(WORKSPACE), io::stdin().lock(), most) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => {
            complain(&format!("restore: {refused}"));
            refused.exit_code().into()
        }
    }
}

fn replace(root: &Path, from: impl Read, most: u64) -> Result<(), Refused> {
    let (new, old) = (root.join(OWN).join("restored"), root.join(OWN).join("replaced"));
    for folder in [&new, &old] {
        // One of an earlier attempt.
        let _ = remove_all(folder);
        fs::create_dir_all(folder)?;
    }
    let replaced = unpack(&new, from, most).and_then(|()| Ok(take_place(root, &new, &old)?));
    for folder in [&new, &old] {
        // What cannot be deleted is in nobody's way, but takes place; the next restore tries again.
        let _ = remove_all(folder);
    }
    replaced
}

fn unpack(into: &Path, from: impl Read, most: u64) -> Result<(), Refused> {
    let mut archive = Archive::new(GzDecoder::new(from));
    let mut bytes = 0_u64;
    for (number, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if number >= ENTRIES {
            return Err(Refused::TooLarge(format!("{ENTRIES} files and folders")));
        }
        bytes = bytes.saturating_add(entry.size());
        if bytes > most {
            return Err(Refused::TooLarge(format!("{most} bytes")));
        }
        let path = entry.path()?.into_owned();
        let below = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !below || path.starts_with(OWN) {
            return Err(Refused::Escapes(path.display().to_string()));
        }
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        if !is_file && !kind.is_dir() && !kind.is_symlink() {
            return Err(Refused::Invalid(format!("{} is of the kind {kind:?}", path.display())));
        }
        // Refuses to write through links that the archive itself brought.
        if !entry.unpack_in(into)? {
            return Err(Refused::Escapes(path.display().to_string()));
        }
    }
    // To its end, where its checksum is, and to the end of what is sent: who sends it may cut it off until then.
    let mut rest = archive.into_inner();
    let zeros = io::copy(&mut rest.by_ref().take(most.saturating_add(1)), &mut io::sink())?;
    let behind = io::copy(&mut rest.into_inner().take(most.saturating_add(1)), &mut io::sink())?;
    if zeros.max(behind) > most {
        return Err(Refused::TooLarge(format!("{most} bytes")));
    }
    Ok(())
}

/// Moves what was unpacked to where it belongs, and what was there away. Each name is moved at once; all of them are not.
fn take_place(root: &Path, new: &Path, old: &Path) -> io::Result<()> {
    for (from, to) in [(root, old), (new, root)] {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() == OWN {
                continue;
            }
            let (path, to) = (entry.path(), to.join(entry.file_name()));
            if fs::rename(&path, &to).is_err() {
                // A folder that its owner may not write cannot be moved either.
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
                fs::rename(&path, &to)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            // Set by hand: the builder itself would refuse such names.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name(content).unwrap();
                header.set_size(0);
            } else {
                header.set_size(content.len() as u64);
            }
            header.set_cksum();
            builder
                .append(&header, if header.size().unwrap() == 0 { &[] } else { content.as_bytes() })
                .unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn restore(bytes: &[u8]) -> (u8, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("workspace");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("old"), "old").unwrap();
        let code = replace(&root, bytes, 1000).map_or_else(|refused| refused.exit_code(), |()| 0);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "something was written beside the workspace"
        );
        let mut names: Vec<_> = fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != OWN)
            .collect();
        names.sort();
        (code, names)
    }

    #[test]
    fn an_archive_takes_the_place_of_what_was_there() {
        let good = archive(&[
            ("a/", EntryType::Directory, ""),
            ("a/b", EntryType::Regular, "x"),
            ("l", EntryType::Symlink, "/usr/bin/env"),
        ]);
        assert_eq!(restore(&good), (0, vec!["a".into(), "l".into()]));
    }

    #[test]
    fn an_archive_that_leads_out_is_refused_and_changes_nothing() {
        let kept = vec!["old".to_owned()];
        for (entries, code) in [
            (vec![("../evil", EntryType::Regular, "x")], ESCAPES),
            (vec![("/evil", EntryType::Regular, "x")], ESCAPES),
            (vec![("a/../../evil", EntryType::Regular, "x")], ESCAPES),
            (vec![("up", EntryType::Symlink, "../../.."), ("up/evil", EntryType::Regular, "x")], INVALID),
            (vec![("hard", EntryType::Link, "/etc/passwd")], INVALID),
            (vec![("device", EntryType::Char, "")], INVALID),
            (vec![("pipe", EntryType::Fifo, "")], INVALID),
            (vec![("big", EntryType::Regular, &*"x".repeat(1001))], TOO_LARGE),
        ] {
            assert_eq!(restore(&archive(&entries)), (code, kept.clone()), "{entries:?}");
        }
        let whole = archive(&[("a", EntryType::Regular, &"xyz".repeat(300))]);
        assert_eq!(restore(&whole[..whole.len() / 2]), (INVALID, kept.clone()));
        // All files are there, but not the end of the archive: who sends it may have found that it is a wrong one.
        assert_eq!(restore(&whole[..whole.len() - 1]), (INVALID, kept.clone()));
        let mut changed = whole;
        let checksum = changed.len() - 8;
        changed[checksum] ^= 1;
        assert_eq!(restore(&changed), (INVALID, kept.clone()));
        assert_eq!(restore(b"no archive"), (INVALID, kept));
    }
}
