//! Closing and erasing a chat, and taking somebody's name, or what agents did, out of it.

use slipway_contract::objects::deletions::{Erased, ForgottenTurns};
use slipway_contract::{OrgId, ParticipantId, Seq, Timestamp};
use worker::Result;

use super::Storage;
use crate::schema::{self, Found};
use crate::sql::int;

/// Ends of turns that are gone through at once: a turn has some dozens of events at most.
const ENDS: usize = 50;

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

    /// Takes what agents did out of the turns that ended after the event `after` and before the moment `before`, the oldest
    /// first, without an event of its own. A turn that is open has no end, so it is none of them.
    pub(crate) fn forget_turns(&self, after: Seq, before: Timestamp, head: Seq) -> Result<ForgottenTurns> {
        let mut ends: Vec<(Seq, u64, Timestamp)> = self.sql.rows(
            "SELECT json_array(seq, target, event ->> '$.at') FROM events
              WHERE seq > ?1 AND target IS NOT NULL
                AND kind IN ('turn.completed', 'turn.summarised', 'turn.failed', 'turn.cancelled')
              ORDER BY seq LIMIT ?2",
            vec![int(after.0), int(ENDS as u64)],
        )?;
        let found = ends.len();
        let old = ends.iter().take_while(|(_, _, at)| *at < before).count();
        ends.truncate(old);
        let mut events = 0;
        if old > 0 {
            self.sql.unseal()?;
        }
        for (_, turn, _) in &ends {
            let emptied = self.sql.texts(
                "UPDATE events
                    SET event = json_set(
                            CASE kind WHEN 'turn.tool_called' THEN json_set(event, '$.call.arguments', json('{}'))
                                      WHEN 'turn.tool_returned' THEN json_set(event, '$.result.content', '')
                                      ELSE json_remove(event, '$.receipt') END,
                            '$.forgotten', json('true'))
                  WHERE target = ?1 AND event -> '$.forgotten' IS NULL
                    AND (kind IN ('turn.tool_called', 'turn.tool_returned')
                         OR (kind = 'turn.completed' AND event -> '$.receipt' IS NOT NULL))
                 RETURNING CAST(seq AS TEXT)",
                vec![int(*turn)],
            )?;
            events += emptied.len() as u64;
        }
        let last = ends.last().map_or(after, |(seq, ..)| *seq);
        // Where no end is left, there is nothing to look for until there is a new one.
        let through = old == found && found < ENDS;
        Ok(ForgottenTurns {
            events,
            upto: if through { head } else { last },
            more: found == ENDS && old == ENDS,
        })
    }
}
