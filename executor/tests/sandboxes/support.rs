//! An executor of its own for each test, on a free port, with a folder that goes with it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use slipway_contract::ids::SandboxId;
use slipway_contract::objects::executor::{
    Capabilities, ExecExit, ExecFrame, ExecutorCode, ExecutorProblem, SandboxReport,
};

/// The callers' key.
pub(crate) const KEY: &str = "a-key-for-tests-that-is-long-enough";
/// The key of passes: 32 zero bytes.
pub(crate) const RELAY_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// A user without any rights.
const NOBODY: u32 = 54_321;
/// Where no engine listens.
pub(crate) const NO_ENGINE: &str = "unix:///nowhere/docker.sock";
/// How long anything may take on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Who runs the executor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    /// Whoever runs the tests: root, on a build machine.
    Oneself,
    /// An ordinary user: no control groups, no disk images.
    Nobody,
}

/// Whether the sandboxes are made with Docker: when `SLIPWAY_TEST_BACKEND` is `docker`. `DOCKER_HOST` is the engine then, one
/// of the tests' own.
pub(crate) fn on_docker() -> bool {
    match std::env::var("SLIPWAY_TEST_BACKEND").as_deref() {
        Ok("docker") => true,
        Ok("bubblewrap" | "") | Err(_) => false,
        Ok(other) => panic!("SLIPWAY_TEST_BACKEND is bubblewrap or docker, not {other}"),
    }
}

/// Lets the user without rights talk to the engine, as those may whom an administrator trusts with it.
fn open_engine(host: &str) {
    let socket = host.strip_prefix("unix://").expect("a Unix socket");
    chown(socket, None, Some(NOBODY)).unwrap();
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660)).unwrap();
}

/// How an executor is started.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) who: As,
    pub(crate) places: u32,
    pub(crate) backend: &'static str,
    /// `DOCKER_HOST`.
    pub(crate) engine: String,
    pub(crate) image: Option<String>,
    /// `PATH`, when it is another.
    pub(crate) path: Option<&'static str>,
}

impl Settings {
    /// As the tests are told to.
    pub(crate) fn new(who: As, places: u32) -> Self {
        let (backend, engine) = if on_docker() {
            ("docker", std::env::var("DOCKER_HOST").expect("DOCKER_HOST names an engine of the tests' own"))
        } else {
            // What engine runs on this host is no part of these tests.
            ("bubblewrap", NO_ENGINE.to_owned())
        };
        Self { who, places, backend, engine, image: None, path: None }
    }
}

/// A running executor.
pub(crate) struct Executor {
    child: Child,
    pub(crate) settings: Settings,
    address: String,
    http: reqwest::Client,
    pub(crate) data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Executor {
    /// Starts one that can make sandboxes.
    pub(crate) async fn start() -> Self {
        Self::start_as(As::Oneself, 20).await
    }

    pub(crate) async fn start_as(who: As, places: u32) -> Self {
        let executor = Self::start_with(Settings::new(who, places));
        let missing = executor.capabilities().await.backends.remove(0).missing;
        assert!(
            missing.is_empty(),
            "these tests need sandboxes, and this host lacks: {}",
            missing.join("; ")
        );
        executor
    }

    /// Starts one that may not be able to make sandboxes.
    pub(crate) fn start_with(settings: Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("slipway-").tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if settings.who == As::Nobody && rustix::process::geteuid().is_root() {
            chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
            if settings.engine != NO_ENGINE {
                open_engine(&settings.engine);
            }
        }
        let (child, address) = spawn(&data, &settings);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child, settings, address, http, data, _folder: folder }
    }

    /// Kills it with no warning.
    pub(crate) fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it with no warning, and starts it again in the same folder.
    pub(crate) fn crash_and_restart(&mut self) {
        self.crash();
        self.restart();
    }

    /// Starts it again in the same folder.
    pub(crate) fn restart(&mut self) {
        (self.child, self.address) = spawn(&self.data, &self.settings);
    }

    /// Ends it as a service manager would, and starts it again in the same folder.
    pub(crate) fn stop_and_restart(&mut self) {
        self.terminate();
        self.restart();
    }

    /// What a second executor in the same folder says.
    pub(crate) fn try_a_second(&self) -> String {
        let output = command(&self.data, &self.settings).stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    fn terminate(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let end = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path)).bearer_auth(KEY).timeout(PATIENCE)
    }

    /// The answer as a value, or the problem.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<T, ExecutorProblem> {
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let response = request.send().await.unwrap();
        let (status, bytes) = (response.status(), response.bytes().await.unwrap());
        if status.is_success() {
            return Ok(serde_json::from_slice(if bytes.is_empty() { b"null" } else { &bytes }).unwrap());
        }
        let problem: ExecutorProblem = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(problem.status, status.as_u16());
        Err(problem)
    }

    pub(crate) async fn capabilities(&self) -> Capabilities {
        self.call(Method::GET, "/v1/capabilities", Value::Null).await.unwrap()
    }

    /// Every sandbox.
    pub(crate) async fn list(&self) -> Vec<SandboxReport> {
        let list: slipway_contract::objects::executor::SandboxList =
            self.call(Method::GET, "/v1/sandboxes", Value::Null).await.unwrap();
        list.sandboxes
    }

    /// Makes a sandbox with no hosts.
    pub(crate) async fn sandbox(&self, number: u8) -> Sandbox<'_> {
        let sandbox = self.name(number);
        sandbox.create(json!({})).await.unwrap();
        sandbox
    }

    /// A sandbox that may not exist.
    pub(crate) fn name(&self, number: u8) -> Sandbox<'_> {
        Sandbox { executor: self, id: SandboxId::fresh(1, [number; 10]) }
    }
}

