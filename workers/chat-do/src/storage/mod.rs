//! The chat in the object's SQLite: what is loaded, looked up and stored.

mod approvals;
pub(crate) mod archive;
mod erasing;
mod facts;
mod follow;
mod forks;
mod keep;
mod log;
mod mentions;
mod search;
mod write;

pub(crate) use log::Said;

use serde::Deserialize;
use slipway_contract::{Actor, AgentId, ChannelId, ChatId, MessageId, OrgId, Participant, Seq, Timestamp};
use slipway_domain::chat::mentions::preview_of;
use slipway_domain::chat::{Chat, LastMessage, Person};
use worker::Result;

use crate::sql::{Sql, int};

/// The chat's tables.
pub(crate) struct Storage {
    /// The database.
    pub(crate) sql: Sql,
}

/// How far what lies outside the object follows the log.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Progress {
    /// People's rows are written up to this event.
    pub flushed: Seq,
    /// The index knows up to this event.
    pub projected: Seq,
}

#[derive(Deserialize)]
struct ChatRow {
    org: OrgId,
    channel: ChannelId,
    title: String,
    created_at: i64,
    default_agent: Option<AgentId>,
    head: Seq,
    messages: u64,
    flushed: Seq,
    projected: Seq,
}

#[derive(Deserialize)]
struct PersonRow {
    participant: Participant,
    read: Seq,
    read_count: u64,
}

impl Storage {
    /// The chat as it is stored, with how far the outside follows; `None` while it does not exist.
    pub(crate) fn load(&self, id: ChatId) -> Result<Option<(Chat, Progress)>> {
        let row: Option<ChatRow> = self.sql.row(
            "SELECT json_object('org', org, 'channel', channel, 'title', title, 'created_at', created_at,
                'default_agent', default_agent, 'flushed', flushed, 'projected', projected,
                'head', (SELECT max(seq) FROM events),
                'messages', (SELECT messages FROM events ORDER BY seq DESC LIMIT 1)) FROM chat",
            vec![],
        )?;
        let Some(row) = row else { return Ok(None) };
        let people: Vec<PersonRow> = self.sql.rows(
            "SELECT json_object('participant', json(participant), 'read', read, 'read_count', read_count)
               FROM people WHERE here = 1 ORDER BY place",
            vec![],
        )?;
        let mut chat = Chat {
            id,
            org: row.org,
            channel: row.channel,
            title: row.title,
            created_at: Timestamp::from_unix_ms(row.created_at),
            default_agent: row.default_agent,
            head: row.head,
            message_count: row.messages,
            last_message: self.last_message()?,
            people: people
                .into_iter()
                .map(|row| Person {
                    participant: row.participant,
                    read: row.read,
                    read_count: row.read_count,
                })
                .collect(),
            turns: self.sql.rows("SELECT turn FROM turns ORDER BY seq", vec![])?,
            approvals: self.unfinished_approvals()?,
            forks: self.open_forks()?,
            pins: self.pins()?,
            sandboxes: self.sandboxes()?,
        };
        let unflushed: Vec<(Actor, Seq, u64)> = self.sql.rows(
            "SELECT json_array(event -> '$.actor', seq, messages)
               FROM events WHERE seq > ? AND kind = 'message.posted' AND fork IS NULL ORDER BY seq",
            vec![int(row.flushed.0)],
        )?;
        for (author, seq, messages) in unflushed {
            chat.read_own_post(author, seq, messages);
        }
        Ok(Some((chat, Progress { flushed: row.flushed, projected: row.projected })))
    }

    fn last_message(&self) -> Result<Option<LastMessage>> {
        let newest: Option<(Timestamp, MessageId, String, Option<String>)> = self.sql.row(
            "SELECT json_array(event ->> '$.at', event ->> '$.message', event ->> '$.text',
                    event ->> '$.attachments[0].name')
               FROM events WHERE kind = 'message.posted' AND fork IS NULL ORDER BY seq DESC LIMIT 1",
            vec![],
        )?;
        let Some((at, id, text, file)) = newest else { return Ok(None) };
        let text = self.present_text(id, text)?;
        Ok(Some(LastMessage { id, at, preview: preview_of(&text, file.as_deref()) }))
    }

    /// The text after the last edit.
    fn present_text(&self, message: MessageId, posted: String) -> Result<String> {
        let edited = self.sql.text(
            "SELECT event ->> '$.text' FROM events
              WHERE target = ? AND kind = 'message.edited' ORDER BY seq DESC LIMIT 1",
            vec![int(message.seq().0)],
        )?;
        Ok(edited.unwrap_or(posted))
    }
}

/// An actor as one text.
pub(crate) fn actor_key(actor: Actor) -> String {
    actor.participant().map_or_else(|| "system".to_owned(), |id| id.to_string())
}
