//! The web app: built into static files, or served with hot reload by Vite.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use crate::command::Command;
use crate::progress::{Progress, remedy};
use crate::supervised::Supervised;
use crate::{fingerprint, repo};

/// The web app's folder.
#[must_use]
pub fn folder() -> PathBuf {
    repo::root().join("web")
}

/// The built files.
#[must_use]
pub fn built() -> PathBuf {
    folder().join("build")
}

/// Builds the static files unless nothing changed.
///
/// # Errors
/// When the build fails; the whole output is in `.slipway/logs/build-web.log`.
pub fn build(progress: &Progress) -> Result<()> {
    let _alone = fingerprint::alone("web", progress)?;
    let inputs = BTreeSet::from([folder(), repo::root().join("package-lock.json")]);
    // The pages may frame previews, and those lie below this address.
    let previews = std::env::var("PREVIEW_URL").unwrap_or_default();
    let current = fingerprint::of(&inputs, &[&previews])?;
    if fingerprint::is_current("web", &current) && built().join("index.html").exists() {
        progress.note("unchanged");
        return Ok(());
    }
    fingerprint::forget("web");
    Command::new("npm")?
        .args(["run", "build", "--workspace", "web"])
        .log(repo::state().join("logs/build-web.log"))
        .run(progress)
        .map_err(|error| remedy(error, "mend the error above, then run `cargo xtask build web`"))?;
    fingerprint::keep("web", &current)
}

/// Serves the web app with hot reload on `port`, passing `/v1` on to `api`.
///
/// # Errors
/// When Vite does not start.
pub fn serve(port: u16, api: &str) -> Result<Supervised> {
    let settings = json!({"root": folder(), "host": "localhost", "port": port, "api": api});
    let (server, _ready) =
        Supervised::start("web.mjs", &settings, &repo::state().join("logs/web.log"), true)?;
    Ok(server)
}
