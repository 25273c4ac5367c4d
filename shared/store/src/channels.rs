//! Channels and who was added to them. Who sees one is decided in `slipway_domain::orgs::sees_channel`; the list says the
//! same in SQL, and a test holds the two together.

use std::collections::BTreeSet;

use slipway_contract::http::channels::{Channel, Visibility};
use slipway_contract::http::members::Member;
use slipway_contract::http::orgs::Role;
use slipway_contract::{ChannelId, MemberId, Timestamp, UserId};
use slipway_domain::orgs::CHANNELS;

use crate::page::{Page, Slice};
use crate::value::{Value, sql};
use crate::{Conflict, OrgDb, StoreError};

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct NewChannel<'a> {
    /// Its id.
    pub id: ChannelId,
    /// The name.
    pub name: &'a str,
    /// Who sees it.
    pub visibility: Visibility,
    /// What it is for.
    pub topic: &'a str,
}

/// Makes a channel, with who made it in it.
///
/// # Errors
/// [`Conflict::NameTaken`]; [`Conflict::Full`] when the org has [`CHANNELS`].
pub async fn create(
    db: &mut OrgDb,
    new: &NewChannel<'_>,
    by: UserId,
    now: Timestamp,
) -> Result<Channel, StoreError> {
    let org = db.org();
    let made = db
        .execute_optional(
            "-- channels::create
             WITH made AS (
                 INSERT INTO channels (channel_id, org_id, name, visibility, topic, created_at, created_by)
                 SELECT $2, $1, $3, $4, $5, $7, $6 WHERE (SELECT count(*) FROM channels WHERE org_id = $1) < $8
                 RETURNING channel_id)
             INSERT INTO channel_members (org_id, channel_id, user_id, added_at, added_by)
             SELECT $1, channel_id, $6, $7, $6 FROM made",
            &[
                sql(org),
                sql(new.id),
                sql(new.name),
                sql(new.visibility),
                sql(new.topic),
                sql(by),
                sql(now),
                sql(CHANNELS),
            ],
        )
        .await?;
    if !made {
        return Err(StoreError::Conflict(Conflict::Full));
    }
    Ok(Channel {
        id: new.id,
        name: new.name.to_owned(),
        visibility: new.visibility,
        topic: new.topic.to_owned(),
        created_at: now,
        unread: 0,
    })
}

/// The channels that a member sees, by name.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    user: UserId,
    role: Role,
    page: &Page<String>,
) -> Result<Slice<Channel>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- channels::list
             SELECT channel_id, name, visibility, topic, created_at, coalesce(unread, 0) AS unread
               FROM channels LEFT JOIN (
                    SELECT channel_id, sum(greatest(message_count - read_count, 0))::bigint AS unread
                      FROM chat_people JOIN chats USING (org_id, chat_id)
                     WHERE org_id = $1 AND user_id = $2 AND participant GROUP BY channel_id) AS own USING (channel_id)
              WHERE org_id = $1 AND ($4::text IS NULL OR name > $4)
                AND ((visibility = 'public' AND $3 <> 'guest') OR EXISTS (
                     SELECT 1 FROM channel_members
                      WHERE channel_members.channel_id = channels.channel_id AND channel_members.user_id = $2))
              ORDER BY name LIMIT $5",
            &[sql(org), sql(user), sql(role), sql(page.after.as_ref()), sql(page.fetch())],
        )
        .await?;
    let channels = rows.iter().map(|row| {
        Ok(Channel {
            id: row.read("channel_id")?,
            name: row.read("name")?,
            visibility: row.read("visibility")?,
            topic: row.read("topic")?,
            created_at: row.read("created_at")?,
            unread: row.read("unread")?,
        })
    });
    Ok(page.cut(channels.collect::<Result<_, StoreError>>()?))
}

/// A channel, as far as it decides who sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether the asked-for person was added to it.
    pub added: bool,
}

/// What decides whether a person sees a channel; `None` when the org has no such channel.
///
/// # Errors
/// Only those of the connection.
pub async fn access(db: &mut OrgDb, channel: ChannelId, user: UserId) -> Result<Option<Access>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- channels::access
         SELECT visibility, EXISTS (
                SELECT 1 FROM channel_members WHERE channel_id = $2 AND user_id = $3) AS added
           FROM channels WHERE org_id = $1 AND channel_id = $2",
        &[sql(org), sql(channel), sql(user)],
    )
    .await?
    .map(|row| Ok(Access { visibility: row.read("visibility")?, added: row.read("added")? }))
    .transpose()
}

/// Those of `channels` that a member sees.
///
/// # Errors
/// Only those of the connection.
pub async fn seen_of(
    db: &mut OrgDb,
    user: UserId,
    role: Role,
    channels: &BTreeSet<ChannelId>,
) -> Result<BTreeSet<ChannelId>, StoreError> {
    if channels.is_empty() {
        return Ok(BTreeSet::new());
    }
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- channels::seen_of
             SELECT channel_id FROM channels
              WHERE org_id = $1 AND channel_id = ANY ($4)
                AND ((visibility = 'public' AND $3 <> 'guest') OR EXISTS (
                     SELECT 1 FROM channel_members
                      WHERE channel_members.channel_id = channels.channel_id AND channel_members.user_id = $2))",
            &[
                sql(org),
                sql(user),
                sql(role),
                Value::Texts(channels.iter().map(ToString::to_string).collect()),
            ],
        )
        .await?;
    rows.iter().map(|row| row.read("channel_id")).collect()
}

/// Adds a member or guest of the org to a channel; once more is harmless.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such member or channel.
pub async fn add_member(
    db: &mut OrgDb,
    channel: ChannelId,
    user: UserId,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    let member = db
        .fetch_optional(
            "-- channels::add_member (member)
             SELECT 1 AS one FROM members WHERE org_id = $1 AND user_id = $2 AND ended_at IS NULL FOR SHARE",
            &[sql(org), sql(user)],
        )
        .await?;
    if member.is_none() {
        return Err(StoreError::NotFound { statement: "channels::add_member" });
    }
    db.execute_optional(
        "-- channels::add_member
         INSERT INTO channel_members (org_id, channel_id, user_id, added_at, added_by) VALUES ($1, $2, $3, $5, $4)
         ON CONFLICT (channel_id, user_id) DO NOTHING",
        &[sql(org), sql(channel), sql(user), sql(by), sql(now)],
    )
    .await?;
    Ok(())
}

/// Those who were added to a channel, oldest membership of the org first.
///
/// # Errors
/// Only those of the connection.
pub async fn members(
    db: &mut OrgDb,
    channel: ChannelId,
    page: &Page<MemberId>,
) -> Result<Slice<Member>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- channels::members
             SELECT member_id, user_id, display_name, email, role, joined_at
               FROM channel_members JOIN members USING (org_id, user_id) JOIN users USING (user_id)
              WHERE org_id = $1 AND channel_id = $2 AND ended_at IS NULL AND ($3::text IS NULL OR member_id > $3)
              ORDER BY member_id LIMIT $4",
            &[sql(org), sql(channel), sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(crate::members::read).collect::<Result<_, _>>()?))
}
