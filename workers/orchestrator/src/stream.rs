//! Replies of JSON lines, written by work that outlives single reads and ends with its reader.
//!
//! Invariant: a reader that goes away ends the work.

use std::rc::Rc;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_contract::{Problem, ProblemCode, RequestId};
use slipway_edge::reply;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
use worker::{Context, Delay, Headers, Request, Response, ResponseBuilder, web_sys};

/// Media type of JSON lines.
pub(crate) const JSON_LINES: &str = "application/x-ndjson";

/// Where the lines of a reply go.
pub(crate) type Lines = mpsc::Sender<Vec<u8>>;

/// Nobody listens any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Answers with the lines that `work` writes.
pub(crate) fn reply<W: Future<Output = ()> + 'static>(
    request: &Request,
    context: &Rc<Context>,
    id: RequestId,
    work: impl FnOnce(Lines) -> W,
) -> worker::Result<Response> {
    let (lines, told) = mpsc::channel(1);
    // The work is a task of its own: reads of the reply come and go, and a timer wakes only the task that set it.
    let mut caller = Caller::of(request);
    let work = work(lines);
    context.wait_until(async move {
        select(Box::pin(work), &mut caller.gone).await;
    });
    let headers = Headers::new();
    headers.set("content-type", JSON_LINES)?;
    headers.set("cache-control", "no-store")?;
    headers.set(reply::REQUEST_ID, &id.to_string())?;
    ResponseBuilder::new().with_headers(headers).from_stream(told.map(Ok::<_, worker::Error>))
}

/// Tells when the caller goes away. Nobody else does: the platform does not cancel the body of a reply that is no
/// longer read (the Worker's flag `enable_request_signal` gives the signal).
struct Caller {
    gone: oneshot::Receiver<()>,
    signal: web_sys::AbortSignal,
    _listener: Closure<dyn FnMut()>,
}

impl Caller {
    fn of(request: &Request) -> Self {
        let (leave, gone) = oneshot::channel();
        let listener = Closure::once(move || {
            let _ended = leave.send(());
        });
        let signal = request.inner().signal();
        signal.set_onabort(Some(listener.as_ref().unchecked_ref()));
        Self { gone, signal, _listener: listener }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.signal.set_onabort(None);
    }
}

/// Tells the reader something.
///
/// # Errors
/// Nobody listens any more.
pub(crate) async fn tell<T: Serialize>(lines: &mut Lines, values: &[T]) -> Result<(), Gone> {
    // Frames of the contract become JSON, all of them.
    let bytes = self::lines(values).map_err(|_| Gone)?;
    lines.send(bytes).await.map_err(|_| Gone)
}

/// What `work` gives; the reader is told `frame` (of the milliseconds that went by) every so often until then.
///
/// # Errors
/// Nobody listens any more.
pub(crate) async fn while_working<T, F: Serialize>(
    lines: &mut Lines,
    every_ms: u64,
    frame: impl Fn(u64) -> F,
    work: impl Future<Output = T>,
) -> Result<T, Gone> {
    let mut work = core::pin::pin!(work);
    let mut elapsed = 0;
    loop {
        match select(work.as_mut(), Delay::from(Duration::from_millis(every_ms))).await {
            Either::Left((done, _)) => return Ok(done),
            Either::Right(((), _)) => {
                elapsed += every_ms;
                tell(lines, &[frame(elapsed)]).await?;
            }
        }
    }
}

/// Values as JSON lines.
pub(crate) fn lines<T: Serialize>(values: &[T]) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// A request's body as JSON.
///
/// # Errors
/// It cannot be read, is longer than `limit` bytes, or is no `T`.
pub(crate) async fn body<T: DeserializeOwned>(request: &mut Request, limit: usize) -> Result<T, Problem> {
    let unreadable = |_| Problem::new(ProblemCode::InvalidBody);
    let mut bytes = Vec::new();
    let mut body = request.stream().map_err(unreadable)?;
    while let Some(more) = body.next().await {
        bytes.append(&mut more.map_err(unreadable)?);
        if bytes.len() > limit {
            return Err(ProblemCode::TooLarge.into());
        }
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(ProblemCode::InvalidBody).detail(form(&error)))
}

/// Where a text stops being what was expected, without quoting it.
fn form(error: &serde_json::Error) -> String {
    format!("not of the expected form at line {}, column {}", error.line(), error.column())
}

/// Puts the lines of a byte stream together.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    pending: Vec<u8>,
    looked: usize,
}

impl Cutter {
    /// More bytes came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole line that is not empty.
    pub(crate) fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let rest = self.pending.get(self.looked..)?;
            let Some(at) = rest.iter().position(|byte| *byte == b'\n') else {
                self.looked = self.pending.len();
                return None;
            };
            let whole = self.looked + at;
            let mut line: Vec<u8> = self.pending.drain(..=whole).collect();
            self.looked = 0;
            line.pop();
            if !line.is_empty() {
                return Some(line);
            }
        }
    }

    /// Bytes that are no whole line yet.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_their_bytes_arrive() {
        let text = b"{\"a\":1}\n\n\"alive\"\n{\"b\":\"\xc3\xa4\"}\nrest";
        for size in 1..text.len() {
            let mut cutter = Cutter::default();
            let mut lines = Vec::new();
            for chunk in text.chunks(size) {
                cutter.feed(chunk);
                while let Some(line) = cutter.next_line() {
                    lines.push(String::from_utf8(line).unwrap());
                }
            }
            assert_eq!(lines, ["{\"a\":1}", "\"alive\"", "{\"b\":\"ä\"}"], "in chunks of {size}");
            assert_eq!(cutter.waiting(), 4);
        }
    }
}
