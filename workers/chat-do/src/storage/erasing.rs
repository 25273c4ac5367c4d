//! Closing and erasing a chat, and taking somebody's name out of it.

use slipway_contract::objects::deletions::Erased;
use slipway_contract::{OrgId, ParticipantId};
use worker::Result;

use super::Storage;
use crate::schema::{self, Found};

impl Storage {
    /// What there is of a chat.
    pub(crate) fn holds(&self) -> Result<Found> {
        schema::found(&self.sql)
    }

    /// The org of the chat, if the object knows it.
    pub(crate) fn org(&self) -> Result<Option<OrgId>> {
        let table = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'chat'";
        if self.sql.text(table, vec![])?.is_none() {
            return Ok(None);
        }
        Ok(self.sql.text("SELECT org FROM chat", vec![])?.and_then(|org| org.parse().ok()))
    }

    /// Notes for good that nobody gets in any more. (A table by itself: the schema's own steps are for chats that go on.)
    pub(crate) fn close(&self) -> Result<()> {
        self.sql.run("CREATE TABLE IF NOT EXISTS closed (only INTEGER PRIMARY KEY)", vec![])
    }

    /// How much there is; nothing where it cannot be counted.
    pub(crate) fn size(&self) -> Erased {
        let events = self.sql.row("SELECT CAST(count(*) AS TEXT) FROM events", vec![]);
        Erased { events: events.ok().flatten().unwrap_or_default(), bytes: self.sql.size() }
    }

    /// Gives a participant another name in the log and among the people, without an event of its own; answers how many
    /// events told the old one.
    pub(crate) fn rename(&self, person: ParticipantId, name: &str) -> Result<u64> {
        self.sql.run(
            "UPDATE people SET participant = json_set(participant, '$.name', ?2) WHERE id = ?1",
            vec![person.to_string().into(), name.into()],
        )?;
        let renamed = self.sql.texts(
            "UPDATE events SET event = json_set(event, '$.participant.name', ?2)
              WHERE kind = 'participant.joined' AND event ->> '$.participant.id.id' = ?1
                AND event ->> '$.participant.name' <> ?2
             RETURNING CAST(seq AS TEXT)",
            vec![person.to_string().into(), name.into()],
        )?;
        Ok(renamed.len() as u64)
    }
}
