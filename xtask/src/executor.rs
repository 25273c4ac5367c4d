//! The executor on this machine: built natively, started beside the Workers. It ends with the value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::command::Command;
use crate::progress::{Progress, remedy};
use crate::repo;
use crate::secrets::Secrets;
use crate::supervised::Supervised;

/// Sandboxes that this machine may run at once.
const PLACES: u32 = 50;
/// Ending all sandboxes takes a moment, and a loaded machine gets more.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A running executor.
pub struct Executor {
    process: Supervised,
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    key: String,
    pid: u32,
}

impl Executor {
    /// Starts the built executor on a free port, keeping its sandboxes below `data_dir`.
    ///
    /// # Errors
    /// When it is not built or does not start.
    pub fn start(data_dir: &Path, log: &Path, secrets: &Secrets) -> Result<Self> {
        Self::start_with(data_dir, log, secrets, &[])
    }

    /// The same, with more arguments.
    ///
    /// # Errors
    /// As for [`Executor::start`].
    pub fn start_with(data_dir: &Path, log: &Path, secrets: &Secrets, args: &[String]) -> Result<Self> {
        let settings = json!({
            "program": built(),
            "listen": "127.0.0.1:0",
            "dataDir": data_dir,
            "places": PLACES,
            "args": args,
            "env": {"EXECUTOR_KEY": secrets.executor_key, "RELAY_KEY": secrets.relay_key},
            "log": log,
        });
        let errors = log.with_extension("stderr.log");
        let (process, ready) = Supervised::start("executor.mjs", &settings, &errors, false)?;
        let address = ready.get("address").and_then(Value::as_str).context("it did not say where")?;
        let pid = ready.get("executor").and_then(Value::as_u64).context("it did not say its process id")?;
        let url = format!("http://{address}");
        Ok(Self { process, url, key: secrets.executor_key.clone(), pid: u32::try_from(pid)? })
    }

    /// Its process id, as it was first started.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The value of the orchestrator's variable `EXECUTORS`.
    #[must_use]
    pub fn setting(&self) -> Value {
        self.setting_at(&self.url)
    }

    /// The same, with another URL that leads to it.
    #[must_use]
    pub fn setting_at(&self, url: &str) -> Value {
        Value::from(json!([{"id": "local", "url": url, "key": self.key}]).to_string())
    }

    /// kill -9, and its sandboxes with it.
    ///
    /// # Errors
    /// When the process that watches over it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.process.send(&json!({"kill": true}))?;
        self.process.wait_for("killed", COMMAND_LIMIT).map(drop)
    }

    /// Starts again after [`Executor::kill`], on the same address and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.process.send(&json!({"start": true}))?;
        self.process.wait_for("started", COMMAND_LIMIT).map(drop)
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.ended()?.is_some())
    }
}

/// Builds it, optimised, unless nothing changed.
///
/// # Errors
/// When the compiler fails; the whole output is in `.slipway/logs/build-executor.log`.
pub fn build(progress: &Progress) -> Result<()> {
    Command::new("cargo")?
        .args(["build", "--profile", "native", "--package", "slipway-executor"])
        .log(repo::state().join("logs/build-executor.log"))
        .run(progress)
        .map_err(|error| remedy(error, "mend the error above, then run `cargo xtask build executor`"))?;
    Ok(())
}

/// The built program.
#[must_use]
pub fn built() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repo::root().join("target"), PathBuf::from);
    target.join("native/slipway-executor")
}
