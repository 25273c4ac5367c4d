//! The machine: which core runs what, how fast the disk flushes, what a process has used.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Puts this thread on one core.
pub(crate) fn pin_this_to(core: usize) -> Result<()> {
    pin(None, core)
}

/// Puts every thread that a process has now on one core; threads it starts later inherit that.
pub(crate) fn pin_all_threads(process: u32, core: usize) -> Result<()> {
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let id: i32 = task?.file_name().to_string_lossy().parse()?;
        pin(Pid::from_raw(id), core)?;
    }
    Ok(())
}

fn pin(thread: Option<Pid>, core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    match sched_setaffinity(thread, &cores) {
        // A thread that has ended meanwhile.
        Err(Errno::SRCH) => Ok(()),
        chosen => chosen.context("cannot choose a core"),
    }
}

/// How many times a second 4 KiB reach the disk that holds `folder` (`fdatasync` after each write).
pub(crate) fn flushes_per_second(folder: &Path) -> Result<f64> {
    let path = folder.join("flush-probe");
    let mut file = File::create(&path)?;
    let block = [7_u8; 4096];
    let begun = Instant::now();
    let mut flushes = 0_u32;
    while begun.elapsed() < Duration::from_secs(1) {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        flushes += 1;
    }
    fs::remove_file(path)?;
    Ok(f64::from(flushes) / begun.elapsed().as_secs_f64())
}

/// Processor time that a process has used, user and system together.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields 14 and 15, counted behind the name, which may hold spaces; in clock ticks of 10 ms.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).context("no processor time");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

/// Memory of a process, in bytes, as it is resident.
pub(crate) fn memory(process: u32) -> Result<u64> {
    status(process, "VmRSS:")
}

/// The most memory that a process has resident from a moment on, over what it had then.
pub(crate) struct Peak {
    process: u32,
    before: u64,
}

impl Peak {
    /// From now on; `None` where the kernel cannot forget an earlier peak, or not for us.
    pub(crate) fn from_now(process: u32) -> Result<Option<Self>> {
        if fs::write(format!("/proc/{process}/clear_refs"), "5").is_err() {
            return Ok(None);
        }
        Ok(Some(Self { process, before: memory(process)? }))
    }

    /// Bytes by which it grew at most.
    pub(crate) fn growth(&self) -> Result<u64> {
        Ok(status(self.process, "VmHWM:")?.saturating_sub(self.before))
    }
}

/// A figure of a process, in bytes.
fn status(process: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.with_context(|| format!("no {name}"))?;
    Ok(figure.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
