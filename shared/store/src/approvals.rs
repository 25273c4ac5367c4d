//! The inbox: approvals as their chats told of them, and what of that goes into the audit log.
//!
//! Invariant: a row never goes back; the newer `version` stays. One sees the approvals of chats in which one takes part.

use slipway_contract::approval::ApprovalState;
use slipway_contract::http::approvals::Approval;
use slipway_contract::objects::projection::{ApprovalProjection, ChatProjection};
use slipway_contract::{Actor, ApprovalId, Timestamp, UserId};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, int, sql};
use crate::words::{Word, actor_text};
use crate::{OrgDb, StoreError, audit, json};

/// Takes in the approvals that a chat told, with the chat's own row in one transaction.
pub(crate) async fn project(db: &mut OrgDb, chat: &ChatProjection) -> Result<(), StoreError> {
    const NAME: &str = "approvals::project";
    let org = db.org();
    let told = &chat.approvals;
    if told.is_empty() {
        return Ok(());
    }
    if told.iter().any(|approval| approval.approval.chat() != chat.chat) {
        return Err(StoreError::NotFound { statement: NAME });
    }
    let texts = |of: fn(&ApprovalProjection) -> String| Value::Texts(told.iter().map(of).collect());
    let asks = told.iter().map(|one| json::text(NAME, &one.ask)).collect::<Result<_, _>>()?;
    let votes = told.iter().map(|one| json::text(NAME, &one.votes)).collect::<Result<_, _>>()?;
    db.execute(
        "-- approvals::project
         INSERT INTO approvals AS row
                (approval_id, org_id, chat_id, asked_by, user_id, turn_id, ask, state, votes, asked_at, expires_at,
                 version)
         SELECT DISTINCT ON (approval_id) approval_id, $1, $2, asked_by, nullif(user_id, ''), nullif(turn_id, ''), ask,
                state, votes, asked_at, expires_at, version
           FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             AS given (approval_id, asked_by, user_id, turn_id, ask, state, votes, asked_at, expires_at, version)
          ORDER BY approval_id, version DESC
         ON CONFLICT (approval_id) DO UPDATE
            SET state = excluded.state, votes = excluded.votes, version = excluded.version
          WHERE row.version < excluded.version",
        &[
            sql(org),
            sql(chat.chat),
            texts(|one| one.approval.to_string()),
            texts(|one| actor_text(one.asked_by)),
            texts(|one| one.user.map(|user| user.to_string()).unwrap_or_default()),
            texts(|one| one.turn.map(|turn| turn.to_string()).unwrap_or_default()),
            Value::Texts(asks),
            texts(|one| one.state.word().to_owned()),
            Value::Texts(votes),
            Value::Times(told.iter().map(|one| one.asked_at.into()).collect()),
            Value::Times(told.iter().map(|one| one.expires_at.into()).collect()),
            Value::Ints(told.iter().map(|one| int(one.version)).collect()),
        ],
    )
    .await?;
    let entries = told.iter().map(entries).collect::<Result<Vec<_>, _>>()?;
    audit::append_all(db, &entries.concat()).await
}

/// What the audit log holds of an approval: that it was asked, each answer, and how it ended.
fn entries(approval: &ApprovalProjection) -> Result<Vec<audit::Entry>, StoreError> {
    let id = approval.approval;
    let entry = |key: String, actor, action, detail| audit::Entry {
        key,
        actor,
        action,
        subject: id.to_string(),
        detail,
    };
    let ask = json::text("approvals::project", &approval.ask)?;
    let mut entries =
        vec![entry(format!("approval.requested {id}"), approval.asked_by, "approval.requested", ask)];
    for vote in &approval.votes {
        let action = if vote.approve { "approval.vote.approve" } else { "approval.vote.deny" };
        let key = format!("approval.voted {id} {}", vote.user);
        entries.push(entry(key, Actor::User { id: vote.user }, action, String::new()));
    }
    let last = approval.votes.last().map_or(Actor::System, |vote| Actor::User { id: vote.user });
    let closed = match approval.state {
        ApprovalState::Open => return Ok(entries),
        ApprovalState::Approved => (last, "approval.closed.approved"),
        ApprovalState::Denied => (last, "approval.closed.denied"),
        ApprovalState::Expired => (Actor::System, "approval.closed.expired"),
        ApprovalState::Withdrawn => (Actor::System, "approval.closed.withdrawn"),
    };
    entries.push(entry(format!("approval.closed {id}"), closed.0, closed.1, String::new()));
    Ok(entries)
}

/// The approvals of chats in which the user takes part, the newest first; only those of one state, if it is given.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    user: UserId,
    state: Option<ApprovalState>,
    page: &Page<(Timestamp, ApprovalId)>,
) -> Result<Slice<Approval>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- approvals::list
             SELECT approval_id, chat_id, title, asked_by, user_id, turn_id, ask, state, votes, asked_at, expires_at
               FROM approvals JOIN chats USING (org_id, chat_id)
              WHERE org_id = $1 AND ($3::text IS NULL OR state = $3)
                AND EXISTS (SELECT 1 FROM chat_people
                             WHERE chat_people.org_id = $1 AND chat_people.chat_id = approvals.chat_id
                               AND chat_people.user_id = $2 AND participant)
                AND ($4::timestamptz IS NULL OR (asked_at, approval_id) < ($4, $5))
              ORDER BY asked_at DESC, approval_id DESC LIMIT $6",
            &[
                sql(org),
                sql(user),
                sql(state),
                sql(page.after.map(|(at, _)| at)),
                sql(page.after.map(|(_, approval)| approval)),
                sql(page.fetch()),
            ],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// One approval, whoever takes part in its chat; `None` when the index does not know it (yet).
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, approval: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- approvals::find
         SELECT approval_id, chat_id, title, asked_by, user_id, turn_id, ask, state, votes, asked_at, expires_at
           FROM approvals JOIN chats USING (org_id, chat_id) WHERE org_id = $1 AND approval_id = $2",
        &[sql(org), sql(approval)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

fn read(row: &Row) -> Result<Approval, StoreError> {
    Ok(Approval {
        id: row.read("approval_id")?,
        chat: row.read("chat_id")?,
        chat_title: row.read("title")?,
        asked_by: row.read("asked_by")?,
        user: row.read("user_id")?,
        turn: row.read("turn_id")?,
        ask: json::read(row, "ask")?,
        state: row.read("state")?,
        votes: json::read(row, "votes")?,
        asked_at: row.read("asked_at")?,
        expires_at: row.read("expires_at")?,
    })
}
