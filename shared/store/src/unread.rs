//! What a person has not read in all their chats, and what of it changed since they last asked.
//!
//! Invariant: whoever asks again from the horizon of an answer misses nothing: every transaction that the answer did not
//! see is the horizon's or a later one. How long asking takes depends on what changed, not on how many chats there are.

use slipway_contract::http::unread::UnreadChat;
use slipway_contract::{ChannelId, UserId};

use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, StoreError};

/// Most chats of one answer.
pub const MOST: u64 = 200;

/// How a person's chats stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The chats that are told of.
    pub chats: Vec<UnreadChat>,
    /// Where to go on from.
    pub horizon: u64,
    /// Something changed in a chat of the channel.
    pub stirred: bool,
    /// Somebody had a chat or a channel of the org deleted; which, nobody is told here.
    pub deleted: bool,
}

/// What a person has not read: the chats with the newest messages first.
///
/// # Errors
/// Only those of the connection.
pub async fn all(db: &mut OrgDb, user: UserId) -> Result<Standing, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- unread::all
             WITH told AS (
                 SELECT chat_id, channel_id, greatest(message_count - read_count, 0) AS unread, mentions,
                        greatest(chats.changed, own.changed) AS version
                   FROM chat_people AS own JOIN chats USING (org_id, chat_id)
                  WHERE org_id = $1 AND user_id = $2 AND participant AND (message_count > read_count OR mentions > 0)
                  ORDER BY last_message_at DESC, chat_id DESC LIMIT $3)
             SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon, false AS stirred, false AS deleted, told.*
               FROM (VALUES (1)) AS once LEFT JOIN told ON true",
            &[sql(org), sql(user), sql(MOST)],
        )
        .await?;
    read(&rows)
}

/// What may have changed since `since`, the oldest change first, and whether anything did in a channel, or was deleted in the
/// org. Of more than [`MOST`], the horizon is the last one's. (No transaction that is yet to come has changed anything: a row
/// that says so was brought here from another server.)
///
/// # Errors
/// Only those of the connection.
pub async fn since(
    db: &mut OrgDb,
    user: UserId,
    since: u64,
    channel: Option<ChannelId>,
) -> Result<Standing, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- unread::since
             WITH stirred AS MATERIALIZED (
                 SELECT chat_id, channel_id FROM chats
                  WHERE org_id = $1 AND changed >= $3
                    AND changed < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)),
             touched AS (
                 SELECT chat_id FROM stirred
                  UNION SELECT chat_id FROM chat_people
                         WHERE org_id = $1 AND user_id = $2 AND changed >= $3
                           AND changed < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)),
             told AS (
                 SELECT chat_id, channel_id,
                        CASE WHEN participant THEN greatest(message_count - read_count, 0) ELSE 0 END AS unread,
                        CASE WHEN participant THEN mentions ELSE 0 END AS mentions,
                        greatest(chats.changed, own.changed) AS version
                   FROM touched JOIN chats USING (chat_id) JOIN chat_people AS own USING (org_id, chat_id)
                  WHERE org_id = $1 AND user_id = $2 AND (participant OR own.changed >= $3)
                  ORDER BY version, chat_id LIMIT $5)
             SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
                    EXISTS (SELECT 1 FROM stirred WHERE stirred.channel_id = $4) AS stirred,
                    EXISTS (SELECT 1 FROM deletions
                             WHERE org_id = $1 AND kind IN ('chat', 'channel') AND parent_id IS NULL AND asked_in >= $3
                               AND asked_in < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)) AS deleted,
                    told.*
               FROM (VALUES (1)) AS once LEFT JOIN told ON true",
            &[sql(org), sql(user), sql(since), sql(channel), sql(MOST)],
        )
        .await?;
    let mut standing = read(&rows)?;
    if standing.chats.len() as u64 >= MOST
        && let Some(last) = standing.chats.iter().map(|chat| chat.version).max()
    {
        standing.horizon = standing.horizon.min(last);
    }
    Ok(standing)
}

fn read(rows: &[Row]) -> Result<Standing, StoreError> {
    let mut standing = Standing::default();
    for row in rows {
        (standing.horizon, standing.stirred) = (row.read("horizon")?, row.read("stirred")?);
        standing.deleted = row.read("deleted")?;
        if let Some(chat) = row.read("chat_id")? {
            standing.chats.push(UnreadChat {
                chat,
                channel: row.read("channel_id")?,
                unread: row.read("unread")?,
                mentions: row.read("mentions")?,
                version: row.read("version")?,
            });
        }
    }
    Ok(standing)
}
