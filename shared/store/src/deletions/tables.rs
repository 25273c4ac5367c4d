//! The tables that hold rows of a chat, a channel or an org: in the order in which they go, what points at others first.
//!
//! Invariant: a table that is missing here keeps what it points at from going, and so the deletion from its end: nothing is
//! left behind unseen. Rows that name objects of R2 (artifacts, attachments, snapshots) are not here: they go after their objects, one by
//! one, and a chat that still has some is not forgotten.

use slipway_contract::http::deletions::{DeletedCount, DeletedKind};

use super::people::counted;
use crate::value::sql;
use crate::{RemovalDb, StoreError};

/// The rows of one table.
#[derive(Debug)]
pub struct Rows {
    /// What they are counted as.
    pub kind: DeletedKind,
    remove: &'static str,
    count: &'static str,
}

/// `$1` is the org, `$2` the chat, channel or org, `$3` the most rows at once.
macro_rules! rows {
    ($kind:ident, $table:literal, $of:literal) => {
        Rows {
            kind: DeletedKind::$kind,
            remove: concat!(
                "-- deletions::remove (",
                $table,
                ")\n DELETE FROM ",
                $table,
                " WHERE org_id = $1 AND ctid IN (SELECT ctid FROM ",
                $table,
                " WHERE org_id = $1 AND ",
                $of,
                " LIMIT $3)"
            ),
            count: concat!(
                "-- deletions::count (",
                $table,
                ")\n SELECT count(*) AS count FROM ",
                $table,
                " WHERE org_id = $1 AND ",
                $of
            ),
        }
    };
}

/// Of a chat.
pub const OF_CHAT: &[Rows] = &[
    rows!(Approvals, "approvals", "chat_id = $2"),
    rows!(Messages, "messages", "chat_id = $2"),
    rows!(Participants, "chat_people", "chat_id = $2"),
    rows!(
        Settings,
        "snapshots_owed",
        "sandbox_id IN (SELECT sandbox_id FROM sandboxes WHERE org_id = $1 AND chat_id = $2)"
    ),
    rows!(
        Settings,
        "sandbox_acts",
        "sandbox_id IN (SELECT sandbox_id FROM sandboxes WHERE org_id = $1 AND chat_id = $2)"
    ),
    rows!(Sandboxes, "sandboxes", "chat_id = $2 AND state = 'destroyed'"),
    rows!(Archives, "chat_archives", "chat_id = $2"),
    rows!(
        ContextItems,
        "context_items",
        "((scope = 'chat' AND chat_id = $2) OR (state = 'proposed' AND proposed_in = $2))"
    ),
    rows!(Chats, "chats", "chat_id = $2"),
];

/// Of a channel without chats.
pub const OF_CHANNEL: &[Rows] = &[
    rows!(ContextItems, "context_items", "channel_id = $2"),
    rows!(ChannelMembers, "channel_members", "channel_id = $2"),
    rows!(Channels, "channels", "channel_id = $2"),
];

/// Of an org without channels.
pub const OF_ORG: &[Rows] = &[
    rows!(ContextItems, "context_items", "org_id = $2"),
    rows!(Settings, "org_config", "org_id = $2"),
    rows!(Agents, "agents", "org_id = $2"),
    rows!(Invitations, "invitations", "org_id = $2"),
    rows!(Settings, "quotas", "org_id = $2"),
    rows!(Settings, "approval_policies", "org_id = $2"),
    rows!(Settings, "retention", "org_id = $2"),
    rows!(Settings, "sandbox_places", "org_id = $2"),
    rows!(Members, "members", "org_id = $2"),
    rows!(Orgs, "orgs", "org_id = $2"),
];

/// Of a chat, what goes with its object of R2 alone.
pub const KEPT_OF_CHAT: &[Rows] = &[
    rows!(Artifacts, "artifacts", "chat_id = $2"),
    rows!(Attachments, "attachments", "chat_id = $2"),
    rows!(
        Snapshots,
        "snapshots",
        "sandbox_id IN (SELECT sandbox_id FROM sandboxes WHERE org_id = $1 AND chat_id = $2)"
    ),
    rows!(Sandboxes, "sandboxes", "chat_id = $2 AND state <> 'destroyed'"),
];

/// Of a channel, what goes by deletions of its own.
pub const PARTS_OF_CHANNEL: &[Rows] = &[rows!(Chats, "chats", "channel_id = $2")];

/// Of an org, what goes by deletions of its own.
pub const PARTS_OF_ORG: &[Rows] = &[rows!(Channels, "channels", "org_id = $2")];

/// Removes up to so many rows of a table; answers how many went.
///
/// # Errors
/// [`StoreError::NotFound`] when rows of another table still point at one of them.
pub async fn remove(
    db: &mut RemovalDb,
    rows: &Rows,
    subject: &str,
    most: u64,
) -> Result<DeletedCount, StoreError> {
    let org = db.org();
    let went = db.execute(rows.remove, &[sql(org), sql(subject), sql(most)]).await?;
    Ok(counted(rows.kind, went))
}

/// How many rows a table still has.
///
/// # Errors
/// Only those of the connection.
pub async fn count(db: &mut RemovalDb, rows: &Rows, subject: &str) -> Result<DeletedCount, StoreError> {
    let org = db.org();
    let row = db.fetch_one(rows.count, &[sql(org), sql(subject)]).await?;
    Ok(counted(rows.kind, row.read("count")?))
}
