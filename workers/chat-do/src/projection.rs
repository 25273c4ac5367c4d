//! The index in Postgres follows the log: the chat's row, and those of its people, messages and approvals that changed.
//!
//! Invariant: what the index knows is written down after it was told, so that nothing is left out; telling it the same
//! again does no harm.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use slipway_contract::objects::projection::ChatProjection;
use slipway_contract::{Actor, OrgId, Problem, ProblemCode, Seq};
use slipway_domain::chat::archive::Door;
use slipway_edge::clock;
use slipway_edge::log::Line;
use worker::Env;

use crate::archive::restore;
use crate::effects;
use crate::orchestrator::post;
use crate::room::Room;

/// How long changes of a quiet chat gather before the index is told, in milliseconds.
pub(crate) const GATHER_MS: i64 = 300;
/// A busy chat tells the index no more often than this, in milliseconds: each time costs a connection to Postgres. What
/// was said can be found across the org after at most this, [`GATHER_MS`] and the telling itself.
const BUSY_MS: i64 = 1_000;
/// One in which more is said than people can say, or that catches up, tells it no more often than this.
const FLOOD_MS: i64 = 5_000;
/// Messages in a second that are more than people say.
const FLOOD_PER_S: i64 = 20;
/// Most times that the index is told in a row: the rest of a long chat follows after a pause.
const ROUNDS: u32 = 20;
/// The longest wait between tries to tell the index, in milliseconds.
const LONGEST_WAIT_MS: i64 = 60_000;

/// How telling the index goes.
#[derive(Default)]
pub(crate) struct Pace {
    failures: Cell<u32>,
    not_before: Cell<i64>,
    /// When the index was last told, in milliseconds since the Unix epoch.
    told_at: Cell<i64>,
    /// How often telling has begun anew, and up to which event the index had been told by then.
    anew: Cell<(u32, Seq)>,
}

impl Pace {
    /// The index is not to be told before, in milliseconds since the Unix epoch.
    pub(crate) fn not_before(&self) -> i64 {
        self.not_before.get()
    }
}

/// Whether the index does not know the chat as it is.
pub(crate) fn needs_projection(room: &Room) -> bool {
    room.with_held(|held| {
        held.as_ref().is_some_and(|held| {
            held.progress.projected < held.chat.head
                || !held.readers.is_empty()
                || held.stale_rows
                || held.back.is_some()
        })
    })
}

/// From now on the index is told everything once more, what it knows too.
///
/// # Errors
/// `not_found` to anybody but Slipway itself, `internal` when storage fails.
pub(crate) fn begin_anew(room: &Rc<Room>, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
    if actor != Actor::System || org.is_none() {
        return Err(ProblemCode::NotFound.into());
    }
    match room.standing()?.door(org)? {
        Door::Away(..) => return Ok("{}".to_owned()),
        Door::Open => room.load()?,
    }
    let own = room.with_chat(|chat| (Some(chat.org) == org).then_some(chat.head)).flatten();
    let head = own.ok_or(ProblemCode::NotFound)?;
    let forgotten = room.storage.sql.all_or_nothing(|| room.storage.forget_projected());
    forgotten.map_err(|error| room.fault("reindex_failed", &error))?;
    // What is being told just now was read before: it is not to be taken for all.
    let pace = &room.driver.projection;
    pace.anew.set((pace.anew.get().0.wrapping_add(1), head));
    room.with_held(|held| {
        if let Some(held) = held {
            held.progress.projected = Seq::START;
            held.stale_rows = true;
        }
    });
    effects::arm(room);
    Ok("{}".to_owned())
}

/// Tells the index how the chat stands. On failure it is tried again later, for longer and longer.
pub(crate) async fn project(room: &Rc<Room>) {
    let outcome = try_project(room).await;
    let pace = &room.driver.projection;
    let now = clock::now().unix_ms();
    let wait = match outcome {
        Ok(messages) => {
            pace.failures.set(0);
            let passed = now - pace.told_at.replace(now);
            if messages * 1_000 > FLOOD_PER_S * passed { FLOOD_MS } else { BUSY_MS }
        }
        Err(_) => {
            let failures = pace.failures.get().saturating_add(1);
            pace.failures.set(failures);
            (GATHER_MS << failures.min(10)).min(LONGEST_WAIT_MS)
        }
    };
    pace.not_before.set(now + wait);
}

/// Tells the index what it does not know, and that the chat is back, if it was away; answers how many messages that were.
async fn try_project(room: &Rc<Room>) -> Result<i64, Problem> {
    let back = restore::tell(room).await;
    let told = tell_index(room).await?;
    back.map(|()| told)
}

async fn tell_index(room: &Rc<Room>) -> Result<i64, Problem> {
    let mut told = 0;
    for round in 1..=ROUNDS {
        let (begun, known) = room.driver.projection.anew.get();
        let made = room.with_held(|held| {
            let Some(held) = held.as_mut() else { return Ok(None) };
            room.storage.sql.all_or_nothing(|| room.storage.flush_readers(&held.chat, &held.readers))?;
            held.readers = BTreeSet::new();
            held.progress.flushed = held.chat.head;
            let people = room.storage.unprojected_people()?;
            let approvals = room.storage.unprojected_approvals()?;
            let chat = &held.chat;
            // In passing, for who searches in the chat itself. What is left, a search does.
            room.storage.gather_words(chat.head)?;
            let (messages, upto) = room.storage.untold_messages(chat.head)?;
            let last = chat.last_message.as_ref();
            let projection = ChatProjection {
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
                messages,
                approvals,
            };
            Ok(Some((projection, upto)))
        });
        let made = made.map_err(|error| room.fault("projection_unreadable", &error))?;
        let Some((projection, upto)) = made else { return Ok(told) };
        let sent = send(&room.env, &projection).await;
        sent.map_err(|error| {
            Line::warn("projection_failed").org(projection.org).chat(projection.chat).fault(&error).emit();
            Problem::new(ProblemCode::Unavailable)
        })?;
        // It was closed meanwhile: there is nothing left to write down.
        if room.is_closed() {
            return Ok(told);
        }
        if room.driver.projection.anew.get().0 != begun {
            continue;
        }
        let marked = room.storage.projected(&projection).and_then(|()| room.storage.told_messages(upto));
        marked.map_err(|error| room.fault("projection_unmarked", &error))?;
        told += i64::try_from(projection.messages.len()).unwrap_or(i64::MAX);
        note_lag(&projection, known);
        let more =
            projection.people.len() >= 200 || projection.approvals.len() >= 50 || upto < projection.head;
        room.with_held(|held| {
            if let Some(held) = held {
                held.progress.projected = projection.head;
                held.stale_rows = more;
            }
        });
        if !more || round == ROUNDS {
            break;
        }
    }
    Ok(told)
}

/// Notes how long the org's search knew nothing of the oldest message that it was told now. What was changed later, or told
/// `known` before, says nothing of that.
fn note_lag(told: &ChatProjection, known: Seq) {
    let fresh = told.messages.iter().filter(|one| one.version == one.message.seq() && one.version > known);
    let times = fresh.map(|one| one.at);
    if let Some(oldest) = times.min() {
        let line = Line::info("search_told").org(told.org).chat(told.chat);
        let line = line.count("messages", told.messages.len());
        line.number("search_lag_ms", clock::now().since(oldest)).emit();
    }
}

async fn send(env: &Env, projection: &ChatProjection) -> worker::Result<()> {
    let reply = post(env, "/internal/projections/chat", projection).await?;
    match reply.status_code() {
        200..=299 => Ok(()),
        status => Err(worker::Error::RustError(format!("the index answered {status}"))),
    }
}
