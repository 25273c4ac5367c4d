//! The Docker engine's HTTP interface over its Unix socket, as much of it as sandboxes need.
//!
//! Paths carry no version: the engine then takes its newest, and all that is used here has been there since 1.41
//! (docs.docker.com/reference/api/engine). Answers are bounded before they are read.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// Label of a container: whose executor's.
pub(super) const EXECUTOR_LABEL: &str = "slipway.executor";
/// Label of a container: which sandbox.
pub(super) const SANDBOX_LABEL: &str = "slipway.sandbox";
/// Longest answer.
const ANSWER_BYTES: usize = 4 << 20;
/// How long the engine has to say what it is.
const GREETING: Duration = Duration::from_secs(2);
/// How long it has for anything else.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a removal that another one is in the way of is tried again.
const AGAIN: Duration = Duration::from_millis(50);
/// What is kept of a container's last words, in bytes.
const SAID_BYTES: usize = 4096;

/// The engine.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    socket: PathBuf,
}

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// It could not be asked.
    #[error("the Docker engine cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the Docker engine did not answer in {} s", .0.as_secs())]
    Silent(Duration),
    /// It answered with an error.
    #[error("the Docker engine refused: {message} ({status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl From<EngineError> for crate::backend::BackendError {
    fn from(error: EngineError) -> Self {
        Self::Failed(format!("The sandbox's container: {error}."))
    }
}

/// What the engine says of itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    #[serde(default)]
    memory_limit: bool,
    #[serde(default)]
    cpu_cfs_quota: bool,
    #[serde(default)]
    pids_limit: bool,
    #[serde(default)]
    cgroup_version: String,
    #[serde(default)]
    security_options: Option<Vec<String>>,
    #[serde(rename = "OSType", default)]
    os_type: String,
}

