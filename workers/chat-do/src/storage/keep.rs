//! What agents are given beside the recent messages, in the object's tables: pins, summaries, what was counted.
//!
//! Invariant: a summary is given only while all that it covers is as it was when it was written. One that covers a deleted
//! message is empty, in the log too.

use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::Pin;
use slipway_contract::objects::engine::{ContextSummary, Measured};
use slipway_contract::{Actor, AgentId, MessageId, Seq, TurnId};
use slipway_domain::chat::calls::shortened;
use slipway_domain::chat::summaries::{
    BACK_MESSAGES, PORTION_BYTES, PORTION_MESSAGES, RECENT_BYTES, RECENT_MESSAGES, SUMMED_BYTES, fitting,
};
use slipway_domain::chat::{Turn, Unsummed};
use worker::Result;

use super::{Said, Storage};
use crate::sql::{Value, int};

impl Storage {
    /// Pinned messages, in the order in which they were pinned.
    pub(super) fn pins(&self) -> Result<Vec<Pin>> {
        self.sql.rows("SELECT pin FROM pins ORDER BY seq", vec![])
    }

    /// A message is pinned by an event.
    pub(super) fn keep_pin(&self, pin: &Pin, by: Seq) -> Result<()> {
        self.sql.run(
            "INSERT INTO pins (message, seq, pin) VALUES (?, ?, ?)",
            vec![int(pin.message.seq().0), int(by.0), Value::String(serde_json::to_string(pin)?)],
        )
    }

    /// A pin was taken back.
    pub(super) fn forget_pin(&self, message: MessageId) -> Result<()> {
        self.sql.run("DELETE FROM pins WHERE message = ?", vec![int(message.seq().0)])
    }

    /// A turn that sums up is queued.
    pub(super) fn begin_summary(&self, turn: TurnId) -> Result<()> {
        self.sql.run(
            "INSERT INTO summaries (seq, state, messages)
             VALUES (?1, 'queued', (SELECT messages FROM events WHERE seq = ?1))",
            vec![int(turn.seq().0)],
        )
    }

    /// It summed up what lies between two events; `told` tells the text.
    pub(super) fn end_summary(&self, turn: TurnId, from: Seq, to: Seq, told: Seq) -> Result<()> {
        self.sql.run(
            "UPDATE summaries SET state = 'good', first = ?, last = ?, told = ? WHERE seq = ?",
            vec![int(from.0), int(to.0), int(told.0), int(turn.seq().0)],
        )
    }

    /// A turn ended without an answer: if it was to sum up, the next one waits. One that the chat itself gave up, because
    /// what it covers was changed, is no failure.
    pub(super) fn fail_summary(&self, turn: TurnId, event: &Event) -> Result<()> {
        let given_up = event.actor == Actor::System && matches!(event.body, EventBody::TurnCancelled { .. });
        self.sql.run(
            "UPDATE summaries SET state = ?, messages = (SELECT messages FROM events WHERE seq = ?) WHERE seq = ?",
            vec![if given_up { "stale" } else { "failed" }.into(), int(event.seq.0), int(turn.seq().0)],
        )
    }

    /// A message was edited: summaries that cover it are given no more.
    pub(super) fn doubt_summaries(&self, message: MessageId) -> Result<()> {
        self.sql.run(
            "UPDATE summaries SET state = 'stale'
              WHERE state = 'good' AND last >= ?1 AND first <= ?1 AND told IS NOT NULL
                AND (SELECT fork FROM events WHERE seq = ?1) IS NULL",
            vec![int(message.seq().0)],
        )
    }

