//! Who listens: hibernating WebSockets, replay, live frames, typing.
//!
//! Invariant: a socket joins the seats in the same synchronous step in which the log up to the head is sent to it, and
//! every commit is told to all seats in its own step, so a listener sees each event once and in order.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::JsString;
use slipway_contract::http::messages::PostMessage;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::socket::{ClientFrame, ServerFrame, close};
use slipway_contract::{Actor, ParticipantId, Problem, ProblemCode, Seq, Timestamp, UserId, limits};
use slipway_domain::chat::Answer;
use slipway_domain::chat::presence::Presence;
use slipway_edge::{clock, ids, reply};
use wasm_bindgen::prelude::*;
use worker::worker_sys::WebSocketRequestResponsePair;
use worker::{Request, Response, Result, State, WebSocket, WebSocketIncomingMessage, WebSocketPair};

use crate::journal::Sender;
use crate::room::{Room, json};
use crate::work::Work;
use crate::{effects, presence};

#[wasm_bindgen]
extern "C" {
    type RawSocket;

    /// Sends a string that JavaScript holds already, so that a frame for many is encoded once.
    #[wasm_bindgen(method, catch)]
    fn send(this: &RawSocket, data: &JsString) -> core::result::Result<(), JsValue>;
}

/// Events of one replay frame.
const REPLAY_PAGE: u64 = 200;

/// The listeners of a chat. Read anew from the platform after the object slept.
pub(crate) struct Seats {
    seats: RefCell<Option<Vec<Seat>>>,
    presence: RefCell<Presence>,
    /// When the listeners are told next who came and went.
    pub(crate) due: Cell<Option<Timestamp>>,
}

#[derive(Clone)]
struct Seat {
    user: UserId,
    socket: WebSocket,
}

impl Seats {
    /// Nobody is known yet. Heartbeats are answered without waking the object.
    pub(crate) fn new(state: &State) -> Self {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self { seats: RefCell::default(), presence: RefCell::default(), due: Cell::default() }
    }

    fn with<T>(&self, state: &State, work: impl FnOnce(&mut Vec<Seat>) -> T) -> T {
        let mut seats = self.seats.borrow_mut();
        let known = seats.get_or_insert_with(|| {
            let sockets = state.get_websockets().into_iter();
            let seats: Vec<Seat> =
                sockets.filter_map(|socket| Some(Seat { user: seated(&socket)?, socket })).collect();
            self.presence.replace(Presence::of(seats.iter().map(|seat| seat.user)));
            seats
        });
        work(known)
    }

    /// How many sockets hear what is told.
    pub(crate) fn count(&self, state: &State) -> usize {
        self.with(state, |seats| seats.len())
    }

    /// Reads or changes who is here.
    pub(crate) fn with_presence<T>(&self, state: &State, work: impl FnOnce(&mut Presence) -> T) -> T {
        self.with(state, |_| ());
        work(&mut self.presence.borrow_mut())
    }
}

/// Whose socket it is, and its number. The attachment is one text of words, so that a later version can read what an
/// earlier one wrote.
fn read_attachment(socket: &WebSocket) -> Option<(UserId, Sender)> {
    let text = socket.deserialize_attachment::<String>().ok().flatten()?;
    let mut words = text.split(' ');
    let user = words.next()?.parse().ok()?;
    let number = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    Some((user, Sender(number)))
}

/// Whose socket it is.
fn seated(socket: &WebSocket) -> Option<UserId> {
    read_attachment(socket).map(|(user, _)| user)
}

/// What stands behind `/socket?` in an address; `None` for any other path. Its values need no decoding: a ticket is
/// hexadecimal, `after` a number. (The `url` crate would be a third of this Worker.)
pub(crate) fn query(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    (path == "socket").then(|| query.split('#').next().unwrap_or_default().to_owned())
}

/// Answers the upgrade `GET /socket?ticket=&after=`.
pub(crate) fn accept(room: &Rc<Room>, request: &Request, query: String) -> Result<Response> {
    let id = ids::fresh();
    match admit(room, request, &query) {
        Ok(response) => response,
        Err(problem) => reply::problem(problem, id),
    }
}

fn admit(room: &Rc<Room>, request: &Request, query: &str) -> core::result::Result<Result<Response>, Problem> {
    let header = |name: &str| request.headers().get(name).ok().flatten().unwrap_or_default();
    if !header("upgrade").eq_ignore_ascii_case("websocket") {
        return Err(ProblemCode::UpgradeRequired.into());
    }
    if !header("sec-websocket-protocol").split(',').any(|offered| offered.trim() == limits::SOCKET_PROTOCOL) {
        let detail = format!("offer the sub-protocol {}", limits::SOCKET_PROTOCOL);
        return Err(Problem::new(ProblemCode::InvalidParameter).detail(detail));
    }
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    let after = match value("after").map(|after| after.parse().map(Seq)) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(_)) => {
            return Err(Problem::new(ProblemCode::InvalidParameter).detail("after must be a number"));
        }
    };
    let ticket = value("ticket").ok_or(ProblemCode::TicketInvalid)?;
    // A chat leaves its object only while nobody has a ticket: whoever comes to a stub has none.
    let loaded = room.load();
    if room.is_away() {
        return Err(ProblemCode::TicketInvalid.into());
    }
    loaded?;
    let head = room.with_chat(|chat| chat.head).ok_or(ProblemCode::TicketInvalid)?;
    let user = room.redeem_ticket(ticket)?;
    Ok(seat(room, user, after.unwrap_or(head), head))
}

