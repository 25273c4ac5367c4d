//! Messages that concern somebody who has not read them.
//!
//! Invariant: whoever's count changes has another version of their row, in the same write, so that the index hears of it.

use slipway_contract::{MessageId, ParticipantId, Seq, UserId, limits};
use slipway_domain::chat::Person;
use worker::Result;

use super::Storage;
use crate::sql::int;

impl Storage {
    /// A message concerns these people. Of somebody who has not read so many, no more are kept.
    pub(super) fn keep_mentions(&self, message: Seq, people: &[UserId]) -> Result<()> {
        for user in people {
            self.sql.run(
                "INSERT INTO mentions (user, message)
                 SELECT ?1, ?2 WHERE (SELECT count(*) FROM mentions WHERE user = ?1) < ?3",
                vec![user.to_string().into(), int(message.0), int(limits::MENTIONS_COUNTED as u64)],
            )?;
            self.sql
                .run("UPDATE people SET version = version + 1 WHERE id = ?", vec![user.to_string().into()])?;
        }
        Ok(())
    }

    /// A message was deleted: it concerns nobody any more.
    pub(super) fn forget_mentions_in(&self, message: MessageId) -> Result<()> {
        let message = message.seq().0;
        self.sql.run(
            "UPDATE people SET version = version + 1 WHERE id IN (SELECT user FROM mentions WHERE message = ?)",
            vec![int(message)],
        )?;
        self.sql.run("DELETE FROM mentions WHERE message = ?", vec![int(message)])
    }

    /// Somebody no longer takes part.
    pub(super) fn forget_mentions_of(&self, participant: ParticipantId) -> Result<()> {
        self.sql.run("DELETE FROM mentions WHERE user = ?", vec![participant.to_string().into()])
    }

    /// Somebody's read marker is about to be written, with another version of their row.
    pub(super) fn read_mentions(&self, person: &Person) -> Result<()> {
        self.sql.run(
            "DELETE FROM mentions WHERE user = ? AND message <= ?",
            vec![person.participant.id.to_string().into(), int(person.read.0)],
        )
    }
}
