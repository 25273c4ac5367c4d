//! A command in a container, followed. The bridge's streams come and go; the agent tells what a command wrote from any
//! place on, so a stream that ends early is asked again and nothing is told twice.

use std::collections::VecDeque;
use std::rc::Rc;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, SinkExt};
use slipway_contract::objects::executor::{ExecExit, ExecFrame, ExecutorCode, StartExec};
use slipway_contract::{SandboxId, Timestamp};
use slipway_edge::clock;
use worker::{ByteStream, Headers, Method, Response, ResponseBuilder};

use super::told::{self, Event, Events, Progress, Text};
use super::{Bridge, Exec, agent, at, names, no, refused};
use crate::errand::Errand;
use crate::executor::exec::SILENCE_MS;
use crate::executor::{ASK_MS, Executor, ExecutorError, body};
use crate::outgoing::{self, AbortOnDrop};
use crate::settings::Host;
use crate::stream;

/// What the bridge may take for one stream, in milliseconds: the agent ends it after a minute.
const STREAM_MS: u64 = 90_000;
/// Streams without a word of the agent, one after the other, before somebody is told.
const DUMB: u32 = 3;
/// Longest event, in bytes; a piece of output has 64 KiB.
const EVENT_BYTES: usize = 512 * 1024;

/// A command that runs. Dropped, it goes on.
pub(in crate::executor) struct Followed {
    way: Way,
    timeout_ms: u64,
    /// How far each kind of output was told, in bytes.
    told: [u64; 2],
    text: [Text; 2],
    ready: VecDeque<ExecFrame>,
    link: Link,
    heard: Timestamp,
    /// The agent has said something.
    spoke: bool,
    dumb: u32,
}

/// Where it runs.
#[derive(Clone)]
struct Way {
    host: Rc<Host>,
    errand: Errand,
    sandbox: SandboxId,
    name: String,
}

/// What stands between it and us.
enum Link {
    Asked(LocalBoxFuture<'static, Result<Open, ExecutorError>>),
    Open(Open),
}

/// A stream. Fields end in this order: reading stops before the request is aborted.
struct Open {
    body: ByteStream,
    events: Events,
    _abort: AbortOnDrop,
}

impl Bridge<'_> {
    /// Starts a command under a name, or attaches to the one that has this name.
    pub(in crate::executor) async fn exec(
        &self,
        sandbox: SandboxId,
        key: &str,
        wanted: &StartExec,
    ) -> Result<Followed, ExecutorError> {
        let script = names::script(wanted)
            .ok_or_else(|| refused(ExecutorCode::Invalid, "the command cannot be written"))?;
        let name = names::run(key);
        let seconds = format!("{}.{:03}", wanted.timeout_ms / 1_000, wanted.timeout_ms % 1_000);
        let log = if wanted.detach { names::log(key) } else { String::new() };
        let mut argv = agent(&["exec", &name, &seconds, &log]);
        argv.extend(names::parts(script.as_bytes()));
        let way =
            Way { host: Rc::new(self.via.host.clone()), errand: self.via.errand.clone(), sandbox, name };
        let mut followed = Followed {
            link: Link::Open(way.open(argv).await?),
            way,
            timeout_ms: wanted.timeout_ms,
            told: [0; 2],
            text: Default::default(),
            ready: VecDeque::new(),
            heard: clock::now(),
            spoke: false,
            dumb: 0,
        };
        // Its first word says that it is there.
        let first = followed.next().await?;
        followed.ready.push_front(first);
        Ok(followed)
    }

    /// As [`Self::exec`], with a reply as an executor would give it.
    pub(in crate::executor) async fn exec_reply(
        &self,
        sandbox: SandboxId,
        key: &str,
        wanted: &StartExec,
    ) -> Result<Response, ExecutorError> {
        let mut followed = self.exec(sandbox, key, wanted).await?;
        let (mut lines, told) = mpsc::channel::<Result<Vec<u8>, worker::Error>>(1);
        self.via.errand.later(async move {
            loop {
                let (line, last) = match followed.next().await {
                    Ok(frame) => {
                        let last = matches!(frame, ExecFrame::Exit(_) | ExecFrame::Detached);
                        (stream::lines(&[frame]).map_err(worker::Error::from), last)
                    }
                    // The reply is cut off; asking again goes on.
                    Err(error) => (Err(worker::Error::RustError(error.cause().to_owned())), true),
                };
                if lines.send(line).await.is_err() || last {
                    return;
                }
            }
        });
        let unwritten = |_| ExecutorError::Unavailable { cause: "the reply cannot be written" };
        let headers = Headers::new();
        headers.set("content-type", stream::JSON_LINES).map_err(unwritten)?;
        ResponseBuilder::new().with_headers(headers).from_stream(told).map_err(unwritten)
    }
}