fn seat(room: &Rc<Room>, user: UserId, after: Seq, head: Seq) -> Result<Response> {
    let pair = WebSocketPair::new()?;
    let response = Response::from_websocket(pair.client)?;
    response.headers().set("sec-websocket-protocol", limits::SOCKET_PROTOCOL)?;
    // Looked up before the platform knows the socket: it would list it among those who are here already.
    room.seats.count(&room.state);
    room.state.accept_websocket_with_tags(&pair.server, &[&user.to_string()]);
    if after > head || head.0 - after.0 > limits::REPLAY_EVENTS {
        let code = if after > head { ProblemCode::SeqInFuture } else { ProblemCode::TooFarBehind };
        refuse(&pair.server, None, code.into());
        shut(&pair.server, close::RESYNC, "page through the events, then connect again");
        return Ok(response);
    }
    let number = u32::from_be_bytes(ids::random());
    pair.server.serialize_attachment(format!("{user} {number}"))?;
    room.seats.with(&room.state, |seats| seats.push(Seat { user, socket: pair.server.clone() }));
    make_room(room, user);
    let (present, count) = room.seats.with_presence(&room.state, |presence| {
        presence.came(user);
        (presence.first(), presence::number(presence.count()))
    });
    send_frame(&pair.server, &ServerFrame::Hello { you: user, head, present, count });
    let mut from = after;
    while from < head {
        let events = room.storage.events_after(from, REPLAY_PAGE)?;
        send_text(&pair.server, &JsString::from(events_frame(&events)));
        from = Seq(from.0 + REPLAY_PAGE);
    }
    let so_far = room.with_chat(|chat| room.running.so_far(chat)).unwrap_or_default();
    for frame in so_far.into_iter().chain(room.calls.so_far()).chain(room.acts.so_far()) {
        send_frame(&pair.server, &frame);
    }
    presence::arm(room);
    Ok(response)
}

/// A person's oldest socket gives way when they open too many.
fn make_room(room: &Room, user: UserId) {
    let oldest = room.seats.with(&room.state, |seats| {
        let own = seats.iter().filter(|seat| seat.user == user).count();
        let at = seats.iter().position(|seat| seat.user == user)?;
        (own > limits::SOCKETS_PER_PERSON).then(|| seats.remove(at))
    });
    if let Some(seat) = oldest {
        shut(&seat.socket, close::REPLACED, "too many connections of one person");
    }
}

/// One frame of a client.
pub(crate) async fn receive(room: &Rc<Room>, socket: &WebSocket, message: WebSocketIncomingMessage) {
    let Some((user, from)) = read_attachment(socket) else {
        return shut(socket, close::REMOVED, "unknown connection");
    };
    let WebSocketIncomingMessage::String(text) = message else {
        return shut(socket, close::BAD_FRAME, "frames are text");
    };
    if text.len() > limits::FRAME_BYTES {
        return shut(socket, close::BAD_FRAME, "the frame is too long");
    }
    let Ok(frame) = serde_json::from_str::<ClientFrame>(&text) else {
        return shut(socket, close::BAD_FRAME, "not a frame of slipway.v1");
    };
    let actor = Actor::User { id: user };
    match frame {
        ClientFrame::Post { id, client_id, text, reply_to, fork } => {
            let command =
                ChatCommand::Post(PostMessage { client_id, text, reply_to, fork, attachments: Vec::new() });
            let answer = match room.load() {
                Ok(()) => room.journal.commit(room, from, Work::Command { actor, org: None, command }).await,
                Err(problem) => Err(problem),
            };
            match answer {
                Ok(Answer::Posted(posted)) => {
                    send_frame(socket, &ServerFrame::Done { id, message: posted.message, seq: posted.seq });
                }
                Ok(Answer::Chat | Answer::Turn(_) | Answer::Approval(_) | Answer::Fork(_)) => {}
                Err(problem) => refuse(socket, Some(id), problem),
            }
        }
        ClientFrame::Read { seq } => match read(room, user, seq) {
            Ok(true) => {
                tell_person(room, user, &ServerFrame::Read { seq });
                effects::arm(room);
            }
            Ok(false) => {}
            Err(problem) => refuse(socket, None, problem),
        },
        ClientFrame::Typing { active } => tell_others(room, user, &ServerFrame::Typing { user, active }),
    }
}

