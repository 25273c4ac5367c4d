//! Performs one call of a tool: asks the orchestrator, tells the output as it comes, hands the end to the journal.
//!
//! The output is kept in memory only, and only its end: a process that dies loses it, and the call is asked again.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use slipway_contract::objects::tools::{ToolFrame, ToolRequest};
use slipway_contract::socket::ServerFrame;
use slipway_contract::{ProblemCode, Timestamp, TurnId};
use slipway_domain::chat::Chat;
use slipway_domain::chat::calls::CallEnd;
use slipway_domain::chat::output::Tail;
use slipway_edge::log::Line;
use slipway_edge::{clock, ids};
use worker::Delay;

use crate::gather::Pace;
use crate::journal::Sender;
use crate::orchestrator::{Lines, Next};
use crate::room::Room;
use crate::sockets;
use crate::work::Work;

/// How long work whose end could not be stored is left alone, so that it is not asked for again and again.
pub(crate) const UNSTORED: Duration = Duration::from_secs(1);

/// Calls that this process performs, or that wait after it did.
#[derive(Default)]
pub(crate) struct Calls {
    known: RefCell<Vec<Call>>,
}

struct Call {
    /// Its name for ever.
    key: String,
    turn: TurnId,
    /// The call's name within the turn.
    id: String,
    output: Tail,
    /// Ends the work; absent while nobody is at it.
    stop: Option<oneshot::Sender<()>>,
}

impl Calls {
    fn is_at_work(&self, key: &str) -> bool {
        self.known.borrow().iter().any(|call| call.key == key && call.stop.is_some())
    }

    /// Calls that nobody is at, with the time before which they are not to be asked.
    pub(crate) fn waiting(&self, chat: &Chat) -> Vec<(TurnId, String, Timestamp)> {
        let due = chat.due_calls().map(|(turn, key, at)| (turn.id, key, at));
        due.filter(|(_, key, _)| !self.is_at_work(key)).collect()
    }

    /// Ends the work on the calls of a turn.
    pub(crate) fn stop(&self, turn: TurnId) {
        self.known.borrow_mut().retain_mut(|call| {
            let stop = (call.turn == turn).then(|| call.stop.take()).flatten();
            if let Some(stop) = stop {
                let _gone = stop.send(());
            }
            call.turn != turn
        });
    }

    /// What running calls have written, for somebody who comes now.
    pub(crate) fn so_far(&self) -> Vec<ServerFrame> {
        let known = self.known.borrow();
        let told = known.iter().filter_map(|call| {
            let (offset, text) = call.output.told()?;
            Some(ServerFrame::Output {
                turn: call.turn,
                call: call.id.clone(),
                offset,
                text: text.to_owned(),
            })
        });
        told.collect()
    }

    fn change<T>(&self, key: &str, change: impl FnOnce(&mut Call) -> T) -> Option<T> {
        self.known.borrow_mut().iter_mut().find(|call| call.key == key).map(change)
    }

    fn tell(&self, room: &Rc<Room>, key: &str) {
        let frame = self.change(key, |call| {
            let (offset, text) = call.output.tell()?;
            Some(ServerFrame::Output { turn: call.turn, call: call.id.clone(), offset, text })
        });
        if let Some(frame) = frame.flatten() {
            sockets::tell(room, &frame);
        }
    }

    /// The work on a call is over. One that has to wait says why to those who watch.
    fn end(&self, room: &Rc<Room>, key: &str, waits: Option<String>) {
        if let Some(why) = waits {
            self.change(key, |call| {
                (call.output, call.stop) = (Tail::default(), None);
                call.output.push(&why);
            });
            self.tell(room, key);
        } else {
            self.known.borrow_mut().retain(|call| call.key != key);
        }
    }
}

