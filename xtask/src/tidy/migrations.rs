//! Migrations are append-only: a file that was released must never change, because databases out there have run it.
//! `migrations/checksums` has one line per migration, `<sha256>  <file>`; only lines for new files may be added.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use xtask::{database, repo};

/// With `fix`, notes migrations that have no line yet; a changed one stays a finding.
pub(super) fn findings(fix: bool) -> Result<Vec<String>> {
    let file = repo::root().join("migrations/checksums");
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let noted: BTreeMap<&str, &str> =
        kept.lines().filter_map(|line| line.split_once("  ").map(|(sum, name)| (name, sum))).collect();
    let mut present = BTreeMap::new();
    for migration in database::migrations()? {
        let name = migration
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .context("a migration without a name")?;
        let digest = Sha256::digest(fs::read(&migration.path)?);
        present.insert(name.to_owned(), digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    let mut found = Vec::new();
    let mut lines = kept.clone();
    for (name, sum) in &present {
        match noted.get(name.as_str()) {
            Some(known) if known == sum => {}
            Some(_) => found
                .push(format!("migrations/{name}: changed after its release; write a new migration instead")),
            None if fix => lines.push_str(&format!("{sum}  {name}\n")),
            None => found.push(format!("migrations/{name}: not in migrations/checksums")),
        }
    }
    for name in noted.keys().filter(|name| !present.contains_key(**name)) {
        found.push(format!("migrations/{name}: released and then removed"));
    }
    if lines != kept {
        fs::write(&file, lines).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(found)
}
