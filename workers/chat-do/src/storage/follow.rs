//! What the index in Postgres does not know yet.

use std::collections::BTreeSet;

use slipway_contract::ParticipantId;
use slipway_contract::objects::projection::{ChatProjection, PersonProjection};
use slipway_domain::chat::Chat;
use worker::Result;

use super::Storage;
use crate::sql::int;

impl Storage {
    /// Writes the read markers of `people` and remembers that they are written up to `head`.
    pub(crate) fn flush_readers(&self, chat: &Chat, people: &BTreeSet<ParticipantId>) -> Result<()> {
        for person in people.iter().filter_map(|id| chat.person(*id)) {
            self.read_mentions(person)?;
            self.sql.run(
                "UPDATE people SET read = ?, read_count = ?, version = version + 1 WHERE id = ? AND read < ?1",
                vec![int(person.read.0), int(person.read_count), person.participant.id.to_string().into()],
            )?;
        }
        self.sql.run("UPDATE chat SET flushed = ?", vec![int(chat.head.0)])
    }

    /// People whose rows the index does not know as they are, at most 200.
    pub(crate) fn unprojected_people(&self) -> Result<Vec<PersonProjection>> {
        let rows: Vec<(String, u8, u64, u64, u64)> = self.sql.rows(
            "SELECT json_array(id, here, read_count, version,
                    (SELECT count(*) FROM mentions WHERE user = people.id)) FROM people
              WHERE version > projected AND id LIKE 'user%' LIMIT 200",
            vec![],
        )?;
        Ok(rows
            .into_iter()
            .filter_map(|(id, here, read_count, version, mentions)| {
                let user = id.parse().ok()?;
                Some(PersonProjection { user, participant: here == 1, read_count, mentions, version })
            })
            .collect())
    }

    /// The index is to be told everything once more.
    pub(crate) fn forget_projected(&self) -> Result<()> {
        self.sql.run("UPDATE chat SET projected = 0, indexed = 0", vec![])?;
        self.sql.run("UPDATE people SET projected = 0", vec![])?;
        self.sql.run("UPDATE approvals SET projected = 0", vec![])
    }

    /// Whether there are rows that the index does not know as they are.
    pub(crate) fn has_unprojected(&self) -> Result<bool> {
        let one = self.sql.text(
            "SELECT 'yes' WHERE EXISTS (SELECT 1 FROM people WHERE version > projected AND id LIKE 'user%')
                OR EXISTS (SELECT 1 FROM approvals WHERE version > projected)
                OR EXISTS (SELECT 1 FROM chat WHERE indexed < projected)",
            vec![],
        )?;
        Ok(one.is_some())
    }

    /// Remembers what the index knows now.
    pub(crate) fn projected(&self, told: &ChatProjection) -> Result<()> {
        for person in &told.people {
            self.sql.run(
                "UPDATE people SET projected = ? WHERE id = ?",
                vec![int(person.version), person.user.to_string().into()],
            )?;
        }
        self.projected_approvals(&told.approvals)?;
        self.sql.run("UPDATE chat SET projected = ?", vec![int(told.head.0)])
    }
}
