//! Deletions: what is to go, how far that is, and whose it is to go on with. What becomes of one is decided in
//! `slipway_domain::deletion`.
//!
//! Invariants: of each thing there is one deletion, whoever asks and however often; it is one driver's at a time, by a
//! lease, and who lost that writes nothing more; its row stays when all else is gone.

mod ask;
mod people;
mod preview;
mod tables;

use slipway_contract::http::deletions::{
    DeletedCount, Deletion as Report, DeletionParts, DeletionStep, DeletionSubject,
};
use slipway_contract::{Actor, DeletionId, OrgId, Timestamp, UserId};
use slipway_domain::deletion::Deletion;

use crate::db::{Scope, Scoped};
use crate::json;
use crate::row::{Column, Row};
use crate::value::sql;
use crate::{MembershipsDb, StoreError, SweepsDb};

pub use ask::{
    NewDeletion, adopt, ask_channel, ask_chat, ask_org, ask_person, audit, channels_to_go, chats_to_go,
    old_chats,
};
pub use people::{account, forget_account, orgs_of, revoke_sign_ins};
pub use preview::{preview, preview_account, preview_people};
pub use tables::{
    KEPT_OF_CHAT, OF_CHANNEL, OF_CHAT, OF_ORG, PARTS_OF_CHANNEL, PARTS_OF_ORG, Rows, count, remove,
};

/// A deletion as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub id: DeletionId,
    /// The org; absent for a person's account.
    pub org: Option<OrgId>,
    /// What is deleted.
    pub subject: DeletionSubject,
    /// Who asked.
    pub asked_by: Actor,
    /// When.
    pub asked_at: Timestamp,
    /// How it stands.
    pub deletion: Deletion,
    /// Grows with every change.
    pub version: u64,
    /// Deletions that are parts of it.
    pub parts: DeletionParts,
}

impl Stored {
    /// The deletion as the API shows it.
    pub fn report(&self) -> Report {
        Report {
            id: self.id,
            subject: self.subject,
            org: self.org,
            asked_by: self.asked_by,
            asked_at: self.asked_at,
            state: self.deletion.state(),
            step: self.deletion.step,
            removed: self.deletion.removed.clone(),
            leftovers: self.deletion.leftovers.clone(),
            parts: self.parts,
            ended_at: self.deletion.ended_at,
        }
    }
}

/// Columns of a deletion, with those of its parts.
macro_rules! columns {
    () => {
        "deletion_id, org_id, kind, subject, asked_by, asked_at, step, tries, version, due_at, cursor, removed, leftovers,
         ended_at, (SELECT count(*) FROM deletions AS part WHERE part.parent_id = own.deletion_id) AS parts,
         (SELECT count(*) FROM deletions AS part
           WHERE part.parent_id = own.deletion_id AND part.step = 'done') AS parts_done"
    };
}

