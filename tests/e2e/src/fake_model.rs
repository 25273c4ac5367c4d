//! A model provider for tests: a local HTTP server that speaks both protocols and misbehaves on request.
//!
//! The last user message of a request chooses the behaviour by a word `script:<name>`; without one the server
//! answers `You said: …`. Embeddings say which words a text has, and know some that mean the same. Every request is recorded. Nothing here depends on our own protocol code.
//!
//! | script | behaviour |
//! | --- | --- |
//! | `text` | a short answer with characters of several bytes, in pieces |
//! | `bytes` | the same, one byte per chunk |
//! | `tool` | calls the first tool offered with `{"city":"Rome"}`; answers the result with its text |
//! | `paused` | one piece, then nothing until [`FakeModel::resume`], then the rest |
//! | `slow` | 40 pieces, 25 ms apart |
//! | `hang` | one piece, then nothing for ever |
//! | `silent` | not even a status line |
//! | `broken` | one piece, then the connection is cut |
//! | `truncated` | one piece, then the body ends cleanly without the protocol's end |
//! | `garbage` | one piece, then an event that is no JSON |
//! | `error` | one piece, then the protocol's error event |
//! | `400`, `401`, `404`, `429`, `500`, `503` | that status with the protocol's error body (400: context too long) |
//! | `once-<status>` | that status at the first request with this message, then a normal answer |

mod embeddings;
mod protocol;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use futures::StreamExt;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub use protocol::Protocol;
use protocol::Wire;

/// The running server. It ends when this value is dropped.
#[derive(Debug)]
pub struct FakeModel {
    port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// One recorded request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which protocol's address was called.
    pub protocol: Protocol,
    /// The key that came with it, without `Bearer`.
    pub key: Option<String>,
    /// The body.
    pub body: Value,
}

#[derive(Debug)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    failed_once: Mutex<HashSet<String>>,
    resumed: Semaphore,
    /// Requests whose answers are being written, as text.
    answering: Mutex<Vec<String>>,
}

/// Held as long as an answer is being written; the server drops it when the caller goes away.
struct Answering {
    shared: Arc<Shared>,
    request: String,
}

impl Answering {
    fn begin(shared: &Arc<Shared>, request: &Value) -> Self {
        let (shared, request) = (Arc::clone(shared), request.to_string());
        shared.answering.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Self { shared, request }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut answering = self.shared.answering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = answering.iter().position(|request| *request == self.request) {
            answering.swap_remove(at);
        }
    }
}

/// What the server does next with one answer.
enum Step {
    Send(Vec<u8>),
    AwaitResume,
    Wait(Duration),
    WaitForEver,
    Cut,
}

impl FakeModel {
    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port could be bound.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            failed_once: Mutex::default(),
            resumed: Semaphore::new(0),
            answering: Mutex::default(),
        });
        let router = Router::new()
            .route(
                "/v1/chat/completions",
                post(|state, headers, body| answer(Protocol::OpenAi, state, headers, body)),
            )
            .route(
                "/v1/messages",
                post(|state, headers, body| answer(Protocol::Anthropic, state, headers, body)),
            )
            .route("/v1/embeddings", post(embed))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, shared, server })
    }

    /// What to set as `OPENAI_BASE_URL`.
    pub fn openai_base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// What to set as `ANTHROPIC_BASE_URL`.
    pub fn anthropic_base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is answering a request whose body holds `part`. It stops when the caller goes away.
    pub fn is_answering(&self, part: &str) -> bool {
        let answering = self.shared.answering.lock().unwrap_or_else(PoisonError::into_inner);
        answering.iter().any(|request| request.contains(part))
    }

    /// Lets one `paused` answer go on, now or when it gets there.
    pub fn resume(&self) {
        self.shared.resumed.add_permits(1);
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    protocol: Protocol,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return reply(StatusCode::BAD_REQUEST, "text/plain", Body::from("the body is no JSON"));
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let key = header("x-api-key").or(bearer).map(ToOwned::to_owned);
    let wire = Wire { protocol, request: body.clone() };
    let answering = Answering::begin(&shared, &body);
    shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(Call { protocol, key, body });

    let script = wire.script();
    let script = match script.strip_prefix("once-") {
        Some(_)
            if !shared
                .failed_once
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(wire.last_text()) =>
        {
            "text"
        }
        Some(status) => status,
        None => &script,
    };
    if let Some(status) = script.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok()) {
        let mut response = reply(status, "application/json", Body::from(wire.error_body(status.as_u16())));
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
        }
        return response;
    }
    if script == "silent" {
        std::future::pending::<Infallible>().await;
    }
    let steps = futures::stream::iter(steps(&wire, script));
    let chunks = steps.filter_map(move |step| {
        let _answering = &answering;
        perform(step, Arc::clone(&shared))
    });
    reply(StatusCode::OK, "text/event-stream", Body::from_stream(chunks))
}

