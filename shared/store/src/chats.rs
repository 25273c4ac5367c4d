//! The index of chats: what their objects told of themselves, and who should be told when a membership ends.
//!
//! Invariant: a row never goes back. Projections may come twice and in any order; the newer `head` or `version` stays.

use slipway_contract::http::chats::ChatSummary;
use slipway_contract::objects::projection::ChatProjection;
use slipway_contract::{ChannelId, ChatId, Seq, Timestamp, UserId};

use crate::page::{Page, Slice};
use crate::value::{Value, int, sql, storable};
use crate::{OrgDb, StoreError, approvals, attachments, messages};

/// Takes in what a chat told: its row, people, messages, and approvals with their traces in the audit log. The org of the
/// projection must be the scope's.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such channel, the projection is another org's, or what it tells of is, or
/// was, deleted.
pub async fn project(db: &mut OrgDb, chat: &ChatProjection) -> Result<(), StoreError> {
    let org = db.org();
    if chat.org != org {
        return Err(StoreError::NotFound { statement: "chats::project" });
    }
    let Seq(head) = chat.head;
    let row = db
        .fetch_one(
        "-- chats::project
         WITH gone AS (SELECT 1 FROM deletions WHERE org_id = $1 AND subject IN ($1, $2, $3)),
         put AS (
             INSERT INTO chats AS row
                    (chat_id, org_id, channel_id, title, created_at, head, last_message_at, preview, message_count,
                     changed)
             SELECT $2, $1, $3, $4, $5, $6, $7, $8, $9, pg_current_xact_id()::text::bigint
              WHERE NOT EXISTS (SELECT 1 FROM gone)
             ON CONFLICT (chat_id) DO UPDATE
                SET title = excluded.title, head = excluded.head, last_message_at = excluded.last_message_at,
                    preview = excluded.preview, message_count = excluded.message_count, active_at = now(),
                    -- what lists show; the head moves with every word that an agent is asked for
                    changed = CASE WHEN (row.title, row.preview, row.message_count, row.last_message_at) IS DISTINCT FROM
                                        (excluded.title, excluded.preview, excluded.message_count, excluded.last_message_at)
                                   THEN excluded.changed ELSE row.changed END
              WHERE row.org_id = excluded.org_id AND row.head < excluded.head)
         SELECT EXISTS (SELECT 1 FROM gone) AS gone",
        &[
            sql(org),
            sql(chat.chat),
            sql(chat.channel),
            sql(&storable(&chat.title)),
            sql(chat.created_at),
            sql(head),
            sql(chat.last_message_at),
            sql(&storable(&chat.preview)),
            sql(chat.message_count),
        ],
    )
    .await?;
    if row.read("gone")? {
        return Err(StoreError::NotFound { statement: "chats::project" });
    }
    project_people(db, chat).await?;
    messages::project(db, chat).await?;
    attachments::project(db, chat).await?;
    approvals::project(db, chat).await
}

async fn project_people(db: &mut OrgDb, chat: &ChatProjection) -> Result<(), StoreError> {
    let org = db.org();
    let people = &chat.people;
    if people.is_empty() {
        return Ok(());
    }
    db.execute(
        "-- chats::project (people)
         INSERT INTO chat_people AS row (org_id, chat_id, user_id, participant, read_count, mentions, version, changed)
         SELECT $1, $2, user_id, participant, read_count, mentions, version, pg_current_xact_id()::text::bigint
           FROM unnest($3, $4, $5, $6, $7) AS given (user_id, participant, read_count, mentions, version)
          ORDER BY user_id
         ON CONFLICT (chat_id, user_id) DO UPDATE
            SET participant = excluded.participant, read_count = excluded.read_count, mentions = excluded.mentions,
                version = excluded.version, changed = excluded.changed
          WHERE row.version < excluded.version",
        &[
            sql(org),
            sql(chat.chat),
            Value::Texts(people.iter().map(|person| person.user.to_string()).collect()),
            Value::Bools(people.iter().map(|person| person.participant).collect()),
            Value::Ints(people.iter().map(|person| int(person.read_count)).collect()),
            Value::Ints(people.iter().map(|person| int(person.mentions)).collect()),
            Value::Ints(people.iter().map(|person| int(person.version)).collect()),
        ],
    )
    .await?;
    Ok(())
}