/// Begins the work on a call; the work itself is what is returned.
pub(crate) fn begin(room: &Rc<Room>, turn: TurnId, key: String) -> impl Future<Output = ()> + use<> {
    let (stop, stopped) = oneshot::channel();
    let request = room.with_chat(|chat| request(chat, turn, &key)).flatten();
    if let Some(request) = &request {
        let id = request.call.id.clone();
        let call = Call { key: key.clone(), turn, id, output: Tail::default(), stop: Some(stop) };
        let mut known = room.calls.known.borrow_mut();
        known.retain(|call| call.key != key);
        known.push(call);
    }
    let room = Rc::clone(room);
    async move {
        if let Some(request) = request {
            run(&room, turn, key, request, stopped).await;
        }
    }
}

fn request(chat: &Chat, id: TurnId, key: &str) -> Option<ToolRequest> {
    let turn = chat.turn(id)?;
    let (due, call, _) = turn.due_call()?;
    (due == key).then(|| ToolRequest {
        org: chat.org,
        chat: chat.id,
        turn: id,
        key: due,
        agent: turn.agent,
        user: turn.user,
        sandbox: chat.sandbox().map(|status| status.sandbox),
        request: ids::fresh(),
        call: call.clone(),
    })
}

async fn run(
    room: &Rc<Room>,
    turn: TurnId,
    key: String,
    request: ToolRequest,
    stopped: oneshot::Receiver<()>,
) {
    let begun = clock::now();
    let line = Line::info("tool_call_ended").turn(turn).chat(turn.chat()).request(request.request);
    let (end, waits) = match select(Box::pin(perform(room, &key, &request)), stopped).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => return line.name("outcome", "stopped").took(begun).emit(),
    };
    let line = line.name("outcome", outcome(&end)).took(begun);
    let work = Work::EndCall { turn, key: key.clone(), end };
    if let Err(problem) = room.journal.commit(room, Sender::OBJECT, work).await
        && problem.code != ProblemCode::TurnEnded
    {
        Delay::from(UNSTORED).await;
    }
    room.calls.end(room, &key, waits);
    line.emit();
}

/// Performs a call; with it what those who watch are told while it waits.
async fn perform(room: &Rc<Room>, key: &str, request: &ToolRequest) -> (CallEnd, Option<String>) {
    let mut lines = match Lines::ask(&room.env, "/internal/tools/call", request).await {
        Ok(lines) => lines,
        Err(error) => {
            Line::warn("tools_unreachable").turn(request.turn).chat(request.chat).fault(&error).emit();
            return (CallEnd::Cut, None);
        }
    };
    let mut pace = Pace::default();
    loop {
        let end = match lines.next(pace.patience()).await {
            Next::Frame(ToolFrame::Output(text)) => {
                room.calls.change(key, |call| call.output.push(&text));
                if pace.gathered() {
                    room.calls.tell(room, key);
                    pace.told();
                }
                continue;
            }
            Next::Frame(ToolFrame::Alive) => continue,
            Next::Quiet if pace.is_gathering() => {
                room.calls.tell(room, key);
                pace.told();
                continue;
            }
            Next::Quiet | Next::Cut => (CallEnd::Cut, None),
            Next::Frame(ToolFrame::Ask(ask)) => (CallEnd::Ask(ask), None),
            Next::Frame(ToolFrame::Result { content, is_error, effects, ask }) => {
                (CallEnd::Answered { content, is_error, effects, ask }, None)
            }
            Next::Frame(ToolFrame::Later { detail, after_ms }) => (CallEnd::Later { after_ms }, Some(detail)),
        };
        room.calls.tell(room, key);
        return end;
    }
}

const fn outcome(end: &CallEnd) -> &'static str {
    match end {
        CallEnd::Answered { is_error: false, .. } => "answered",
        CallEnd::Answered { is_error: true, .. } => "failed",
        CallEnd::Ask(_) => "asked",
        CallEnd::Later { .. } => "waits",
        CallEnd::Cut => "cut",
    }
}
