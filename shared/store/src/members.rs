//! Members of an org. What may change is decided in `slipway_domain::orgs`, on rows that are locked here.

use slipway_contract::http::members::Member;
use slipway_contract::http::orgs::Role;
use slipway_contract::{ChatId, MemberId, Timestamp, UserId, limits};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, StoreError};

/// A user's open membership of the scope's org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub member: MemberId,
    /// The role.
    pub role: Role,
}

/// A person of the org, as chats know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// The user's membership; `None` for everybody else.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, user: UserId) -> Result<Option<Membership>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- members::find
         SELECT member_id, role FROM members WHERE org_id = $1 AND user_id = $2 AND ended_at IS NULL",
        &[sql(org), sql(user)],
    )
    .await?
    .map(|row| Ok(Membership { member: row.read("member_id")?, role: row.read("role")? }))
    .transpose()
}

/// The user as a person of the org. The membership cannot end before the transaction does.
///
/// # Errors
/// Only those of the connection.
pub async fn hold(db: &mut OrgDb, user: UserId) -> Result<Option<Person>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- members::hold
         SELECT display_name, role FROM members JOIN users USING (user_id)
          WHERE org_id = $1 AND user_id = $2 AND ended_at IS NULL FOR SHARE OF members",
        &[sql(org), sql(user)],
    )
    .await?
    .map(|row| Ok(Person { name: row.read("display_name")?, role: row.read("role")? }))
    .transpose()
}

/// Who of those that take part in a chat, or soon may or once did, is a guest of the org.
///
/// # Errors
/// Only those of the connection.
pub async fn guests_of(db: &mut OrgDb, chat: ChatId) -> Result<Vec<UserId>, StoreError> {
    let org = db.org();
    let most = u64::try_from(limits::PARTICIPANTS_PER_CHAT).unwrap_or(u64::MAX);
    let rows = db
        .fetch_all(
            "-- members::guests_of
             SELECT user_id FROM chat_people JOIN members USING (org_id, user_id)
              WHERE org_id = $1 AND chat_id = $2 AND role = 'guest' AND ended_at IS NULL
              ORDER BY user_id LIMIT $3",
            &[sql(org), sql(chat), sql(most)],
        )
        .await?;
    rows.iter().map(|row| row.read("user_id")).collect()
}

/// The members, oldest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(db: &mut OrgDb, page: &Page<MemberId>) -> Result<Slice<Member>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- members::list
             SELECT member_id, user_id, display_name, email, role, joined_at
               FROM members JOIN users USING (user_id)
              WHERE org_id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR member_id > $2)
              ORDER BY member_id LIMIT $3",
            &[sql(org), sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// One member.
///
/// # Errors
/// [`StoreError::NotFound`], also when the membership has ended.
pub async fn get(db: &mut OrgDb, member: MemberId) -> Result<Member, StoreError> {
    let org = db.org();
    let row = db
        .fetch_one(
            "-- members::get
             SELECT member_id, user_id, display_name, email, role, joined_at
               FROM members JOIN users USING (user_id)
              WHERE org_id = $1 AND member_id = $2 AND ended_at IS NULL",
            &[sql(org), sql(member)],
        )
        .await?;
    read(&row)
}

/// Takes the user in, or in again. A membership that is open stays as it is.
///
/// # Errors
/// Only those of the connection.
pub async fn join(
    db: &mut OrgDb,
    member: MemberId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- members::join
         INSERT INTO members AS row (member_id, org_id, user_id, role, joined_at) VALUES ($2, $1, $3, $4, $5)
         ON CONFLICT (org_id, user_id)
         DO UPDATE SET role = excluded.role, joined_at = excluded.joined_at, ended_at = NULL
             WHERE row.ended_at IS NOT NULL",
        &[sql(org), sql(member), sql(user), sql(role), sql(now)],
    )
    .await?;
    Ok(())
}

/// What a change of a membership is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The role of who asks; `None` when they are no member any more.
    pub actor: Option<Role>,
    /// Whom it is about.
    pub target: UserId,
    /// Their role.
    pub role: Role,
    /// Whether the target's membership has ended already.
    pub ended: bool,
    /// Owners of the org.
    pub owners: u64,
}

/// Locks the target, the actor and all owners of the org until the transaction ends, so that two changes cannot each
/// leave an owner to the other.
///
/// # Errors
/// [`StoreError::NotFound`] when the org never had such a member.
pub async fn lock(db: &mut OrgDb, target: MemberId, actor: UserId) -> Result<Locked, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- members::lock
             SELECT member_id, user_id, role, ended_at FROM members
              WHERE org_id = $1 AND (member_id = $2 OR user_id = $3 OR (role = 'owner' AND ended_at IS NULL))
              ORDER BY member_id FOR UPDATE",
            &[sql(org), sql(target), sql(actor)],
        )
        .await?;
    let mut found = None;
    let mut asking = None;
    let mut owners = 0;
    for row in &rows {
        let role: Role = row.read("role")?;
        let ended = row.read::<Option<Timestamp>>("ended_at")?.is_some();
        let user: UserId = row.read("user_id")?;
        owners += u64::from(role == Role::Owner && !ended);
        if user == actor && !ended {
            asking = Some(role);
        }
        if row.read::<MemberId>("member_id")? == target {
            found = Some((user, role, ended));
        }
    }
    let (target, role, ended) = found.ok_or(StoreError::NotFound { statement: "members::lock" })?;
    Ok(Locked { actor: asking, target, role, ended, owners })
}

/// Gives a locked member another role.
///
/// # Errors
/// Only those of the connection.
pub async fn set_role(db: &mut OrgDb, member: MemberId, role: Role) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- members::set_role
         UPDATE members SET role = $3 WHERE org_id = $1 AND member_id = $2 AND ended_at IS NULL",
        &[sql(org), sql(member), sql(role)],
    )
    .await
}

/// Ends a locked membership, and its place in channels.
///
/// # Errors
/// Only those of the connection.
pub async fn end(db: &mut OrgDb, member: MemberId, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- members::end (channels)
         DELETE FROM channel_members WHERE org_id = $1 AND user_id = $2",
        &[sql(org), sql(user)],
    )
    .await?;
    db.execute_one(
        "-- members::end
         UPDATE members SET ended_at = $3 WHERE org_id = $1 AND member_id = $2 AND ended_at IS NULL",
        &[sql(org), sql(member), sql(now)],
    )
    .await
}

/// Chats of the org in which the user takes part, took part, or may do so by now: more than do, never fewer.
///
/// # Errors
/// Only those of the connection.
pub async fn chats(db: &mut OrgDb, user: UserId, page: &Page<ChatId>) -> Result<Slice<ChatId>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- members::chats
             SELECT chat_id FROM chat_people
              WHERE org_id = $1 AND user_id = $2 AND ($3::text IS NULL OR chat_id > $3)
              ORDER BY chat_id LIMIT $4",
            &[sql(org), sql(user), sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(|row| row.read("chat_id")).collect::<Result<_, _>>()?))
}

pub(crate) fn read(row: &Row) -> Result<Member, StoreError> {
    Ok(Member {
        id: row.read("member_id")?,
        user: row.read("user_id")?,
        display_name: row.read("display_name")?,
        email: row.read("email")?,
        role: row.read("role")?,
        joined_at: row.read("joined_at")?,
    })
}
