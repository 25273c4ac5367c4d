//! Asking for deletions. In one transaction with that, what shall go is hidden and the audit log says who wanted it.

use slipway_contract::http::deletions::DeletionSubject;
use slipway_contract::{Actor, ChannelId, ChatId, DeletionId, OrgId, Timestamp};

use super::ids;
use crate::value::sql;
use crate::words::actor_text;
use crate::{ErasureDb, OrgDb, RemovalDb, StoreError};

/// A deletion that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct NewDeletion {
    /// Its id, unless there is one of the same thing already.
    pub id: DeletionId,
    /// Who asks: a person, or Slipway itself.
    pub by: Actor,
    /// The deletion that it is a part of.
    pub parent: Option<DeletionId>,
    /// When.
    pub now: Timestamp,
}

/// A chat shall go: nobody sees it or takes part in it any more. The id of its deletion, which may have been there before.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such chat, and had none that was deleted.
pub async fn ask_chat(db: &mut RemovalDb, new: &NewDeletion, chat: ChatId) -> Result<DeletionId, StoreError> {
    const NAME: &str = "deletions::ask_chat";
    let org = db.org();
    db.execute(
        "-- deletions::ask_chat (people)
         UPDATE chat_people SET participant = false WHERE org_id = $1 AND chat_id = $2 AND participant",
        &[sql(org), sql(chat)],
    )
    .await?;
    let doomed = db
        .execute_optional(
            "-- deletions::ask_chat
             UPDATE chats SET doomed = true WHERE org_id = $1 AND chat_id = $2",
            &[sql(org), sql(chat)],
        )
        .await?;
    ask(db, new, "chat", &chat.to_string(), doomed).await?.ok_or(StoreError::NotFound { statement: NAME })
}

/// A channel and its chats shall go: nobody sees them any more. Otherwise as [`ask_chat`].
///
/// # Errors
/// As [`ask_chat`].
pub async fn ask_channel(
    db: &mut RemovalDb,
    new: &NewDeletion,
    channel: ChannelId,
) -> Result<DeletionId, StoreError> {
    const NAME: &str = "deletions::ask_channel";
    let org = db.org();
    db.execute(
        "-- deletions::ask_channel (people)
         UPDATE chat_people SET participant = false
          WHERE org_id = $1 AND participant
            AND chat_id IN (SELECT chat_id FROM chats WHERE org_id = $1 AND channel_id = $2)",
        &[sql(org), sql(channel)],
    )
    .await?;
    db.execute(
        "-- deletions::ask_channel (chats)
         UPDATE chats SET doomed = true WHERE org_id = $1 AND channel_id = $2 AND NOT doomed",
        &[sql(org), sql(channel)],
    )
    .await?;
    let doomed = db
        .execute_optional(
            "-- deletions::ask_channel
             UPDATE channels SET doomed = true WHERE org_id = $1 AND channel_id = $2",
            &[sql(org), sql(channel)],
        )
        .await?;
    ask(db, new, "channel", &channel.to_string(), doomed)
        .await?
        .ok_or(StoreError::NotFound { statement: NAME })
}

