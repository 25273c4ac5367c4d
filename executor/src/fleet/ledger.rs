//! Which commands of a sandbox were ever started, by key: a file that is added to before each start. An executor that was
//! killed forgets what a command said, but not that it ran, so it never runs twice.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const FILE: &str = "commands.jsonl";
/// Keys that are remembered; the oldest half goes when there are more.
const KEYS: usize = 10_000;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    key: String,
    /// Exit code; absent in the line written before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

/// The commands of a sandbox.
#[derive(Debug)]
pub(super) struct Ledger {
    file: PathBuf,
    order: Vec<String>,
    codes: HashMap<String, Option<i32>>,
}

impl Ledger {
    /// Reads the ledger in a sandbox's folder.
    pub(super) fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut ledger = Self { file, order: Vec::new(), codes: HashMap::new() };
        // A line that was cut off is of a command that never started.
        for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            ledger.note(line);
        }
        ledger
    }

    /// How a command that was started earlier ended: `Some(None)` when nobody saw its end.
    pub(super) fn find(&self, key: &str) -> Option<Option<i32>> {
        self.codes.get(key).copied()
    }

    /// Says that a command is about to start.
    ///
    /// # Errors
    /// When that cannot be written down; it must not start then.
    pub(super) fn start(&mut self, key: &str) -> io::Result<()> {
        self.add(Line { key: key.to_owned(), code: None })
    }

    /// Says how it ended.
    pub(super) fn end(&mut self, key: &str, code: i32) {
        // Unwritten, it counts as one whose end nobody saw.
        let _ = self.add(Line { key: key.to_owned(), code: Some(code) });
    }

    fn add(&mut self, line: Line) -> io::Result<()> {
        if self.order.len() >= KEYS {
            self.shorten()?;
        }
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(&text)?;
        self.note(line);
        Ok(())
    }

    fn note(&mut self, line: Line) {
        if self.codes.insert(line.key.clone(), line.code).is_none() {
            self.order.push(line.key);
        }
    }

    fn shorten(&mut self) -> io::Result<()> {
        for key in self.order.drain(..KEYS / 2) {
            self.codes.remove(&key);
        }
        let beside = self.file.with_extension("part");
        let mut open = File::create(&beside)?;
        for key in &self.order {
            let line = Line { key: key.clone(), code: self.codes.get(key).copied().flatten() };
            writeln!(open, "{}", serde_json::to_string(&line)?)?;
        }
        fs::rename(&beside, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path());
        ledger.start("a").unwrap();
        ledger.start("b").unwrap();
        ledger.end("a", 3);
        fs::OpenOptions::new()
            .append(true)
            .open(folder.path().join(FILE))
            .unwrap()
            .write_all(b"{\"key\":\"c")
            .unwrap();
        let again = Ledger::open(folder.path());
        assert_eq!([again.find("a"), again.find("b"), again.find("c")], [Some(Some(3)), Some(None), None]);
    }

    #[test]
    fn a_ledger_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path());
        for number in 0..KEYS + 10 {
            ledger.start(&number.to_string()).unwrap();
        }
        let again = Ledger::open(folder.path());
        assert_eq!(again.find("0"), None);
        assert_eq!(again.find(&(KEYS + 9).to_string()), Some(None));
        assert!(again.order.len() <= KEYS / 2 + 10);
    }
}
