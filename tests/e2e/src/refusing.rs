//! R2 that refuses: of the stack on this machine, every bucket's writes fail at once while such a value lives. What is there
//! can be read and listed meanwhile.
//!
//! A local bucket keeps what it has of each object in a SQLite file of its own, and does not wait for the lock that its
//! writes need. So whoever holds that lock is what a bucket that does not write looks like to the Workers.
//!
//! Invariant: dropped, nothing of it is left: what it began in the files is rolled back, and it had written nothing.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use xtask::testbed::Testbed;

use crate::wait::LIMIT;

/// Where the buckets' files are, below the stack's folder.
const BUCKETS: &str = "workers/r2/miniflare-R2BucketObject";
/// What the runtime keeps about the buckets themselves, beside them.
const ABOUT: &str = "metadata.sqlite";

/// Makes R2 refuse what is written to it, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Refusing {
    /// One for each bucket.
    _held: Vec<Connection>,
}

impl Refusing {
    /// From now on. Some object must have been put before: that makes the bucket.
    ///
    /// # Errors
    /// When there is no bucket yet, or one that never stops writing.
    pub fn begin(bed: &Testbed) -> Result<Self> {
        let mut held = Vec::new();
        for entry in fs::read_dir(bed.folder().join(BUCKETS)).context("there is no bucket yet")? {
            let path = entry?.path();
            let is_bucket = path.extension().is_some_and(|extension| extension == "sqlite")
                && path.file_name().is_some_and(|name| name != ABOUT);
            if !is_bucket {
                continue;
            }
            let bucket = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            bucket.busy_timeout(LIMIT)?;
            bucket.execute_batch("BEGIN IMMEDIATE").with_context(|| path.display().to_string())?;
            held.push(bucket);
        }
        ensure!(!held.is_empty(), "there is no bucket yet");
        Ok(Self { _held: held })
    }
}
