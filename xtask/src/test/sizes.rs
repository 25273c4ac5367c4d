//! Compressed sizes of what users and the platform load, against their budgets.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use xtask::progress::{Progress, print};
use xtask::workers::{Wanted, Worker};
use xtask::{Command, setup};

use super::tally::Tally;

/// Bytes in the kilobyte of the budgets.
const KB: usize = 1000;

/// gzip -9 of JavaScript and Wasm together. A Worker starts in proportion to its size; the platform's limit is far off.
/// The chat's object is started most often, so it is kept the leanest but for the gateway.
fn budget(worker: Worker) -> usize {
    match worker {
        Worker::ChatDo => 420 * KB,
        Worker::Gateway => 250 * KB,
        Worker::AppApi | Worker::Orchestrator => 1_040 * KB,
    }
}

/// Measures the built Workers, and the web app by its own script (it knows what the first screen loads).
pub(super) fn run() -> Result<Tally> {
    setup::run()?;
    setup::build(&Wanted::all())?;
    let mut tally = Tally::default();
    for worker in Worker::ALL {
        let script = worker.built();
        let wasm = script.with_file_name("index_bg.wasm");
        tally = tally + compare(worker.name(), gzip(&script)? + gzip(&wasm)?, budget(worker));
    }
    let measured =
        Command::new("npm")?.args(["run", "first-load", "--workspace", "web"]).run(&Progress::default());
    match measured {
        Ok(finished) => {
            finished.lines.iter().for_each(|line| print(line));
            Ok(tally + Tally::success())
        }
        Err(error) => {
            print(&format!("{error:#}"));
            Ok(tally + Tally::failure())
        }
    }
}

fn compare(name: &str, size: usize, budget: usize) -> Tally {
    let fits = size <= budget;
    let (mark, tally) = if fits { ("✓", Tally::success()) } else { ("✗", Tally::failure()) };
    let [size, budget] = [size, budget].map(|bytes| bytes.div_ceil(KB));
    print(&format!("  {mark} {name:<14} {size:>5} KB gzip of {budget} KB"));
    tally
}

fn gzip(file: &Path) -> Result<usize> {
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&content)?;
    Ok(encoder.finish()?.len())
}
