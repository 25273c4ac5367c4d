//! Runs one step of a turn: asks the engine, tells the text as it comes, answers tool calls, hands the end to the journal.
//!
//! The text so far is kept in memory only: a process that dies loses it, and the next attempt starts over.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::{Either, select};
use slipway_contract::events::{ToolCall, TurnFailureCode};
use slipway_contract::objects::engine::EngineFrame;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{TurnId, limits};
use slipway_domain::chat::turns::{StepEnd, failure};
use slipway_domain::chat::{Chat, TurnPhase};
use slipway_edge::clock;
use slipway_edge::log::Line;

use crate::gather::Pace;
use crate::given;
use crate::journal::Sender;
use crate::orchestrator::{Lines, Next};
use crate::room::Room;
use crate::sockets;
use crate::work::Work;

/// Turns at work in this process.
#[derive(Default)]
pub(crate) struct Running {
    steps: RefCell<Vec<Step>>,
}

struct Step {
    turn: TurnId,
    text: String,
    units: u32,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    /// What the agent has said in its present step.
    pub(crate) fn said(&self, turn: TurnId) -> String {
        self.change(turn, |step| step.text.clone()).unwrap_or_default()
    }

    /// Ends the work on a turn.
    pub(crate) fn stop(&self, turn: TurnId) {
        if let Some(stop) = self.change(turn, |step| step.stop.take()).flatten() {
            let _gone = stop.send(());
        }
    }

    /// Everything said so far, for somebody who comes now: in steps at work, and before the calls that are performed.
    pub(crate) fn so_far(&self, chat: &Chat) -> Vec<ServerFrame> {
        let steps = self.steps.borrow();
        let calling = chat.turns.iter().filter_map(|turn| match &turn.phase {
            TurnPhase::Calling(calling) => Some((turn.id, &calling.text)),
            TurnPhase::Queued { .. } | TurnPhase::Running { .. } => None,
        });
        let said = steps.iter().map(|step| (step.turn, &step.text)).chain(calling);
        let is_silent = |id: TurnId| chat.turn(id).is_some_and(|turn| turn.summary);
        said.filter(|(turn, text)| !text.is_empty() && !is_silent(*turn))
            .map(|(turn, text)| ServerFrame::Delta { turn, offset: 0, text: text.clone() })
            .collect()
    }

    fn begin(&self, turn: TurnId) -> oneshot::Receiver<()> {
        let (stop, stopped) = oneshot::channel();
        self.end(turn);
        self.steps.borrow_mut().push(Step { turn, text: String::new(), units: 0, stop: Some(stop) });
        stopped
    }

    /// Adds told text; where it goes, in UTF-16 code units.
    fn add(&self, turn: TurnId, text: &str) -> u32 {
        let added = self.change(turn, |step| {
            let offset = step.units;
            step.units += u32::try_from(text.encode_utf16().count()).unwrap_or(0);
            step.text.push_str(text);
            offset
        });
        added.unwrap_or(0)
    }

    fn change<T>(&self, turn: TurnId, change: impl FnOnce(&mut Step) -> T) -> Option<T> {
        self.steps.borrow_mut().iter_mut().find(|step| step.turn == turn).map(change)
    }

    fn end(&self, turn: TurnId) {
        self.steps.borrow_mut().retain(|step| step.turn != turn);
    }
}

/// Turns that are stored as running and that nobody here works on, with their attempts.
pub(crate) fn orphans(chat: &Chat, running: &Running) -> Vec<(TurnId, u8)> {
    let here = running.steps.borrow();
    chat.turns
        .iter()
        .filter(|turn| here.iter().all(|step| step.turn != turn.id))
        .filter_map(|turn| match turn.phase {
            TurnPhase::Running { attempt } => Some((turn.id, attempt)),
            TurnPhase::Queued { .. } | TurnPhase::Calling(_) => None,
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
    let request = match given::request(room, id) {
        Ok(request) => request,
        Err(error) => {
            room.fault("turn_context_failed", &error);
            return broken(TurnFailureCode::Internal, "The chat could not be read.");
        }
    };
    let mut lines = match Lines::ask(&room.env, "/internal/turns/stream", &request).await {
        Ok(lines) => lines,
        Err(error) => {
            Line::warn("engine_unreachable").turn(id).chat(id.chat()).fault(&error).emit();
            return broken(TurnFailureCode::ProviderUnavailable, "The engine could not be reached.");
        }
    };
    let mut teller = Teller::new(id, request.summarise);
    let mut calls: Vec<ToolCall> = Vec::new();
    loop {
        match lines.next(teller.pace.patience()).await {
            Next::Frame(EngineFrame::Text { text }) => teller.add(room, &text),
            Next::Frame(EngineFrame::Call(call)) => calls.push(call),
            Next::Frame(EngineFrame::Alive) => {}
            Next::Frame(EngineFrame::Finished { model, usage, cut, receipt, measured }) => {
                teller.tell(room);
                let text = room.running.said(id);
                return if calls.is_empty() {
                    StepEnd::Answered { text, cut: cut || teller.cut, model, usage, receipt, measured }
                } else {
                    StepEnd::Called { text, calls, usage, measured }
                };
            }
            Next::Frame(EngineFrame::Failed { failure, retryable, retry_after_ms }) => {
                return StepEnd::Failed { failure, retryable, retry_after_ms };
            }
            Next::Quiet if teller.pace.is_gathering() => teller.tell(room),
            Next::Quiet => return broken(TurnFailureCode::ProviderUnavailable, "The model went silent."),
            Next::Cut => {
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
    /// The text is for nobody who watches.
    silent: bool,
    pending: String,
    pace: Pace,
    length: usize,
    cut: bool,
}

impl Teller {
    fn new(turn: TurnId, silent: bool) -> Self {
        Self { turn, silent, pending: String::new(), pace: Pace::default(), length: 0, cut: false }
    }

    fn add(&mut self, room: &Rc<Room>, text: &str) {
        let space = limits::MESSAGE_BYTES.saturating_sub(self.length);
        let fit =
            text.get(..(0..=space.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        let fit = fit.unwrap_or_default();
        self.cut |= fit.len() < text.len();
        self.length += fit.len();
        self.pending.push_str(fit);
        if self.pace.gathered() {
            self.tell(room);
        }
    }

    fn tell(&mut self, room: &Rc<Room>) {
        let text = core::mem::take(&mut self.pending);
        self.pace.told();
        if text.is_empty() {
            return;
        }
        let offset = room.running.add(self.turn, &text);
        if self.silent {
            return;
        }
        sockets::tell(room, &ServerFrame::Delta { turn: self.turn, offset, text });
    }
}
