//! The org's search: messages as their chats told of them, and looking for words in them.
//!
//! Invariants: a row never goes back; the newer `version` stays. Of a deleted message no word is kept. One finds what stands
//! in chats of channels that one sees, by the rule of [`channels::list`](crate::channels::list).

use slipway_contract::http::orgs::Role;
use slipway_contract::http::search::Found;
use slipway_contract::objects::projection::{ChatProjection, MessageProjection};
use slipway_contract::{ChannelId, ChatId, ForkId, MessageId, ParticipantId, Seq, Timestamp, UserId};
use slipway_domain::search::{Query, excerpt, tsvector};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, int, sql, storable};
use crate::words::actor_text;
use crate::{OrgDb, StoreError};

/// Takes in the messages that a chat told, with the chat's own row in one transaction.
pub(crate) async fn project(db: &mut OrgDb, chat: &ChatProjection) -> Result<(), StoreError> {
    let org = db.org();
    let told = &chat.messages;
    if told.is_empty() {
        return Ok(());
    }
    if told.iter().any(|message| message.message.chat() != chat.chat) {
        return Err(StoreError::NotFound { statement: "messages::project" });
    }
    let texts = |of: &dyn Fn(&MessageProjection) -> String| Value::Texts(told.iter().map(of).collect());
    let ints = |of: fn(&MessageProjection) -> u64| Value::Ints(told.iter().map(|one| int(of(one))).collect());
    let present = |one: &MessageProjection| one.text.as_deref().map(storable).unwrap_or_default();
    // The org's own mark is a word of every message that is there.
    let words = |one: &MessageProjection| match &one.text {
        Some(text) => format!("'{org}':1 {}", tsvector(text)),
        None => String::new(),
    };
    db.execute(
        "-- messages::project
         INSERT INTO messages AS row (org_id, chat_id, seq, fork, author, at, version, text, words)
         SELECT DISTINCT ON (seq) $1, $2, seq, nullif(fork, 0), author, at, version,
                CASE WHEN there THEN text END, words::tsvector
           FROM unnest($3, $4, $5, $6, $7, $8, $9, $10)
             AS given (seq, fork, author, at, version, there, text, words)
          ORDER BY seq, version DESC
         ON CONFLICT (chat_id, seq) DO UPDATE
            SET version = excluded.version, text = excluded.text, words = excluded.words
          WHERE row.org_id = excluded.org_id AND row.version < excluded.version",
        &[
            sql(org),
            sql(chat.chat),
            ints(|one| one.message.seq().0),
            ints(|one| one.fork.map_or(0, |fork| fork.seq().0)),
            texts(&|one| actor_text(one.author)),
            Value::Times(told.iter().map(|one| one.at.into()).collect()),
            ints(|one| one.version.0),
            Value::Bools(told.iter().map(|one| one.text.is_some()).collect()),
            texts(&present),
            texts(&words),
        ],
    )
    .await?;
    Ok(())
}

/// Where and whose a message must be to be found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filters {
    /// In chats of this channel.
    pub channel: Option<ChannelId>,
    /// By this person or agent.
    pub author: Option<ParticipantId>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub to: Option<Timestamp>,
}

/// The place of a found message: the best come first, then the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// How well it fits, in millionths.
    pub rank: u64,
    /// When it was posted.
    pub at: Timestamp,
    /// Its chat.
    pub chat: ChatId,
    /// Its number there.
    pub seq: u64,
}

/// The messages that hold what is looked for, among those that a member with this role sees: the best of the newest
/// thousand first.
///
/// # Errors
/// Only those of the connection.
pub async fn search(
    db: &mut OrgDb,
    user: UserId,
    role: Role,
    query: &Query,
    filters: &Filters,
    page: &Page<Place>,
) -> Result<Slice<(Place, Found)>, StoreError> {
    if query.is_empty() {
        return Ok(Slice { items: Vec::new(), more: false });
    }
    let rows = db
        .fetch_all(
            "-- messages::search
             SELECT rank, chat_id, seq, fork, author, at, text, title, channel_id
               FROM search_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                sql(&query.tsquery()),
                sql(user),
                sql(role),
                sql(filters.channel),
                Value::Text(filters.author.map(|author| author.to_string())),
                sql(filters.from),
                sql(filters.to),
                sql(page.after.map(|place| place.rank)),
                sql(page.after.map(|place| place.at)),
                sql(page.after.map(|place| place.chat)),
                sql(page.after.map(|place| place.seq)),
                sql(page.fetch()),
            ],
        )
        .await?;
    Ok(page.cut(rows.iter().map(|row| read(row, query)).collect::<Result<_, _>>()?))
}

fn read(row: &Row, query: &Query) -> Result<(Place, Found), StoreError> {
    let (chat, seq): (ChatId, u64) = (row.read("chat_id")?, row.read("seq")?);
    let fork: Option<u64> = row.read("fork")?;
    let text: String = row.read("text")?;
    let at = row.read("at")?;
    let found = Found {
        message: MessageId::new(chat, Seq(seq)),
        chat,
        chat_title: row.read("title")?,
        channel: row.read("channel_id")?,
        fork: fork.map(|seq| ForkId::new(chat, Seq(seq))),
        author: row.read("author")?,
        at,
        excerpt: excerpt(&text, query),
    };
    Ok((Place { rank: row.read("rank")?, at, chat, seq }, found))
}
