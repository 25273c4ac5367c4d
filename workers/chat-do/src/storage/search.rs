//! The words of the chat's messages, and what the org's search does not know yet.
//!
//! Invariant: `words` follows the log. Posts and edits reach it in portions, by the object's own work or before a search, so
//! that a post stays one statement; what was deleted leaves it in the write that deletes. Texts are in the log alone.

use slipway_contract::objects::projection::MessageProjection;
use slipway_contract::{Actor, AttachmentId, ForkId, MessageId, Seq, Timestamp};
use worker::Result;

use super::Storage;
use crate::sql::int;

/// Events of one portion: at 64 KiB a message, some 13 MB of text.
const PORTION: u64 = 200;
/// Rows that are read at a time while messages are gathered: at most some 1.6 MB.
const ROWS: usize = 25;
/// Most messages that are told at a time, and their text in bytes.
const TOLD: usize = 500;
const TOLD_BYTES: usize = 512 * 1024;

/// A message that was found.
pub(crate) type FoundRow = (MessageId, Option<ForkId>, Actor, Timestamp, String);
type UntoldRow = (Seq, MessageId, Option<ForkId>, Actor, Timestamp, Option<String>, Vec<AttachmentId>);

impl Storage {
    /// Puts the words of the next events where they are found; whether that is all up to `head`.
    pub(crate) fn gather_words(&self, head: Seq) -> Result<bool> {
        let from = self.progress("SELECT CAST(worded AS TEXT) FROM chat")?;
        let to = head.0.min(from.0.saturating_add(PORTION));
        if from.0 >= to {
            return Ok(true);
        }
        self.sql.all_or_nothing(|| {
            self.sql.run(
                "INSERT OR REPLACE INTO words (rowid, text)
                 SELECT message.seq, iif(message.edits = 0, message.event ->> '$.text',
                        (SELECT event ->> '$.text' FROM events WHERE target = message.seq AND kind = 'message.edited'
                          ORDER BY seq DESC LIMIT 1))
                   FROM (SELECT DISTINCT iif(kind = 'message.posted', seq, target) AS seq FROM events
                          WHERE seq > ?1 AND seq <= ?2 AND kind IN ('message.posted', 'message.edited')) AS touched
                   JOIN events AS message ON message.seq = touched.seq
                  WHERE message.deleted = 0",
                vec![int(from.0), int(to)],
            )?;
            self.sql.run("UPDATE chat SET worded = ?", vec![int(to)])
        })?;
        Ok(to == head.0)
    }

    /// A message was deleted: its words are found no more.
    pub(super) fn forget_words(&self, message: MessageId) -> Result<()> {
        self.sql.run("DELETE FROM words WHERE rowid = ?", vec![int(message.seq().0)])
    }

    /// The newest messages before `before` that match.
    pub(crate) fn found(&self, matching: &str, before: Seq, limit: u64) -> Result<Vec<FoundRow>> {
        self.sql.rows(
            "SELECT json_array(event ->> '$.message', event ->> '$.fork', event -> '$.actor', event ->> '$.at',
                    iif(edits = 0, event ->> '$.text', (
                        SELECT edit.event ->> '$.text' FROM events AS edit
                         WHERE edit.target = events.seq AND edit.kind = 'message.edited' ORDER BY edit.seq DESC LIMIT 1)))
               FROM words JOIN events ON events.seq = words.rowid
              WHERE words MATCH ? AND words.rowid < ? AND deleted = 0 ORDER BY words.rowid DESC LIMIT ?",
            vec![matching.into(), int(before.0), int(limit)],
        )
    }

    /// Messages that the org's search does not know as they are, in the order of what happened to them, and up to which
    /// event that is all. What was changed again later is told then.
    pub(crate) fn untold_messages(&self, head: Seq) -> Result<(Vec<MessageProjection>, Seq)> {
        let mut upto = self.progress("SELECT CAST(indexed AS TEXT) FROM chat")?;
        let mut untold = Vec::new();
        let mut space = TOLD_BYTES;
        while untold.len() < TOLD {
            let rows = self.untold(upto, head)?;
            let last = rows.len() < ROWS;
            for (version, message, fork, author, at, text, attachments) in rows {
                let size = text.as_ref().map_or(0, String::len);
                if size > space {
                    return Ok((untold, upto));
                }
                space -= size;
                upto = version;
                untold.push(MessageProjection { message, fork, author, at, text, version, attachments });
            }
            if last {
                return Ok((untold, head));
            }
        }
        Ok((untold, upto))
    }

    fn untold(&self, after: Seq, head: Seq) -> Result<Vec<UntoldRow>> {
        self.sql.rows(
            "SELECT json_array(change.seq, message.event ->> '$.message', message.event ->> '$.fork',
                    message.event -> '$.actor', message.event ->> '$.at',
                    iif(message.deleted, NULL, change.event ->> '$.text'),
                    json((SELECT json_group_array(value ->> 'id') FROM json_each(message.event, '$.attachments'))))
               FROM events AS change
               JOIN events AS message ON message.seq = iif(change.kind = 'message.posted', change.seq, change.target)
              WHERE change.seq > ?1 AND change.seq <= ?2
                AND change.kind IN ('message.posted', 'message.edited', 'message.deleted')
                AND NOT EXISTS (SELECT 1 FROM events AS later
                                 WHERE later.target = message.seq AND later.seq > change.seq
                                   AND later.kind IN ('message.edited', 'message.deleted'))
              ORDER BY change.seq LIMIT ?3",
            vec![int(after.0), int(head.0), int(ROWS as u64)],
        )
    }

    /// The org's search knows the messages up to an event.
    pub(crate) fn told_messages(&self, upto: Seq) -> Result<()> {
        self.sql.run("UPDATE chat SET indexed = ?", vec![int(upto.0)])
    }

    fn progress(&self, query: &str) -> Result<Seq> {
        let text = self.sql.text(query, vec![])?;
        Ok(Seq(text.and_then(|text| text.parse().ok()).unwrap_or(0)))
    }
}