fn command(data: &Path, settings: &Settings) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-executor"));
    command
        .args(["--listen", "127.0.0.1:0", "--places", &settings.places.to_string()])
        .args(["--backend", settings.backend, "--data-dir"])
        .arg(data)
        .envs([("EXECUTOR_KEY", KEY), ("RELAY_KEY", RELAY_KEY), ("SECRET_OF_THE_HOST", "canary")])
        .env("DOCKER_HOST", &settings.engine)
        .env("EXECUTOR_DOCKER_IMAGE", settings.image.as_deref().unwrap_or_default())
        .stdout(Stdio::piped());
    if let Some(path) = settings.path {
        command.env("PATH", path);
    }
    if settings.who == As::Nobody && rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn spawn(data: &Path, settings: &Settings) -> (Child, String) {
    let mut child = command(data, settings).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).expect("the executor says when it is ready");
    assert_eq!(ready.get("ready"), Some(&Value::Bool(true)));
    (child, ready.get("address").and_then(Value::as_str).unwrap().to_owned())
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// One sandbox.
pub(crate) struct Sandbox<'a> {
    pub(crate) executor: &'a Executor,
    pub(crate) id: SandboxId,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: ExecExit,
}

impl Sandbox<'_> {
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/sandboxes/{}{rest}", self.id)
    }

    /// A request about it that is sent by hand.
    pub(crate) fn request(&self, method: Method, rest: &str) -> RequestBuilder {
        self.executor.request(method, &self.path(rest))
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        rest: &str,
        body: Value,
    ) -> Result<T, ExecutorProblem> {
        self.executor.call(method, &self.path(rest), body).await
    }

    /// Makes it; what is given is added to a small one at epoch 1.
    pub(crate) async fn create(&self, more: Value) -> Result<SandboxReport, ExecutorProblem> {
        let mut body = json!({ "size": "small", "hosts": [], "epoch": 1 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(Method::PUT, "", body).await
    }

    pub(crate) async fn report(&self) -> SandboxReport {
        self.call(Method::GET, "", Value::Null).await.unwrap()
    }

    pub(crate) async fn stop(&self) -> SandboxReport {
        self.call(Method::POST, "/stop", Value::Null).await.unwrap()
    }

    /// Looks until the report is as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&SandboxReport) -> bool) -> SandboxReport {
        let end = Instant::now() + PATIENCE;
        loop {
            let report = self.report().await;
            if wanted(&report) {
                return report;
            }
            assert!(Instant::now() < end, "it never came to this: {what}; {report:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command of the shell to its end.
    pub(crate) async fn sh(&self, script: &str) -> Said {
        let key = format!("key-{:p}-{}", script, KEYS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.exec(&key, json!({ "argv": ["sh", "-c", script], "timeout_ms": 50_000 })).await.unwrap()
    }

    /// What a command of the shell writes; it must succeed.
    pub(crate) async fn says(&self, script: &str) -> String {
        let said = self.sh(script).await;
        assert_eq!(said.exit.code, 0, "{script}: {said:?}");
        said.stdout.trim_end().to_owned()
    }

    /// Runs a command by its key, and reads its stream to the end.
    pub(crate) async fn exec(&self, key: &str, body: Value) -> Result<Said, ExecutorProblem> {
        let response = self.request(Method::PUT, &format!("/execs/{key}")).json(&body).send().await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.json().await.unwrap());
        }
        let mut said = (String::new(), String::new());
        for line in response.text().await.unwrap().lines() {
            match serde_json::from_str(line).unwrap() {
                ExecFrame::Stdout(text) => said.0.push_str(&text),
                ExecFrame::Stderr(text) => said.1.push_str(&text),
                ExecFrame::Alive => {}
                ExecFrame::Detached => panic!("a command in the background has no output"),
                ExecFrame::Exit(exit) => return Ok(Said { stdout: said.0, stderr: said.1, exit }),
            }
        }
        panic!("the stream of {key} ended without an exit");
    }

    /// Writes a file.
    pub(crate) async fn put(&self, path: &str, content: impl Into<Vec<u8>>) -> Result<(), ExecutorProblem> {
        let response = self.file(Method::PUT, path).body(content.into()).send().await.unwrap();
        if response.status().is_success() { Ok(()) } else { Err(response.json().await.unwrap()) }
    }

    /// Reads a file.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>, ExecutorProblem> {
        let response = self.file(Method::GET, path).send().await.unwrap();
        if response.status().is_success() {
            Ok(response.bytes().await.unwrap().into())
        } else {
            Err(response.json().await.unwrap())
        }
    }

    /// A request about a file.
    pub(crate) fn file(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, "/files").query(&[("path", path)])
    }
}

static KEYS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// The code of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, ExecutorProblem>) -> ExecutorCode {
    answer.unwrap_err().code
}
