//! The log of a background command: a file in the workspace that keeps the end of what was written.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::FileType;
use rustix::fs::{OFlags, fstat};
use slipway_contract::objects::executor::ExecutorCode;

use super::LOGS;
use super::wire::{Answer, Refusal};
use super::workspace::{FILE_MODE, Workspace};

/// Largest log. When it is reached, its older half goes.
const MOST: u64 = 1024 * 1024;

/// An open log.
pub(super) struct Log {
    file: File,
    bytes: u64,
}

impl Log {
    /// Opens the log of that name, empty.
    pub(super) fn open(name: &str) -> Answer<Self> {
        let workspace = Workspace::open()?;
        workspace.make_folder(Path::new(LOGS))?;
        let path = Path::new(LOGS).join(name);
        let file = workspace.open_below(&path, OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC, FILE_MODE)?;
        let regular = fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
        if !regular {
            return Err(Refusal::new(ExecutorCode::Invalid, "The log is no ordinary file."));
        }
        Ok(Self { file: File::from(file), bytes: 0 })
    }

    /// Adds to it. On a full disk the log misses a piece; the command goes on.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.bytes + bytes.len() as u64 > MOST && self.halve().is_err() {
            return;
        }
        if self.file.write_all(bytes).is_ok() {
            self.bytes += bytes.len() as u64;
        }
    }

    fn halve(&mut self) -> std::io::Result<()> {
        let keep = self.bytes.min(MOST / 2);
        let mut end = Vec::new();
        self.file.seek(SeekFrom::Start(self.bytes - keep))?;
        (&self.file).take(keep).read_to_end(&mut end)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&end)?;
        self.bytes = end.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_end_and_never_more_than_a_mebibyte() {
        let mut log = Log { file: tempfile::tempfile().unwrap(), bytes: 0 };
        for number in 0..40_000 {
            log.write(format!("line {number:>50}\n").as_bytes());
            assert!(log.file.metadata().unwrap().len() <= MOST);
        }
        let mut text = String::new();
        log.file.rewind().unwrap();
        log.file.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("39999\n") && text.len() as u64 >= MOST / 2, "{} bytes", text.len());
    }
}
