//! Archives of chats: which chat lies in R2 and how far each archive is on its way.
//!
//! Invariant: an archive changes under its row's lock and only as [`slipway_domain::archive`] says; what the index tells of
//! the chat changes in the same transaction.

use slipway_contract::{Actor, ArchiveId, ChatId, OrgId, Seq, Timestamp};
use slipway_domain::archive::{self, ArchiveState, Fact, KEPT_MS, Step};

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{Cause, OrgDb, StoreError, SweepsDb};

/// An archive, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredArchive {
    /// Its id.
    pub id: ArchiveId,
    /// The org.
    pub org: OrgId,
    /// Of which chat.
    pub chat: ChatId,
    /// How it stands.
    pub state: ArchiveState,
    /// Who asked for it: a person, or Slipway itself for a chat that nobody used.
    pub by: Actor,
    /// SHA-256 of its manifest, once it was exported.
    pub manifest_sha256: Option<String>,
}

/// What an export came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The newest event.
    pub head: Seq,
    /// Parts.
    pub parts: u64,
    /// Their size before packing.
    pub raw_bytes: u64,
    /// Their size in R2.
    pub packed_bytes: u64,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
}

/// What came of beginning one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is the caller's to go on with.
    Fresh(StoredArchive),
    /// The chat has one that is being made, or is archived.
    There(StoredArchive),
}

/// When something is written, and until when nobody else is to take it up.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub now: Timestamp,
    /// The end of the caller's lease; now, when the caller is done with it.
    pub lease_until: Timestamp,
}

/// Begins an archive of a chat, unless one is being made or the chat is archived.
///
/// # Errors
/// [`StoreError::NotFound`] when the index does not know the chat; [`StoreError::Overtaken`] when another one ended at that
/// moment.
pub async fn begin(
    db: &mut OrgDb,
    id: ArchiveId,
    chat: ChatId,
    by: Actor,
    at: Moment,
) -> Result<Begun, StoreError> {
    const NAME: &str = "archives::begin";
    let org = db.org();
    let fresh = db
        .execute_optional(
            "-- archives::begin
             INSERT INTO chat_archives
                    (archive_id, org_id, chat_id, state, asked_by, begun_at, changed_at, lease_until)
             VALUES ($2, $1, $3, 'exporting', $4, $5, $5, $6)
             ON CONFLICT (chat_id) WHERE state IN ('exporting', 'verifying', 'wiping', 'archived') DO NOTHING",
            &[sql(org), sql(id), sql(chat), sql(by), sql(at.now), sql(at.lease_until)],
        )
        .await?;
    if fresh {
        let state = ArchiveState::Exporting;
        return Ok(Begun::Fresh(StoredArchive { id, org, chat, state, by, manifest_sha256: None }));
    }
    current(db, chat).await?.map(Begun::There).ok_or(StoreError::Overtaken { statement: NAME })
}

