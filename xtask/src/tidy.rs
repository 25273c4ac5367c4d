//! `cargo xtask tidy`: rules about the repository itself that no compiler checks. Prints every finding, not the first.

use std::path::PathBuf;

use anyhow::{Result, bail};
use xtask::progress::{Progress, print, remedy};
use xtask::{Command, repo};

mod generated;
mod migrations;
mod texts;

/// Checks everything; with `fix`, writes the generated files and notes new migrations first.
pub(crate) fn run(fix: bool) -> Result<()> {
    let files = tracked_files()?;
    let mut findings = texts::findings(&files)?;
    findings.extend(migrations::findings(fix)?);
    findings.extend(generated::findings(fix)?);
    for finding in &findings {
        print(&format!("  ✗ {finding}"));
    }
    match findings.len() {
        0 => {
            print(&format!("  ✓ {} files are tidy", files.len()));
            Ok(())
        }
        count => Err(remedy(
            anyhow::anyhow!("{count} findings"),
            "mend them; `cargo xtask tidy --fix` writes generated files",
        )),
    }
}

/// Files that git knows or would add, relative to the top of the checkout.
fn tracked_files() -> Result<Vec<PathBuf>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git")?.args(args).run(&Progress::default())?;
    let files: Vec<PathBuf> = listed
        .lines
        .into_iter()
        .map(PathBuf::from)
        .filter(|file| repo::root().join(file).is_file())
        .collect();
    if files.is_empty() {
        bail!("git lists no files");
    }
    Ok(files)
}
