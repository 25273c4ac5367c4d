//! Runs one step of a turn: asks the engine, tells the text as it comes, answers tool calls, hands the end to the journal.
//!
//! The text so far is kept in memory only: a process that dies loses it, and the next attempt starts over.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use slipway_contract::events::{ToolCall, TurnFailureCode};
use slipway_contract::objects::engine::{ContextMessage, EngineFrame, TurnRequest};
use slipway_contract::socket::ServerFrame;
use slipway_contract::{ParticipantId, TurnId, limits};
use slipway_domain::chat::turns::{StepEnd, failure};
use slipway_domain::chat::{Chat, Turn, TurnPhase, tools};
use slipway_edge::log::Line;
use slipway_edge::{clock, ids};
use worker::Delay;

use crate::engine::Frames;
use crate::journal::{Sender, Work};
use crate::room::Room;
use crate::sockets;

/// Text gathers this long before it is told, in milliseconds: each frame costs every viewer a message.
const GATHER_MS: i64 = 60;
/// The engine says that it is alive every 15 s; without a word for this long it is not, in milliseconds.
const SILENCE_MS: i64 = 60_000;
/// Messages that an agent is given, and their text in bytes.
const CONTEXT_MESSAGES: u64 = 40;
const CONTEXT_BYTES: usize = 48 * 1024;
/// Participants that an agent is told of.
const CONTEXT_PEOPLE: usize = 50;

/// Turns at work in this process.
#[derive(Default)]
pub(crate) struct Running {
    turns: RefCell<BTreeMap<TurnId, Step>>,
}

struct Step {
    text: String,
    units: u32,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    /// What the agent has said in its present step.
    pub(crate) fn said(&self, turn: TurnId) -> String {
        self.turns.borrow().get(&turn).map(|step| step.text.clone()).unwrap_or_default()
    }

    /// Ends the work on a turn.
    pub(crate) fn stop(&self, turn: TurnId) {
        if let Some(stop) = self.turns.borrow_mut().get_mut(&turn).and_then(|step| step.stop.take()) {
            let _gone = stop.send(());
        }
    }

    /// Everything said so far, for somebody who comes now.
    pub(crate) fn so_far(&self) -> Vec<ServerFrame> {
        let turns = self.turns.borrow();
        let said = turns.iter().filter(|(_, step)| !step.text.is_empty());
        said.map(|(turn, step)| ServerFrame::Delta { turn: *turn, offset: 0, text: step.text.clone() })
            .collect()
    }

    fn begin(&self, turn: TurnId) -> oneshot::Receiver<()> {
        let (stop, stopped) = oneshot::channel();
        self.turns.borrow_mut().insert(turn, Step { text: String::new(), units: 0, stop: Some(stop) });
        stopped
    }

    /// Adds told text; where it goes, in UTF-16 code units.
    fn add(&self, turn: TurnId, text: &str) -> u32 {
        self.turns.borrow_mut().get_mut(&turn).map_or(0, |step| {
            let offset = step.units;
            step.units += u32::try_from(text.encode_utf16().count()).unwrap_or(0);
            step.text.push_str(text);
            offset
        })
    }

    fn end(&self, turn: TurnId) {
        self.turns.borrow_mut().remove(&turn);
    }
}

/// Turns that are stored as running and that nobody here works on, with their attempts.
pub(crate) fn orphans(chat: &Chat, running: &Running) -> Vec<(TurnId, u8)> {
    let here = running.turns.borrow();
    chat.turns
        .values()
        .filter(|turn| !here.contains_key(&turn.id))
        .filter_map(|turn| match turn.phase {
            TurnPhase::Running { attempt } => Some((turn.id, attempt)),
            TurnPhase::Queued { .. } => None,
        })
        .collect()
}

/// Works on one attempt of a turn's present step until it ends or is stopped.
pub(crate) async fn run(room: &Rc<Room>, turn: TurnId, attempt: u8) {
    let begun = clock::now();
    let stopped = room.running.begin(turn);
    let worked = Box::pin(step(room, turn));
    let end = match select(worked, stopped).await {
        Either::Left((end, _)) => Some(end),
        Either::Right(_) => None,
    };
    let mut line =
        Line::info("turn_step_ended").turn(turn).chat(turn.chat()).number("attempt", attempt).took(begun);
    if let Some(end) = end {
        line = line.name("outcome", outcome(&end));
        // A turn that was ended meanwhile refuses the result, and that is right.
        let _late = room.journal.commit(room, Sender::OBJECT, Work::EndStep { turn, attempt, end }).await;
    } else {
        line = line.name("outcome", "stopped");
    }
    room.running.end(turn);
    line.emit();
}

const fn outcome(end: &StepEnd) -> &'static str {
    match end {
        StepEnd::Answered { .. } => "answered",
        StepEnd::Called { .. } => "called",
        StepEnd::Failed { retryable: true, .. } => "failed_for_now",
        StepEnd::Failed { retryable: false, .. } => "failed",
    }
}

