//! A chat's socket as a client holds it. Every `events` frame must continue exactly where the last one ended.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use slipway_contract::events::Event;
use slipway_contract::http::messages::Posted;
use slipway_contract::socket::{ClientFrame, ServerFrame};
use slipway_contract::{ChatId, MessageId, Problem, Seq, Timestamp, UserId, limits};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::answer::Answer;
use crate::wait::LIMIT;
use crate::world::World;

/// Every reply of ours has it; those of the platform alone do not.
const REQUEST_ID: &str = "x-request-id";

/// What a socket said.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A frame.
    Frame(ServerFrame),
    /// The server closed it.
    Closed {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
    },
    /// The connection broke without a close.
    Broken,
}

/// An open socket.
#[derive(Debug)]
pub struct ChatSocket {
    stream: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    /// Whose it is.
    pub you: UserId,
    /// Who was there when it opened; the first ones of many.
    pub present: Vec<UserId>,
    /// How many were there when it opened.
    pub count: u32,
    /// The newest event when it opened.
    pub head: Seq,
    /// Every event that it told, in order.
    pub events: Vec<Event>,
    last: Seq,
    unheard: VecDeque<ServerFrame>,
    posts: u32,
}

/// What came of the attempt to open a socket.
#[derive(Debug)]
pub enum Opened {
    /// It is open, and said `hello`.
    Open(Box<ChatSocket>),
    /// The upgrade was refused.
    Refused(Box<Answer>),
    /// Nobody answered, as while the stack restarts.
    Unreachable(String),
    /// It was opened only to say why it cannot be continued.
    Shut {
        /// What it said.
        problem: Problem,
        /// The close code.
        code: u16,
    },
}

impl ChatSocket {
    /// Opens one.
    ///
    /// # Errors
    /// When it is refused or shut.
    pub async fn open(world: &World, chat: ChatId, ticket: &str, after: Option<Seq>) -> Result<Self> {
        let query = match after {
            Some(after) => format!("ticket={ticket}&after={after}"),
            None => format!("ticket={ticket}"),
        };
        match Self::attempt(world, chat, &query, Some(limits::SOCKET_PROTOCOL)).await? {
            Opened::Open(socket) => Ok(*socket),
            Opened::Refused(answer) => bail!("refused: {answer}"),
            Opened::Unreachable(error) => bail!("{error}"),
            Opened::Shut { problem, code } => bail!("shut with {code}: {problem:?}"),
        }
    }

