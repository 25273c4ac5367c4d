//! Finding context items: by what they mean, where Postgres has vectors and a model has embedded them, or by their words.
//!
//! Invariants: one finds what one sees, by the rule of [`context_items::list`](crate::context_items::list), and what agents
//! are given; an embedding counts only for the version and by the model that it was made of.

use slipway_contract::http::context::{ContextItem, FoundItem};
use slipway_contract::{ChannelId, ChatId, ContextItemId, OrgId, Timestamp};

use crate::context_items::{Viewer, read, seen_items};
use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, int, sql};
use crate::{OrgDb, Scope, Scoped, StoreError, SweepsDb};

/// Whether this Postgres has vectors. It may come to have them at any time.
///
/// # Errors
/// Only those of the connection.
pub async fn has_vectors<S: Scope>(db: &mut Scoped<S>) -> Result<bool, StoreError> {
    let row = db
        .fetch_one(
            "-- context_search::has_vectors
             SELECT to_regtype('vector') IS NOT NULL AS there",
            &[],
        )
        .await?;
    row.read("there")
}

/// Whose items are looked through, and how many are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Among {
    /// Who looks.
    pub viewer: Viewer,
    /// Those that an agent of this chat, in this channel, may be given.
    pub chat: Option<(ChatId, ChannelId)>,
    /// At most so many.
    pub limit: u32,
}

impl Among {
    fn params(&self, org: OrgId) -> Vec<Value> {
        vec![
            sql(org),
            sql(self.viewer.user),
            sql(self.viewer.role),
            sql(self.chat.map(|(chat, _)| chat)),
            sql(self.chat.map(|(_, channel)| channel)),
            sql(u64::from(self.limit)),
        ]
    }
}

/// The items whose meaning is nearest to `vector`, which `model` made. Where Postgres has no vectors, this fails: ask
/// [`has_vectors`] first.
///
/// # Errors
/// Only those of the connection.
pub async fn by_meaning(
    db: &mut OrgDb,
    among: &Among,
    model: &str,
    vector: &[f32],
) -> Result<Vec<FoundItem>, StoreError> {
    let org = db.org();
    let mut params = among.params(org);
    params.extend([sql(model), Value::Reals(vector.to_vec())]);
    let rows = db
        .fetch_all(
            concat!(
                "-- context_search::by_meaning
                 SELECT * FROM (
                     SELECT item_id, scope, channel_id, chat_id, state, title, text, tags, source, created_by,
                            created_at, accepted_by, expires_at, context_items.version,
                            CASE WHEN cardinality(embedding) = cardinality($8)
                                 THEN ((1 - (embedding::vector <=> $8::real[]::vector)) * 1000000)::bigint
                             END AS score
                       FROM context_items JOIN context_embeddings USING (org_id, item_id)
                      WHERE org_id = $1 AND state = 'active' AND model = $7
                        AND context_embeddings.version = context_items.version
                        ",
                seen_items!(),
                ") AS near
                  WHERE score > 0 ORDER BY score DESC, item_id DESC LIMIT $6"
            ),
            &params,
        )
        .await?;
    rows.iter().map(|row| found(row, org)).collect()
}

/// The items that have the most of these words; those of tags count twice.
///
/// # Errors
/// Only those of the connection.
pub async fn by_words(db: &mut OrgDb, among: &Among, words: &[String]) -> Result<Vec<FoundItem>, StoreError> {
    let org = db.org();
    let mut params = among.params(org);
    params.push(Value::Texts(words.to_vec()));
    let rows = db
        .fetch_all(
            concat!(
                "-- context_search::by_words
                 SELECT * FROM (
                     SELECT item_id, scope, channel_id, chat_id, state, title, text, tags, source, created_by,
                            created_at, accepted_by, expires_at, version,
                            (SELECT count(*) FROM unnest(words) AS word WHERE word = ANY ($7))
                            + 2 * (SELECT count(*) FROM unnest(tag_words) AS word WHERE word = ANY ($7)) AS score
                       FROM context_items
                      WHERE org_id = $1 AND state = 'active'
                        ",
                seen_items!(),
                ") AS fitting
                  WHERE score > 0 ORDER BY score DESC, item_id DESC LIMIT $6"
            ),
            &params,
        )
        .await?;
    rows.iter().map(|row| found(row, org)).collect()
}

fn found(row: &Row, org: OrgId) -> Result<FoundItem, StoreError> {
    let item: ContextItem = read(row, org)?;
    Ok(FoundItem { item, score: row.read("score")? })
}

/// The orgs that have active items which this model has not embedded as they are now.
///
/// # Errors
/// Only those of the connection.
pub async fn orgs_to_embed(
    db: &mut SweepsDb,
    model: &str,
    now: Timestamp,
    page: &Page<OrgId>,
) -> Result<Slice<OrgId>, StoreError> {
    let rows = db
        .fetch_all(
            "-- context_search::orgs_to_embed
             SELECT DISTINCT org_id FROM context_items
              WHERE state = 'active' AND ($1::text IS NULL OR org_id > $1)
                AND NOT EXISTS (
                    SELECT 1 FROM context_embeddings
                     WHERE context_embeddings.org_id = context_items.org_id
                       AND context_embeddings.item_id = context_items.item_id
                       AND context_embeddings.version = context_items.version AND model = $2
                       AND (again_at IS NULL OR again_at > $4))
              ORDER BY org_id LIMIT $3",
            &[sql(page.after), sql(model), sql(page.fetch()), sql(now)],
        )
        .await?;
    Ok(page.cut(rows.iter().map(|row| row.read("org_id")).collect::<Result<_, _>>()?))
}

/// An item to be embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToEmbed {
    /// Which.
    pub id: ContextItemId,
    /// The version that it has now.
    pub version: u64,
    /// What people call it.
    pub title: String,
    /// What agents are told.
    pub text: String,
    /// What it is about.
    pub tags: Vec<String>,
}

/// Items that this model has not embedded as they are now, the oldest first.
///
/// # Errors
/// Only those of the connection.
pub async fn to_embed(
    db: &mut OrgDb,
    model: &str,
    now: Timestamp,
    most: u64,
) -> Result<Vec<ToEmbed>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- context_search::to_embed
             SELECT item_id, version, title, text, tags FROM context_items
              WHERE org_id = $1 AND state = 'active'
                AND NOT EXISTS (
                    SELECT 1 FROM context_embeddings
                     WHERE context_embeddings.org_id = $1 AND context_embeddings.item_id = context_items.item_id
                       AND context_embeddings.version = context_items.version AND model = $2
                       AND (again_at IS NULL OR again_at > $4))
              ORDER BY item_id LIMIT $3",
            &[sql(org), sql(model), sql(most), sql(now)],
        )
        .await?;
    let wanted = rows.iter().map(|row| {
        Ok(ToEmbed {
            id: row.read("item_id")?,
            version: row.read("version")?,
            title: row.read("title")?,
            text: row.read("text")?,
            tags: row.read("tags")?,
        })
    });
    wanted.collect()
}

