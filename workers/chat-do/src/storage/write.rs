//! Storing decisions: the log, and the tables that follow from it.
//!
//! Invariant: [`Storage::store`] is called inside one transaction for all decisions of a commit.

use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::Pin;
use slipway_contract::{ChatId, Seq};
use slipway_domain::chat::{Approval, TurnChange};
use worker::Result;

use super::{Storage, actor_key};
use crate::journal::counts;
use crate::sql::{Value, int};

/// Largest text of one bound value; the platform allows 2 MB.
const BATCH_BYTES: usize = 1_000_000;

impl Storage {
    /// Writes new events and all that follows from them; gives their wire forms. `messages` is the count before them.
    pub(crate) fn store(
        &self,
        chat: ChatId,
        events: &[Event],
        turns: &[TurnChange],
        approvals: &[Approval],
        messages: u64,
    ) -> Result<Vec<String>> {
        let texts = events.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<String>>>()?;
        self.append(events, &texts, messages)?;
        for event in events {
            self.follow(event)?;
        }
        for change in turns {
            match change {
                TurnChange::Put(turn) => self.sql.run(
                    "INSERT INTO turns (seq, turn) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET turn = excluded.turn",
                    vec![int(turn.id.seq().0), Value::String(serde_json::to_string(turn)?)],
                )?,
                TurnChange::End(turn) if turn.chat() == chat => {
                    self.sql.run("DELETE FROM turns WHERE seq = ?", vec![int(turn.seq().0)])?;
                }
                TurnChange::End(_) => {}
            }
        }
        for approval in approvals {
            self.keep_approval(approval)?;
        }
        Ok(texts)
    }

    /// Appends to the log: many events in one statement with one bound text, for bound values are dear.
    fn append(&self, events: &[Event], texts: &[String], mut messages: u64) -> Result<()> {
        let mut rows = String::with_capacity(events.len() * 400);
        let mut places: Vec<Place> = Vec::with_capacity(events.len());
        let mut looks = false;
        for (event, text) in events.iter().zip(texts) {
            messages += u64::from(counts(&event.body));
            let (kind, client_id, target) = columns(&event.body);
            let place = place(&event.body, target, events, &places);
            places.push(place);
            if !rows.is_empty() && rows.len() + text.len() > BATCH_BYTES {
                self.insert(&mut rows, core::mem::take(&mut looks))?;
            }
            looks |= place.1.is_some();
            rows.push(if rows.is_empty() { '[' } else { ',' });
            let row = (
                event.seq,
                kind,
                actor_key(event.actor),
                messages,
                client_id,
                target,
                text,
                place.0,
                place.1,
            );
            rows.push_str(&serde_json::to_string(&row)?);
        }
        if rows.is_empty() { Ok(()) } else { self.insert(&mut rows, looks) }
    }

    /// Inserts rows. Only where one `looks` for the fork of another event is the log read too, since that has SQLite put
    /// all rows into a table of their own first.
    fn insert(&self, rows: &mut String, looks: bool) -> Result<()> {
        rows.push(']');
        let statement = if looks {
            "INSERT INTO events (seq, kind, actor, messages, client_id, target, event, fork)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                    coalesce(value ->> 7, (SELECT fork FROM events AS told WHERE told.seq = value ->> 8))
               FROM json_each(?)"
        } else {
            "INSERT INTO events (seq, kind, actor, messages, client_id, target, event, fork)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                    value ->> 7
               FROM json_each(?)"
        };
        self.sql.run(statement, vec![Value::String(core::mem::take(rows))])
    }

