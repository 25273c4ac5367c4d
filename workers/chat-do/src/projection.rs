//! The index in Postgres follows the log: the chat's row, and those of its people and approvals that changed.
//!
//! Invariant: what the index knows is written down after it was told, so that nothing is left out; telling it the same
//! again does no harm.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use slipway_contract::Problem;
use slipway_contract::objects::projection::ChatProjection;
use slipway_edge::clock;
use slipway_edge::log::Line;
use worker::Env;

use crate::orchestrator::post;
use crate::room::Room;

/// How long changes of a quiet chat gather before the index is told, in milliseconds.
pub(crate) const GATHER_MS: i64 = 300;
/// A busy chat tells the index no more often than this, in milliseconds: each time costs a connection to Postgres.
const BUSY_MS: i64 = 5_000;
/// The longest wait between tries to tell the index, in milliseconds.
const LONGEST_WAIT_MS: i64 = 60_000;

/// How telling the index goes.
#[derive(Default)]
pub(crate) struct Pace {
    failures: Cell<u32>,
    not_before: Cell<i64>,
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
            held.progress.projected < held.chat.head || !held.readers.is_empty() || held.stale_rows
        })
    })
}

/// Tells the index how the chat stands. On failure it is tried again later, for longer and longer.
pub(crate) async fn project(room: &Rc<Room>) {
    let outcome = try_project(room).await;
    let pace = &room.driver.projection;
    let failures = outcome.map_or_else(|_| pace.failures.get().saturating_add(1), |()| 0);
    pace.failures.set(failures);
    let wait = if failures == 0 { BUSY_MS } else { (GATHER_MS << failures.min(10)).min(LONGEST_WAIT_MS) };
    pace.not_before.set(clock::now().unix_ms() + wait);
}

async fn try_project(room: &Rc<Room>) -> Result<(), Problem> {
    loop {
        let made = room.with_held(|held| {
            let Some(held) = held.as_mut() else { return Ok(None) };
            room.storage.sql.all_or_nothing(|| room.storage.flush_readers(&held.chat, &held.readers))?;
            held.readers = BTreeSet::new();
            held.progress.flushed = held.chat.head;
            let people = room.storage.unprojected_people()?;
            let approvals = room.storage.unprojected_approvals()?;
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
                approvals,
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
        room.storage.projected(&projection).map_err(|error| room.fault("projection_unmarked", &error))?;
        let more = projection.people.len() >= 200 || projection.approvals.len() >= 50;
        room.with_held(|held| {
            if let Some(held) = held {
                held.progress.projected = projection.head;
                held.stale_rows = more;
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
