//! Reading the log, for people, sockets and agents; and the tickets that let sockets in.

use slipway_contract::http::attachments::Attachment;
use slipway_contract::http::chats::EventsQuery;
use slipway_contract::{
    Actor, ForkId, MessageId, ParticipantId, Problem, ProblemCode, Seq, Timestamp, UserId, limits,
};
use worker::Result;

use super::Storage;
use crate::sql::{Value, int};

/// Events that SQLite joins into one text, in bytes: one more of the longest still fits into a value.
const PIECE_BYTES: usize = 1_000_000;

/// A message as an agent is told it.
pub(crate) struct Said {
    /// Which.
    pub message: MessageId,
    /// Who said it.
    pub author: ParticipantId,
    /// What, in its present form.
    pub text: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
}

type SaidRow = (Actor, MessageId, String, u64, Option<Vec<Attachment>>);

impl Storage {
    /// A stretch of the log as the inside of a JSON array, oldest first.
    pub(crate) fn events(
        &self,
        query: EventsQuery,
        head: Seq,
    ) -> core::result::Result<Result<String>, Problem> {
        let limit = u64::from(query.limit.unwrap_or(limits::PAGE_DEFAULT));
        if !(1..=u64::from(limits::PAGE_MAX)).contains(&limit) {
            return Err(Problem::new(ProblemCode::InvalidParameter).detail("limit must be 1 to 200"));
        }
        match (query.after, query.before) {
            (Some(_), Some(_)) => {
                Err(Problem::new(ProblemCode::InvalidParameter).detail("give after or before, not both"))
            }
            (Some(after), None) if after > head => Err(ProblemCode::SeqInFuture.into()),
            (after, before) => Ok(match (query.fork, after) {
                (None, Some(after)) => self.events_after(after, limit),
                (None, None) => self.events_before(before.unwrap_or(Seq::MAX), limit),
                (Some(fork), Some(after)) => self.fork_after(fork, after, limit),
                (Some(fork), None) => self.fork_before(fork, before.unwrap_or(Seq::MAX), limit),
            }),
        }
    }

    /// Events after `after`, as the inside of a JSON array.
    pub(crate) fn events_after(&self, after: Seq, limit: u64) -> Result<String> {
        self.joined(
            "SELECT seq, event FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            vec![int(after.0), int(limit)],
        )
    }

    fn events_before(&self, before: Seq, limit: u64) -> Result<String> {
        self.joined(
            "SELECT seq, event FROM events WHERE seq < ? ORDER BY seq DESC LIMIT ?",
            vec![int(before.0), int(limit)],
        )
    }

    fn fork_after(&self, fork: ForkId, after: Seq, limit: u64) -> Result<String> {
        self.joined(
            "SELECT seq, event FROM events WHERE fork = ? AND seq > ? ORDER BY seq LIMIT ?",
            vec![int(fork.seq().0), int(after.0), int(limit)],
        )
    }

    fn fork_before(&self, fork: ForkId, before: Seq, limit: u64) -> Result<String> {
        self.joined(
            "SELECT seq, event FROM events WHERE fork = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            vec![int(fork.seq().0), int(before.0), int(limit)],
        )
    }

