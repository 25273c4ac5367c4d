//! `cargo xtask migrate`: brings the database of `DATABASE_URL` up to date, for a deployment.

use std::env;

use anyhow::{Context as _, Result, anyhow};
use url::Url;
use xtask::database::Database;
use xtask::progress::{remedy, step};

/// Applies what is missing, as the role that the URL names: in production that is `slipway_owner`.
pub(crate) fn run() -> Result<()> {
    let url = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()).ok_or_else(|| {
        remedy(anyhow!("DATABASE_URL is not set"), "set it to the connection URL of the role slipway_owner")
    })?;
    let url = Url::parse(&url).context("DATABASE_URL is not a URL")?;
    let database = Database { admin_url: url.clone(), owner_url: url.clone(), app_url: url };
    step("migrations", "check DATABASE_URL and that the server can be reached", |progress| {
        let applied = database.migrate()?;
        progress.note(if applied.is_empty() { "nothing to do".to_owned() } else { applied.join(", ") });
        Ok(())
    })
}