/// The deletion of an id, if the person may know of it: they asked, or are an admin of the org.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut MembershipsDb, deletion: DeletionId) -> Result<Option<Stored>, StoreError> {
    db.fetch_optional(
        concat!("-- deletions::find\n SELECT ", columns!(), " FROM deletions AS own WHERE deletion_id = $1"),
        &[sql(deletion)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// What a deletion removed with all that are parts of it, however deep, by kind.
///
/// # Errors
/// Only those of the connection.
pub async fn removed_in_all(
    db: &mut MembershipsDb,
    deletion: DeletionId,
) -> Result<Vec<DeletedCount>, StoreError> {
    let rows = db
        .fetch_all(
            "-- deletions::removed_in_all
             WITH RECURSIVE own AS (
                 SELECT deletion_id, removed FROM deletions WHERE deletion_id = $1
                 UNION ALL
                 SELECT part.deletion_id, part.removed FROM own JOIN deletions AS part ON part.parent_id = own.deletion_id)
             SELECT one->>'kind' AS kind, sum((one->>'count')::bigint)::bigint AS count,
                    coalesce(sum((one->>'bytes')::bigint), 0)::bigint AS bytes
               FROM own, jsonb_array_elements(removed::jsonb) AS one GROUP BY 1",
            &[sql(deletion)],
        )
        .await?;
    let mut removed = Vec::with_capacity(rows.len());
    for row in rows {
        removed.push(DeletedCount {
            kind: row.read("kind")?,
            count: row.read("count")?,
            bytes: row.read("bytes")?,
        });
    }
    removed.sort_by_key(|one| one.kind);
    Ok(removed)
}

/// The deletion of a thing, if there is one and the person may know of it.
///
/// # Errors
/// Only those of the connection.
pub async fn of_subject(db: &mut MembershipsDb, subject: &str) -> Result<Option<Stored>, StoreError> {
    db.fetch_optional(
        concat!(
            "-- deletions::of_subject\n SELECT ",
            columns!(),
            " FROM deletions AS own WHERE subject = $1"
        ),
        &[sql(subject)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// A deletion to be gone on with, in a transaction of its org or person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub id: DeletionId,
    /// Whose rows it is about.
    pub scope: DueScope,
}

/// Whose rows a deletion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueScope {
    /// An org's.
    Org(OrgId),
    /// A person's.
    Person(UserId),
}

/// The deletion that has waited longest of those that nobody drives and that are due before `before`; with when it is due.
///
/// # Errors
/// Only those of the connection.
pub async fn next_due(
    db: &mut SweepsDb,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<(Due, Timestamp)>, StoreError> {
    db.fetch_optional(
        "-- deletions::next_due
         SELECT deletion_id, org_id, subject, greatest(due_at, coalesce(lease_until, due_at)) AS due_at FROM deletions
          WHERE step <> 'done' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $2)
          ORDER BY due_at, deletion_id LIMIT 1",
        &[sql(before), sql(now)],
    )
    .await?
    .map(|row| {
        let scope = match row.read::<Option<OrgId>>("org_id")? {
            Some(org) => DueScope::Org(org),
            None => DueScope::Person(row.read("subject")?),
        };
        Ok((Due { id: row.read("deletion_id")?, scope }, row.read("due_at")?))
    })
    .transpose()
}

/// Takes a deletion up until then, unless it is somebody else's, over, or not due.
///
/// # Errors
/// Only those of the connection.
pub async fn claim<S: Scope>(
    db: &mut Scoped<S>,
    due: Due,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Stored>, StoreError> {
    db.fetch_optional(
        concat!(
            "-- deletions::claim
             UPDATE deletions AS own SET lease_owner = $3, lease_until = $5
              WHERE deletion_id = $1 AND org_id IS NOT DISTINCT FROM $2 AND step <> 'done' AND due_at <= $4
                AND (lease_until IS NULL OR lease_until <= $4 OR lease_owner = $3)
             RETURNING ",
            columns!()
        ),
        &[sql(due.id), sql(org_of(due)), sql(owner), sql(now), sql(until)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Writes down what became of a deletion, and lets it go.
///
/// # Errors
/// [`StoreError::Overtaken`] when it is somebody else's by now.
pub async fn advance<S: Scope>(
    db: &mut Scoped<S>,
    before: &Stored,
    owner: &str,
    next: &Deletion,
) -> Result<(), StoreError> {
    const NAME: &str = "deletions::advance";
    db.execute_guarded(
        "-- deletions::advance
         UPDATE deletions
            SET step = $5, tries = $6, due_at = $7, cursor = $8, removed = $9, leftovers = $10, ended_at = $11,
                version = version + 1, lease_owner = NULL, lease_until = NULL
          WHERE deletion_id = $1 AND org_id IS NOT DISTINCT FROM $2 AND lease_owner = $3 AND version = $4",
        &[
            sql(before.id),
            sql(before.org),
            sql(owner),
            sql(before.version),
            sql(next.step),
            sql(u64::from(next.tries)),
            sql(next.due_at),
            sql(next.cursor.as_ref()),
            sql(&json::text(NAME, &next.removed)?),
            sql(&json::text(NAME, &next.leftovers)?),
            sql(next.ended_at),
        ],
    )
    .await
}

const fn org_of(due: Due) -> Option<OrgId> {
    match due.scope {
        DueScope::Org(org) => Some(org),
        DueScope::Person(_) => None,
    }
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    let subject = match row.read::<String>("kind")?.as_str() {
        "chat" => DeletionSubject::Chat { id: row.read("subject")? },
        "channel" => DeletionSubject::Channel { id: row.read("subject")? },
        "org" => DeletionSubject::Org { id: row.read("subject")? },
        _ => DeletionSubject::Person { id: row.read("subject")? },
    };
    Ok(Stored {
        id: row.read("deletion_id")?,
        org: row.read("org_id")?,
        subject,
        asked_by: row.read("asked_by")?,
        asked_at: row.read("asked_at")?,
        deletion: Deletion {
            step: row.read::<DeletionStep>("step")?,
            tries: u32::try_from(row.read::<u64>("tries")?).unwrap_or(u32::MAX),
            due_at: row.read("due_at")?,
            cursor: row.read("cursor")?,
            removed: json::read(row, "removed")?,
            leftovers: json::read(row, "leftovers")?,
            ended_at: row.read("ended_at")?,
        },
        version: row.read("version")?,
        parts: DeletionParts { all: row.read("parts")?, done: row.read("parts_done")? },
    })
}

/// The ids in one column.
fn ids<T: Column>(rows: &[Row], column: &'static str) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| row.read(column)).collect()
}
