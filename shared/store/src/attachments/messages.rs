//! Files and the messages that they come with: bound before the chat is asked, settled when it said so, told of by it later,
//! and let go when they are older than their org keeps them.
//!
//! Invariant: a file goes into one message, and goes when that does, in whatever order its rows hear of it.

use slipway_contract::http::attachments::Attachment;
use slipway_contract::objects::projection::ChatProjection;
use slipway_contract::{AttachmentId, ChatId, MessageId, Timestamp, UserId};

use super::read;
use crate::value::{Value, int, sql};
use crate::{OrgDb, StoreError};

/// Binds complete files of a person to the message that they are about to post in a chat; `None`, and nothing is to be
/// kept, when one of them is not there, not theirs, or bound to another. The same again is fine.
///
/// # Errors
/// Only those of the connection.
pub async fn bind(
    db: &mut OrgDb,
    chat: ChatId,
    by: UserId,
    post: &str,
    wanted: &[AttachmentId],
) -> Result<Option<Vec<Attachment>>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- attachments::bind
             UPDATE attachments SET post = $4
              WHERE org_id = $1 AND chat_id = $2 AND uploaded_by = $3 AND state = 'complete'
                AND attachment_id = ANY($5) AND (post = $4 OR (post IS NULL AND message_seq IS NULL))
             RETURNING attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                       true AS posted, created_at",
            &[sql(org), sql(chat), sql(by), sql(post), ids(wanted)],
        )
        .await?;
    let bound = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let of = |id: &AttachmentId| bound.iter().find(|one| one.attachment.id == *id);
    // In the order in which they are wanted.
    Ok(wanted.iter().map(|id| of(id).map(|one| one.attachment.clone())).collect())
}

/// The chat did not take the message: its files are free again.
///
/// # Errors
/// Only those of the connection.
pub async fn release(
    db: &mut OrgDb,
    chat: ChatId,
    by: UserId,
    post: &str,
    bound: &[AttachmentId],
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- attachments::release
         UPDATE attachments SET post = NULL
          WHERE org_id = $1 AND chat_id = $2 AND uploaded_by = $3 AND post = $4 AND message_seq IS NULL
            AND state = 'complete' AND attachment_id = ANY($5)",
        &[sql(org), sql(chat), sql(by), sql(post), ids(bound)],
    )
    .await
    .map(drop)
}

/// The chat took the message with these files, at once after it said so. (The chat's own telling says it as well, later.)
/// The chat's row is locked before, as tellings do: a message that was deleted meanwhile takes its files along.
///
/// # Errors
/// Only those of the connection.
pub async fn settle(db: &mut OrgDb, message: MessageId, bound: &[AttachmentId]) -> Result<(), StoreError> {
    let (org, chat) = (db.org(), message.chat());
    db.fetch_optional(
        "-- attachments::settle (lock)
         SELECT 1 AS one FROM chats WHERE org_id = $1 AND chat_id = $2 FOR UPDATE",
        &[sql(org), sql(chat)],
    )
    .await?;
    let seqs = vec![int(message.seq().0); bound.len()];
    came(db, chat, ids(bound), Value::Ints(seqs)).await
}

/// Takes in which files came with the messages that a chat told of, and that those of deleted ones shall go; with the
/// messages' rows, and after them, in one transaction.
pub(crate) async fn project(db: &mut OrgDb, chat: &ChatProjection) -> Result<(), StoreError> {
    let told = || chat.messages.iter().flat_map(|one| one.attachments.iter().map(|id| (id, one.message)));
    if told().next().is_some() {
        let ids = Value::Texts(told().map(|(id, _)| id.to_string()).collect());
        let seqs = Value::Ints(told().map(|(_, message)| int(message.seq().0)).collect());
        came(db, chat.chat, ids, seqs).await?;
    }
    let deleted: Vec<i64> =
        chat.messages.iter().filter(|one| one.text.is_none()).map(|one| int(one.message.seq().0)).collect();
    if deleted.is_empty() {
        return Ok(());
    }
    let org = db.org();
    db.execute(
        "-- attachments::project (deleted)
         UPDATE attachments SET state = 'removed'
          WHERE org_id = $1 AND chat_id = $2 AND message_seq = ANY($3) AND state = 'complete'",
        &[sql(org), sql(chat.chat), Value::Ints(deleted)],
    )
    .await
    .map(drop)
}

/// Files came with messages. One whose message is deleted by now shall go.
async fn came(db: &mut OrgDb, chat: ChatId, files: Value, seqs: Value) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- attachments::came
         UPDATE attachments
            SET message_seq = given.seq,
                state = CASE WHEN EXISTS (SELECT 1 FROM messages
                                           WHERE messages.org_id = $1 AND messages.chat_id = $2
                                             AND messages.seq = given.seq AND messages.text IS NULL)
                             THEN 'removed' ELSE state END
           FROM unnest($3, $4) AS given (id, seq)
          WHERE org_id = $1 AND chat_id = $2 AND attachment_id = given.id AND state = 'complete'
            AND message_seq IS NULL",
        &[sql(org), sql(chat), files, seqs],
    )
    .await
    .map(drop)
}

/// Attachments in messages that were uploaded before `before` shall go, the oldest first; their messages stay. Answers how
/// many were told so. (What is in no message has a day at most, whatever its org keeps.)
///
/// # Errors
/// Only those of the connection.
pub async fn expire(db: &mut OrgDb, before: Timestamp, most: u64) -> Result<u64, StoreError> {
    let org = db.org();
    db.execute(
        "-- attachments::expire
         UPDATE attachments SET state = 'removed'
          WHERE org_id = $1 AND state = 'complete' AND attachment_id IN (
                SELECT attachment_id FROM attachments
                 WHERE org_id = $1 AND state = 'complete' AND message_seq IS NOT NULL AND created_at < $2
                 ORDER BY created_at, attachment_id LIMIT $3)",
        &[sql(org), sql(before), sql(most)],
    )
    .await
}

fn ids(attachments: &[AttachmentId]) -> Value {
    Value::Texts(attachments.iter().map(ToString::to_string).collect())
}
