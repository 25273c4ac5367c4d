//! The four Workers on real workerd, in one Miniflare process: the same stack for `dev`, the tests and the bench.
//! It ends with the value, and with this process in whatever way that ends.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::ports;
use crate::progress::remedy;
use crate::secrets::Secrets;
use crate::supervised::Supervised;
use crate::workers::{Worker, read_config};

/// Miniflare restarts a killed workerd within a second; a loaded machine gets more.
const RESTART_LIMIT: Duration = Duration::from_secs(60);

/// Variables of one Worker, over those of its `wrangler.toml`.
pub type Vars = BTreeMap<String, Value>;

/// What a stack needs to know.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// Where objects and files are kept. A stack started again on the same folder goes on where the other ended.
    pub data_dir: PathBuf,
    /// The Workers' connection URL (role `slipway_app`).
    pub database_url: String,
    /// Port of the app; none: a free one.
    pub app_port: Option<u16>,
    /// Port of the gateway; none: a free one.
    pub gateway_port: Option<u16>,
    /// The web app's built files; none: app-api serves the API alone.
    pub assets: Option<PathBuf>,
    /// More variables, or other values, by Worker.
    pub vars: BTreeMap<Worker, Vars>,
    /// Workers beside the four, such as the bench's peer.
    pub extra: Vec<Extra>,
    /// What the Workers log, one JSON object a line.
    pub log: PathBuf,
    /// Show errors of the Workers on the terminal.
    pub show_errors: bool,
    /// Run the cron handlers each minute, as the platform does; tests run them by themselves.
    pub crons: bool,
    /// Keys that the Workers share with each other and with the executor.
    pub secrets: Secrets,
    /// The value of `EXECUTORS`; none: there are no sandboxes, and the product says so.
    pub executors: Option<Value>,
}

/// A Worker in JavaScript that runs beside the four, in the same workerd.
#[derive(Clone, Debug)]
pub struct Extra {
    /// Its folder, with `wrangler.toml` and the module that this names.
    pub folder: PathBuf,
    /// Its port.
    pub port: u16,
    /// Its variables.
    pub vars: Vars,
}

/// A running stack.
pub struct Stack {
    process: Supervised,
    workerd: u32,
    config: StackConfig,
    /// The app as users reach it: files first, then the API. `http://localhost:<port>`.
    pub app_url: String,
    /// app-api's own socket: the API without the file router in front (what the bench measures).
    pub api_url: String,
    /// The gateway. Preview hosts are `http://<name>.localhost:<port>`.
    pub gateway_url: String,
}

impl Stack {
    /// Starts the built Workers (see `cargo xtask build`) and waits until they answer.
    ///
    /// # Errors
    /// When a Worker is not built or the runtime does not start.
    pub fn start(mut config: StackConfig) -> Result<Self> {
        let app = config.app_port.map_or_else(ports::free, Ok)?;
        let gateway = config.gateway_port.map_or_else(ports::free, Ok)?;
        let api = ports::free()?;
        config.app_port = Some(app);
        config.gateway_port = Some(gateway);
        let sockets = Sockets { app, api, gateway };
        let (process, workerd) = launch(&config, sockets)?;
        Ok(Self {
            process,
            workerd,
            config,
            app_url: format!("http://localhost:{app}"),
            api_url: format!("http://127.0.0.1:{api}"),
            gateway_url: format!("http://localhost:{gateway}"),
        })
    }

    /// Process id of workerd, which runs all four Workers.
    #[must_use]
    pub fn workerd_pid(&self) -> u32 {
        self.workerd
    }

    /// kill -9 of workerd; Miniflare starts it again on the same ports and data, and this waits for that.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn kill_workerd(&mut self) -> Result<()> {
        let raw =
            i32::try_from(self.workerd).ok().and_then(Pid::from_raw).context("workerd has no process id")?;
        kill_process(raw, Signal::KILL).context("cannot kill workerd")?;
        let message = self.process.wait_for("restarted", RESTART_LIMIT)?;
        self.workerd = read_pid(&message)?;
        Ok(())
    }

    /// kill -9 of everything, as when the machine loses power; the value is only good for [`Stack::restart`] then.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts again after [`Stack::kill`], on the same ports and data.
    ///
    /// # Errors
    /// As for [`Stack::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop();
        let port = |url: &str| url.rsplit(':').next().and_then(|port| port.parse().ok()).context("no port");
        let sockets = Sockets {
            app: port(&self.app_url)?,
            api: port(&self.api_url)?,
            gateway: port(&self.gateway_url)?,
        };
        (self.process, self.workerd) = launch(&self.config, sockets)?;
        Ok(())
    }

    /// Runs the cron handler of a Worker, as the platform's clock would.
    ///
    /// # Errors
    /// When the handler fails or does not end within a minute.
    pub fn run_cron(&mut self, worker: Worker, cron: &str) -> Result<()> {
        self.process.send(&json!({"scheduled": name_of(&worker.config()?)?, "cron": cron}))?;
        let message = self.process.wait_for("ran", RESTART_LIMIT)?;
        let outcome = message.get("outcome").and_then(Value::as_str).unwrap_or_default();
        anyhow::ensure!(outcome == "ok", "the cron handler of {} ended with {outcome}", worker.name());
        Ok(())
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.ended()?.is_some())
    }
}