async fn step(room: &Rc<Room>, id: TurnId) -> StepEnd {
    let request = match request(room, id) {
        Ok(request) => request,
        Err(error) => {
            room.fault("turn_context_failed", &error);
            return broken(TurnFailureCode::Internal, "The chat could not be read.");
        }
    };
    let mut frames = match Frames::ask(&room.env, &request).await {
        Ok(frames) => frames,
        Err(error) => {
            Line::warn("engine_unreachable").turn(id).chat(id.chat()).fault(&error).emit();
            return broken(TurnFailureCode::ProviderUnavailable, "The engine could not be reached.");
        }
    };
    let mut teller = Teller::new(id);
    let mut calls: Vec<ToolCall> = Vec::new();
    loop {
        let wait = Delay::from(Duration::from_millis(teller.patience().unsigned_abs()));
        let next = match select(Box::pin(frames.next()), wait).await {
            Either::Left((next, _)) => next,
            Either::Right(_) if teller.gathering() => {
                teller.tell(room);
                continue;
            }
            Either::Right(_) => {
                return broken(TurnFailureCode::ProviderUnavailable, "The model went silent.");
            }
        };
        match next {
            Some(Ok(EngineFrame::Text { text })) => teller.add(room, &text),
            Some(Ok(EngineFrame::Call(call))) => calls.push(call),
            Some(Ok(EngineFrame::Alive)) => {}
            Some(Ok(EngineFrame::Finished { model, usage, cut })) => {
                teller.tell(room);
                let text = room.running.said(id);
                if calls.is_empty() {
                    return StepEnd::Answered { text, cut: cut || teller.cut, model, usage };
                }
                let results =
                    room.with_chat(|chat| calls.iter().map(|call| tools::answer(chat, call)).collect());
                return StepEnd::Called { text, results: results.unwrap_or_default(), calls, usage };
            }
            Some(Ok(EngineFrame::Failed { failure, retryable, retry_after_ms })) => {
                return StepEnd::Failed { failure, retryable, retry_after_ms };
            }
            Some(Err(_)) | None => {
                return broken(TurnFailureCode::ProviderUnavailable, "The model's answer was cut off.");
            }
        }
    }
}

fn broken(code: TurnFailureCode, detail: &str) -> StepEnd {
    StepEnd::Failed { failure: failure(code, detail), retryable: true, retry_after_ms: None }
}

/// Tells text in batches: the first at once, then what gathers.
struct Teller {
    turn: TurnId,
    pending: String,
    since: i64,
    told: i64,
    length: usize,
    cut: bool,
}

impl Teller {
    const fn new(turn: TurnId) -> Self {
        Self { turn, pending: String::new(), since: 0, told: 0, length: 0, cut: false }
    }

    const fn gathering(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How long to wait for the next frame, in milliseconds.
    fn patience(&self) -> i64 {
        if self.gathering() { (self.since + GATHER_MS - clock::now().unix_ms()).max(1) } else { SILENCE_MS }
    }

    fn add(&mut self, room: &Rc<Room>, text: &str) {
        let space = limits::MESSAGE_BYTES.saturating_sub(self.length);
        let fit =
            text.get(..(0..=space.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        let fit = fit.unwrap_or_default();
        self.cut |= fit.len() < text.len();
        self.length += fit.len();
        let now = clock::now().unix_ms();
        if self.pending.is_empty() {
            self.since = now;
        }
        self.pending.push_str(fit);
        if self.since + GATHER_MS <= now || self.told + GATHER_MS <= now {
            self.tell(room);
        }
    }

    fn tell(&mut self, room: &Rc<Room>) {
        let text = core::mem::take(&mut self.pending);
        if text.is_empty() {
            return;
        }
        self.told = clock::now().unix_ms();
        let offset = room.running.add(self.turn, &text);
        sockets::tell(room, &ServerFrame::Delta { turn: self.turn, offset, text });
    }
}

/// What the engine needs: who is here, what was said, what the turn did so far.
fn request(room: &Rc<Room>, id: TurnId) -> worker::Result<TurnRequest> {
    let gone = || worker::Error::RustError("the turn is gone".to_owned());
    let turn: Turn = room.with_chat(|chat| chat.turns.get(&id).cloned()).flatten().ok_or_else(gone)?;
    let said = room.storage.said_until(turn.cause, CONTEXT_MESSAGES)?;
    let mut space = CONTEXT_BYTES;
    let fits = said
        .iter()
        .rev()
        .take_while(|message| {
            let fits = message.text.len() <= space;
            space = space.saturating_sub(message.text.len());
            fits
        })
        .count();
    // The message to answer is always given, whatever its length.
    let first = said.len().saturating_sub(fits.max(1));
    let own = ParticipantId::Agent { id: turn.agent };
    room.with_chat(|chat| TurnRequest {
        org: chat.org,
        chat: chat.id,
        turn: id,
        agent: turn.agent,
        request: ids::fresh(),
        title: chat.title.clone(),
        participants: chat
            .people
            .iter()
            .take(CONTEXT_PEOPLE)
            .map(|person| tools::spoken_name(chat, person.participant.id))
            .collect(),
        context: said
            .iter()
            .skip(first)
            .map(|message| ContextMessage {
                author: chat
                    .person(message.author)
                    .map_or_else(|| "somebody who left".to_owned(), |person| person.participant.name.clone()),
                own: message.author == own,
                text: message.text.clone(),
            })
            .collect(),
        steps: turn.steps,
        tools: tools::specs(),
    })
    .ok_or_else(gone)
}