impl Info {
    /// What sandboxes need and it has not.
    pub(super) fn lacks(&self) -> Vec<&'static str> {
        let option = |name: &str| {
            let all = self.security_options.iter().flatten();
            all.flat_map(|option| option.split(',')).any(|option| option == name)
        };
        let needs = [
            (self.os_type == "linux", "Linux containers"),
            // Its root is an ordinary user: the users of sandboxes do not exist there.
            (!option("name=rootless"), "root's rights (this one is rootless)"),
            (option("name=seccomp"), "seccomp"),
            (self.memory_limit, "memory limits"),
            (self.cpu_cfs_quota, "CPU limits"),
            (self.pids_limit, "process limits"),
        ];
        needs.into_iter().filter(|(has, _)| !has).map(|(_, what)| what).collect()
    }

    /// What limits a whole sandbox.
    pub(super) fn cgroups(&self) -> Vec<String> {
        let version = if self.cgroup_version == "2" { "v2" } else { "v1" };
        ["memory", "cpu", "pids"].map(|name| format!("{name} ({version})")).into()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ended {
    status_code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    state: State,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    pid: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
}

#[derive(Deserialize)]
struct Complaint {
    message: String,
}

impl Engine {
    /// The engine that listens there.
    pub(super) fn at(socket: PathBuf) -> Result<Self, String> {
        if socket.exists() {
            return Ok(Self { socket });
        }
        Err(format!("a Docker engine ({} is not there)", socket.display()))
    }

    /// What it is.
    pub(super) async fn info(&self) -> Result<Info, EngineError> {
        let asked = self.call(Method::GET, "/info", "application/json", Bytes::new());
        read(&within(GREETING, asked).await?)
    }

    /// What it knows of an image; `None` when it has none of that name.
    pub(super) async fn image(&self, name: &str) -> Result<Option<Value>, EngineError> {
        match self.ask(Method::GET, &format!("/images/{}/json", encode(name)), None).await {
            Ok(found) => Ok(Some(read(&found)?)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an image of an archive.
    pub(super) async fn import(&self, repo: &str, tag: &str, tar: Vec<u8>) -> Result<(), EngineError> {
        let path = format!("/images/create?fromSrc=-&repo={}&tag={}", encode(repo), encode(tag));
        let asked = self.call(Method::POST, &path, "application/x-tar", tar.into());
        within(PATIENCE, asked).await.map(drop)
    }

    /// Makes a container.
    pub(super) async fn create(&self, name: &str, body: &Value) -> Result<(), EngineError> {
        self.ask(Method::POST, &format!("/containers/create?name={}", encode(name)), Some(body))
            .await
            .map(drop)
    }

    /// Starts it.
    pub(super) async fn start(&self, name: &str) -> Result<(), EngineError> {
        self.ask(Method::POST, &format!("/containers/{name}/start"), None).await.map(drop)
    }

    /// The host's number of its first process; `None` when it has ended.
    pub(super) async fn pid(&self, name: &str) -> Result<Option<i32>, EngineError> {
        let found = self.ask(Method::GET, &format!("/containers/{name}/json"), None).await?;
        Ok(Some(read::<Inspected>(&found)?.state.pid).filter(|pid| *pid > 0))
    }

    /// Waits for its end, however long that takes; its exit code.
    pub(super) async fn wait(&self, name: &str) -> Result<i64, EngineError> {
        let path = format!("/containers/{name}/wait?condition=not-running");
        let ended = self.call(Method::POST, &path, "application/json", Bytes::new()).await?;
        Ok(read::<Ended>(&ended)?.status_code)
    }

    /// Kills it.
    pub(super) async fn kill(&self, name: &str) -> Result<(), EngineError> {
        self.ask(Method::POST, &format!("/containers/{name}/kill"), None).await.map(drop)
    }

    /// Kills and forgets it. One that is not there is gone as well.
    pub(super) async fn remove(&self, name: &str) -> Result<(), EngineError> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.ask(Method::DELETE, &format!("/containers/{name}?force=true&v=true"), None).await {
                Ok(_) | Err(EngineError::Refused { status: 404, .. }) => return Ok(()),
                // Somebody else removes it at this moment; its name is taken until that is done.
                Err(EngineError::Refused { status: 409, .. }) if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Containers of an executor, running or not.
    pub(super) async fn list(&self, executor: &str) -> Result<Vec<String>, EngineError> {
        let filters = json!({ "label": [format!("{EXECUTOR_LABEL}={executor}")] }).to_string();
        let path = format!("/containers/json?all=true&filters={}", encode(&filters));
        let found: Vec<Listed> = read(&self.ask(Method::GET, &path, None).await?)?;
        Ok(found.into_iter().map(|listed| listed.id).collect())
    }

    /// The last of what it wrote to standard output and standard error.
    pub(super) async fn said(&self, name: &str) -> Result<(String, String), EngineError> {
        let path = format!("/containers/{name}/logs?stdout=true&stderr=true&tail=50");
        Ok(split(&self.ask(Method::GET, &path, None).await?))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, EngineError> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        within(PATIENCE, self.call(method, path, "application/json", body)).await
    }

    /// One connection for each call: they are few, and an engine that was restarted is found again.
    async fn call(&self, method: Method, path: &str, kind: &str, body: Bytes) -> Result<Bytes, EngineError> {
        let unreachable = |error: &dyn std::fmt::Display| EngineError::Unreachable(error.to_string());
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| unreachable(&error))?;
        let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "docker")
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))
            .map_err(|error| unreachable(&error))?;
        let exchange = async {
            let response = requests.send_request(request).await.map_err(|error| unreachable(&error))?;
            let (parts, body) = response.into_parts();
            let body =
                Limited::new(body, ANSWER_BYTES).collect().await.map_err(|error| unreachable(&error))?;
            Ok::<_, EngineError>((parts.status, body.to_bytes()))
        };
        // Whoever gives up on the exchange gives up the connection too. An answer may be there when the connection ends.
        tokio::pin!(exchange);
        let (status, bytes) = tokio::select! {
            answered = &mut exchange => answered?,
            over = connection => match over {
                Ok(()) => exchange.await?,
                Err(error) => return Err(unreachable(&error)),
            },
        };
        // 304: it runs, or has ended, already.
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(bytes);
        }
        let message = serde_json::from_slice::<Complaint>(&bytes)
            .map_or_else(|_| String::from_utf8_lossy(&bytes).into_owned(), |complaint| complaint.message);
        Err(EngineError::Refused {
            status: status.as_u16(),
            message: message.trim().chars().take(500).collect(),
        })
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::time::timeout(limit, call).await.map_err(|_| EngineError::Silent(limit))?
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(bytes)
        .map_err(|error| EngineError::Unreachable(format!("it answers strangely: {error}")))
}

/// Every byte that means something in a path or query, by its number.
fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Takes a container's output apart: before each piece stand its stream, three zeros and its length.
fn split(mut bytes: &[u8]) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(([stream, _, _, _, a, b, c, d], rest)) = bytes.split_first_chunk::<8>() {
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let (piece, rest) = rest.split_at(length.min(rest.len()));
        let to = if *stream == 2 { &mut err } else { &mut out };
        to.extend_from_slice(
            piece.get(..SAID_BYTES.saturating_sub(to.len()).min(piece.len())).unwrap_or_default(),
        );
        bytes = rest;
    }
    (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&err).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_taken_apart_by_stream_and_cut_off_in_the_middle_too() {
        let bytes = [&[1, 0, 0, 0, 0, 0, 0, 3][..], b"out", &[2, 0, 0, 0, 0, 0, 0, 9], b"err"].concat();
        assert_eq!(split(&bytes), ("out".to_owned(), "err".to_owned()));
        assert_eq!(split(b"x"), Default::default());
    }

    #[test]
    fn a_query_holds_nothing_that_ends_it() {
        assert_eq!(encode(r#"{"label":["a=b&c"]}"#), "%7B%22label%22:%5B%22a%3Db%26c%22%5D%7D");
    }

    #[test]
    fn an_engine_that_cannot_limit_or_has_no_rights_is_not_enough() {
        let whole = r#"{"OSType":"linux","MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":true,"CgroupVersion":"2",
            "SecurityOptions":["name=seccomp,profile=builtin"]}"#;
        let info: Info = serde_json::from_str(whole).unwrap();
        assert_eq!(info.lacks(), Vec::<&str>::new());
        assert_eq!(info.cgroups(), ["memory (v2)", "cpu (v2)", "pids (v2)"]);
        let rootless = whole
            .replace("[\"", "[\"name=rootless\",\"")
            .replace("\"PidsLimit\":true", "\"PidsLimit\":false");
        let info: Info = serde_json::from_str(&rootless).unwrap();
        assert_eq!(info.lacks(), ["root's rights (this one is rootless)", "process limits"]);
    }
}
