//! Group commit: what several senders want at about the same time is written together.
//!
//! Invariant: a batch is decided and written in one transaction without an await between, then applied, told to the
//! sockets and answered. A lone sender waits for nothing: commands gather only when another's came just before, when
//! they come faster than anybody could have read the answers, or while many are being told of the write before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::forks::Fork;
use slipway_contract::http::messages::Posted;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::engine::Measured;
use slipway_contract::{
    Actor, AgentId, ChatId, ParticipantId, Problem, ProblemCode, Timestamp, TurnId, UserId,
};
use slipway_domain::chat::{Answer, Approval, Chat, Decision, Facts, TurnChange};
use slipway_edge::clock;
use worker::Delay;

use crate::room::{Held, Room};
use crate::storage::{Progress, actor_key};
use crate::work::Work;
use crate::{effects, sockets};

/// Most commands of one write.
const BATCH: usize = 128;
/// Two senders within this time are a crowd, in milliseconds.
const CROWD_MS: i64 = 3;
/// So many commands within one millisecond come from a sender that does not wait for its answers.
const BURST: u32 = 4;
/// How long the commands of a crowd gather. (`storage.sync()` would tell when the last write is on disk, but it comes
/// back 2 ms after the write's own replies have left.)
const GATHER: Duration = Duration::from_millis(1);

/// How many listeners are told within a millisecond of processor time (45 to 50 on a slow core).
const LISTENERS_PER_MS: usize = 50;

type Outcome = Result<Answer, Problem>;

struct Waiting {
    work: Work,
    reply: Option<oneshot::Sender<Outcome>>,
}

/// Who a command comes from, as far as the journal cares: one socket, or one person's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender(pub(crate) u64);

impl Sender {
    /// What the object does by itself.
    pub(crate) const OBJECT: Self = Self(0);
}

/// What waits to be written.
pub(crate) struct Journal {
    waiting: RefCell<Vec<Waiting>>,
    writing: Cell<bool>,
    last: Cell<(Sender, i64)>,
    burst: Cell<u32>,
    crowded: Cell<bool>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            waiting: RefCell::default(),
            writing: Cell::default(),
            last: Cell::new((Sender::OBJECT, 0)),
            burst: Cell::default(),
            crowded: Cell::default(),
        }
    }
}

impl Journal {
    /// Writes `work` and gives its answer once it is stored.
    ///
    /// # Errors
    /// The refusal, or `internal` when storage failed: then nothing of it was kept.
    pub(crate) async fn commit(&self, room: &Rc<Room>, from: Sender, work: Work) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let now = clock::now().unix_ms();
        let (sender, at) = self.last.replace((from, now));
        self.burst.set(if now == at { self.burst.get() + 1 } else { 1 });
        let others = !self.waiting.borrow().is_empty() || (sender != from && now - at <= CROWD_MS);
        self.crowded.set(others || self.burst.get() >= BURST);
        self.waiting.borrow_mut().push(Waiting { work, reply: Some(reply) });
        self.wake(room);
        answer.await.unwrap_or_else(|_| Err(ProblemCode::Internal.into()))
    }

    /// Leaves `work` for the next write.
    pub(crate) fn put(&self, work: Work) {
        self.waiting.borrow_mut().push(Waiting { work, reply: None });
    }

    /// Starts writing unless that is under way.
    pub(crate) fn wake(&self, room: &Rc<Room>) {
        if self.waiting.borrow().is_empty() || self.writing.replace(true) {
            return;
        }
        let room = Rc::clone(room);
        room.clone().state.wait_until(async move {
            loop {
                if room.journal.crowded.get() {
                    Delay::from(GATHER).await;
                }
                let waiting = room.journal.take();
                if waiting.is_empty() {
                    break;
                }
                write(&room, waiting);
                // The alarm is set in the same turn of the event loop, and so in the same write.
                effects::arm(&room);
                room.journal.hear_out(room.seats.count(&room.state)).await;
            }
            room.journal.writing.set(false);
        });
    }

    /// After a write that many were told of: takes in what came while they were told, as long as more keeps coming, but
    /// no longer than telling them takes. So a burst costs each listener a few frames, whoever it comes from, and a lone
    /// command is written at once as ever.
    async fn hear_out(&self, listeners: usize) {
        let mut heard = 0;
        for _ in 0..listeners.checked_div(LISTENERS_PER_MS).unwrap_or_default() {
            Delay::from(GATHER).await;
            let waiting = self.waiting.borrow().len();
            if waiting == heard || waiting >= BATCH {
                break;
            }
            heard = waiting;
        }
    }

    /// Whether something waits to be written, or is being.
    pub(crate) fn is_busy(&self) -> bool {
        self.writing.get() || !self.waiting.borrow().is_empty()
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.borrow_mut();
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }
}