/// The archive of a chat that is being made, or that is the chat's only copy.
///
/// # Errors
/// Only those of the connection.
pub async fn current(db: &mut OrgDb, chat: ChatId) -> Result<Option<StoredArchive>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- archives::current
         SELECT archive_id, org_id, chat_id, state, asked_by, restored_at, manifest_sha256 FROM chat_archives
          WHERE org_id = $1 AND chat_id = $2 AND state IN ('exporting', 'verifying', 'wiping', 'archived')",
        &[sql(org), sql(chat)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Takes up an archive that nobody is at; `None` when somebody is, or it is gone.
///
/// # Errors
/// Only those of the connection.
pub async fn claim(
    db: &mut OrgDb,
    archive: ArchiveId,
    at: Moment,
) -> Result<Option<StoredArchive>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- archives::claim
         UPDATE chat_archives SET lease_until = $4 WHERE org_id = $1 AND archive_id = $2 AND lease_until <= $3
         RETURNING archive_id, org_id, chat_id, state, asked_by, restored_at, manifest_sha256",
        &[sql(org), sql(archive), sql(at.now), sql(at.lease_until)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// R2 has taken in all of an archive.
///
/// # Errors
/// Only those of the connection.
pub async fn exported(
    db: &mut OrgDb,
    archive: ArchiveId,
    exported: &Exported,
    at: Moment,
) -> Result<Option<StoredArchive>, StoreError> {
    let org = db.org();
    let Exported { head: Seq(head), parts, raw_bytes, packed_bytes, manifest_sha256 } = exported;
    db.execute_optional(
        "-- archives::exported
         UPDATE chat_archives SET head = $3, parts = $4, raw_bytes = $5, packed_bytes = $6, manifest_sha256 = $7
          WHERE org_id = $1 AND archive_id = $2 AND state = 'exporting'",
        &[
            sql(org),
            sql(archive),
            sql(*head),
            sql(*parts),
            sql(*raw_bytes),
            sql(*packed_bytes),
            sql(manifest_sha256),
        ],
    )
    .await?;
    note(db, archive, Fact::Exported, at).await
}

/// Notes what happened to an archive; how it stands then, `None` when nothing is left of it.
///
/// # Errors
/// Only those of the connection.
pub async fn note(
    db: &mut OrgDb,
    archive: ArchiveId,
    fact: Fact,
    at: Moment,
) -> Result<Option<StoredArchive>, StoreError> {
    let org = db.org();
    let found = db
        .fetch_optional(
            "-- archives::note
             SELECT archive_id, org_id, chat_id, state, asked_by, restored_at, manifest_sha256 FROM chat_archives
              WHERE org_id = $1 AND archive_id = $2 FOR UPDATE",
            &[sql(org), sql(archive)],
        )
        .await?;
    let Some(before) = found.map(|row| read(&row)).transpose()? else { return Ok(None) };
    match archive::step(before.state, fact, at.now) {
        Step::Stay => Ok(Some(before)),
        Step::Forget => {
            db.execute_one(
                "-- archives::note (forget)
                 DELETE FROM chat_archives WHERE org_id = $1 AND archive_id = $2",
                &[sql(org), sql(archive)],
            )
            .await?;
            if before.state == ArchiveState::Exporting {
                put_off(db, before.chat, at.now).await?;
            }
            Ok(None)
        }
        Step::To(next) => {
            let after = StoredArchive { state: next, ..before };
            let restored_at = if let ArchiveState::Restored { at } = next { Some(at) } else { None };
            db.execute_one(
                "-- archives::note (state)
                 UPDATE chat_archives SET state = $3, changed_at = $4, lease_until = $5,
                        restored_at = coalesce(restored_at, $6)
                  WHERE org_id = $1 AND archive_id = $2",
                &[
                    sql(org),
                    sql(archive),
                    sql(text(next)),
                    sql(at.now),
                    sql(at.lease_until),
                    sql(restored_at),
                ],
            )
            .await?;
            follow(db, before.state, &after, at.now).await?;
            Ok(Some(after))
        }
    }
}

/// What the index tells of the chat follows, and older archives make way for a newer one that is whole.
async fn follow(
    db: &mut OrgDb,
    before: ArchiveState,
    after: &StoredArchive,
    now: Timestamp,
) -> Result<(), StoreError> {
    let org = db.org();
    match after.state {
        ArchiveState::Archived => {
            db.execute_optional(
                "-- archives::follow (archived)
                 UPDATE chats SET archived = true, archive_tries = 0, archive_after = NULL
                  WHERE org_id = $1 AND chat_id = $2",
                &[sql(org), sql(after.chat)],
            )
            .await?;
            // As `Fact::Superseded` says.
            db.execute(
                "-- archives::follow (superseded)
                 UPDATE chat_archives SET state = 'removing', changed_at = $4, lease_until = $4
                  WHERE org_id = $1 AND chat_id = $2 AND archive_id <> $3 AND state = 'restored'",
                &[sql(org), sql(after.chat), sql(after.id), sql(now)],
            )
            .await
            .map(drop)
        }
        ArchiveState::Restored { .. } => db
            .execute_optional(
                "-- archives::follow (restored)
                 UPDATE chats SET archived = false, active_at = $3 WHERE org_id = $1 AND chat_id = $2",
                &[sql(org), sql(after.chat), sql(now)],
            )
            .await
            .map(drop),
        ArchiveState::Removing if before.is_current() => put_off(db, after.chat, now).await,
        ArchiveState::Removing | ArchiveState::Exporting | ArchiveState::Verifying | ArchiveState::Wiping => {
            Ok(())
        }
    }
}

/// A try came to nothing: the sweep lets the chat be for a while, longer each time.
async fn put_off(db: &mut OrgDb, chat: ChatId, now: Timestamp) -> Result<(), StoreError> {
    let org = db.org();
    let row = db
        .fetch_one(
            "-- archives::put_off
             UPDATE chats SET archive_tries = archive_tries + 1 WHERE org_id = $1 AND chat_id = $2
             RETURNING archive_tries",
            &[sql(org), sql(chat)],
        )
        .await?;
    let tries = row.read::<u64>("archive_tries")?;
    leave_until(db, chat, archive::again(tries, now)).await
}

/// The sweep is to let a chat be until then.
///
/// # Errors
/// Only those of the connection.
pub async fn leave_until(db: &mut OrgDb, chat: ChatId, until: Timestamp) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- archives::leave_until
         UPDATE chats SET archive_after = $3 WHERE org_id = $1 AND chat_id = $2",
        &[sql(org), sql(chat), sql(until)],
    )
    .await
    .map(drop)
}