    /// Tries to open one, with any query and sub-protocol.
    ///
    /// # Errors
    /// When the server breaks a promise, or cannot be reached.
    pub async fn attempt(world: &World, chat: ChatId, query: &str, protocol: Option<&str>) -> Result<Opened> {
        let path = format!("/v1/chats/{chat}/socket?{query}");
        let mut request = format!("{}{path}", world.url().replacen("http", "ws", 1)).into_client_request()?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse()?);
        }
        let opening = tokio::time::timeout(LIMIT, connect_async(request)).await;
        let (stream, reply) = match opening.map_err(|_| anyhow!("no answer to the upgrade"))? {
            Ok(opened) => opened,
            Err(Error::Http(reply))
                if reply.status().is_server_error() && !reply.headers().contains_key(REQUEST_ID) =>
            {
                return Ok(Opened::Unreachable(format!("the platform answers {}", reply.status())));
            }
            // The body may not have come with the head, so the refusal is asked for once more.
            Err(Error::Http(_)) => return Self::refusal(world, &path, protocol).await,
            Err(error) => return Ok(Opened::Unreachable(format!("no connection: {error}"))),
        };
        let agreed = reply.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        ensure!(agreed == Some(limits::SOCKET_PROTOCOL), "the sub-protocol is {agreed:?}");
        let mut socket = Self {
            stream,
            you: UserId::fresh(0, [0; 10]),
            present: Vec::new(),
            count: 0,
            head: Seq::START,
            events: Vec::new(),
            last: Seq::START,
            unheard: VecDeque::new(),
            posts: 0,
        };
        match socket.hear().await? {
            Heard::Frame(ServerFrame::Hello { you, head, present, count }) => {
                (socket.you, socket.head, socket.present, socket.count) = (you, head, present, count);
                let after = query.split('&').find_map(|pair| pair.strip_prefix("after="));
                socket.last = Seq(after.map_or(Ok(head.0), str::parse)?);
                Ok(Opened::Open(Box::new(socket)))
            }
            Heard::Frame(ServerFrame::Refused { id: None, problem }) => {
                let (code, _) = socket.closed().await?;
                Ok(Opened::Shut { problem, code })
            }
            other @ (Heard::Frame(_) | Heard::Closed { .. } | Heard::Broken) => {
                bail!("it began with {other:?}")
            }
        }
    }

    async fn refusal(world: &World, path: &str, protocol: Option<&str>) -> Result<Opened> {
        let mut call = world.call(Method::GET, path);
        let upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in upgrade.into_iter().chain(protocol.map(|one| ("sec-websocket-protocol", one))) {
            call = call.header(name, value);
        }
        let answer = call.send().await?;
        ensure!(answer.status >= 400, "refused, and then not: {answer}");
        Ok(Opened::Refused(Box::new(answer)))
    }

    /// The newest event that it told, or that it began after.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.last
    }

    /// Frames that came and that nobody waited for, oldest first.
    pub fn unheard(&self) -> impl Iterator<Item = &ServerFrame> {
        self.unheard.iter()
    }

    /// Says goodbye and waits until the server has heard it.
    ///
    /// # Errors
    /// When the connection is gone already, or the server does not say goodbye too.
    pub async fn leave(mut self) -> Result<()> {
        self.stream.close(None).await?;
        loop {
            match self.hear().await.context("waiting for the answer to a close")? {
                Heard::Frame(_) => {}
                Heard::Closed { .. } => return Ok(()),
                Heard::Broken => bail!("cut off instead of answered"),
            }
        }
    }

    /// What it says next, within `limit`; `None` when that is nothing.
    ///
    /// # Errors
    /// When it is no frame of the protocol, or events do not continue where they ended.
    pub async fn hear_within(&mut self, limit: Duration) -> Result<Option<Heard>> {
        loop {
            let Ok(message) = tokio::time::timeout(limit, self.stream.next()).await else { return Ok(None) };
            let frame = match message {
                Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str())
                    .with_context(|| format!("no frame: {}", text.chars().take(200).collect::<String>()))?,
                Some(Ok(Message::Close(Some(close)))) => {
                    return Ok(Some(Heard::Closed {
                        code: close.code.into(),
                        reason: close.reason.to_string(),
                    }));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Binary(_))) => bail!("a binary frame"),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Ok(Some(Heard::Broken)),
            };
            if let ServerFrame::Events { events } = &frame {
                self.take(events)?;
            }
            return Ok(Some(Heard::Frame(frame)));
        }
    }

    fn take(&mut self, events: &[Event]) -> Result<()> {
        ensure!(!events.is_empty(), "an events frame without events");
        for event in events {
            ensure!(event.seq == self.last.next(), "after {} came {}", self.last, event.seq);
            self.last = event.seq;
        }
        self.events.extend_from_slice(events);
        Ok(())
    }

    /// What it says next.
    ///
    /// # Errors
    /// As [`ChatSocket::hear_within`], and when it says nothing.
    pub async fn hear(&mut self) -> Result<Heard> {
        self.hear_within(LIMIT).await?.context("the socket says nothing")
    }

    /// Waits for what `pick` finds in a frame, among those that came before and nobody picked, too.
    ///
    /// # Errors
    /// When the socket ends or says nothing more before that.
    pub async fn wait_for<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> Result<T> {
        let mut found = None;
        self.unheard.retain(|frame| {
            if found.is_none() {
                found = pick(frame);
                return found.is_none();
            }
            true
        });
        loop {
            if let Some(found) = found {
                return Ok(found);
            }
            match self.hear().await.with_context(|| format!("waiting for {what}"))? {
                Heard::Frame(frame) => {
                    found = pick(&frame);
                    if found.is_none() {
                        self.unheard.push_back(frame);
                    }
                }
                other @ (Heard::Closed { .. } | Heard::Broken) => bail!("waiting for {what}: {other:?}"),
            }
        }
    }

    /// Waits until it told the event `seq`.
    ///
    /// # Errors
    /// As [`ChatSocket::wait_for`].
    pub async fn reach(&mut self, seq: Seq) -> Result<()> {
        while self.last < seq {
            match self.hear().await.with_context(|| format!("waiting for event {seq} after {}", self.last))? {
                Heard::Frame(frame) => self.unheard.push_back(frame),
                other @ (Heard::Closed { .. } | Heard::Broken) => {
                    bail!("waiting for event {seq} after {}: {other:?}", self.last)
                }
            }
        }
        Ok(())
    }

    /// Waits until the server closes it: the code and the reason.
    ///
    /// # Errors
    /// When it breaks without a close, or stays open.
    pub async fn closed(&mut self) -> Result<(u16, String)> {
        loop {
            match self.hear().await.context("waiting for the close")? {
                Heard::Frame(_) => {}
                Heard::Closed { code, reason } => return Ok((code, reason)),
                Heard::Broken => bail!("broken without a close"),
            }
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        self.send_raw(Message::text(serde_json::to_string(frame)?)).await
    }

    /// Sends whatever.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(self.stream.send(message).await?)
    }

    /// Asks to post a message; names the request.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn begin_post(&mut self, client_id: &str, text: &str, to: Option<MessageId>) -> Result<u32> {
        self.posts += 1;
        let (id, client_id, text) = (self.posts, client_id.to_owned(), text.to_owned());
        self.send(&ClientFrame::Post { id, client_id, text, reply_to: to, fork: None }).await?;
        Ok(id)
    }

    /// Posts a message and waits for its answer.
    ///
    /// # Errors
    /// When the socket ends before.
    pub async fn try_post(&mut self, client_id: &str, text: &str) -> Result<Result<Posted, Problem>> {
        let asked = self.begin_post(client_id, text, None).await?;
        self.wait_for("the answer to a post", |frame| answer_to(frame, asked)).await
    }

    /// Posts a message.
    ///
    /// # Errors
    /// When it is refused, or the socket ends.
    pub async fn post(&mut self, client_id: &str, text: &str) -> Result<Posted> {
        self.try_post(client_id, text).await?.map_err(|problem| anyhow!("refused: {problem:?}"))
    }
}

/// What a frame answers to the post `asked`.
#[must_use]
pub fn answer_to(frame: &ServerFrame, asked: u32) -> Option<Result<Posted, Problem>> {
    if let ServerFrame::Done { id, message, seq } = frame {
        let posted = Posted { message: *message, seq: *seq, at: Timestamp::default() };
        return (*id == asked).then_some(Ok(posted));
    }
    if let ServerFrame::Refused { id, problem } = frame {
        return (*id == Some(asked)).then(|| Err(problem.clone()));
    }
    None
}