    /// The `events` that a statement chooses, in their order, as the inside of a JSON array. SQLite joins them in pieces,
    /// for none of its values may be longer than 2 MB, and 200 of the longest messages are.
    fn joined(&self, events: &str, values: Vec<Value>) -> Result<String> {
        let pieces = self.sql.texts(
            &format!(
                "SELECT group_concat(event, ',' ORDER BY seq) FROM (
                     SELECT seq, event, sum(octet_length(event)) OVER (ORDER BY seq) / {PIECE_BYTES} AS piece
                       FROM ({events}))
                  GROUP BY piece ORDER BY piece"
            ),
            values,
        )?;
        Ok(pieces.join(","))
    }

    /// What was said in a fork up to `last`, oldest first: at most `count` messages, none that was deleted.
    pub(crate) fn said_in(&self, fork: ForkId, last: MessageId, count: u64) -> Result<Vec<Said>> {
        self.said(self.sql.rows(
            "SELECT json_array(event -> '$.actor', event ->> '$.message', event ->> '$.text', edits, event -> '$.attachments')
               FROM events
              WHERE fork = ? AND seq <= ? AND kind = 'message.posted' AND deleted = 0 ORDER BY seq DESC LIMIT ?",
            vec![int(fork.seq().0), int(last.seq().0), int(count)],
        )?)
    }

    /// What was said in the chat itself up to `last`, oldest first: at most `count` messages, none that was deleted.
    pub(crate) fn said_until(&self, last: MessageId, count: u64) -> Result<Vec<Said>> {
        self.said_between(Seq::START, last, count)
    }

    /// What was said in the chat itself behind `after` up to `last`, oldest first: at most `count` messages, the newest.
    pub(super) fn said_between(&self, after: Seq, last: MessageId, count: u64) -> Result<Vec<Said>> {
        self.said(self.sql.rows(
            "SELECT json_array(event -> '$.actor', event ->> '$.message', event ->> '$.text', edits, event -> '$.attachments')
               FROM events WHERE seq > ? AND seq <= ? AND kind = 'message.posted' AND deleted = 0 AND fork IS NULL
              ORDER BY seq DESC LIMIT ?",
            vec![int(after.0), int(last.seq().0), int(count)],
        )?)
    }

    /// Some messages as they are now, oldest first, each once; none that was deleted.
    pub(crate) fn said_as(&self, messages: &[MessageId]) -> Result<Vec<Said>> {
        let wanted: Vec<Seq> = messages.iter().map(|message| message.seq()).collect();
        self.said(self.sql.rows(
            "SELECT json_array(event -> '$.actor', event ->> '$.message', event ->> '$.text', edits, event -> '$.attachments')
               FROM events WHERE seq IN (SELECT value FROM json_each(?)) AND kind = 'message.posted' AND deleted = 0
              ORDER BY seq DESC",
            vec![Value::String(serde_json::to_string(&wanted)?)],
        )?)
    }

    /// Messages as agents are told them, from the newest-first rows of the log.
    fn said(&self, rows: Vec<SaidRow>) -> Result<Vec<Said>> {
        let mut said = Vec::with_capacity(rows.len());
        for (actor, message, text, edits, files) in rows.into_iter().rev() {
            let Some(author) = actor.participant() else { continue };
            let text = if edits > 0 { self.present_text(message, text)? } else { text };
            said.push(Said { message, author, text, attachments: files.unwrap_or_default() });
        }
        Ok(said)
    }

    /// Keeps a ticket until it is used or too old. Too old ones go.
    pub(crate) fn keep_ticket(&self, ticket: &str, user: UserId, now: Timestamp) -> Result<Timestamp> {
        let expires_at = now.plus_ms(limits::TICKET_LIFE_MS);
        self.sql.run("DELETE FROM tickets WHERE expires_at <= ?", vec![Value::Integer(now.unix_ms())])?;
        self.sql.run(
            "INSERT INTO tickets (ticket, user, expires_at) VALUES (?, ?, ?)",
            vec![ticket.into(), user.to_string().into(), Value::Integer(expires_at.unix_ms())],
        )?;
        Ok(expires_at)
    }

    /// Whether somebody has a ticket that lets them in.
    pub(crate) fn has_tickets(&self, now: Timestamp) -> Result<bool> {
        let one = self.sql.text(
            "SELECT 'yes' WHERE EXISTS (SELECT 1 FROM tickets WHERE expires_at > ?)",
            vec![Value::Integer(now.unix_ms())],
        )?;
        Ok(one.is_some())
    }

    /// Takes a ticket: whose it was, unless it is unknown, used or too old.
    pub(crate) fn redeem_ticket(&self, ticket: &str, now: Timestamp) -> Result<Option<UserId>> {
        self.sql.unseal()?;
        let user = self.sql.text(
            "DELETE FROM tickets WHERE ticket = ? AND expires_at > ? RETURNING user",
            vec![ticket.into(), Value::Integer(now.unix_ms())],
        )?;
        Ok(user.and_then(|user| user.parse().ok()))
    }
}