    /// Keeps the other tables in step with one event.
    fn follow(&self, event: &Event) -> Result<()> {
        match &event.body {
            EventBody::ChatCreated { org, channel, title } => self.sql.run(
                "INSERT INTO chat (only, org, channel, title, created_at) VALUES (1, ?, ?, ?, ?)",
                vec![
                    org.to_string().into(),
                    channel.to_string().into(),
                    title.as_str().into(),
                    Value::Integer(event.at.unix_ms()),
                ],
            ),
            EventBody::ChatRenamed { title } => {
                self.sql.run("UPDATE chat SET title = ?", vec![title.as_str().into()])
            }
            EventBody::DefaultAgentSet { agent } => {
                self.sql.run("UPDATE chat SET default_agent = ?", vec![agent.map(|id| id.to_string()).into()])
            }
            EventBody::ParticipantJoined { participant } => self.sql.run(
                "INSERT INTO people (id, place, here, participant, read, read_count, version)
                 VALUES (?1, ?2, 1, ?3, ?2, (SELECT messages FROM events WHERE seq = ?2), 1)
                 ON CONFLICT (id) DO UPDATE SET participant = excluded.participant, version = version + 1,
                    place = iif(here, place, excluded.place), read = iif(here, read, excluded.read),
                    read_count = iif(here, read_count, excluded.read_count), here = 1",
                vec![
                    participant.id.to_string().into(),
                    int(event.seq.0),
                    Value::String(serde_json::to_string(participant)?),
                ],
            ),
            EventBody::ParticipantLeft { participant } => {
                self.forget_mentions_of(*participant)?;
                self.sql.run(
                    "UPDATE people SET here = 0, version = version + 1 WHERE id = ?",
                    vec![participant.to_string().into()],
                )
            }
            EventBody::MessagePosted(posted) => self.keep_mentions(event.seq, &posted.mentions),
            EventBody::MessageEdited { message, .. } => {
                self.doubt_summaries(*message)?;
                self.sql.run("UPDATE events SET edits = edits + 1 WHERE seq = ?", vec![int(message.seq().0)])
            }
            // What was deleted is taken out of the log too: the message and every edit of it.
            EventBody::MessageDeleted { message } => {
                self.forget_words(*message)?;
                self.empty_summaries(*message)?;
                self.forget_mentions_in(*message)?;
                self.sql.run(
                    "UPDATE events
                        SET event = json_remove(json_set(event, '$.text', ''), '$.attachments', '$.mentions'),
                            deleted = 1
                      WHERE seq = ?1 OR (target = ?1 AND kind = 'message.edited')",
                    vec![int(message.seq().0)],
                )
            }
            EventBody::ReactionAdded { message, emoji } => self.sql.run(
                "INSERT INTO reactions (message, emoji, actor) VALUES (?, ?, ?)",
                vec![int(message.seq().0), emoji.as_str().into(), actor_key(event.actor).into()],
            ),
            EventBody::ReactionRemoved { message, emoji } => self.sql.run(
                "DELETE FROM reactions WHERE message = ? AND emoji = ? AND actor = ?",
                vec![int(message.seq().0), emoji.as_str().into(), actor_key(event.actor).into()],
            ),
            EventBody::MessagePinned { message } => {
                self.keep_pin(&Pin { message: *message, by: event.actor, at: event.at }, event.seq)
            }
            EventBody::MessageUnpinned { message } => self.forget_pin(*message),
            EventBody::TurnQueued { turn, summary: true, .. } => self.begin_summary(*turn),
            EventBody::TurnSummarised { turn, from, to, .. } => {
                self.end_summary(*turn, *from, *to, event.seq)
            }
            EventBody::TurnFailed { turn, .. } | EventBody::TurnCancelled { turn, .. } => {
                self.fail_summary(*turn, event)
            }
            EventBody::SandboxChanged { status } => self.sql.run(
                "INSERT INTO sandboxes (sandbox, status) VALUES (?, ?)
                 ON CONFLICT (sandbox) DO UPDATE SET status = excluded.status",
                vec![status.sandbox.to_string().into(), Value::String(serde_json::to_string(status)?)],
            ),
            EventBody::ArtifactSaved { artifact, .. } => self.sql.run(
                "INSERT INTO artifacts (artifact) VALUES (?) ON CONFLICT DO NOTHING",
                vec![artifact.id.to_string().into()],
            ),
            EventBody::ForkCreated { fork, client_id, .. } => {
                self.begin_fork(*fork, event.actor, client_id.as_deref())
            }
            EventBody::ForkResolved { .. }
            | EventBody::ForkAbandoned { .. }
            | EventBody::TurnQueued { .. }
            | EventBody::TurnStarted { .. }
            | EventBody::ToolCalled { .. }
            | EventBody::ToolReturned { .. }
            | EventBody::TurnCompleted { .. }
            | EventBody::ApprovalRequested { .. }
            | EventBody::ApprovalVoted { .. }
            | EventBody::ApprovalClosed { .. }
            | EventBody::ApprovalCarriedOut { .. }
            | EventBody::PreviewOpened { .. } => Ok(()),
        }
    }
}

