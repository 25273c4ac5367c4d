//! Skips work whose inputs did not change: a step keeps the hash of what it was made from.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::progress::Progress;
use crate::repo;

/// Folders that are results, never inputs.
const RESULTS: [&str; 6] = ["build", "target", "node_modules", ".svelte-kit", "test-results", ".git"];

/// SHA-256 (hex) over the names and contents of `inputs` (files, or folders with everything below them) and the
/// `extra` texts such as tool versions. What does not exist counts as absent.
///
/// # Errors
/// When an input cannot be read.
pub(crate) fn of(inputs: &BTreeSet<PathBuf>, extra: &[&str]) -> Result<String> {
    let mut files = BTreeSet::new();
    for input in inputs {
        gather(input, &mut files)?;
    }
    let mut hash = Sha256::new();
    for text in extra {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    for file in files {
        let name = file.strip_prefix(repo::root()).unwrap_or(&file).to_string_lossy().into_owned();
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(content.len().to_le_bytes());
        hash.update(content);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether `what` was last made from inputs with this fingerprint.
#[must_use]
pub(crate) fn is_current(what: &str, fingerprint: &str) -> bool {
    fs::read_to_string(stamp(what)).is_ok_and(|kept| kept == fingerprint)
}

/// Remembers that `what` was made from inputs with this fingerprint.
///
/// # Errors
/// When the state folder cannot be written.
pub(crate) fn keep(what: &str, fingerprint: &str) -> Result<()> {
    let file = stamp(what);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, fingerprint).with_context(|| format!("cannot write {}", file.display()))
}

/// Forgets what `what` was made from, before it is made anew.
pub(crate) fn forget(what: &str) {
    // Absent is what we want.
    let _ = fs::remove_file(stamp(what));
}

/// Waits until no other process makes `what`; others wait as long as the value lives.
///
/// # Errors
/// When the state folder cannot be written.
pub(crate) fn alone(what: &str, progress: &Progress) -> Result<File> {
    let path = stamp(&format!("{what}.lock"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        progress.line("waiting for another run that does the same");
        file.lock()?;
    }
    Ok(file)
}

fn stamp(what: &str) -> PathBuf {
    repo::state().join("stamps").join(what)
}

fn gather(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.insert(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if !RESULTS.iter().any(|name| entry.file_name() == *name) {
                gather(&entry.path(), files)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::of;

    #[test]
    fn content_names_and_tools_count_and_results_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = BTreeSet::from([folder.path().to_owned(), folder.path().join("absent")]);
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/lib.rs"), "one").unwrap();
        let first = of(&inputs, &["tool 1"]).unwrap();
        assert_eq!(of(&inputs, &["tool 1"]).unwrap(), first);
        assert_ne!(of(&inputs, &["tool 2"]).unwrap(), first);

        fs::create_dir(folder.path().join("build")).unwrap();
        fs::write(folder.path().join("build/index.js"), "result").unwrap();
        assert_eq!(of(&inputs, &["tool 1"]).unwrap(), first);

        fs::write(folder.path().join("src/lib.rs"), "two").unwrap();
        assert_ne!(of(&inputs, &["tool 1"]).unwrap(), first);
        fs::write(folder.path().join("src/lib.rs"), "one").unwrap();
        fs::rename(folder.path().join("src/lib.rs"), folder.path().join("src/main.rs")).unwrap();
        assert_ne!(of(&inputs, &["tool 1"]).unwrap(), first);
    }
}
