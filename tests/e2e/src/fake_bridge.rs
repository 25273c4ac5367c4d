//! A Cloudflare sandbox bridge for tests: a local HTTP server with the bridge's routes, whose containers are folders that
//! processes of this machine see as their whole disk. Nothing here depends on our own code for bridges.
//!
//! As the real one does: every request but `DELETE` makes a container where there is none, a command's words are put
//! together as one line for bash, its output comes as server-sent events in base64, and `DELETE` ends the container with
//! everything in it. Every request needs the key.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FilePath, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What its callers must bring.
pub const KEY: &str = "bridge-key-of-the-tests";
/// The running server. It ends with its containers when this value is dropped.
#[derive(Debug)]
pub struct FakeBridge {
    port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What it does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers this status with the bridge's error body.
    Status(u16),
    /// Gives no answer.
    Silent,
    /// Does what it should, and cuts the reply off within its first event.
    Cut,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The containers by the names that callers give; each has a number of its own.
    containers: HashMap<String, u32>,
    made: u32,
    faults: VecDeque<Fault>,
    full: bool,
}

impl FakeBridge {
    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port could be bound, or no folder made.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("slipway-fake-bridge-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let shared = Arc::new(Shared { folder, inner: Mutex::default() });
        let router = Router::new()
            .route("/v1/pool/stats", get(stats))
            .route("/v1/sandbox/{id}", delete(destroy))
            .route("/v1/sandbox/{id}/exec", post(exec))
            .route("/v1/sandbox/{id}/file/{*path}", get(read).put(write))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, shared, server })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its entry in the orchestrator's `EXECUTORS`, with a key.
    pub fn setting(&self, key: &str) -> Value {
        json!({"id": "bridge", "url": self.url(), "key": key, "kind": "bridge", "places": 4})
    }

    /// Containers that are there.
    pub fn containers(&self) -> usize {
        self.shared.lock().containers.len()
    }

    /// Containers that were ever made.
    pub fn made(&self) -> u32 {
        self.shared.lock().made
    }

    /// Ends all containers, as when they break or sleep.
    pub fn lose_all(&self) {
        let lost: Vec<u32> = self.shared.lock().containers.drain().map(|(_, number)| number).collect();
        for number in lost {
            self.shared.end(number);
        }
    }

    /// The next commands go wrong, one by each of these.
    pub fn fail(&self, faults: &[Fault]) {
        self.shared.lock().faults.extend(faults);
    }

    /// Makes no more containers, or does so again.
    pub fn fill(&self, full: bool) {
        self.shared.lock().full = full;
    }

    /// Whether all faults have happened.
    pub fn has_failed(&self) -> bool {
        self.shared.lock().faults.is_empty()
    }
}

impl Drop for FakeBridge {
    fn drop(&mut self) {
        self.server.abort();
        self.lose_all();
        let _left_behind = fs::remove_dir_all(&self.shared.folder);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The container of this name, made if there is none.
    fn container(&self, id: &str) -> Result<u32, Response> {
        if id.is_empty() || !id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')) {
            return Err(error(400, "Invalid sandbox ID format", "invalid_request"));
        }
        let mut inner = self.lock();
        if let Some(number) = inner.containers.get(id) {
            return Ok(*number);
        }
        if inner.full {
            return Err(error(503, "instance limit reached", "capacity_exceeded"));
        }
        inner.made += 1;
        let number = inner.made;
        for disk in ["workspace", "tmp", "var-tmp"] {
            if let Err(failed) = fs::create_dir_all(self.disk(number, disk)) {
                return Err(error(502, &format!("pool error: {failed}"), "pool_error"));
            }
        }
        inner.containers.insert(id.to_owned(), number);
        Ok(number)
    }

    fn disk(&self, number: u32, name: &str) -> PathBuf {
        self.folder.join(number.to_string()).join(name)
    }

    /// A line of bash in a container.
    fn bash(&self, number: u32, line: &str) -> std::io::Result<Child> {
        let mut command = Command::new("bwrap");
        command.args(["--tmpfs", "/", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]);
        for link in ["bin", "lib", "lib64", "sbin"] {
            command.args(["--symlink", &format!("usr/{link}"), &format!("/{link}")]);
        }
        command.args(["--ro-bind", "/proc", "/proc", "--dev", "/dev"]);
        for (disk, at) in [("workspace", "/workspace"), ("tmp", "/tmp"), ("var-tmp", "/var/tmp")] {
            command.arg("--bind").arg(self.disk(number, disk)).arg(at);
        }
        command.args(["--chdir", "/workspace", "bash", "-c", line]);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/tmp");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }

    /// Ends its processes and removes its disks.
    fn end(&self, number: u32) {
        // What is killed may have started something in the meantime.
        while kill_within(&self.disk(number, "var-tmp")) > 0 {}
        let _left_behind = fs::remove_dir_all(self.folder.join(number.to_string()));
    }
}

/// Kills the processes that see this folder as their `/var/tmp`; how many there were.
///
/// A process keeps the disk it sees while it starts another program. Its environment and its command line are empty for
/// that moment (`execve(2)` replaces the memory that they are read from).
fn kill_within(folder: &FilePath) -> usize {
    let place = |path: &FilePath| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let (Some(sought), Ok(all)) = (place(folder), fs::read_dir("/proc")) else { return 0 };
    let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        place(format!("/proc/{pid}/root/var/tmp").as_ref()) == Some(sought)
            && std::process::Command::new("kill")
                .args(["-9", &pid.to_string()])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    })
    .count()
}

