//! The engine: answers one step of a turn with a model, as a stream of JSON lines
//! ([`slipway_contract::objects::engine`]).
//!
//! Invariant: a reply ends with `finished` or `failed`, unless its reader or this process is gone; a reader that goes
//! away ends the provider's work.

mod agent;
mod failure;
mod pace;
mod prompt;
mod report;
mod settings;
mod source;
mod step;
mod telling;
mod watch;

#[cfg(test)]
mod testing;

use std::rc::Rc;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::future::select;
use slipway_contract::objects::engine::TurnRequest;
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::{ids, reply};
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen::closure::Closure;
use worker::web_sys;
use worker::{Context, Env, Headers, Request, Response, ResponseBuilder};

/// Longest request, in bytes: the context, eight steps with their results, and what JSON adds.
const BODY_BYTES: usize = 1024 * 1024;

/// `POST /internal/turns/stream`
pub(crate) async fn stream(mut request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let asked = match read(&mut request).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let id = asked.request;
    let (lines, told) = mpsc::channel(1);
    // The work is a task of its own: reads of the reply come and go, and a timer wakes only the task that set it.
    let mut caller = Caller::of(&request);
    let context = Rc::new(context);
    let of_work = Rc::clone(&context);
    context.wait_until(async move {
        select(Box::pin(step::run(&env, &of_work, &asked, lines)), &mut caller.gone).await;
    });
    let headers = Headers::new();
    headers.set("content-type", "application/x-ndjson")?;
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

async fn read(request: &mut Request) -> Result<TurnRequest, Problem> {
    let unreadable = |_| Problem::new(ProblemCode::InvalidBody);
    let mut bytes = Vec::new();
    let mut body = request.stream().map_err(unreadable)?;
    while let Some(more) = body.next().await {
        bytes.append(&mut more.map_err(unreadable)?);
        if bytes.len() > BODY_BYTES {
            return Err(ProblemCode::TooLarge.into());
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| ProblemCode::InvalidBody.into())
}
