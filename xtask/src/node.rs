//! npm's packages: Node itself, esbuild, binaryen, Miniflare, wrangler, Postgres, the web app's.
//! Installed with `npm ci` when what is there differs from the lock file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command as Program, Stdio};

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;

use crate::command::Command;
use crate::progress::{Progress, remedy};
use crate::{fingerprint, repo};

/// Makes `node_modules` what `package-lock.json` says.
pub(crate) fn install(progress: &Progress) -> Result<()> {
    let _alone = fingerprint::alone("npm", progress)?;
    if is_current()? {
        progress.note("unchanged");
        return Ok(());
    }
    Program::new("npm").arg("--version").stdin(Stdio::null()).output().map_err(|error| {
        remedy(anyhow!(error), "install Node 20 or newer with npm (on Debian: apt-get install nodejs npm)")
    })?;
    progress.line("npm ci");
    Command::new("npm")?
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .log(repo::state().join("logs/npm.log"))
        .run(progress)
        .map_err(|error| {
            remedy(error, "check that the npm registry can be reached; after a change of package.json run `npm install` once")
        })?;
    progress.note("installed");
    Ok(())
}

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    link: bool,
}

/// npm notes what it installed in `node_modules/.package-lock.json`; packages for other systems are left out there.
fn is_current() -> Result<bool> {
    let wanted = read(&repo::root().join("package-lock.json"))?.context("package-lock.json is missing")?;
    let Some(present) = read(&repo::root().join("node_modules/.package-lock.json"))? else {
        return Ok(false);
    };
    Ok(wanted.packages.iter().filter(|(path, entry)| path.contains("node_modules/") && !entry.link).all(
        |(path, entry)| match present.packages.get(path) {
            Some(found) => found.version == entry.version,
            None => entry.optional,
        },
    ))
}

fn read(file: &Path) -> Result<Option<Lock>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(serde_json::from_str(&text).with_context(|| format!("{} is not a lock file", file.display()))?))
}
