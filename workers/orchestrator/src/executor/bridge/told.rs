//! What comes back from the bridge: events of a command's stream, and in them the lines that `agent.sh` says.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use slipway_contract::objects::executor::{ExecExit, FileEntry, FileKind, FileList, SandboxReport};
use slipway_contract::{SandboxId, Timestamp};

use crate::stream::Cutter;

/// Most entries of a folder that are told.
const ENTRIES: usize = 1_000;
/// Where the control server of the container listens; it is nothing of the sandbox's.
const CONTROL_PORT: u16 = 3000;

/// One thing that happened on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The agent said a line.
    Line(String),
    /// The shell that ran the agent ended.
    Ended,
    /// The bridge could not run it, or not to its end.
    Broken,
}

/// Takes the events of an `exec` apart: server-sent events whose `stdout` is base64.
#[derive(Debug, Default)]
pub(super) struct Events {
    raw: Cutter,
    event: String,
    output: Cutter,
    ready: VecDeque<Event>,
}

impl Events {
    /// More bytes came.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.raw.feed(bytes);
        while let Some(line) = self.raw.next_line() {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if let Some(event) = line.strip_prefix("event:") {
                event.trim().clone_into(&mut self.event);
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data(data.trim());
            }
        }
    }

    fn data(&mut self, data: &str) {
        match self.event.as_str() {
            "stdout" => match STANDARD.decode(data) {
                Ok(bytes) => {
                    self.output.feed(&bytes);
                    while let Some(line) = self.output.next_line() {
                        self.ready.push_back(Event::Line(String::from_utf8_lossy(&line).into_owned()));
                    }
                }
                Err(_) => self.ready.push_back(Event::Broken),
            },
            "exit" => self.ready.push_back(Event::Ended),
            "error" => self.ready.push_back(Event::Broken),
            // What the shell complains of is not for us, and events that are new to us are none of ours.
            _ => {}
        }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// Bytes that are no whole event yet.
    pub(super) fn waiting(&self) -> usize {
        self.raw.waiting() + self.output.waiting()
    }
}

/// What the agent says of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is there, and runs.
    Going,
    /// It wrote this to standard output, or else to standard error.
    Wrote {
        /// Standard error.
        error: bool,
        /// What.
        bytes: Vec<u8>,
    },
    /// It goes on in the background.
    Detached,
    /// It ended: code, milliseconds, bytes that were dropped.
    Exit {
        /// Its code.
        code: i32,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Output that was dropped, in bytes.
        dropped: u64,
    },
    /// It is over, and nothing says how it ended.
    Lost,
    /// It is asked again where it goes on.
    More,
    /// No command has this name.
    NotBegun,
    /// Nor is this the container that the sandbox was made in.
    Gone,
}

/// What a line says of a command.
pub(super) fn progress(line: &str) -> Option<Progress> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "begun" | "alive" => Progress::Going,
        "o" | "e" => Progress::Wrote { error: word == "e", bytes: STANDARD.decode(rest).ok()? },
        "detached" => Progress::Detached,
        "exit" => {
            let mut numbers = rest.split(' ');
            Progress::Exit {
                code: numbers.next()?.parse().ok()?,
                took_ms: numbers.next()?.parse().ok()?,
                dropped: numbers.next()?.parse().ok()?,
            }
        }
        "lost" => Progress::Lost,
        "more" => Progress::More,
        "none" => Progress::NotBegun,
        "gone" => Progress::Gone,
        _ => return None,
    })
}

/// How a command ended, as the contract says it. `timeout` ends what takes too long by SIGKILL.
pub(super) fn exit(code: i32, took_ms: u64, dropped: u64, timeout_ms: u64) -> ExecExit {
    ExecExit {
        code,
        timed_out: code == 128 + 9 && took_ms >= timeout_ms,
        killed: false,
        dropped_bytes: dropped,
        duration_ms: took_ms,
        refused_hosts: Vec::new(),
    }
}

/// How a container stands, of all the lines that the agent says. `None`: it did not say all.
pub(super) fn report(sandbox: SandboxId, lines: &[String]) -> Option<SandboxReport> {
    let said = |word: &str| {
        let found = lines.iter().find_map(|line| {
            let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
            (first == word).then_some(rest)
        });
        found.map(str::trim)
    };
    let number = |word: &str| said(word)?.parse::<u64>().ok();
    said("ok")?;
    let mut ports: Vec<u16> = said("ports")?
        .split_whitespace()
        .filter_map(|port| u16::from_str_radix(port, 16).ok())
        .filter(|port| *port != CONTROL_PORT)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    let seconds = said("used")?.parse::<i64>().ok()?;
    Some(SandboxReport {
        sandbox,
        epoch: number("epoch")?,
        running: true,
        started_at: Some(Timestamp::from_unix_ms(said("started")?.parse().ok()?)),
        ended_at: None,
        ended_because: None,
        blank: said("blank").is_some(),
        used_at: Some(Timestamp::from_unix_ms(seconds.checked_mul(1_000)?)),
        cpu_ms: number("cpu").unwrap_or_default() / 1_000,
        memory_bytes: number("memory").unwrap_or_default(),
        disk_bytes: number("disk").unwrap_or_default().saturating_mul(1_024),
        // The bridge is set up without a way to the internet; see the opening of this module.
        egress_bytes: 0,
        ports,
        refused_hosts: Vec::new(),
    })
}

/// What is in a folder: `find`'s entries, each ended by NUL, as base64.
pub(super) fn folder(text: &str) -> Option<FileList> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    let mut entries = Vec::new();
    for entry in bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let entry = String::from_utf8_lossy(entry);
        let mut parts = entry.splitn(4, ' ');
        let kind = match parts.next()? {
            "f" => FileKind::File,
            "d" => FileKind::Folder,
            "l" => FileKind::Link,
            _ => FileKind::Other,
        };
        let bytes: u64 = parts.next()?.parse().ok()?;
        let (seconds, part) = parts.next()?.split_once('.')?;
        let ms: i64 = part.get(..3)?.parse().ok()?;
        let changed_at = Timestamp::from_unix_ms(seconds.parse::<i64>().ok()?.checked_mul(1_000)? + ms);
        let bytes = if kind == FileKind::Folder { 0 } else { bytes };
        entries.push(FileEntry { name: parts.next()?.to_owned(), kind, bytes, changed_at });
    }
    let truncated = entries.len() > ENTRIES;
    entries.truncate(ENTRIES);
    Some(FileList { entries, truncated })
}

/// Text of bytes that come in pieces: a character that is cut waits for its rest.
#[derive(Debug, Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    /// More bytes; what is whole of them.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let cut = match core::str::from_utf8(&self.0) {
            Ok(_) => self.0.len(),
            // At the very end there is the beginning of a character.
            Err(_) => {
                let tail = self.0.len().saturating_sub(3);
                (tail..self.0.len()).find(|at| begins(self.0.get(*at..))).unwrap_or(self.0.len())
            }
        };
        let rest = self.0.split_off(cut);
        let whole = core::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).into_owned()
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) -> String {
        String::from_utf8_lossy(&core::mem::take(&mut self.0)).into_owned()
    }
}

/// Whether bytes are the beginning of one character and nothing else.
fn begins(bytes: Option<&[u8]>) -> bool {
    bytes.is_some_and(|bytes| {
        core::str::from_utf8(bytes)
            .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    })
}

/// A refusal of the bridge: `{"error": …, "code": …}`.
#[derive(Deserialize)]
pub(super) struct BridgeProblem {
    pub(super) error: String,
    pub(super) code: String,
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