/// The chats of a channel, the one with the newest message first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    channel: ChannelId,
    user: UserId,
    page: &Page<(Timestamp, ChatId)>,
) -> Result<Slice<ChatSummary>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- chats::list
             SELECT chat_id, channel_id, title, created_at, last_message_at, preview, message_count, archived,
                    coalesce(participant, false) AS participant,
                    CASE WHEN participant THEN greatest(message_count - read_count, 0) ELSE 0 END AS unread,
                    CASE WHEN participant THEN mentions ELSE 0 END AS mentions
               FROM chats LEFT JOIN (SELECT chat_id, participant, read_count, mentions FROM chat_people
                                      WHERE org_id = $1 AND user_id = $3) AS own USING (chat_id)
              WHERE org_id = $1 AND channel_id = $2
                AND ($4::timestamptz IS NULL OR (last_message_at, chat_id) < ($4, $5))
              ORDER BY last_message_at DESC, chat_id DESC LIMIT $6",
            &[
                sql(org),
                sql(channel),
                sql(user),
                sql(page.after.map(|(at, _)| at)),
                sql(page.after.map(|(_, chat)| chat)),
                sql(page.fetch()),
            ],
        )
        .await?;
    let chats = rows.iter().map(|row| {
        Ok(ChatSummary {
            id: row.read("chat_id")?,
            channel: row.read("channel_id")?,
            title: row.read("title")?,
            created_at: row.read("created_at")?,
            last_message_at: row.read("last_message_at")?,
            preview: row.read("preview")?,
            message_count: row.read("message_count")?,
            unread: row.read("unread")?,
            mentions: row.read("mentions")?,
            participant: row.read("participant")?,
            archived: row.read("archived")?,
        })
    });
    Ok(page.cut(chats.collect::<Result<_, StoreError>>()?))
}

/// The channel of a chat; `None` when the index does not know it (yet), or it is another org's.
///
/// # Errors
/// Only those of the connection.
pub async fn channel_of(db: &mut OrgDb, chat: ChatId) -> Result<Option<ChannelId>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- chats::channel_of
         SELECT channel_id FROM chats WHERE org_id = $1 AND chat_id = $2",
        &[sql(org), sql(chat)],
    )
    .await?
    .map(|row| row.read("channel_id"))
    .transpose()
}

/// Notes that a person may take part from now on, before the chat is told: should their membership end, the chat is told
/// that too, even when its own projection has not come yet.
///
/// # Errors
/// [`StoreError::NotFound`] when the index does not know the chat.
pub async fn expect_person(db: &mut OrgDb, chat: ChatId, user: UserId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- chats::expect_person
         INSERT INTO chat_people (org_id, chat_id, user_id, participant, read_count, version)
         VALUES ($1, $2, $3, false, 0, 0) ON CONFLICT (chat_id, user_id) DO NOTHING",
        &[sql(org), sql(chat), sql(user)],
    )
    .await?;
    Ok(())
}

/// Whether a person takes part in a chat, as far as the index knows.
///
/// # Errors
/// Only those of the connection.
pub async fn takes_part(db: &mut OrgDb, chat: ChatId, user: UserId) -> Result<bool, StoreError> {
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- chats::takes_part
             SELECT 1 AS one FROM chat_people
              WHERE org_id = $1 AND chat_id = $2 AND user_id = $3 AND participant",
            &[sql(org), sql(chat), sql(user)],
        )
        .await?;
    Ok(row.is_some())
}