/// What a batch came to.
#[derive(Default)]
struct Batch {
    outcomes: Vec<Outcome>,
    /// Wire forms of the events.
    texts: Vec<String>,
    /// Who was put out.
    removed: Vec<UserId>,
    /// Turns that are over.
    ended: Vec<TurnId>,
    readers: Vec<ParticipantId>,
}

/// Decides and stores a batch, then tells everybody.
fn write(room: &Rc<Room>, waiting: Vec<Waiting>) {
    let now = clock::now();
    let (works, replies): (Vec<Work>, Vec<_>) =
        waiting.into_iter().map(|waiting| (waiting.work, waiting.reply)).unzip();
    // A repeated client id is rare: it is looked up only when the log's unique index has refused one.
    let written = decide_and_store(room, &works, now, Repeats::Unlikely).or_else(|_| {
        decide_and_store(room, &works, now, Repeats::LookUp).map_err(|failure| match failure {
            Failure::Refused(problem) => problem,
            Failure::Storage(error) => room.fault("write_failed", &error),
        })
    });
    match written {
        Ok(batch) => {
            room.with_held(|held| {
                if let Some(held) = held {
                    held.readers.extend(batch.readers);
                }
            });
            sockets::tell_events(room, &batch.texts, &batch.removed);
            for turn in batch.ended {
                room.running.stop(turn);
                room.calls.stop(turn);
            }
            for (reply, outcome) in replies.into_iter().zip(batch.outcomes) {
                if let Some(reply) = reply {
                    // The caller may have gone; what is stored stays stored.
                    let _gone = reply.send(outcome);
                }
            }
        }
        Err(problem) => {
            for reply in replies.into_iter().flatten() {
                let _gone = reply.send(Err(problem.clone()));
            }
        }
    }
}

/// Whether posts under client ids that are in the log already are expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Unlikely,
    LookUp,
}

enum Failure {
    Refused(Problem),
    Storage(worker::Error),
}

/// One try to write a batch. When it fails nothing of it is stored, and what was applied in memory is forgotten.
fn decide_and_store(
    room: &Rc<Room>,
    works: &[Work],
    now: Timestamp,
    repeats: Repeats,
) -> Result<Batch, Failure> {
    room.load().map_err(Failure::Refused)?;
    let id = room.id().map_err(Failure::Refused)?;
    let stored = room.with_held(|held| {
        if is_one_statement(held.as_ref(), works) {
            return decide_all(room, id, held, works, now, repeats);
        }
        room.storage.sql.all_or_nothing(|| decide_all(room, id, held, works, now, repeats))
    });
    stored.map_err(|error| {
        room.with_held(|held| *held = None);
        Failure::Storage(error)
    })
}

/// Whether a batch is a lone post that asks no agent and concerns nobody in particular: one statement needs no transaction around it.
fn is_one_statement(held: Option<&Held>, works: &[Work]) -> bool {
    let quiet = held.is_some_and(|held| held.chat.default_agent.is_none());
    match works {
        [Work::Command { command: ChatCommand::Post(post), .. }] => {
            quiet && post.fork.is_none() && post.reply_to.is_none() && !post.text.contains('@')
        }
        _ => false,
    }
}