/// The scope's org shall go: it is nobody's any more, and nobody sees anything of it. Otherwise as [`ask_chat`].
///
/// # Errors
/// As [`ask_chat`].
pub async fn ask_org(db: &mut RemovalDb, new: &NewDeletion) -> Result<DeletionId, StoreError> {
    const NAME: &str = "deletions::ask_org";
    let org: OrgId = db.org();
    db.execute(
        "-- deletions::ask_org (people)
         UPDATE chat_people SET participant = false WHERE org_id = $1 AND participant",
        &[sql(org)],
    )
    .await?;
    db.execute(
        "-- deletions::ask_org (chats)
         UPDATE chats SET doomed = true WHERE org_id = $1 AND NOT doomed",
        &[sql(org)],
    )
    .await?;
    db.execute(
        "-- deletions::ask_org (channels)
         UPDATE channels SET doomed = true WHERE org_id = $1 AND NOT doomed",
        &[sql(org)],
    )
    .await?;
    db.execute(
        "-- deletions::ask_org (invitations)
         UPDATE invitations SET revoked_at = $2, revoked_by = $3
          WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
        &[sql(org), sql(new.now), sql(&actor_text(new.by))],
    )
    .await?;
    db.execute(
        "-- deletions::ask_org (members)
         UPDATE members SET ended_at = $2 WHERE org_id = $1 AND ended_at IS NULL",
        &[sql(org), sql(new.now)],
    )
    .await?;
    let there = db
        .fetch_optional(
            "-- deletions::ask_org
             SELECT org_id FROM orgs WHERE org_id = $1",
            &[sql(org)],
        )
        .await?
        .is_some();
    ask(db, new, "org", &org.to_string(), there).await?.ok_or(StoreError::NotFound { statement: NAME })
}

/// The scope's person wants their account deleted; the id of that deletion, which may have been there before.
///
/// # Errors
/// Only those of the connection.
pub async fn ask_person(
    db: &mut ErasureDb,
    id: DeletionId,
    now: Timestamp,
) -> Result<DeletionId, StoreError> {
    let user = db.user();
    db.execute_optional(
        "-- deletions::ask_person
         INSERT INTO deletions (deletion_id, kind, subject, asked_by, asked_at, step, tries, version, due_at, removed,
                                leftovers)
         VALUES ($1, 'person', $2, $2, $3, 'asked', 0, 1, $3, '[]', '[]') ON CONFLICT (subject) DO NOTHING",
        &[sql(id), sql(user), sql(now)],
    )
    .await?;
    let row = db
        .fetch_one(
            "-- deletions::ask_person (id)
             SELECT deletion_id FROM deletions WHERE kind = 'person' AND subject = $1",
            &[sql(user)],
        )
        .await?;
    row.read("deletion_id")
}

/// Writes the deletion down unless there is one of the same thing; `None` when there is none and may be none.
async fn ask(
    db: &mut RemovalDb,
    new: &NewDeletion,
    kind: &'static str,
    subject: &str,
    there: bool,
) -> Result<Option<DeletionId>, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- deletions::ask
         WITH asked AS (
             INSERT INTO deletions (deletion_id, org_id, kind, subject, parent_id, asked_by, asked_at, step, tries,
                                    version, due_at, removed, leftovers)
             SELECT $2, $1, $3, $4, $5, $6, $7, 'asked', 0, 1, $7, '[]', '[]' WHERE $8
             ON CONFLICT (subject) DO NOTHING RETURNING deletion_id)
         INSERT INTO audit (org_id, key, actor, action, subject, detail)
         SELECT $1, deletion_id || ':asked', $6, $3 || '.delete', $4, deletion_id FROM asked
         ON CONFLICT (org_id, key) DO NOTHING",
        &[
            sql(org),
            sql(new.id),
            sql(kind),
            sql(subject),
            sql(new.parent),
            sql(new.by),
            sql(new.now),
            sql(there),
        ],
    )
    .await?;
    db.fetch_optional(
        "-- deletions::ask (id)
         SELECT deletion_id FROM deletions WHERE org_id = $1 AND subject = $2",
        &[sql(org), sql(subject)],
    )
    .await?
    .map(|row| row.read("deletion_id"))
    .transpose()
}

