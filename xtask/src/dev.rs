//! `cargo xtask dev`: the whole product on this machine, until Ctrl-C or until a part of it fails.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use url::Url;
use xtask::database::{self, Database};
use xtask::executor::Executor;
use xtask::postgres::{self, Postgres};
use xtask::progress::{print, remedy, step};
use xtask::secrets::Secrets;
use xtask::stack::{Stack, StackConfig, Vars};
use xtask::workers::{Wanted, Worker};
use xtask::{Supervised, ports, repo, setup, web};

use crate::reindex;

/// How quickly Ctrl-C and a failed part are noticed.
const POLL: Duration = Duration::from_millis(100);
/// Passed on to the orchestrator when the developer has set them: how to reach a real model.
const MODEL_VARIABLES: [&str; 6] = [
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_KEY",
    "EMBEDDING_MODEL",
    "DEMO_TOKENS_PER_SECOND",
];

/// Several stacks run side by side with different ports and data folders.
#[derive(Args)]
pub(crate) struct Options {
    /// Port of the app on localhost.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Port of the previews on *.localhost.
    #[arg(long, default_value_t = 8788)]
    preview_port: u16,
    /// Folder of the database, the objects and the logs [default: .slipway/data].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Serve the built web app as in production, instead of Vite with hot reload.
    #[arg(long)]
    built: bool,
}

/// Runs until Ctrl-C (which is success) or until a part ends by itself (which is not).
pub(crate) fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let folders = Folders::of(options)?;
    print("Slipway");
    let _lock = folders.lock()?;
    check_ports(options)?;
    let secrets = setup::run()?;
    // Without it all but sandboxes works, and those say what is missing.
    step("bubblewrap", "install bubblewrap", |progress| {
        if let Err(error) = setup::debian_packages(&["bwrap"], &["bubblewrap"], progress) {
            progress.note(format!("sandboxes will not start: {error}; apt-get install bubblewrap"));
        }
        Ok(())
    })?;
    setup::build(&Wanted { web: options.built, ..Wanted::all() })?;
    let (mut postgres, database) = prepare_database(&folders, &secrets)?;
    let _owner_url = OwnerUrl::leave(&folders, &database)?;
    let mut executor = step("executor", "read the log named above", |progress| {
        let log = folders.logs.join("executor.jsonl");
        progress.note(log.display().to_string());
        Executor::start(&folders.data.join("executor"), &log, &secrets)
    })?;
    let mut stack = step("Workers", "read the log named above", |progress| {
        progress.note(folders.workers_log().display().to_string());
        Stack::start(stack_config(options, &folders, &database, &secrets, &executor)?)
    })?;
    let mut server = serve_web(options, &stack)?;
    print(&format!(
        "\nReady after {:.1} s\n  app       http://localhost:{}\n  previews  http://*.localhost:{}\n  logs      {}\nCtrl-C stops everything.\n",
        started.elapsed().as_secs_f64(),
        options.port,
        options.preview_port,
        folders.logs.display(),
    ));
    // Until here a signal ends this program at once, and with it everything it started.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let ended = loop {
        if signals.pending().next().is_some() {
            break None;
        }
        if stack.has_ended()? {
            break Some("the Workers");
        }
        if executor.has_ended()? {
            break Some("the executor");
        }
        if postgres.as_mut().map_or(Ok(false), Postgres::has_ended)? {
            break Some("Postgres");
        }
        if server.as_mut().map_or(Ok(None), Supervised::ended)?.is_some() {
            break Some("the UI server");
        }
        thread::sleep(POLL);
    };
    print("\nStopping");
    drop(server);
    drop(stack);
    drop(executor);
    drop(postgres);
    match ended {
        None => Ok(()),
        Some(part) => {
            let advice = format!("read the logs in {}", folders.logs.display());
            Err(remedy(anyhow!("{part} ended unexpectedly"), advice))
        }
    }
}

struct Folders {
    data: PathBuf,
    logs: PathBuf,
}

impl Folders {
    fn of(options: &Options) -> Result<Self> {
        let folders = match &options.data_dir {
            Some(folder) => {
                let data = std::path::absolute(folder)?;
                Self { logs: data.join("logs"), data }
            }
            None => Self { data: repo::state().join("data"), logs: repo::state().join("logs") },
        };
        fs::create_dir_all(&folders.data)
            .with_context(|| format!("cannot create {}", folders.data.display()))?;
        fs::create_dir_all(&folders.logs)
            .with_context(|| format!("cannot create {}", folders.logs.display()))?;
        Ok(folders)
    }