/// Moves a read marker in memory: it is written, with all others that moved, before the index is told.
fn read(room: &Rc<Room>, user: UserId, seq: Seq) -> core::result::Result<bool, Problem> {
    room.load()?;
    let count = room.storage.messages_at(seq).map_err(|error| room.fault("marker_failed", &error))?;
    let facts = slipway_domain::chat::Facts { messages_at: count, ..Default::default() };
    let command = ChatCommand::MarkRead { seq };
    let ask = slipway_domain::chat::Ask {
        actor: Actor::User { id: user },
        org: None,
        command: &command,
        facts: &facts,
        now: clock::now(),
    };
    room.with_held(|held| {
        let held = held.as_mut().ok_or(ProblemCode::NotFound)?;
        let decision = slipway_domain::chat::decide(Some(&held.chat), held.chat.id, ask)?;
        held.chat.apply(&decision);
        if decision.read.is_some() {
            held.readers.insert(ParticipantId::User { id: user });
        }
        Ok(decision.read.is_some())
    })
}

/// A socket is gone.
pub(crate) fn left(room: &Rc<Room>, socket: &WebSocket) {
    let Some(user) = seated(socket) else { return };
    let (last, alone) = room.seats.with(&room.state, |seats| {
        seats.retain(|seat| seat.socket != *socket);
        (seats.iter().all(|seat| seat.user != user), seats.is_empty())
    });
    if last {
        room.seats.with_presence(&room.state, |presence| {
            if alone {
                // Nobody is left who could be told, or who believes anything.
                *presence = Presence::default();
            } else {
                presence.left(user, clock::now());
            }
        });
        presence::arm(room);
    }
}

/// Answers a client's close. For hibernating sockets the platform leaves that to us: without it, the client waits until
/// the connection is cut and takes its own goodbye for a failure (1006).
pub(crate) fn say_goodbye(socket: &WebSocket, code: usize, reason: &str) {
    // A close without a code comes as 1005; that and its like are never sent (RFC 6455, section 7.4.1).
    let code = u16::try_from(code).ok().filter(|code| matches!(code, 1000 | 3000..=4999)).unwrap_or(1000);
    shut(socket, code, reason);
}

/// Tells everybody what a commit brought, in one frame, and closes the sockets of those who were put out.
pub(crate) fn tell_events(room: &Rc<Room>, texts: &[String], removed: &[UserId]) {
    if texts.is_empty() {
        return;
    }
    room.seats.with(&room.state, |seats| {
        if !seats.is_empty() {
            let frame = JsString::from(events_frame(&texts.join(",")));
            seats.iter().for_each(|seat| send_text(&seat.socket, &frame));
        }
        seats.retain(|seat| {
            let gone = removed.contains(&seat.user);
            if gone {
                shut(&seat.socket, close::REMOVED, "no longer a participant");
            }
            !gone
        });
    });
}

/// Closes all sockets: the chat is deleted.
pub(crate) fn close_all(room: &Room) {
    room.seats.with(&room.state, Vec::clear);
    for socket in room.state.get_websockets() {
        shut(&socket, close::DELETED, "the chat was deleted");
    }
}

/// Tells everybody.
pub(crate) fn tell(room: &Rc<Room>, frame: &ServerFrame) {
    tell_where(room, frame, |_| true);
}

fn tell_others(room: &Rc<Room>, user: UserId, frame: &ServerFrame) {
    tell_where(room, frame, |other| other != user);
}

fn tell_person(room: &Rc<Room>, user: UserId, frame: &ServerFrame) {
    tell_where(room, frame, |other| other == user);
}

fn tell_where(room: &Rc<Room>, frame: &ServerFrame, to: impl Fn(UserId) -> bool) {
    let Ok(text) = json(frame) else { return };
    let text = JsString::from(text);
    room.seats.with(&room.state, |seats| {
        seats.iter().filter(|seat| to(seat.user)).for_each(|seat| send_text(&seat.socket, &text));
    });
}

fn events_frame(events: &str) -> String {
    format!(r#"{{"type":"events","events":[{events}]}}"#)
}

fn refuse(socket: &WebSocket, id: Option<u32>, problem: Problem) {
    send_frame(socket, &ServerFrame::Refused { id, problem });
}

fn send_frame(socket: &WebSocket, frame: &ServerFrame) {
    if let Ok(text) = json(frame) {
        send_text(socket, &JsString::from(text));
    }
}

/// A socket that cannot be sent to is closing; its close event follows.
fn send_text(socket: &WebSocket, text: &JsString) {
    let raw: &RawSocket = AsRef::<worker::web_sys::WebSocket>::as_ref(socket).unchecked_ref();
    let _closing = raw.send(text);
}

fn shut(socket: &WebSocket, code: u16, reason: &str) {
    let _closed = socket.close(Some(code), Some(reason));
}