/// An archive that something is to be done about, in a transaction of its org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The org.
    pub org: OrgId,
    /// Which.
    pub archive: ArchiveId,
}

/// Archives that stand in the middle and that nobody is at, those that nobody needs any more among them.
///
/// # Errors
/// Only those of the connection.
pub async fn unsettled(
    db: &mut SweepsDb,
    now: Timestamp,
    page: &Page<ArchiveId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- archives::unsettled
             SELECT org_id, archive_id FROM chat_archives
              WHERE state <> 'archived' AND (state <> 'restored' OR restored_at <= $2) AND lease_until <= $1
                AND ($3::text IS NULL OR archive_id > $3)
              ORDER BY archive_id LIMIT $4",
            &[sql(now), sql(now.plus_ms(-KEPT_MS)), sql(page.after), sql(page.fetch())],
        )
        .await?;
    let due = rows.iter().map(|row| Ok(Due { org: row.read("org_id")?, archive: row.read("archive_id")? }));
    Ok(page.cut(due.collect::<Result<_, StoreError>>()?))
}

/// A chat that nobody uses, in a transaction of its org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The org.
    pub org: OrgId,
    /// Which.
    pub chat: ChatId,
    /// Since when.
    pub since: Timestamp,
}

/// Chats in which nothing new has happened since `before`, those with the longest silence first, at most `most`. Left out
/// are those that are archived, that are on their way, and that are to be let be for now.
///
/// # Errors
/// Only those of the connection.
pub async fn idle(
    db: &mut SweepsDb,
    before: Timestamp,
    now: Timestamp,
    most: u32,
) -> Result<Vec<Idle>, StoreError> {
    let rows = db
        .fetch_all(
            "-- archives::idle
             SELECT org_id, chat_id, greatest(active_at, last_message_at) AS since FROM chats
              WHERE NOT archived AND active_at <= $1 AND last_message_at <= $1
                AND (archive_after IS NULL OR archive_after <= $2)
                AND NOT EXISTS (SELECT 1 FROM chat_archives
                                 WHERE chat_archives.chat_id = chats.chat_id
                                   AND state IN ('exporting', 'verifying', 'wiping', 'archived'))
              ORDER BY active_at, chat_id LIMIT $3",
            &[sql(before), sql(now), sql(u64::from(most))],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Idle { org: row.read("org_id")?, chat: row.read("chat_id")?, since: row.read("since")? })
        })
        .collect()
}

fn read(row: &Row) -> Result<StoredArchive, StoreError> {
    let name: String = row.read("state")?;
    let wrong = |column| StoreError::Internal { statement: row.statement, source: Cause::Column(column) };
    let state = match name.as_str() {
        "exporting" => ArchiveState::Exporting,
        "verifying" => ArchiveState::Verifying,
        "wiping" => ArchiveState::Wiping,
        "archived" => ArchiveState::Archived,
        "restored" => ArchiveState::Restored { at: row.read("restored_at")? },
        "removing" => ArchiveState::Removing,
        _ => return Err(wrong("state")),
    };
    Ok(StoredArchive {
        id: row.read("archive_id")?,
        org: row.read("org_id")?,
        chat: row.read("chat_id")?,
        state,
        by: row.read("asked_by")?,
        manifest_sha256: row.read("manifest_sha256")?,
    })
}

const fn text(state: ArchiveState) -> &'static str {
    match state {
        ArchiveState::Exporting => "exporting",
        ArchiveState::Verifying => "verifying",
        ArchiveState::Wiping => "wiping",
        ArchiveState::Archived => "archived",
        ArchiveState::Restored { .. } => "restored",
        ArchiveState::Removing => "removing",
    }
}