/// Writes what items mean: of each a row of numbers, all of one length. Items that have changed or gone meanwhile are passed
/// over.
///
/// # Errors
/// [`StoreError::NotFound`] when an item goes in this moment.
pub async fn keep(
    db: &mut OrgDb,
    model: &str,
    items: &[ToEmbed],
    rows: &[Vec<f32>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let size = rows.first().map_or(0, Vec::len);
    write(db, model, items, (size, rows.concat()), now, None).await
}

/// Notes that the model does not take an item as it is; it is asked again from `again_at` on.
///
/// # Errors
/// As for [`keep`].
pub async fn refused(
    db: &mut OrgDb,
    model: &str,
    item: &ToEmbed,
    now: Timestamp,
    again_at: Timestamp,
) -> Result<(), StoreError> {
    write(db, model, core::slice::from_ref(item), (0, Vec::new()), now, Some(again_at)).await
}

async fn write(
    db: &mut OrgDb,
    model: &str,
    items: &[ToEmbed],
    (size, numbers): (usize, Vec<f32>),
    now: Timestamp,
    again_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- context_search::write
         INSERT INTO context_embeddings AS row (org_id, item_id, model, version, embedding, made_at, again_at)
         SELECT $1, item_id, $2, version, ($5::real[])[((place - 1) * $6 + 1)::int : (place * $6)::int], $7, $8
           FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY AS made (item_id, version, place)
           JOIN context_items USING (item_id, version)
          WHERE org_id = $1
         ON CONFLICT (org_id, item_id) DO UPDATE
            SET model = excluded.model, version = excluded.version, embedding = excluded.embedding,
                made_at = excluded.made_at, again_at = excluded.again_at
          WHERE row.org_id = excluded.org_id",
        &[
            sql(org),
            sql(model),
            Value::Texts(items.iter().map(|item| item.id.to_string()).collect()),
            Value::Ints(items.iter().map(|item| int(item.version)).collect()),
            Value::Reals(numbers),
            sql(u64::try_from(size).unwrap_or(u64::MAX)),
            sql(now),
            sql(again_at),
        ],
    )
    .await?;
    Ok(())
}
