//! One person's own place in all their orgs.

use slipway_contract::http::orgs::{Org, Role};
use slipway_contract::{ArtifactId, AttachmentId, ChatId, MemberId, OrgId, SandboxId};

use crate::page::{Page, Slice};
use crate::row::Row;
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

/// What decides whether a person may do something to a thing of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The org that it belongs to.
    pub org: OrgId,
    /// The chat that it belongs to.
    pub chat: ChatId,
    /// The person's role in the org.
    pub role: Role,
    /// Whether the person takes part in the chat, as far as the index knows.
    pub participant: bool,
}

/// What the person is to a chat, if it is of one of their orgs.
///
/// # Errors
/// Only those of the connection.
pub async fn of_chat(db: &mut MembershipsDb, chat: ChatId) -> Result<Option<Access>, StoreError> {
    let user = db.user();
    db.fetch_optional(
        "-- memberships::of_chat
         SELECT org_id, chat_id, role, EXISTS (
                SELECT 1 FROM chat_people WHERE chat_people.chat_id = chats.chat_id AND user_id = $2 AND participant
                ) AS participant
           FROM chats JOIN members USING (org_id) WHERE chat_id = $1 AND user_id = $2 AND ended_at IS NULL",
        &[sql(chat), sql(user)],
    )
    .await?
    .map(|row| access(&row))
    .transpose()
}

/// What the person is to the chat of a sandbox, if it is of one of their orgs.
///
/// # Errors
/// Only those of the connection.
pub async fn of_sandbox(db: &mut MembershipsDb, sandbox: SandboxId) -> Result<Option<Access>, StoreError> {
    let user = db.user();
    db.fetch_optional(
        "-- memberships::of_sandbox
         SELECT org_id, chat_id, role, EXISTS (
                SELECT 1 FROM chat_people
                 WHERE chat_people.chat_id = sandboxes.chat_id AND chat_people.user_id = $2 AND participant
                ) AS participant
           FROM sandboxes JOIN members USING (org_id)
          WHERE sandbox_id = $1 AND members.user_id = $2 AND members.ended_at IS NULL",
        &[sql(sandbox), sql(user)],
    )
    .await?
    .map(|row| access(&row))
    .transpose()
}

/// What the person is to the chat of an artifact, if it is of one of their orgs.
///
/// # Errors
/// Only those of the connection.
pub async fn of_artifact(db: &mut MembershipsDb, artifact: ArtifactId) -> Result<Option<Access>, StoreError> {
    let user = db.user();
    db.fetch_optional(
        "-- memberships::of_artifact
         SELECT org_id, chat_id, role, EXISTS (
                SELECT 1 FROM chat_people WHERE chat_people.chat_id = artifacts.chat_id AND user_id = $2 AND participant
                ) AS participant
           FROM artifacts JOIN members USING (org_id) WHERE artifact_id = $1 AND user_id = $2 AND ended_at IS NULL",
        &[sql(artifact), sql(user)],
    )
    .await?
    .map(|row| access(&row))
    .transpose()
}

/// What the person is to the chat of an attachment, if it is of one of their orgs.
///
/// # Errors
/// Only those of the connection.
pub async fn of_attachment(
    db: &mut MembershipsDb,
    attachment: AttachmentId,
) -> Result<Option<Access>, StoreError> {
    let user = db.user();
    db.fetch_optional(
        "-- memberships::of_attachment
         SELECT org_id, chat_id, role, EXISTS (
                SELECT 1 FROM chat_people
                 WHERE chat_people.chat_id = attachments.chat_id AND user_id = $2 AND participant
                ) AS participant
           FROM attachments JOIN members USING (org_id)
          WHERE attachment_id = $1 AND members.user_id = $2 AND members.ended_at IS NULL",
        &[sql(attachment), sql(user)],
    )
    .await?
    .map(|row| access(&row))
    .transpose()
}

fn access(row: &Row) -> Result<Access, StoreError> {
    Ok(Access {
        org: row.read("org_id")?,
        chat: row.read("chat_id")?,
        role: row.read("role")?,
        participant: row.read("participant")?,
    })
}
