//! Where things are: the checkout, its local state, the user's cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The top folder of the checkout that this program was built from.
#[must_use]
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Local state, ignored by git: data, secrets, logs, what was built from what.
#[must_use]
pub fn state() -> PathBuf {
    root().join(".slipway")
}

/// The folder of npm's programs, Node among them.
#[must_use]
pub fn node_bin() -> PathBuf {
    root().join("node_modules/.bin")
}

/// The cached folder of one tool, kept by version so that several checkouts share it.
///
/// # Errors
/// When the user has no cache folder (neither `XDG_CACHE_HOME` nor `HOME`).
pub fn tool(name: &str, version: &str) -> Result<PathBuf> {
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(cache.join("slipway/tools").join(format!("{name}-{version}")))
}

/// `PATH` with npm's programs first: Node 24 wins over the system's.
///
/// # Errors
/// When a folder's name cannot stand in `PATH`.
pub fn path_variable() -> Result<std::ffi::OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(node_bin()).chain(env::split_paths(&rest)))?)
}