    /// Held as long as this runs: two stacks on one data folder would destroy it.
    fn lock(&self) -> Result<File> {
        let file = File::create(self.data.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => Err(remedy(
                anyhow!("another stack runs on {}", self.data.display()),
                "stop it, or use --data-dir with --port and --preview-port for a second one",
            )),
        }
    }

    fn workers_log(&self) -> PathBuf {
        self.logs.join("workers.jsonl")
    }
}

/// The database's address for other tasks, as long as the stack runs; like the secrets, for this user alone.
struct OwnerUrl(PathBuf);

impl OwnerUrl {
    fn leave(folders: &Folders, database: &Database) -> Result<Self> {
        let file = folders.data.join(reindex::OWNER_URL);
        let _left_by_one_that_was_killed = fs::remove_file(&file);
        let mut open = OpenOptions::new();
        let written = open.write(true).create_new(true).mode(0o600).open(&file);
        let written = written.and_then(|mut file| file.write_all(database.owner_url.as_str().as_bytes()));
        written.with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self(file))
    }
}

impl Drop for OwnerUrl {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.0);
    }
}

fn check_ports(options: &Options) -> Result<()> {
    for (port, flag) in [(options.port, "--port"), (options.preview_port, "--preview-port")] {
        if !ports::is_free(port) {
            let advice = format!("stop the program that uses it, or choose another one with {flag}");
            return Err(remedy(anyhow!("port {port} is in use"), advice));
        }
    }
    if options.port == options.preview_port {
        bail!("--port and --preview-port must differ");
    }
    Ok(())
}

/// The server of `DATABASE_URL`, or an embedded one; with roles and migrations.
fn prepare_database(folders: &Folders, secrets: &Secrets) -> Result<(Option<Postgres>, Database)> {
    let given = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
    let (postgres, admin, name) = match given {
        Some(url) => (None, Url::parse(&url).context("DATABASE_URL is not a URL")?, None),
        None => {
            let log = folders.logs.join("postgres.log");
            let advice = format!(
                "read {}; to begin with an empty database, delete {}",
                log.display(),
                folders.data.display()
            );
            let postgres = step("Postgres", &advice, |_| {
                Postgres::start(postgres::Settings {
                    data_dir: folders.data.join("postgres"),
                    port: None,
                    password: secrets.database.postgres.clone(),
                    ephemeral: false,
                    log: log.clone(),
                })
            })?;
            let url = postgres.admin_url()?;
            (Some(postgres), url, Some(database::NAME))
        }
    };
    let advice =
        "check the database URL; a local database made with other secrets can be deleted: .slipway/data";
    let database = step("roles and migrations", advice, |progress| {
        let database = Database::prepare(&admin, name, &secrets.database)?;
        let applied = database.migrate()?;
        progress.note(if applied.is_empty() { "unchanged".to_owned() } else { applied.join(", ") });
        Ok(database)
    })?;
    Ok((postgres, database))
}

fn stack_config(
    options: &Options,
    folders: &Folders,
    database: &Database,
    secrets: &Secrets,
    executor: &Executor,
) -> Result<StackConfig> {
    // With Vite in front, the app's address is not app-api's own.
    let url = json!(format!("http://localhost:{}", options.port));
    let app = Vars::from([("PUBLIC_URL".to_owned(), url.clone())]);
    let gateway = Vars::from([("APP_URL".to_owned(), url)]);
    let model: Vars = MODEL_VARIABLES
        .into_iter()
        .filter_map(|name| {
            Some((name.to_owned(), Value::from(env::var(name).ok().filter(|value| !value.is_empty())?)))
        })
        .collect();
    Ok(StackConfig {
        data_dir: folders.data.join("workers"),
        database_url: database.app_url.to_string(),
        // With Vite in front, app-api listens elsewhere.
        app_port: options.built.then_some(options.port),
        gateway_port: Some(options.preview_port),
        assets: options.built.then(web::built),
        vars: BTreeMap::from([
            (Worker::AppApi, app),
            (Worker::Orchestrator, model),
            (Worker::Gateway, gateway),
        ]),
        extra: Vec::new(),
        log: folders.workers_log(),
        show_errors: true,
        crons: true,
        secrets: secrets.clone(),
        executors: Some(executor.setting()),
    })
}

fn serve_web(options: &Options, stack: &Stack) -> Result<Option<Supervised>> {
    if options.built {
        return Ok(None);
    }
    step("UI server", "read .slipway/logs/web.log", |progress| {
        progress.note("hot reload");
        web::serve(options.port, &stack.api_url).map(Some)
    })
}
