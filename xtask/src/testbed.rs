//! Everything a black-box test needs, on free ports and in a temporary folder: Postgres, roles, migrations, a pooler
//! when the run asks for one, and the stack. Nothing of it outlives the value.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::database::{self, Database};
use crate::executor::Executor;
use crate::pgbouncer::PgBouncer;
use crate::postgres::{self, Postgres};
use crate::secrets::Secrets;
use crate::stack::{Extra, Stack, StackConfig, Vars};
use crate::web;
use crate::workers::Worker;

/// The environment variable that puts a pooler between the Workers and Postgres.
pub const POOLING: &str = "SLIPWAY_E2E_POOLING";
/// So few that requests of different tenants take turns on each connection.
const POOL_SIZE: u16 = 4;

/// A running test environment. Fields end in this order: Workers, executor, pooler, Postgres, folder.
pub struct Testbed {
    /// The Workers.
    pub stack: Stack,
    /// Makes the sandboxes; a test may kill it and start it again.
    pub executor: Executor,
    pooler: Option<PgBouncer>,
    /// Its URLs go straight to Postgres, never through the pooler.
    pub database: Database,
    /// The server; a test may stop it and start it again.
    pub postgres: Postgres,
    /// Keys and passwords of this environment, to forge tokens with.
    pub secrets: Secrets,
    folder: TempDir,
}

/// What a test may want to be different.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Variables over those of `wrangler.toml`, by Worker: for example the URL of a fake model server.
    pub vars: BTreeMap<Worker, Vars>,
    /// Serve the built web app too.
    pub web: bool,
    /// Workers beside the four.
    pub extra: Vec<Extra>,
    /// Where the Workers find the executor, when something stands in front of it: its URL.
    pub front: Option<String>,
    /// More arguments of the executor.
    pub executor_args: Vec<String>,
}

impl Testbed {
    /// Starts everything. The Workers must have been built (`cargo xtask build`).
    ///
    /// # Errors
    /// When a part does not start; the error names it.
    pub fn start(options: Options) -> Result<Self> {
        let folder = temporary_folder()?;
        let secrets = Secrets::generate()?;
        let (postgres, database) = fresh_database(folder.path(), &secrets)?;
        let logs = folder.path().join("logs");
        let pooler = match env::var(POOLING).as_deref() {
            Err(_) | Ok("") => None,
            Ok("pgbouncer") => {
                Some(PgBouncer::start(&database.app_url, POOL_SIZE, &logs.join("pgbouncer.log"))?)
            }
            Ok(other) => bail!("{POOLING} is `{other}`; known is only `pgbouncer`"),
        };
        let app_url = match &pooler {
            Some(pooler) => pooler.route(&database.app_url)?,
            None => database.app_url.clone(),
        };
        let data = folder.path().join("executor");
        let log = logs.join("executor.jsonl");
        let executor = Executor::start_with(&data, &log, &secrets, &options.executor_args)?;
        let stack = Stack::start(StackConfig {
            data_dir: folder.path().join("workers"),
            database_url: app_url.to_string(),
            app_port: None,
            gateway_port: None,
            assets: options.web.then(web::built),
            vars: options.vars,
            extra: options.extra,
            log: logs.join("workers.jsonl"),
            show_errors: false,
            crons: false,
            secrets: secrets.clone(),
            executors: Some(executor.setting_at(options.front.as_deref().unwrap_or(&executor.url))),
        })?;
        Ok(Self { stack, executor, pooler, database, postgres, secrets, folder })
    }

    /// The temporary folder: `logs/workers.jsonl` has what the Workers logged, `workers/` the objects' files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the Workers reach Postgres through the pooler.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.pooler.is_some()
    }
}

/// A fresh server below `folder` with roles, database and all migrations; gone with the value.
///
/// # Errors
/// When the server does not start or a migration fails.
pub fn fresh_database(folder: &Path, secrets: &Secrets) -> Result<(Postgres, Database)> {
    let postgres = Postgres::start(postgres::Settings {
        data_dir: folder.join("postgres"),
        port: None,
        password: secrets.database.postgres.clone(),
        ephemeral: true,
        log: folder.join("logs/postgres.log"),
    })?;
    let database = Database::prepare(&postgres.admin_url()?, Some(database::NAME), &secrets.database)?;
    database.migrate()?;
    Ok((postgres, database))
}

/// A temporary folder that other users may pass through: as root, Postgres is another user.
///
/// # Errors
/// When the system's temporary folder cannot be written.
pub fn temporary_folder() -> Result<TempDir> {
    let folder =
        tempfile::Builder::new().prefix("slipway-").tempdir().context("cannot create a temporary folder")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}