impl Way {
    async fn open(&self, argv: Vec<String>) -> Result<Open, ExecutorError> {
        let executor = Executor::new(&self.host, &self.errand);
        let sent = body(&Exec { argv: &argv, timeout_ms: STREAM_MS })?;
        let path = at(self.sandbox, "/exec");
        let (mut reply, abort) = executor.open(Method::Post, &path, sent, 2 * ASK_MS).await?;
        let body =
            reply.stream().map_err(|_| ExecutorError::Unavailable { cause: "the reply has no body" })?;
        Ok(Open { body, events: Events::default(), _abort: abort })
    }
}

impl Followed {
    /// The next frame. Dropping the future loses nothing.
    pub(in crate::executor) async fn next(&mut self) -> Result<ExecFrame, ExecutorError> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(frame);
            }
            let open = match &mut self.link {
                Link::Open(open) => open,
                Link::Asked(asked) => {
                    let open = asked.await;
                    self.heard = clock::now();
                    match open {
                        Ok(open) => self.link = Link::Open(open),
                        Err(ExecutorError::Unavailable { .. }) => self.again()?,
                        Err(refused) => return Err(refused),
                    }
                    continue;
                }
            };
            if let Some(event) = open.events.next() {
                self.take(event)?;
                continue;
            }
            if open.events.waiting() > EVENT_BYTES {
                return Err(ExecutorError::Unavailable { cause: "an event is too long" });
            }
            let patience = SILENCE_MS - clock::now().since(self.heard);
            match outgoing::within(patience.max(0).unsigned_abs(), open.body.next()).await {
                Some(Some(Ok(bytes))) => {
                    self.heard = clock::now();
                    open.events.feed(&bytes);
                }
                Some(Some(Err(_)) | None) | None => self.again()?,
            }
        }
    }

    /// Asks where it goes on.
    fn again(&mut self) -> Result<(), ExecutorError> {
        self.dumb += 1;
        if self.dumb > DUMB {
            return Err(ExecutorError::Unavailable { cause: "the stream was cut again and again" });
        }
        let way = self.way.clone();
        let [out, err] = self.told;
        let argv = agent(&["follow", &way.name, &out.to_string(), &err.to_string()]);
        self.link = Link::Asked(async move { way.open(argv).await }.boxed_local());
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), ExecutorError> {
        let line = match event {
            Event::Line(line) => line,
            // There is no agent to run.
            Event::Ended if !self.spoke => return Err(no(None)),
            // Nor a last word of it.
            Event::Ended | Event::Broken => return self.again(),
        };
        self.spoke = true;
        self.dumb = 0;
        let progress = told::progress(&line)
            .ok_or(ExecutorError::Unavailable { cause: "the container says something else" })?;
        match progress {
            Progress::Going => self.ready.push_back(ExecFrame::Alive),
            Progress::Wrote { error, bytes } => self.wrote(error, &bytes),
            Progress::Detached => self.ready.push_back(ExecFrame::Detached),
            Progress::Exit { code, took_ms, dropped } => {
                self.end(told::exit(code, took_ms, dropped, self.timeout_ms));
            }
            Progress::Lost => {
                let detail = "it was started before, and how it ended is not known";
                return Err(refused(ExecutorCode::Failed, detail));
            }
            Progress::More => self.again()?,
            // The first stream was cut before it got there.
            Progress::NotBegun => {
                return Err(ExecutorError::Unavailable { cause: "the command did not begin" });
            }
            Progress::Gone => return Err(no(Some("gone"))),
        }
        Ok(())
    }

    fn wrote(&mut self, error: bool, bytes: &[u8]) {
        let [out, err] = &mut self.told;
        let [out_text, err_text] = &mut self.text;
        let (told, text) = if error { (err, err_text) } else { (out, out_text) };
        *told += bytes.len() as u64;
        let text = text.feed(bytes);
        if !text.is_empty() {
            self.ready.push_back(if error { ExecFrame::Stderr(text) } else { ExecFrame::Stdout(text) });
        }
    }

    fn end(&mut self, exit: ExecExit) {
        let [out, err] = &mut self.text;
        let (out, err) = (out.end(), err.end());
        self.ready.extend((!out.is_empty()).then_some(ExecFrame::Stdout(out)));
        self.ready.extend((!err.is_empty()).then_some(ExecFrame::Stderr(err)));
        self.ready.push_back(ExecFrame::Exit(exit));
    }
}