/// Decides the commands of a batch one after the other, each on what the ones before it left.
fn decide_all(
    room: &Room,
    id: ChatId,
    held: &mut Option<Held>,
    works: &[Work],
    now: Timestamp,
    repeats: Repeats,
) -> worker::Result<Batch> {
    let mut earlier = match repeats {
        Repeats::Unlikely => Earlier::new(),
        Repeats::LookUp => earlier_posts(room, works)?,
    };
    let mut batch = Batch::default();
    // Events that are decided but not written yet: a run of posts is written in one statement.
    let mut unwritten = Unwritten::default();
    for work in works {
        // A plain post is decided on what is in memory; whatever asks the log finds it written up.
        let mut facts = Facts::default();
        if work.needs_log() {
            batch.texts.extend(unwritten.write(room, id)?);
            facts = work.facts(room, id, held.as_ref().map(|held| &held.chat))?;
        }
        if let Some((actor, post)) = work.post() {
            facts.earlier = earlier.get(&(actor_key(actor), post.client_id.clone())).cloned();
        }
        let decided = work.decide(room, id, held.as_ref().map(|held| &held.chat), &facts, now);
        batch.outcomes.push(decided.map(|decision| {
            let before = held.as_ref().map_or(0, |held| held.chat.message_count);
            remember(&mut earlier, &decision);
            batch.readers.extend(readers(&decision));
            match held {
                Some(held) => held.chat.apply(&decision),
                None => {
                    *held = Chat::begun_by(id, &decision).map(|chat| Held {
                        chat,
                        progress: Progress::default(),
                        readers: Default::default(),
                        stale_rows: true,
                        back: None,
                    });
                }
            }
            batch.removed.extend(removed(&decision));
            batch.ended.extend(ended(&decision));
            let answer = decision.answer.clone();
            unwritten.add(decision, before);
            answer
        }));
    }
    batch.texts.extend(unwritten.write(room, id)?);
    Ok(batch)
}

type Earlier = BTreeMap<(String, String), Posted>;

/// Posts of this batch that were posted before, by sender and client id.
fn earlier_posts(room: &Room, works: &[Work]) -> worker::Result<Earlier> {
    let posts: Vec<(Actor, &str)> = works
        .iter()
        .filter_map(|work| work.post().map(|(actor, post)| (actor, post.client_id.as_str())))
        .collect();
    if posts.is_empty() { Ok(Earlier::new()) } else { room.storage.earlier_posts(&posts) }
}

/// A post of this batch is an earlier one to those behind it.
fn remember(earlier: &mut Earlier, decision: &Decision) {
    for event in &decision.events {
        if let EventBody::MessagePosted(posted) = &event.body
            && let Some(client_id) = &posted.client_id
        {
            let place = Posted { message: posted.message, seq: event.seq, at: event.at };
            earlier.insert((actor_key(event.actor), client_id.clone()), place);
        }
    }
}

/// Whether an event is one more message of the chat itself.
pub(crate) fn counts(body: &EventBody) -> bool {
    matches!(body, EventBody::MessagePosted(posted) if posted.fork.is_none())
}

/// Whose read markers a decision moves.
fn readers(decision: &Decision) -> impl Iterator<Item = ParticipantId> {
    let posted = decision.events.iter().filter(|event| counts(&event.body));
    let authors = posted.filter_map(|event| event.actor.participant());
    authors.chain(decision.read.map(|(id, ..)| ParticipantId::User { id }))
}

/// Who a decision puts out.
fn removed(decision: &Decision) -> impl Iterator<Item = UserId> {
    decision.events.iter().filter_map(|event| {
        if let EventBody::ParticipantLeft { participant: ParticipantId::User { id } } = event.body {
            Some(id)
        } else {
            None
        }
    })
}

/// Turns that a decision ends.
fn ended(decision: &Decision) -> impl Iterator<Item = TurnId> {
    decision.turns.iter().filter_map(|change| match change {
        TurnChange::End(turn) => Some(*turn),
        TurnChange::Put(_) => None,
    })
}

/// Decided events on their way into one statement.
#[derive(Default)]
struct Unwritten {
    events: Vec<Event>,
    turns: Vec<TurnChange>,
    approvals: Vec<Approval>,
    forks: Vec<Fork>,
    measured: Vec<(AgentId, Measured)>,
    messages: u64,
}

impl Unwritten {
    fn add(&mut self, decision: Decision, messages_before: u64) {
        if self.events.is_empty() {
            self.messages = messages_before;
        }
        self.events.extend(decision.events);
        self.turns.extend(decision.turns);
        self.approvals.extend(decision.approvals);
        self.forks.extend(decision.forks);
        self.measured.extend(decision.measured);
    }

    /// Writes them; gives the events' wire forms.
    fn write(&mut self, room: &Room, id: ChatId) -> worker::Result<Vec<String>> {
        let Self { events, turns, approvals, forks, measured, messages } = core::mem::take(self);
        if events.is_empty() && turns.is_empty() && approvals.is_empty() {
            return Ok(Vec::new());
        }
        let texts = room.storage.store(id, &events, &turns, &approvals, messages)?;
        for fork in &forks {
            room.storage.keep_fork(fork)?;
        }
        for (agent, measured) in &measured {
            room.storage.keep_measured(*agent, measured)?;
        }
        Ok(texts)
    }
}
