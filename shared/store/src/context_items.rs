//! Context items: what agents are to know, and who sees it.
//!
//! Invariants: one sees the items of chats in which one takes part, of channels that one sees (by the rule of
//! [`channels::list`](crate::channels::list)), and, unless one is a guest, of the org. What is only proposed, or whose time
//! is over, no agent is given.

use slipway_contract::http::context::{ContextItem, ContextScope, ContextState};
use slipway_contract::http::orgs::Role;
use slipway_contract::{
    Actor, ChannelId, ChatId, ContextItemId, MessageId, OrgId, Timestamp, UserId, limits,
};
use slipway_domain::context::{Candidate, ItemWords, OPEN_PROPOSALS, item_words};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, sql};
use crate::{Conflict, OrgDb, StoreError};

/// Which items somebody sees: `$1` is the org, `$2` who looks, `$3` their role, `$4` and `$5` the chat and its channel whose
/// agents could be given them (null: any).
macro_rules! seen_items {
    () => {
        "AND CASE scope
                    WHEN 'org' THEN $3 <> 'guest'
                    WHEN 'channel' THEN EXISTS (
                         SELECT 1 FROM channels
                          WHERE channels.org_id = $1 AND channels.channel_id = context_items.channel_id
                            AND ((visibility = 'public' AND $3 <> 'guest') OR EXISTS (
                                 SELECT 1 FROM channel_members
                                  WHERE channel_members.org_id = $1
                                    AND channel_members.channel_id = channels.channel_id
                                    AND channel_members.user_id = $2)))
                    ELSE EXISTS (
                         SELECT 1 FROM chat_people
                          WHERE chat_people.org_id = $1 AND chat_people.chat_id = context_items.chat_id
                            AND chat_people.user_id = $2 AND participant) END
                AND ($4::text IS NULL OR CASE scope
                    WHEN 'org' THEN true WHEN 'channel' THEN channel_id = $5 ELSE chat_id = $4 END)"
    };
}
pub(crate) use seen_items;

/// An item to be made.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Its id.
    pub id: ContextItemId,
    /// Where agents are given it.
    pub scope: ContextScope,
    /// Of scope `channel` and `chat`.
    pub channel: Option<ChannelId>,
    /// Of scope `chat`.
    pub chat: Option<ChatId>,
    /// What people call it.
    pub title: String,
    /// What agents are told.
    pub text: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// The message that it is made from.
    pub source: Option<MessageId>,
    /// The person who writes it, or the agent that proposes it.
    pub by: Actor,
    /// The author's name for the request.
    pub client_id: String,
    /// The chat whose agent proposes it; a person's own item when absent, and active at once.
    pub proposed_in: Option<ChatId>,
    /// When it is given no more.
    pub expires_at: Option<Timestamp>,
}