#[derive(Clone, Copy)]
struct Sockets {
    app: u16,
    api: u16,
    gateway: u16,
}

fn launch(config: &StackConfig, sockets: Sockets) -> Result<(Supervised, u32)> {
    let workers = Worker::ALL
        .into_iter()
        .map(|worker| settings_of(worker, config, sockets))
        .chain(config.extra.iter().map(settings_of_extra))
        .collect::<Result<Vec<_>>>()?;
    let settings = json!({
        "workers": workers,
        "persist": config.data_dir,
        "hyperdrives": {"HYPERDRIVE": config.database_url},
        "log": config.log,
        "crons": config.crons,
    });
    let errors = config.log.with_extension("stderr.log");
    let (process, ready) = Supervised::start("workers.mjs", &settings, &errors, config.show_errors)?;
    let workerd = read_pid(&ready)?;
    Ok((process, workerd))
}

fn settings_of(worker: Worker, stack: &StackConfig, sockets: Sockets) -> Result<Value> {
    let main = worker.built();
    if !main.exists() {
        return Err(remedy(anyhow::anyhow!("{} is not built", worker.name()), "run `cargo xtask build`"));
    }
    let config = worker.config()?;
    // What `wrangler deploy` takes too: the built module, or one that stands before it.
    let entry =
        config.get("main").and_then(Value::as_str).context("the Worker's wrangler.toml has no main")?;
    let entry = worker.config_file().with_file_name(entry);
    let mut vars = Map::new();
    for table in ["/vars", "/env/dev/vars"] {
        vars.extend(config.pointer(table).and_then(Value::as_object).cloned().unwrap_or_default());
    }
    vars.extend(local_values(worker, stack, sockets)?);
    vars.extend(
        stack.vars.get(&worker).into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
    );
    let mut settings = json!({"config": config, "main": entry, "vars": vars});
    let more = match worker {
        Worker::AppApi => json!({"port": sockets.app, "directPort": sockets.api, "assets": stack.assets}),
        Worker::Gateway => json!({"port": sockets.gateway}),
        Worker::ChatDo | Worker::Orchestrator => json!({}),
    };
    if let (Some(settings), Value::Object(more)) = (settings.as_object_mut(), more) {
        settings.extend(more);
    }
    Ok(settings)
}

/// What a Worker must know of this machine, and the secrets that production sets by hand.
fn local_values(worker: Worker, stack: &StackConfig, sockets: Sockets) -> Result<Map<String, Value>> {
    let app = format!("http://localhost:{}", sockets.app);
    let previews = format!("http://localhost:{}", sockets.gateway);
    let secrets = &stack.secrets;
    let values = match worker {
        Worker::AppApi => json!({
            "PUBLIC_URL": app,
            "PREVIEW_URL": previews,
            "TOKEN_KEYS": secrets.token_keys_json()?,
        }),
        Worker::Orchestrator => json!({
            "PREVIEW_URL": previews,
            "PREVIEW_KEYS": secrets.preview_keys_json()?,
            "EXECUTORS": stack.executors.clone().unwrap_or_else(|| json!("[]")),
        }),
        Worker::Gateway => json!({
            "APP_URL": app,
            "PREVIEW_URL": previews,
            "PREVIEW_PUBLIC_KEYS": secrets.preview_public_keys_json()?,
            "RELAY_KEY": secrets.relay_key,
        }),
        Worker::ChatDo => json!({}),
    };
    Ok(values.as_object().cloned().unwrap_or_default())
}

fn settings_of_extra(extra: &Extra) -> Result<Value> {
    let config = read_config(&extra.folder.join("wrangler.toml"))?;
    let main =
        config.get("main").and_then(Value::as_str).context("the Worker's wrangler.toml has no main")?;
    let main = extra.folder.join(main);
    Ok(json!({"config": config, "main": main, "vars": extra.vars, "port": extra.port}))
}

fn name_of(config: &Value) -> Result<&str> {
    config.get("name").and_then(Value::as_str).context("the Worker's wrangler.toml has no name")
}

fn read_pid(message: &Value) -> Result<u32> {
    let pid =
        message.get("workerd").and_then(Value::as_u64).context("workerd did not tell its process id")?;
    Ok(u32::try_from(pid)?)
}