/// Records in the audit log that a deletion is over.
///
/// # Errors
/// Only those of the connection.
pub async fn audit(
    db: &mut RemovalDb,
    deletion: DeletionId,
    subject: DeletionSubject,
    detail: &str,
) -> Result<(), StoreError> {
    let org = db.org();
    let (action, subject) = match subject {
        DeletionSubject::Chat { id } => ("chat.deleted", id.to_string()),
        DeletionSubject::Channel { id } => ("channel.deleted", id.to_string()),
        DeletionSubject::Org { id } => ("org.deleted", id.to_string()),
        DeletionSubject::Person { id } => ("person.deleted", id.to_string()),
    };
    db.execute_optional(
        "-- deletions::audit
         INSERT INTO audit (org_id, key, actor, action, subject, detail) VALUES ($1, $2, 'system', $3, $4, $5)
         ON CONFLICT (org_id, key) DO NOTHING",
        &[sql(org), sql(&format!("{deletion}:{action}")), sql(action), sql(&subject), sql(detail)],
    )
    .await?;
    Ok(())
}

/// Chats of a channel for which no deletion was asked yet.
///
/// # Errors
/// Only those of the connection.
pub async fn chats_to_go(
    db: &mut RemovalDb,
    channel: ChannelId,
    most: u64,
) -> Result<Vec<ChatId>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- deletions::chats_to_go
             SELECT chat_id FROM chats WHERE org_id = $1 AND channel_id = $2
                AND NOT EXISTS (SELECT 1 FROM deletions WHERE subject = chat_id)
              ORDER BY chat_id LIMIT $3",
            &[sql(org), sql(channel), sql(most)],
        )
        .await?;
    ids(&rows, "chat_id")
}

/// Channels of the org for which no deletion was asked yet.
///
/// # Errors
/// Only those of the connection.
pub async fn channels_to_go(db: &mut RemovalDb, most: u64) -> Result<Vec<ChannelId>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- deletions::channels_to_go
             SELECT channel_id FROM channels WHERE org_id = $1
                AND NOT EXISTS (SELECT 1 FROM deletions WHERE subject = channel_id)
              ORDER BY channel_id LIMIT $2",
            &[sql(org), sql(most)],
        )
        .await?;
    ids(&rows, "channel_id")
}

/// Chats in which nothing has happened since `before`.
///
/// # Errors
/// Only those of the connection.
pub async fn old_chats(db: &mut OrgDb, before: Timestamp, most: u64) -> Result<Vec<ChatId>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- deletions::old_chats
             SELECT chat_id FROM chats WHERE org_id = $1 AND active_at < $2 AND last_message_at < $2
              ORDER BY active_at, chat_id LIMIT $3",
            &[sql(org), sql(before), sql(most)],
        )
        .await?;
    ids(&rows, "chat_id")
}

/// A chat that the index was told of too late, since its channel or org is deleted by then, goes with that: it was being
/// made, and nobody else would ever find it. It is a part of that deletion unless that is past waiting for its parts. Answers
/// whether it does.
///
/// # Errors
/// Only those of the connection.
pub async fn adopt(
    db: &mut OrgDb,
    new: &NewDeletion,
    chat: ChatId,
    channel: ChannelId,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- deletions::adopt
         WITH asked AS (
             INSERT INTO deletions (deletion_id, org_id, kind, subject, parent_id, asked_by, asked_at, step, tries, version,
                                    due_at, removed, leftovers)
             SELECT $2, $1, 'chat', $3,
                    (SELECT deletion_id FROM deletions
                      WHERE org_id = $1 AND subject IN ($1, $4) AND step IN ('asked', 'closed')
                      ORDER BY kind LIMIT 1),
                    $5, $6, 'asked', 0, 1, $6, '[]', '[]'
              WHERE EXISTS (SELECT 1 FROM deletions WHERE org_id = $1 AND subject IN ($1, $4))
             ON CONFLICT (subject) DO NOTHING RETURNING deletion_id)
         INSERT INTO audit (org_id, key, actor, action, subject, detail)
         SELECT $1, deletion_id || ':asked', $5, 'chat.delete', $3, deletion_id FROM asked
         ON CONFLICT (org_id, key) DO NOTHING",
        &[sql(org), sql(new.id), sql(chat), sql(channel), sql(new.by), sql(new.now)],
    )
    .await
}
