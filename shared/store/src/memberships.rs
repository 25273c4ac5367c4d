//! One person's own place in all their orgs.

use slipway_contract::http::orgs::Org;
use slipway_contract::{ChatId, MemberId, OrgId};

use crate::page::{Page, Slice};
use crate::value::sql;
use crate::{MembershipsDb, StoreError};

/// The orgs that the person is in, oldest membership first.
///
/// # Errors
/// Only those of the connection.
pub async fn orgs(db: &mut MembershipsDb, page: &Page<MemberId>) -> Result<Slice<Org>, StoreError> {
    let user = db.user();
    let rows = db
        .fetch_all(
            "-- memberships::orgs
             SELECT org_id, name, member_id, role, orgs.created_at FROM members JOIN orgs USING (org_id)
              WHERE user_id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR member_id > $2)
              ORDER BY member_id LIMIT $3",
            &[sql(user), sql(page.after), sql(page.fetch())],
        )
        .await?;
    let orgs = rows.iter().map(|row| {
        Ok(Org {
            id: row.read("org_id")?,
            name: row.read("name")?,
            member: row.read("member_id")?,
            role: row.read("role")?,
            created_at: row.read("created_at")?,
        })
    });
    Ok(page.cut(orgs.collect::<Result<_, StoreError>>()?))
}

/// The org of a chat, among the person's own orgs.
///
/// # Errors
/// Only those of the connection.
pub async fn org_of_chat(db: &mut MembershipsDb, chat: ChatId) -> Result<Option<OrgId>, StoreError> {
    db.fetch_optional(
        "-- memberships::org_of_chat
         SELECT org_id FROM chats WHERE chat_id = $1",
        &[sql(chat)],
    )
    .await?
    .map(|row| row.read("org_id"))
    .transpose()
}