async fn embed(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return reply(StatusCode::BAD_REQUEST, "text/plain", Body::from("the body is no JSON"));
    };
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    let key = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(ToOwned::to_owned);
    let wire = Wire { protocol: Protocol::OpenAi, request: body.clone() };
    let call = Call { protocol: Protocol::OpenAi, key, body };
    let (status, answer) = embeddings::answer(&call.body, |status| wire.error_body(status));
    shared.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    reply(status, "application/json", answer)
}

fn reply(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static(content_type));
    response
}

/// One chunk of the body, or none; an error cuts the connection.
async fn perform(step: Step, shared: Arc<Shared>) -> Option<Result<Vec<u8>, std::io::Error>> {
    match step {
        Step::Send(bytes) => {
            // A body that has nothing for a moment makes the server flush what it holds, so that pieces leave
            // one by one and a cut comes after them.
            tokio::task::yield_now().await;
            Some(Ok(bytes))
        }
        Step::AwaitResume => {
            if let Ok(permit) = shared.resumed.acquire().await {
                permit.forget();
            }
            None
        }
        Step::Wait(time) => {
            tokio::time::sleep(time).await;
            None
        }
        Step::WaitForEver => {
            std::future::pending::<Infallible>().await;
            None
        }
        Step::Cut => {
            tokio::task::yield_now().await;
            Some(Err(std::io::Error::other("cut as the script says")))
        }
    }
}

fn steps(wire: &Wire, script: &str) -> Vec<Step> {
    let piece = || Step::Send([wire.begin(), wire.text("One piece")].concat());
    let rest = || Step::Send([wire.text(" and the rest."), wire.end()].concat());
    match script {
        "bytes" => whole(wire).concat().into_iter().map(|byte| Step::Send(vec![byte])).collect(),
        "paused" => vec![piece(), Step::AwaitResume, rest()],
        "slow" => {
            let pieces = (1..=40).flat_map(|n| {
                [Step::Send(wire.text(&format!("{n} "))), Step::Wait(Duration::from_millis(25))]
            });
            std::iter::once(Step::Send(wire.begin())).chain(pieces).chain([Step::Send(wire.end())]).collect()
        }
        "hang" => vec![piece(), Step::WaitForEver],
        "broken" => vec![piece(), Step::Cut],
        "truncated" => vec![piece()],
        "garbage" => vec![piece(), Step::Send(b"data: <html>502</html>\n\n".to_vec()), rest()],
        "error" => vec![piece(), Step::Send(wire.error_event())],
        "tool" => match wire.tool_call() {
            Some(call) => vec![Step::Send(wire.begin()), Step::Send(call)],
            None => whole(wire).into_iter().map(Step::Send).collect(),
        },
        _ => whole(wire).into_iter().map(Step::Send).collect(),
    }
}

/// A normal answer in its chunks.
fn whole(wire: &Wire) -> Vec<Vec<u8>> {
    let mut chunks = vec![wire.begin()];
    let answer = match wire.tool_result() {
        Some(result) => format!("The tool said: {result}"),
        None if wire.script() == "text" || wire.script() == "bytes" => "Grüß dich — 你好 👋!".to_owned(),
        None => format!("You said: {}", wire.last_text()),
    };
    chunks.extend(answer.split_inclusive(' ').map(|piece| wire.text(piece)));
    chunks.push(wire.end());
    chunks
}

#[cfg(test)]
mod tests;
