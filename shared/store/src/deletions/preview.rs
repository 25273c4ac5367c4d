//! What a deletion would take, counted before anybody asks for it.
//!
//! Invariants: it is counted in a scope that only reads, and up to so many rows of a kind, whatever there is. What is gone
//! already or on its way out (ended memberships, destroyed sandboxes, deleted messages) is nothing that could be lost. The
//! kinds are those of the lists of `tables`, and a test holds the two together: these statements count through the chats of
//! a channel or an org, for which those lists have no words.

use slipway_contract::http::deletions::{DeletedCount, DeletionSubject};

use super::people::counted;
use crate::row::Row;
use crate::value::sql;
use crate::{MembershipsDb, OrgDb, StoreError};

/// What goes with a chat, a channel or the whole org: up to `most` rows of each kind, looked for in up to `most` chats. What
/// another org has, or what is being deleted, counts for nothing.
///
/// # Errors
/// Only those of the connection.
pub async fn preview(
    db: &mut OrgDb,
    subject: DeletionSubject,
    most: u64,
) -> Result<Vec<DeletedCount>, StoreError> {
    let org = db.org();
    // `$2` is of one kind, as its prefix says: of the branches only that kind's finds anything. Rows are looked for by
    // indices, so what has none that fits (acts upon sandboxes, what is owed to them) is not looked for: nobody knows it.
    let rows = db
        .fetch_all(
            "-- deletions::preview
             WITH chat AS MATERIALIZED (
                 SELECT chat_id FROM chats WHERE org_id = $1 AND chat_id = $2
                 UNION ALL SELECT chat_id FROM chats WHERE org_id = $1 AND channel_id = $2
                 UNION ALL SELECT chat_id FROM chats WHERE org_id = $1 AND $1 = $2
                 LIMIT $3),
             channel AS MATERIALIZED (
                 SELECT channel_id FROM channels WHERE org_id = $1 AND (channel_id = $2 OR $1 = $2) LIMIT $3),
             sandbox AS MATERIALIZED (
                 SELECT sandbox_id FROM sandboxes
                  WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat) AND state <> 'destroyed' LIMIT $3)
             SELECT 'sandboxes' AS kind, count(*) AS count, 0::bigint AS bytes FROM sandbox
             UNION ALL
             SELECT 'snapshots', count(*), coalesce(sum(bytes), 0)::bigint FROM (
                 SELECT bytes FROM snapshots
                  WHERE org_id = $1 AND sandbox_id IN (SELECT sandbox_id FROM sandbox) AND state <> 'removing'
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'artifacts', count(*), coalesce(sum(bytes), 0)::bigint FROM (
                 SELECT bytes FROM artifacts WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat)
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'attachments', count(*), coalesce(sum(bytes), 0)::bigint FROM (
                 SELECT bytes FROM attachments
                  WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat) AND state <> 'removed'
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'archives', count(*), coalesce(sum(packed_bytes), 0)::bigint FROM (
                 SELECT packed_bytes FROM chat_archives
                  WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat) AND state <> 'removing'
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'messages', count(*), 0 FROM (
                 SELECT 1 FROM messages
                  WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat) AND text IS NOT NULL
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'approvals', count(*), 0 FROM (
                 SELECT 1 FROM approvals WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat)
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'participants', count(*), 0 FROM (
                 SELECT 1 FROM chat_people
                  WHERE org_id = $1 AND chat_id IN (SELECT chat_id FROM chat) AND participant
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'chats', count(*), 0 FROM chat
             UNION ALL
             SELECT 'context_items', count(*), 0 FROM (
                 SELECT 1 FROM context_items
                  WHERE org_id = $1
                    AND ((scope = 'chat' AND chat_id IN (SELECT chat_id FROM chat))
                         OR (scope = 'channel' AND channel_id IN (SELECT channel_id FROM channel))
                         OR (scope = 'org' AND $1 = $2)
                         OR (state = 'proposed' AND proposed_in IN (SELECT chat_id FROM chat)))
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'channel_members', count(*), 0 FROM (
                 SELECT 1 FROM channel_members WHERE org_id = $1 AND channel_id IN (SELECT channel_id FROM channel)
                  LIMIT $3) AS found
             UNION ALL
             SELECT 'channels', count(*), 0 FROM channel
             UNION ALL
             SELECT 'agents', count(*), 0 FROM (
                 SELECT 1 FROM agents WHERE org_id = $1 AND $1 = $2 LIMIT $3) AS found
             UNION ALL
             SELECT 'invitations', count(*), 0 FROM (
                 SELECT 1 FROM invitations
                  WHERE org_id = $1 AND $1 = $2 AND accepted_at IS NULL AND revoked_at IS NULL LIMIT $3) AS found
             UNION ALL
             SELECT 'settings', count(*), 0 FROM (
                 SELECT 1 FROM org_config WHERE org_id = $1 AND $1 = $2 AND value IS NOT NULL
                 UNION ALL SELECT 1 FROM quotas WHERE org_id = $1 AND $1 = $2
                 UNION ALL SELECT 1 FROM approval_policies WHERE org_id = $1 AND $1 = $2
                 UNION ALL SELECT 1 FROM retention WHERE org_id = $1 AND $1 = $2
                 LIMIT $3) AS found
             UNION ALL
             SELECT 'members', count(*), 0 FROM (
                 SELECT 1 FROM members WHERE org_id = $1 AND $1 = $2 AND ended_at IS NULL LIMIT $3) AS found
             UNION ALL
             SELECT 'orgs', count(*), 0 FROM orgs WHERE org_id = $1 AND $1 = $2",
            &[sql(org), sql(&id(subject)), sql(most)],
        )
        .await?;
    read(&rows)
}

/// How many people would lose it, up to `most`: who take part in the chat, who see the channel, or the org's members.
///
/// # Errors
/// Only those of the connection.
pub async fn preview_people(db: &mut OrgDb, subject: DeletionSubject, most: u64) -> Result<u64, StoreError> {
    let org = db.org();
    let row = db
        .fetch_one(
            "-- deletions::preview_people
             SELECT count(*) AS count FROM (
                 SELECT 1 FROM chat_people WHERE org_id = $1 AND chat_id = $2 AND participant
                 UNION ALL
                 SELECT 1 FROM channels JOIN members ON members.org_id = $1 AND members.ended_at IS NULL
                  WHERE channels.org_id = $1 AND channels.channel_id = $2
                    AND ((visibility = 'public' AND role <> 'guest') OR EXISTS (
                        SELECT 1 FROM channel_members
                         WHERE channel_members.org_id = $1 AND channel_members.channel_id = $2
                           AND channel_members.user_id = members.user_id))
                 UNION ALL
                 SELECT 1 FROM members WHERE org_id = $1 AND $1 = $2 AND ended_at IS NULL
                 LIMIT $3) AS found",
            &[sql(org), sql(&id(subject)), sql(most)],
        )
        .await?;
    row.read("count")
}

/// What goes with the person's account: the account, their places in orgs and in chats, up to `most` of each. Sign-ins and
/// the password are part of the account.
///
/// # Errors
/// Only those of the connection.
pub async fn preview_account(db: &mut MembershipsDb, most: u64) -> Result<Vec<DeletedCount>, StoreError> {
    let user = db.user();
    let rows = db
        .fetch_all(
            "-- deletions::preview_account
             WITH own AS MATERIALIZED (
                 SELECT org_id FROM members WHERE user_id = $1 AND ended_at IS NULL LIMIT $2)
             SELECT 'members' AS kind, count(*) AS count, 0::bigint AS bytes FROM own
             UNION ALL
             SELECT 'participants', count(*), 0 FROM (
                 SELECT 1 FROM chat_people
                  WHERE org_id IN (SELECT org_id FROM own) AND user_id = $1 AND participant LIMIT $2) AS found
             UNION ALL
             SELECT 'accounts', count(*), 0 FROM users WHERE user_id = $1",
            &[sql(user), sql(most)],
        )
        .await?;
    read(&rows)
}

/// The id of what is deleted.
fn id(subject: DeletionSubject) -> String {
    match subject {
        DeletionSubject::Chat { id } => id.to_string(),
        DeletionSubject::Channel { id } => id.to_string(),
        DeletionSubject::Org { id } => id.to_string(),
        DeletionSubject::Person { id } => id.to_string(),
    }
}

/// The kinds of which there is something, in their order.
fn read(rows: &[Row]) -> Result<Vec<DeletedCount>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let count = counted(row.read("kind")?, row.read("count")?);
        if count.count > 0 {
            found.push(DeletedCount { bytes: row.read("bytes")?, ..count });
        }
    }
    found.sort_unstable_by_key(|count| count.kind);
    Ok(found)
}