fn error(status: u16, text: &str, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"error": text, "code": code}))).into_response()
}

fn allowed(headers: &HeaderMap) -> Result<(), Response> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header == format!("Bearer {KEY}") { Ok(()) } else { Err(error(401, "Unauthorized", "unauthorized")) }
}

async fn stats(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Response> {
    allowed(&headers)?;
    let assigned = shared.lock().containers.len();
    Ok(Json(json!({
        "warm": 0, "assigned": assigned, "total": assigned,
        "config": {"warmTarget": 0, "refreshInterval": 10_000}, "maxInstances": null,
    }))
    .into_response())
}

async fn destroy(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    allowed(&headers)?;
    let number = shared.lock().containers.remove(&id);
    if let Some(number) = number {
        shared.end(number);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A path of the workspace on the disk of a container.
fn within(shared: &Shared, id: &str, path: &str) -> Result<PathBuf, Response> {
    let number = shared.container(id)?;
    let below = path.strip_prefix("workspace/").filter(|below| !below.split('/').any(|part| part == ".."));
    let outside = || error(403, "path must resolve to a location within /workspace", "invalid_request");
    Ok(shared.disk(number, "workspace").join(below.ok_or_else(outside)?))
}

async fn read(
    State(shared): State<Arc<Shared>>,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    allowed(&headers)?;
    match fs::read(within(&shared, &id, &path)?) {
        Ok(bytes) => {
            // In pieces and without a length, as the bridge streams it.
            let pieces: Vec<_> =
                bytes.chunks(60_000).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
            Ok(Body::from_stream(futures::stream::iter(pieces)).into_response())
        }
        Err(_) => Err(error(404, &format!("File not found: /{path}"), "workspace_read_not_found")),
    }
}

async fn write(
    State(shared): State<Arc<Shared>>,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    allowed(&headers)?;
    let file = within(&shared, &id, &path)?;
    if body.len() > 32 << 20 {
        return Err(error(413, "payload too large", "payload_too_large"));
    }
    fs::write(file, &body)
        .map_err(|failed| error(502, &format!("write failed: {failed}"), "workspace_archive_write_error"))?;
    Ok(Json(json!({"ok": true})).into_response())
}

#[derive(Deserialize)]
struct Exec {
    argv: Vec<String>,
}

async fn exec(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Exec>,
) -> Result<Response, Response> {
    allowed(&headers)?;
    if asked.argv.is_empty() {
        return Err(error(400, "argv must be a non-empty array", "invalid_request"));
    }
    let fault = shared.lock().faults.pop_front();
    match fault {
        Some(Fault::Status(status)) => return Err(error(status, "as the test says", "exec_transport_error")),
        Some(Fault::Silent) => match std::future::pending::<Infallible>().await {},
        Some(Fault::Cut) | None => {}
    }
    let number = shared.container(&id)?;
    let line = asked.argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let child = shared.bash(number, &line);
    let mut child = child.map_err(|failed| error(502, &failed.to_string(), "exec_transport_error"))?;
    let (events, told) = mpsc::channel::<Vec<u8>>(16);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    tokio::spawn(async move {
        let both = (tell("stdout", out, events.clone()), tell("stderr", err, events.clone()));
        tokio::join!(both.0, both.1);
        let code = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(-1);
        let _unheard =
            events.send(format!("event: exit\ndata: {{\"exit_code\":{code}}}\n\n").into_bytes()).await;
    });
    let stream = futures::stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) });
    let cut = fault == Some(Fault::Cut);
    let pieces = stream.enumerate().map(move |(at, event)| match (cut, at) {
        (false, _) => Ok(event),
        (true, 0) => Ok(event.into_iter().take(9).collect()),
        (true, _) => Err(std::io::Error::other("cut as the test says")),
    });
    Ok(([("content-type", "text/event-stream")], Body::from_stream(pieces)).into_response())
}

/// Tells what comes out of a command.
async fn tell(name: &str, from: Option<impl AsyncRead + Unpin>, events: mpsc::Sender<Vec<u8>>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let data = STANDARD.encode(buffer.get(..read).unwrap_or_default());
        // Nobody may listen any more; the command goes on.
        let _unheard = events.send(format!("event: {name}\ndata: {data}\n\n").into_bytes()).await;
    }
}

/// A word as the bridge writes it into a line of bash.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    let word = word.replace('\\', "\\\\").replace('\'', "\\'");
    format!("$'{}'", word.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

#[cfg(test)]
mod tests;