/// Makes an item. The same request of the same author again answers the item that there is.
///
/// # Errors
/// [`Conflict::Full`] when the scope has as many as it may, or the chat as many open proposals;
/// [`StoreError::NotFound`] when the org has no such channel or chat.
pub async fn create(db: &mut OrgDb, new: &NewItem, now: Timestamp) -> Result<ContextItem, StoreError> {
    let org = db.org();
    let state = if new.proposed_in.is_some() { ContextState::Proposed } else { ContextState::Active };
    let ItemWords { words, tags } = item_words(&new.title, &new.text, &new.tags);
    let made = db
        .fetch_optional(
            "-- context_items::create
             INSERT INTO context_items
                    (org_id, item_id, scope, channel_id, chat_id, state, title, text, tags, words, tag_words, source,
                     created_by, client_id, created_at, proposed_in, expires_at, version)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1
              WHERE EXISTS (SELECT 1 FROM context_items WHERE org_id = $1 AND created_by = $13 AND client_id = $14)
                 OR ((SELECT count(*) FROM context_items
                       WHERE org_id = $1 AND scope = $3 AND ($3 <> 'chat' OR chat_id = $5)
                         AND ($3 <> 'channel' OR channel_id = $4)) < $18
                     AND ($16::text IS NULL OR (
                         SELECT count(*) FROM context_items
                          WHERE org_id = $1 AND state = 'proposed' AND proposed_in = $16) < $19))
             ON CONFLICT ON CONSTRAINT context_items_client_key DO UPDATE SET version = context_items.version
             RETURNING item_id, scope, channel_id, chat_id, state, title, text, tags, source, created_by, created_at,
                       accepted_by, expires_at, version",
            &[
                sql(org),
                sql(new.id),
                sql(new.scope),
                sql(new.channel),
                sql(new.chat),
                sql(state),
                sql(&new.title),
                sql(&new.text),
                Value::Texts(new.tags.clone()),
                Value::Texts(words),
                Value::Texts(tags),
                sql(new.source),
                sql(new.by),
                sql(&new.client_id),
                sql(now),
                sql(new.proposed_in),
                sql(new.expires_at),
                Value::Int(i64::try_from(limits::CONTEXT_ITEMS_PER_SCOPE).ok()),
                sql(OPEN_PROPOSALS),
            ],
        )
        .await?;
    made.ok_or(StoreError::Conflict(Conflict::Full)).and_then(|row| read(&row, org))
}

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The person.
    pub user: UserId,
    /// Their role in the org.
    pub role: Role,
}

/// Which items are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Those that an agent of this chat, in this channel, may be given.
    pub chat: Option<(ChatId, ChannelId)>,
    /// Only of this scope.
    pub scope: Option<ContextScope>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only those that stand so.
    pub state: Option<ContextState>,
}

/// The items that somebody sees, the newest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    viewer: Viewer,
    filters: &Filters,
    page: &Page<ContextItemId>,
) -> Result<Slice<ContextItem>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            concat!(
                "-- context_items::list
             SELECT item_id, scope, channel_id, chat_id, state, title, text, tags, source, created_by, created_at,
                    accepted_by, expires_at, version
               FROM context_items
              WHERE org_id = $1
",
                seen_items!(),
                "
                AND ($6::text IS NULL OR scope = $6)
                AND ($7::text IS NULL OR $7 = ANY (tags))
                AND ($8::text IS NULL OR state = $8)
                AND ($9::text IS NULL OR item_id < $9)
              ORDER BY item_id DESC LIMIT $10"
            ),
            &[
                sql(org),
                sql(viewer.user),
                sql(viewer.role),
                sql(filters.chat.map(|(chat, _)| chat)),
                sql(filters.chat.map(|(_, channel)| channel)),
                sql(filters.scope),
                Value::Text(filters.tag.clone()),
                sql(filters.state),
                sql(page.after),
                sql(page.fetch()),
            ],
        )
        .await?;
    Ok(page.cut(rows.iter().map(|row| read(row, org)).collect::<Result<_, _>>()?))
}

/// An item, whoever sees it, held so that nobody else changes it before this transaction ends.
///
/// # Errors
/// Only those of the connection.
pub async fn lock(db: &mut OrgDb, item: ContextItemId) -> Result<Option<ContextItem>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- context_items::lock
         SELECT item_id, scope, channel_id, chat_id, state, title, text, tags, source, created_by, created_at,
                accepted_by, expires_at, version
           FROM context_items WHERE org_id = $1 AND item_id = $2 FOR UPDATE",
        &[sql(org), sql(item)],
    )
    .await?
    .map(|row| read(&row, org))
    .transpose()
}