/// The fork that an event is in, or else the event whose fork it is.
type Place = (Option<Seq>, Option<Seq>);

/// Where an event happens. `places` are those of the events before it in the same write.
fn place(body: &EventBody, target: Option<Seq>, events: &[Event], places: &[Place]) -> Place {
    let own = if let EventBody::MessagePosted(posted) = body {
        posted.fork
    } else if let EventBody::TurnQueued { fork, .. } = body {
        *fork
    } else if let EventBody::ForkCreated { fork, .. } = body {
        Some(*fork)
    } else {
        None
    };
    let turn = if let EventBody::ApprovalRequested { turn, .. }
    | EventBody::PreviewOpened { turn, .. }
    | EventBody::ArtifactSaved { turn, .. } = body
    {
        *turn
    } else {
        None
    };
    match (own, target.or(turn.map(|turn| turn.seq()))) {
        (Some(fork), _) => (Some(fork.seq()), None),
        (None, None) => (None, None),
        (None, Some(about)) => {
            let here = events.iter().zip(places).find(|(event, _)| event.seq == about);
            here.map_or((None, Some(about)), |(_, place)| *place)
        }
    }
}

/// The columns by which an event is found: its kind, its sender's name for it, and what it is about.
fn columns(body: &EventBody) -> (&'static str, Option<&str>, Option<Seq>) {
    match body {
        EventBody::ChatCreated { .. } => ("chat.created", None, None),
        EventBody::ChatRenamed { .. } => ("chat.renamed", None, None),
        EventBody::DefaultAgentSet { .. } => ("chat.default_agent_set", None, None),
        EventBody::ParticipantJoined { .. } => ("participant.joined", None, None),
        EventBody::ParticipantLeft { .. } => ("participant.left", None, None),
        EventBody::MessagePosted(posted) => ("message.posted", posted.client_id.as_deref(), None),
        EventBody::MessageEdited { message, .. } => ("message.edited", None, Some(message.seq())),
        EventBody::MessageDeleted { message } => ("message.deleted", None, Some(message.seq())),
        EventBody::ReactionAdded { message, .. } => ("reaction.added", None, Some(message.seq())),
        EventBody::ReactionRemoved { message, .. } => ("reaction.removed", None, Some(message.seq())),
        EventBody::MessagePinned { message } => ("message.pinned", None, Some(message.seq())),
        EventBody::MessageUnpinned { message } => ("message.unpinned", None, Some(message.seq())),
        EventBody::TurnQueued { .. } => ("turn.queued", None, None),
        EventBody::TurnStarted { turn, .. } => ("turn.started", None, Some(turn.seq())),
        EventBody::ToolCalled { turn, .. } => ("turn.tool_called", None, Some(turn.seq())),
        EventBody::ToolReturned { turn, .. } => ("turn.tool_returned", None, Some(turn.seq())),
        EventBody::TurnCompleted { turn, .. } => ("turn.completed", None, Some(turn.seq())),
        EventBody::TurnSummarised { turn, .. } => ("turn.summarised", None, Some(turn.seq())),
        EventBody::TurnFailed { turn, .. } => ("turn.failed", None, Some(turn.seq())),
        EventBody::TurnCancelled { turn, .. } => ("turn.cancelled", None, Some(turn.seq())),
        EventBody::ApprovalRequested { .. } => ("approval.requested", None, None),
        EventBody::ApprovalVoted { approval, .. } => ("approval.voted", None, Some(approval.seq())),
        EventBody::ApprovalClosed { approval, .. } => ("approval.closed", None, Some(approval.seq())),
        EventBody::ApprovalCarriedOut { approval, .. } => {
            ("approval.carried_out", None, Some(approval.seq()))
        }
        EventBody::ForkCreated { .. } => ("fork.created", None, None),
        EventBody::ForkResolved { fork, .. } => ("fork.resolved", None, Some(fork.seq())),
        EventBody::ForkAbandoned { fork } => ("fork.abandoned", None, Some(fork.seq())),
        EventBody::SandboxChanged { .. } => ("sandbox.changed", None, None),
        EventBody::PreviewOpened { .. } => ("preview.opened", None, None),
        EventBody::ArtifactSaved { .. } => ("artifact.saved", None, None),
    }
}
