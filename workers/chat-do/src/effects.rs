//! What happens after a write: queued turns run, tools are called, what was approved is carried out, and the index in
//! Postgres follows the log.
//!
//! Invariant: the log is the outbox. What is still to do can be read from what is stored (turns, approvals, `projected`
//! behind the head), and an alarm is set in the same write that made it so; each effect may be repeated without harm.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use slipway_contract::{Timestamp, TurnId};
use slipway_domain::chat::TurnPhase;
use slipway_edge::clock;
use slipway_edge::log::Line;
use worker::Delay;

use crate::journal::Sender;
use crate::projection::{self, GATHER_MS, needs_projection};
use crate::room::Room;
use crate::work::Work;
use crate::{acts, calls, turns};

/// While work runs, an alarm stands this far ahead, in milliseconds: it finds the work if this process dies.
const WATCHDOG_MS: i64 = 10_000;
/// An alarm may run for 15 minutes; by then the next one takes over.
const SHIFT_MS: i64 = 10 * 60 * 1000;

/// What runs after a write, and when the alarm stands.
#[derive(Default)]
pub(crate) struct Driver {
    active: Cell<bool>,
    alarm_at: Cell<Option<i64>>,
    nudge: RefCell<Option<oneshot::Sender<()>>>,
    /// How telling the index goes.
    pub(crate) projection: projection::Pace,
}

/// What a task of the driver was.
enum Finished {
    Work,
    Projection,
}

/// What runs now.
type Tasks = FuturesUnordered<LocalBoxFuture<'static, Finished>>;

/// After a write: wakes the driver, or sets the alarm that will.
pub(crate) fn arm(room: &Rc<Room>) {
    if room.driver.active.get() {
        if let Some(nudge) = room.driver.nudge.take() {
            let _gone = nudge.send(());
        }
        return;
    }
    let now = clock::now();
    let Some(wanted) = next_wake(room, now) else { return };
    let at = wanted.unix_ms().max(now.unix_ms());
    if room.driver.alarm_at.get().is_some_and(|set| set <= at) {
        return;
    }
    room.driver.alarm_at.set(Some(at));
    let setter = Rc::clone(room);
    room.state.wait_until(async move { set_alarm(&setter, now, at).await });
}

async fn set_alarm(room: &Room, now: Timestamp, at: i64) {
    room.driver.alarm_at.set(Some(at));
    if let Err(error) = room.storage.sql.storage().set_alarm(at - now.unix_ms()).await {
        room.driver.alarm_at.set(None);
        Line::error("alarm_failed").fault(&error).emit();
    }
}

/// Whether something is done now, or was an instant ago.
pub(crate) fn is_active(room: &Room) -> bool {
    room.driver.active.get()
}

/// There is nothing to wake for.
pub(crate) async fn disarm(room: &Room) {
    room.driver.alarm_at.set(None);
    if let Err(error) = room.storage.sql.storage().delete_alarm().await {
        Line::warn("alarm_left").fault(&error).emit();
    }
}

/// When there is something to do next.
fn next_wake(room: &Room, now: Timestamp) -> Option<Timestamp> {
    let of_chat = room.with_chat(|chat| {
        let calls = room.calls.waiting(chat).into_iter().map(|(.., at)| at);
        let acts = room.acts.waiting(chat).into_iter().map(|(_, at)| at);
        calls.chain(acts).chain(chat.next_turn_at()).chain(chat.next_expiry()).min()
    });
    let projection = needs_projection(room)
        .then(|| Timestamp::from_unix_ms(room.driver.projection.not_before().max(now.unix_ms() + GATHER_MS)));
    of_chat.flatten().into_iter().chain(projection).min()
}

/// The alarm: runs what is due until nothing is, then sets the next alarm.
pub(crate) async fn drive(room: &Rc<Room>) {
    room.driver.alarm_at.set(None);
    if room.driver.active.replace(true) {
        return;
    }
    let begun = clock::now();
    if room.load().is_ok() {
        run(room, begun).await;
    } else if !room.is_away() {
        set_alarm(room, begun, begun.unix_ms() + WATCHDOG_MS).await;
    }
    room.driver.active.set(false);
    arm(room);
}

async fn run(room: &Rc<Room>, begun: Timestamp) {
    let mut tasks = Tasks::new();
    let mut projecting = false;
    loop {
        let (nudge, nudged) = oneshot::channel();
        room.driver.nudge.replace(Some(nudge));
        let now = clock::now();
        let on_shift = now.since(begun) < SHIFT_MS;
        if on_shift {
            begin_due(room, now, &tasks).await;
            if !projecting && needs_projection(room) && room.driver.projection.not_before() <= now.unix_ms() {
                projecting = true;
                let room = Rc::clone(room);
                tasks.push(Box::pin(async move {
                    projection::project(&room).await;
                    Finished::Projection
                }));
            }
        }
        if tasks.is_empty() {
            return;
        }
        set_alarm(room, now, now.unix_ms() + WATCHDOG_MS).await;
        let next = next_wake(room, now).filter(|_| on_shift);
        let nap = next.map_or(WATCHDOG_MS, |next| next.since(now).clamp(1, WATCHDOG_MS));
        let nap = if projecting { nap.max(GATHER_MS) } else { nap };
        let rest = select(nudged, Delay::from(Duration::from_millis(nap.unsigned_abs())));
        match select(tasks.next(), rest).await {
            Either::Left((Some(Finished::Projection), _)) => projecting = false,
            Either::Left((Some(Finished::Work) | None, _)) | Either::Right(_) => {}
        }
    }
}

/// Begins all that is due now.
async fn begin_due(room: &Rc<Room>, now: Timestamp, tasks: &Tasks) {
    if room.with_chat(|chat| chat.next_expiry()).flatten().is_some_and(|at| at <= now) {
        let _logged = room.journal.commit(room, Sender::OBJECT, Work::ExpireApprovals).await;
    }
    for turn in room.with_chat(|chat| chat.due_turns(now)).unwrap_or_default() {
        if let Some(attempt) = start(room, turn).await {
            let room = Rc::clone(room);
            tasks.push(Box::pin(async move {
                turns::run(&room, turn, attempt).await;
                Finished::Work
            }));
        }
    }
    for (turn, key, at) in room.with_chat(|chat| room.calls.waiting(chat)).unwrap_or_default() {
        if at <= now {
            let call = calls::begin(room, turn, key);
            tasks.push(Box::pin(call.map(|()| Finished::Work)));
        }
    }
    for (approval, at) in room.with_chat(|chat| room.acts.waiting(chat)).unwrap_or_default() {
        if at <= now {
            let act = acts::begin(room, approval);
            tasks.push(Box::pin(act.map(|()| Finished::Work)));
        }
    }
}

/// Begins a queued turn; its attempt, unless it has ended meanwhile.
async fn start(room: &Rc<Room>, turn: TurnId) -> Option<u8> {
    room.journal.commit(room, Sender::OBJECT, Work::StartTurn(turn)).await.ok()?;
    let attempt = room.with_chat(|chat| match chat.turn(turn)?.phase {
        TurnPhase::Running { attempt } => Some(attempt),
        TurnPhase::Queued { .. } | TurnPhase::Calling(_) => None,
    });
    attempt.flatten()
}