/// Writes an item as it is after a change of the version before.
///
/// # Errors
/// [`StoreError::Overtaken`] when it is not there in that version.
pub async fn update(db: &mut OrgDb, item: &ContextItem) -> Result<(), StoreError> {
    let org = db.org();
    let ItemWords { words, tags } = item_words(&item.title, &item.text, &item.tags);
    db.execute_guarded(
        "-- context_items::update
         UPDATE context_items
            SET state = $3, title = $4, text = $5, tags = $6, words = $7, tag_words = $8, accepted_by = $9,
                expires_at = $10, version = $11
          WHERE org_id = $1 AND item_id = $2 AND version = $11 - 1",
        &[
            sql(org),
            sql(item.id),
            sql(item.state),
            sql(&item.title),
            sql(&item.text),
            Value::Texts(item.tags.clone()),
            Value::Texts(words),
            Value::Texts(tags),
            item.accepted_by.map_or(Value::Text(None), sql),
            sql(item.expires_at),
            sql(item.version),
        ],
    )
    .await
}

/// Removes an item; answers whether it was there.
///
/// # Errors
/// Only those of the connection.
pub async fn delete(db: &mut OrgDb, item: ContextItemId) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- context_items::delete
         DELETE FROM context_items WHERE org_id = $1 AND item_id = $2",
        &[sql(org), sql(item)],
    )
    .await
}

/// What an agent of a chat could be given now, without the texts: of each scope at most
/// [`limits::CONTEXT_ITEMS_PER_SCOPE`]. `asked` are the words of what was said last.
///
/// # Errors
/// Only those of the connection.
pub async fn candidates(
    db: &mut OrgDb,
    chat: ChatId,
    channel: ChannelId,
    asked: &[String],
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- context_items::candidates
             SELECT item_id, scope, created_at, octet_length(title)::bigint + octet_length(text) AS bytes,
                    (SELECT count(*) FROM unnest(words) AS word WHERE word = ANY ($4))
                    + 2 * (SELECT count(*) FROM unnest(tag_words) AS word WHERE word = ANY ($4)) AS relevance
               FROM context_items
              WHERE org_id = $1 AND state = 'active' AND (expires_at IS NULL OR expires_at > $5)
                AND ((scope = 'chat' AND chat_id = $2) OR (scope = 'channel' AND channel_id = $3) OR scope = 'org')",
            &[sql(org), sql(chat), sql(channel), Value::Texts(asked.to_vec()), sql(now)],
        )
        .await?;
    let candidates = rows.iter().map(|row| {
        Ok(Candidate {
            item: row.read("item_id")?,
            scope: row.read("scope")?,
            relevance: row.read("relevance")?,
            at: row.read("created_at")?,
            bytes: row.read("bytes")?,
        })
    });
    candidates.collect()
}

/// What an agent is given of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub id: ContextItemId,
    /// What people call it.
    pub title: String,
    /// What agents are told.
    pub text: String,
    /// What it is about.
    pub tags: Vec<String>,
}

/// The texts of these items, in their order; those that are there no more are passed over.
///
/// # Errors
/// Only those of the connection.
pub async fn texts(db: &mut OrgDb, items: &[ContextItemId]) -> Result<Vec<Given>, StoreError> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- context_items::texts
             SELECT item_id, title, text, tags
               FROM context_items JOIN unnest($2::text[]) WITH ORDINALITY AS wanted (item_id, place) USING (item_id)
              WHERE org_id = $1 ORDER BY place",
            &[sql(org), Value::Texts(items.iter().map(ToString::to_string).collect())],
        )
        .await?;
    let given = rows.iter().map(|row| {
        Ok(Given {
            id: row.read("item_id")?,
            title: row.read("title")?,
            text: row.read("text")?,
            tags: row.read("tags")?,
        })
    });
    given.collect()
}

pub(crate) fn read(row: &Row, org: OrgId) -> Result<ContextItem, StoreError> {
    Ok(ContextItem {
        id: row.read("item_id")?,
        org,
        scope: row.read("scope")?,
        channel: row.read("channel_id")?,
        chat: row.read("chat_id")?,
        state: row.read("state")?,
        title: row.read("title")?,
        text: row.read("text")?,
        tags: row.read("tags")?,
        source: row.read("source")?,
        created_by: row.read("created_by")?,
        created_at: row.read("created_at")?,
        accepted_by: row.read("accepted_by")?,
        expires_at: row.read("expires_at")?,
        version: row.read("version")?,
    })
}
