//! The sandbox's processes as its own `/proc` shows them.

use std::collections::HashSet;
use std::fs;

use rustix::process::{Pid, Signal};

/// A line of `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) zombie: bool,
    /// Own time and that of children already waited for, in clock ticks.
    pub(super) ticks: u64,
    pub(super) rss_pages: u64,
}

impl Process {
    /// Reads the line (`proc_pid_stat(5)`); the name in it may hold anything, also parentheses and spaces.
    fn parse(line: &str) -> Option<Self> {
        let (pid, rest) = line.split_once(" (")?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        // Field 3 of the manual, the state, is the first of these.
        let number = |place: usize| fields.get(place - 3)?.parse::<i64>().ok();
        let times: Option<Vec<i64>> = (14..=17).map(number).collect();
        Some(Self {
            pid: pid.parse().ok()?,
            parent: i32::try_from(number(4)?).ok()?,
            group: i32::try_from(number(5)?).ok()?,
            session: i32::try_from(number(6)?).ok()?,
            zombie: matches!(fields.first(), Some(&"Z" | &"X")),
            ticks: u64::try_from(times?.into_iter().sum::<i64>()).ok()?,
            rss_pages: u64::try_from(number(24)?).ok()?,
        })
    }
}

/// Every process inside, init too.
pub(super) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Process::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// Who of `all` belongs to what was started as `leader`: its session, its process group and all their descendants.
/// A daemon that left the session and lost its parent does not; it ends with the sandbox.
fn family(all: &[Process], leader: i32) -> HashSet<i32> {
    let mut family: HashSet<i32> = all
        .iter()
        .filter(|process| process.pid == leader || process.session == leader || process.group == leader)
        .map(|process| process.pid)
        .collect();
    loop {
        let before = family.len();
        family.extend(
            all.iter()
                .filter(|process| family.contains(&process.parent))
                .map(|process| process.pid)
                .collect::<Vec<_>>(),
        );
        if family.len() == before {
            family.remove(&1);
            return family;
        }
    }
}

/// Sends a signal to all that was started as `leader`.
pub(super) fn signal_family(leader: i32, signal: Signal) {
    // A family that forks while it is killed is caught by the next round.
    for _ in 0..if signal == Signal::KILL { 5 } else { 1 } {
        let all = all();
        let family = family(&all, leader);
        let living = all.iter().filter(|process| !process.zombie && family.contains(&process.pid));
        let mut any = false;
        for pid in living.filter_map(|process| Pid::from_raw(process.pid)) {
            any = true;
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(pid, signal);
        }
        if !any {
            return;
        }
    }
}

/// Sends a signal to every process but init.
pub(super) fn signal_all(signal: Signal) {
    for _ in 0..if signal == Signal::KILL { 5 } else { 1 } {
        let others: Vec<_> =
            all().into_iter().filter(|process| process.pid != 1 && !process.zombie).collect();
        if others.is_empty() {
            return;
        }
        for pid in others.iter().filter_map(|process| Pid::from_raw(process.pid)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        Process { pid, parent, group, session, zombie: false, ticks: 0, rss_pages: 0 }
    }

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let line = "42 (a) R 1 (b) S 7 40 41 0 -1 4194560 1 2 0 0 10 20 30 40 20 0 1 0 100 2000 300 18446744073709551615 0 0";
        let read = Process::parse(line).unwrap();
        assert_eq!(read, Process { ticks: 100, rss_pages: 300, ..process(42, 7, 40, 41) });
        assert_eq!(Process::parse("42 (short) S 1 2"), None);
    }

    #[test]
    fn a_family_is_a_session_with_all_descendants_and_never_init() {
        let all = [
            process(1, 0, 1, 1),
            process(10, 1, 10, 10),
            process(11, 10, 11, 10),
            process(12, 11, 12, 12),
            process(13, 12, 12, 12),
            process(20, 1, 20, 20),
        ];
        let mut found: Vec<_> = family(&all, 10).into_iter().collect();
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12, 13]);
        assert!(!family(&all, 1).contains(&1));
    }
}
