//! Memory and CPU time of the sandbox, and the memory limit where no control group enforces it: the largest process over
//! the limit is killed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::ports;
use super::processes::{Process, all};
use super::wire::Look;

/// How often memory is looked at. A process can run over by what it touches meanwhile.
const EVERY: Duration = Duration::from_millis(200);

/// What init knows of memory.
#[derive(Clone, Default)]
pub(super) struct Watch {
    kills: Rc<Cell<u64>>,
}

impl Watch {
    /// How things stand.
    pub(super) fn look(&self) -> Look {
        let all = all();
        let ticks: u64 = all.iter().map(|process| process.ticks).sum();
        Look {
            memory_bytes: memory(&all),
            cpu_ms: ticks * 1000 / rustix::param::clock_ticks_per_second().max(1),
            ports: ports::listening(),
            memory_kills: self.kills.get(),
        }
    }

    /// Kills the largest process whenever all together use more than `limit` bytes.
    pub(super) async fn enforce(self, limit: u64) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let all = all();
            if memory(&all) <= limit {
                continue;
            }
            let shares: Vec<(i32, u64)> = all.iter().map(|process| (process.pid, share(process))).collect();
            if shares.iter().map(|(_, bytes)| bytes).sum::<u64>() <= limit {
                continue;
            }
            let largest = shares.iter().filter(|(pid, _)| *pid != 1).max_by_key(|(_, bytes)| bytes);
            if let Some(pid) = largest.and_then(|(pid, _)| Pid::from_raw(*pid)) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                self.kills.set(self.kills.get() + 1);
            }
        }
    }
}

/// Resident bytes of a process, those that others use as well divided by how many do (`proc_pid_smaps(5)`). Costly: the
/// kernel looks at every page. Hence only when the plain sum, which counts shared pages for everyone, is over the limit.
fn share(process: &Process) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map_or_else(|| memory(std::slice::from_ref(process)), |kib| kib * 1024)
}

fn memory(all: &[Process]) -> u64 {
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    all.iter().map(|process| process.rss_pages).sum::<u64>() * page
}
