//! `cargo xtask reindex`: has chats tell the index in Postgres once more all that they told it, after rows of it were lost.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use url::Url;
use xtask::progress::{print, remedy, step};
use xtask::{database, repo};

/// How often is looked how far it is.
const POLL: Duration = Duration::from_secs(5);
/// The file below the data folder in which the stack of this machine leaves the address of its database.
pub(crate) const OWNER_URL: &str = "owner-url";

/// Which chats.
#[derive(Args)]
pub(crate) struct Options {
    /// Those of this org alone (its id) [default: those of all].
    #[arg(long)]
    org: Option<String>,
    /// Folder of the stack's data, where DATABASE_URL is not set [default: .slipway/data].
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Marks them, and waits until the running orchestrator has asked each.
pub(crate) fn run(options: &Options) -> Result<()> {
    let url = database_url(options)?;
    step("reindex", "check the database URL, and that its role owns the tables", |progress| {
        progress.note(format!("{} chats", database::reindex(&url, options.org.as_deref())?));
        Ok(())
    })?;
    print("The orchestrator asks up to 100 chats a minute; Ctrl-C does not stop it.");
    loop {
        match database::to_reindex(&url)? {
            0 => break,
            left => print(&format!("  {left} to be asked")),
        }
        thread::sleep(POLL);
    }
    print("All have heard. Each tells the index within seconds, a long chat within minutes.");
    Ok(())
}

/// `DATABASE_URL`, or else the database of the stack that runs on this machine.
fn database_url(options: &Options) -> Result<Url> {
    let text = match env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => url,
        None => {
            let folder = options.data_dir.clone().unwrap_or_else(|| repo::state().join("data"));
            let file = folder.join(OWNER_URL);
            fs::read_to_string(&file).map_err(|_| {
                let advice =
                    "start it (cargo xtask dev), or set DATABASE_URL to the URL of the role slipway_owner";
                remedy(anyhow!("no stack runs on {}", folder.display()), advice)
            })?
        }
    };
    Url::parse(text.trim()).context("the database URL is no URL")
}
