//! What happens after a write: queued turns run, and the index in Postgres follows the log.
//!
//! Invariant: the log is the outbox. What is still to do can be read from what is stored (open turns, `projected` behind
//! the head), and an alarm is set in the same write that made it so; each effect may be repeated without harm.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::FuturesUnordered;
use slipway_contract::objects::projection::ChatProjection;
use slipway_contract::{Problem, Timestamp, TurnId};
use slipway_domain::chat::TurnPhase;
use slipway_edge::log::Line;
use slipway_edge::{clock, ids};
use worker::{Delay, Env, Headers, Method, RequestInit};

use crate::journal::{Sender, Work};
use crate::room::{Room, json};
use crate::turns;

/// How long changes of a quiet chat gather before the index is told, in milliseconds.
const GATHER_MS: i64 = 300;
/// A busy chat tells the index no more often than this, in milliseconds: each time costs a connection to Postgres.
const BUSY_MS: i64 = 5_000;
/// The longest wait between tries to tell the index, in milliseconds.
const LONGEST_WAIT_MS: i64 = 60_000;
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
    projection_failures: Cell<u32>,
    project_not_before: Cell<i64>,
}

/// What a task of the driver was.
enum Finished {
    Turn,
    Projection,
}

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

/// When there is something to do next.
fn next_wake(room: &Room, now: Timestamp) -> Option<Timestamp> {
    let turn = room.with_chat(|chat| chat.next_turn_at()).flatten();
    let projection = needs_projection(room).then(|| {
        Timestamp::from_unix_ms(room.driver.project_not_before.get().max(now.unix_ms() + GATHER_MS))
    });
    turn.into_iter().chain(projection).min()
}

fn needs_projection(room: &Room) -> bool {
    room.with_held(|held| {
        held.as_ref().is_some_and(|held| {
            held.progress.projected < held.chat.head || !held.readers.is_empty() || held.stale_people
        })
    })
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
    } else {
        set_alarm(room, begun, begun.unix_ms() + WATCHDOG_MS).await;
    }
    room.driver.active.set(false);
    arm(room);
}

async fn run(room: &Rc<Room>, begun: Timestamp) {
    let mut tasks: FuturesUnordered<LocalBoxFuture<'static, Finished>> = FuturesUnordered::new();
    let mut projecting = false;
    loop {
        let (nudge, nudged) = oneshot::channel();
        room.driver.nudge.replace(Some(nudge));
        let now = clock::now();
        if now.since(begun) < SHIFT_MS {
            for turn in room.with_chat(|chat| chat.due_turns(now)).unwrap_or_default() {
                if let Some(attempt) = start(room, turn).await {
                    let room = Rc::clone(room);
                    tasks.push(Box::pin(async move {
                        turns::run(&room, turn, attempt).await;
                        Finished::Turn
                    }));
                }
            }
            if !projecting && needs_projection(room) && room.driver.project_not_before.get() <= now.unix_ms()
            {
                projecting = true;
                let room = Rc::clone(room);
                tasks.push(Box::pin(async move {
                    project(&room).await;
                    Finished::Projection
                }));
            }
        }
        if tasks.is_empty() {
            return;
        }
        set_alarm(room, now, now.unix_ms() + WATCHDOG_MS).await;
        let nap = next_wake(room, now).map_or(WATCHDOG_MS, |next| next.since(now).clamp(1, WATCHDOG_MS));
        let nap = if projecting { nap.max(GATHER_MS) } else { nap };
        let rest = select(nudged, Delay::from(Duration::from_millis(nap.unsigned_abs())));
        match select(tasks.next(), rest).await {
            Either::Left((Some(Finished::Projection), _)) => projecting = false,
            Either::Left((Some(Finished::Turn) | None, _)) | Either::Right(_) => {}
        }
    }
}

/// Begins a queued turn; its attempt, unless it has ended meanwhile.
async fn start(room: &Rc<Room>, turn: TurnId) -> Option<u8> {
    room.journal.commit(room, Sender::OBJECT, Work::StartTurn(turn)).await.ok()?;
    let phase = room.with_chat(|chat| chat.turns.get(&turn).map(|turn| turn.phase)).flatten()?;
    match phase {
        TurnPhase::Running { attempt } => Some(attempt),
        TurnPhase::Queued { .. } => None,
    }
}

/// Tells the index how the chat stands. On failure it is tried again later, for longer and longer.
async fn project(room: &Rc<Room>) {
    let outcome = try_project(room).await;
    let driver = &room.driver;
    match outcome {
        Ok(()) => {
            driver.projection_failures.set(0);
            driver.project_not_before.set(clock::now().unix_ms() + BUSY_MS);
        }
        Err(_) => {
            let failures = driver.projection_failures.get().saturating_add(1);
            driver.projection_failures.set(failures);
            let wait = (GATHER_MS << failures.min(10)).min(LONGEST_WAIT_MS);
            driver.project_not_before.set(clock::now().unix_ms() + wait);
        }
    }
}

async fn try_project(room: &Rc<Room>) -> Result<(), Problem> {
    loop {
        let made = room.with_held(|held| {
            let Some(held) = held.as_mut() else { return Ok(None) };
            room.storage.sql.all_or_nothing(|| room.storage.flush_readers(&held.chat, &held.readers))?;
            held.readers = BTreeSet::new();
            held.progress.flushed = held.chat.head;
            let people = room.storage.unprojected_people()?;
            let chat = &held.chat;
            let last = chat.last_message.as_ref();
            Ok(Some(ChatProjection {
                org: chat.org,
                chat: chat.id,
                channel: chat.channel,
                title: chat.title.clone(),
                created_at: chat.created_at,
                head: chat.head,
                last_message_at: last.map_or(chat.created_at, |last| last.at),
                preview: last.map(|last| last.preview.clone()).unwrap_or_default(),
                message_count: chat.message_count,
                people,
            }))
        });
        let Some(projection) = made.map_err(|error| room.fault("projection_unreadable", &error))? else {
            return Ok(());
        };
        let sent = send(&room.env, &projection).await;
        sent.map_err(|error| {
            Line::warn("projection_failed").org(projection.org).chat(projection.chat).fault(&error).emit();
            Problem::new(slipway_contract::ProblemCode::Unavailable)
        })?;
        room.storage
            .projected(projection.head, &projection.people)
            .map_err(|error| room.fault("projection_unmarked", &error))?;
        let more = projection.people.len() >= 200;
        room.with_held(|held| {
            if let Some(held) = held {
                held.progress.projected = projection.head;
                held.stale_people = more;
            }
        });
        if !more {
            return Ok(());
        }
    }
}

async fn send(env: &Env, projection: &ChatProjection) -> worker::Result<()> {
    let reply = post(env, "/internal/projections/chat", projection).await?;
    match reply.status_code() {
        200..=299 => Ok(()),
        status => Err(worker::Error::RustError(format!("the index answered {status}"))),
    }
}

/// Asks the orchestrator.
pub(crate) async fn post<T: serde::Serialize>(
    env: &Env,
    path: &str,
    body: &T,
) -> worker::Result<worker::Response> {
    let text = json(body).map_err(|problem| worker::Error::RustError(problem.title))?;
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(slipway_edge::reply::REQUEST_ID, &ids::fresh::<slipway_contract::RequestId>().to_string())?;
    let mut init = RequestInit::new();
    init.with_headers(headers);
    init.with_method(Method::Post).with_body(Some(text.into()));
    // The address as text: the `url` crate that a `Request` brings would be a third of this Worker.
    env.service("ORCHESTRATOR")?.fetch(format!("https://orchestrator{path}"), Some(init)).await
}