    /// A message was deleted: summaries that cover it may quote it.
    pub(super) fn empty_summaries(&self, message: MessageId) -> Result<()> {
        self.doubt_summaries(message)?;
        self.sql.run(
            "UPDATE events SET event = json_set(event, '$.text', '') WHERE seq IN (
                SELECT told FROM summaries
                 WHERE state IN ('good', 'stale') AND last >= ?1 AND first <= ?1 AND told IS NOT NULL)
                AND (SELECT fork FROM events WHERE seq = ?1) IS NULL",
            vec![int(message.seq().0)],
        )
    }

    /// The newest good summary that ends before an event.
    pub(crate) fn summary_before(&self, before: Seq) -> Result<Option<ContextSummary>> {
        self.sql.row(
            "SELECT json_object('from', first, 'to', last, 'text', event ->> '$.text')
               FROM summaries CROSS JOIN events ON events.seq = told
              WHERE state = 'good' AND told IS NOT NULL AND last < ? ORDER BY last DESC LIMIT 1",
            vec![int(before.0)],
        )
    }

    /// What a turn that sums up is given: the summary before, and the messages behind it up to the last to be covered.
    pub(crate) fn portion(&self, last: MessageId) -> Result<(Option<ContextSummary>, Vec<Said>)> {
        let summary = self.summary_before(last.seq())?;
        let after = summary.as_ref().map_or(Seq::START, |summary| summary.to);
        let mut said = self.said_between(after, last, PORTION_MESSAGES)?;
        for message in &mut said {
            message.text = shortened(&message.text, SUMMED_BYTES);
        }
        let lengths = said.iter().rev().map(|message| message.text.len().min(SUMMED_BYTES));
        let fits = fitting(lengths, PORTION_BYTES);
        Ok((summary, said.split_off(said.len().saturating_sub(fits))))
    }

    /// What is not summed up where a turn of the chat itself ends.
    pub(crate) fn unsummed(&self, turn: &Turn) -> Result<Unsummed> {
        let mut unsummed = Unsummed { failed_at: self.failed_summary()?, ..Unsummed::default() };
        let summed = if turn.summary {
            let (summary, said) = self.portion(turn.cause)?;
            let first = said.first().map(|message| message.message.seq());
            // Where nothing new is left there is nothing to say.
            unsummed.from = first.map(|first| summary.map_or(first, |summary| summary.from));
            turn.cause.seq()
        } else {
            self.summary_before(Seq::MAX)?.map_or(Seq::START, |summary| summary.to)
        };
        let recent = self.lengths(Seq::START, Seq::MAX, "DESC", RECENT_MESSAGES)?;
        let start =
            recent.get(fitting(recent.iter().map(|(.., length)| *length), RECENT_BYTES).saturating_sub(1));
        let Some((start, messages, _)) = start else { return Ok(unsummed) };
        let before = messages.saturating_sub(1);
        unsummed.messages = before.saturating_sub(self.messages_at(summed)?);
        let mut after = summed;
        if unsummed.messages > BACK_MESSAGES {
            after = self.where_message(before - BACK_MESSAGES, summed, *start)?;
        }
        let portion = self.lengths(after, *start, "ASC", PORTION_MESSAGES)?;
        let fits = fitting(portion.iter().map(|(.., length)| (*length).min(SUMMED_BYTES)), PORTION_BYTES);
        unsummed.full = fits < portion.len();
        let last = portion.get(fits.min(portion.len()).saturating_sub(1));
        unsummed.last = last.map(|(seq, ..)| MessageId::new(turn.id.chat(), *seq));
        Ok(unsummed)
    }

    /// Messages of the chat itself between two events, those that were deleted left out: where each stands, how many there
    /// were with it, its length in bytes.
    fn lengths(&self, after: Seq, before: Seq, order: &str, count: u64) -> Result<Vec<(Seq, u64, usize)>> {
        let statement = format!(
            "SELECT json_array(seq, messages, length(CAST(iif(edits = 0, event ->> '$.text', (
                        SELECT edit.event ->> '$.text' FROM events AS edit
                         WHERE edit.target = events.seq AND edit.kind = 'message.edited' ORDER BY edit.seq DESC LIMIT 1)
                    ) AS BLOB)))
               FROM events
              WHERE seq > ? AND seq < ? AND kind = 'message.posted' AND deleted = 0 AND fork IS NULL
              ORDER BY seq {order} LIMIT ?"
        );
        self.sql.rows(&statement, vec![int(after.0), int(before.0), int(count)])
    }

    /// The event that posted the `number`th message, which lies behind `low` and not behind `high`: the log has no gaps, so
    /// it is found by halves.
    fn where_message(&self, number: u64, low: Seq, high: Seq) -> Result<Seq> {
        let found = self.sql.row(
            "WITH RECURSIVE halves (low, high) AS (
                SELECT CAST(?1 AS INTEGER), CAST(?2 AS INTEGER)
                 UNION ALL
                SELECT iif(messages < ?3, seq, low), iif(messages < ?3, high, seq)
                  FROM halves CROSS JOIN events ON seq = (low + high) / 2 WHERE high - low > 1)
             SELECT CAST(high AS TEXT) FROM halves ORDER BY high - low LIMIT 1",
            vec![int(low.0), int(high.0), int(number)],
        )?;
        Ok(found.unwrap_or(high))
    }

    /// How many messages there were when the newest turn to sum up failed, unless one ended well since.
    fn failed_summary(&self) -> Result<Option<u64>> {
        let newest: Option<(String, u64)> = self
            .sql
            .row("SELECT json_array(state, messages) FROM summaries ORDER BY seq DESC LIMIT 1", vec![])?;
        Ok(newest.filter(|(state, _)| state == "failed").map(|(_, messages)| messages))
    }

    /// What was counted for an agent's newest step.
    pub(crate) fn measured(&self, agent: AgentId) -> Result<Option<Measured>> {
        self.sql.row("SELECT measured FROM measured WHERE agent = ?", vec![agent.to_string().into()])
    }

    /// An agent's step was counted.
    pub(crate) fn keep_measured(&self, agent: AgentId, measured: &Measured) -> Result<()> {
        self.sql.run(
            "INSERT INTO measured (agent, measured) VALUES (?, ?)
             ON CONFLICT (agent) DO UPDATE SET measured = excluded.measured",
            vec![agent.to_string().into(), Value::String(serde_json::to_string(measured)?)],
        )
    }
}
