//! What is written down of a sandbox, so that an executor that was killed finds it again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use slipway_contract::sandbox::SandboxSize;
use slipway_contract::time::Timestamp;

use crate::backend::Leader;

/// Its name in the sandbox's folder.
const FILE: &str = "record.json";

/// A sandbox. Fields are added with defaults only: older records stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The number of its user on the host.
    pub slot: u32,
    /// How large it is.
    pub size: SandboxSize,
    /// What it may reach.
    pub hosts: Vec<String>,
    /// Its epoch.
    pub epoch: u64,
    /// It has the files that it was made with.
    #[serde(default)]
    pub seeded: bool,
    /// Nothing was put into its workspace yet. Older records do not say so, and count as filled.
    #[serde(default)]
    pub blank: bool,
    /// Its last run.
    #[serde(default)]
    pub run: Option<RunRecord>,
}

/// A run of a sandbox, from ready to ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// When it was ready.
    pub started_at: Timestamp,
    /// When it ended; absent while it runs.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// Why, when not by a stop.
    #[serde(default)]
    pub ended_because: Option<String>,
    /// When it was last used.
    #[serde(default)]
    pub used_at: Option<Timestamp>,
    /// CPU time, in milliseconds.
    #[serde(default)]
    pub cpu_ms: u64,
    /// Bytes that left.
    #[serde(default)]
    pub egress_bytes: u64,
    /// Disk in use at the end, in bytes.
    #[serde(default)]
    pub disk_bytes: u64,
    /// Its outermost process.
    #[serde(default)]
    pub leader: Option<Leader>,
}

impl Record {
    /// Reads the record in a sandbox's folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join(FILE))?)?)
    }

    /// Writes it: a reader finds the old one or the new one. `lasting` waits until that is so after a loss of power, too.
    ///
    /// # Errors
    /// When it cannot be written; the old one is still there then.
    pub fn write(&self, folder: &Path, lasting: bool) -> io::Result<()> {
        replace(&folder.join(FILE), &serde_json::to_vec_pretty(self)?, lasting)
    }

    /// Waits until what was last written outlives a loss of power.
    ///
    /// # Errors
    /// When the disk says so.
    pub fn sync(folder: &Path) -> io::Result<()> {
        File::open(folder.join(FILE))?.sync_all()?;
        File::open(folder)?.sync_all()
    }
}

/// Replaces a file as a whole. `lasting` waits until it is on the disk.
pub(super) fn replace(file: &Path, content: &[u8], lasting: bool) -> io::Result<()> {
    let beside = file.with_extension("part");
    let mut open = File::create(&beside)?;
    open.write_all(content)?;
    if lasting {
        open.sync_all()?;
    }
    fs::rename(&beside, file)?;
    match file.parent().filter(|_| lasting) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_as_it_was_written_and_old_ones_stay_readable() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record {
            slot: 3,
            size: SandboxSize::Medium,
            hosts: vec!["example.com".into()],
            epoch: 7,
            seeded: true,
            blank: true,
            run: Some(RunRecord {
                started_at: Timestamp::from_unix_ms(1),
                ended_at: Some(Timestamp::from_unix_ms(2)),
                ended_because: Some("x".into()),
                used_at: None,
                cpu_ms: 4,
                egress_bytes: 5,
                disk_bytes: 6,
                leader: Some(Leader { pid: 8, started: 9 }),
            }),
        };
        record.write(folder.path(), true).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), record);
        let first = r#"{"slot":0,"size":"small","hosts":[],"epoch":1,"run":{"started_at":"2026-11-20T08:15:30.123Z"}}"#;
        fs::write(folder.path().join(FILE), first).unwrap();
        let read = Record::read(folder.path()).unwrap();
        assert!(!read.blank, "nobody knows that it has no files");
        assert_eq!(read.run.unwrap().ended_at, None);
    }
}
