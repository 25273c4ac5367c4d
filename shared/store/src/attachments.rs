//! Attachments: which files are put into chats, and which message each came with. Their bytes lie in R2.
//!
//! Invariants: a row comes before its object and goes after it; a file goes into one message; what an org's files take
//! together, with what is being uploaded, is never more than it may have.

mod messages;

pub(crate) use messages::project;
pub use messages::{bind, expire, release, settle};

use slipway_contract::http::attachments::Attachment;
use slipway_contract::{Actor, AttachmentId, ChatId, OrgId, Timestamp, UserId, limits};
use slipway_domain::attachments::OCTETS;

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::sql;
use crate::{OrgDb, RemovalDb, StoreError, SweepsDb};

/// How far an attachment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// R2 takes parts of it.
    Uploading,
    /// R2 has all of it.
    Complete,
    /// It shall go.
    Removed,
}

/// An attachment as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttachment {
    /// What people see of it.
    pub attachment: Attachment,
    /// How far it is.
    pub state: AttachmentState,
    /// R2's name for the upload; absent until R2 was asked.
    pub upload: Option<String>,
    /// It is bound to a message.
    pub posted: bool,
}

impl StoredAttachment {
    /// Whether this person put it there.
    pub fn is_by(&self, user: UserId) -> bool {
        self.attachment.by == Actor::User { id: user }
    }

    /// Whether somebody who takes part in its chat sees it: once it is in a message, before that only who put it there.
    pub fn is_seen_by(&self, user: UserId) -> bool {
        match self.state {
            AttachmentState::Uploading => self.is_by(user),
            AttachmentState::Complete => self.posted || self.is_by(user),
            AttachmentState::Removed => false,
        }
    }
}

/// An upload that is announced.
#[derive(Clone, Copy, Debug)]
pub struct NewAttachment<'a> {
    /// The id that it gets, if it is a new one.
    pub id: AttachmentId,
    /// For which chat.
    pub chat: ChatId,
    /// By whom.
    pub by: UserId,
    /// What they call the upload.
    pub client_id: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// Its size.
    pub bytes: u64,
}

/// Begins an upload, or finds the one that the same person began under the same name; `None` when the org has no room left
/// for it. Who begins at once is let in one after the other.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such chat.
pub async fn begin(
    db: &mut OrgDb,
    new: &NewAttachment<'_>,
    now: Timestamp,
) -> Result<Option<StoredAttachment>, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- attachments::begin (row)
         INSERT INTO quotas (org_id, holder) VALUES ($1, 'org') ON CONFLICT (org_id, holder) DO NOTHING",
        &[sql(org)],
    )
    .await?;
    let held = db
        .fetch_one(
            "-- attachments::begin (lock)
             SELECT attachment_bytes FROM quotas WHERE org_id = $1 AND holder = 'org' FOR UPDATE",
            &[sql(org)],
        )
        .await?;
    let limit = held.read::<Option<u64>>("attachment_bytes")?.unwrap_or(limits::ATTACHMENT_BYTES_PER_ORG);
    let begun = db
        .fetch_optional(
            "-- attachments::begin (again)
             SELECT attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                    post IS NOT NULL OR message_seq IS NOT NULL AS posted, created_at
               FROM attachments
              WHERE org_id = $1 AND chat_id = $2 AND uploaded_by = $3 AND client_id = $4 AND state <> 'removed'",
            &[sql(org), sql(new.chat), sql(new.by), sql(new.client_id)],
        )
        .await?;
    if let Some(row) = begun {
        return read(&row).map(Some);
    }
    // A statement of its own, so that it sees what those who held the lock before have written.
    db.fetch_optional(
        "-- attachments::begin
         INSERT INTO attachments (attachment_id, org_id, chat_id, uploaded_by, client_id, name, bytes, state, media_type,
                                  created_at)
         SELECT $2, $1, $3, $4, $5, $6, $7, 'uploading', $8, $9
          WHERE (SELECT coalesce(sum(bytes), 0)::bigint FROM attachments WHERE org_id = $1 AND state <> 'removed') + $7
                <= $10
         RETURNING attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                   false AS posted, created_at",
        &[
            sql(org),
            sql(new.id),
            sql(new.chat),
            sql(new.by),
            sql(new.client_id),
            sql(new.name),
            sql(new.bytes),
            sql(OCTETS),
            sql(now),
            sql(limit),
        ],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// R2 names the upload so. Answers whether it is the first name for it, and still wanted.
///
/// # Errors
/// Only those of the connection.
pub async fn name_upload(db: &mut OrgDb, attachment: AttachmentId, upload: &str) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- attachments::name_upload
         UPDATE attachments SET upload = $3
          WHERE org_id = $1 AND attachment_id = $2 AND state = 'uploading' AND upload IS NULL",
        &[sql(org), sql(attachment), sql(upload)],
    )
    .await
}

/// One attachment, however far it is, whoever sees it.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, attachment: AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- attachments::find
         SELECT attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                post IS NOT NULL OR message_seq IS NOT NULL AS posted, created_at
           FROM attachments WHERE org_id = $1 AND attachment_id = $2",
        &[sql(org), sql(attachment)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// R2 has a part, under this mark of its own; in the place of what it had of it. Answers whether it is still wanted.
///
/// # Errors
/// Only those of the connection.
pub async fn keep_part(
    db: &mut OrgDb,
    attachment: AttachmentId,
    part: u64,
    etag: &str,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- attachments::keep_part
         INSERT INTO attachment_parts (attachment_id, org_id, part, etag)
         SELECT attachment_id, $1, $3, $4 FROM attachments
          WHERE org_id = $1 AND attachment_id = $2 AND state = 'uploading'
         ON CONFLICT (attachment_id, part) DO UPDATE SET etag = excluded.etag",
        &[sql(org), sql(attachment), sql(part), sql(etag)],
    )
    .await
}

/// The parts that R2 has, in order, with its marks.
///
/// # Errors
/// Only those of the connection.
pub async fn parts(db: &mut OrgDb, attachment: AttachmentId) -> Result<Vec<(u64, String)>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- attachments::parts
             SELECT part, etag FROM attachment_parts WHERE org_id = $1 AND attachment_id = $2 ORDER BY part",
            &[sql(org), sql(attachment)],
        )
        .await?;
    rows.iter().map(|row| Ok((row.read("part")?, row.read("etag")?))).collect()
}

/// R2 has all of it, and its bytes say this. Answers whether it was still uploading.
///
/// # Errors
/// Only those of the connection.
pub async fn complete(
    db: &mut OrgDb,
    attachment: AttachmentId,
    media_type: &str,
    pixels: Option<[u32; 2]>,
) -> Result<bool, StoreError> {
    let org = db.org();
    let [width, height] =
        pixels.map_or([None; 2], |[width, height]| [Some(u64::from(width)), Some(u64::from(height))]);
    let completed = db
        .execute_optional(
            "-- attachments::complete
             UPDATE attachments SET state = 'complete', media_type = $3, width = $4, height = $5
              WHERE org_id = $1 AND attachment_id = $2 AND state = 'uploading'",
            &[sql(org), sql(attachment), sql(media_type), sql(width), sql(height)],
        )
        .await?;
    if completed {
        forget_parts(db, attachment).await?;
    }
    Ok(completed)
}

/// Somebody gives up what they put there before it was in a message. Answers whether there is such a one.
///
/// # Errors
/// Only those of the connection.
pub async fn doom(db: &mut OrgDb, attachment: AttachmentId, by: UserId) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- attachments::doom
         UPDATE attachments SET state = 'removed'
          WHERE org_id = $1 AND attachment_id = $2 AND uploaded_by = $3 AND state <> 'removed'
            AND post IS NULL AND message_seq IS NULL",
        &[sql(org), sql(attachment), sql(by)],
    )
    .await
}

/// Marks what is in no message and was begun before `before` as such that shall go. Answers it, or what shall go already;
/// `None` when it is to stay.
///
/// # Errors
/// Only those of the connection.
pub async fn doom_loose(
    db: &mut OrgDb,
    attachment: AttachmentId,
    before: Timestamp,
) -> Result<Option<StoredAttachment>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- attachments::doom_loose
         UPDATE attachments SET state = 'removed'
          WHERE org_id = $1 AND attachment_id = $2
            AND (state = 'removed' OR (message_seq IS NULL AND created_at <= $3))
         RETURNING attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                   post IS NOT NULL OR message_seq IS NOT NULL AS posted, created_at",
        &[sql(org), sql(attachment), sql(before)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// R2 has nothing of what shall go, and gets nothing more of it.
///
/// # Errors
/// Only those of the connection.
pub async fn forget(db: &mut OrgDb, attachment: AttachmentId) -> Result<(), StoreError> {
    let org = db.org();
    forget_parts(db, attachment).await?;
    db.execute_optional(
        "-- attachments::forget
         DELETE FROM attachments WHERE org_id = $1 AND attachment_id = $2 AND state = 'removed'",
        &[sql(org), sql(attachment)],
    )
    .await
    .map(drop)
}

async fn forget_parts(db: &mut OrgDb, attachment: AttachmentId) -> Result<(), StoreError> {
    let org = db.org();
    db.execute(
        "-- attachments::forget_parts
         DELETE FROM attachment_parts
          WHERE org_id = $1 AND attachment_id = $2
            AND NOT EXISTS (SELECT 1 FROM attachments
                             WHERE org_id = $1 AND attachment_id = $2 AND state = 'uploading')",
        &[sql(org), sql(attachment)],
    )
    .await
    .map(drop)
}

/// What shall go, and what is in no message and was begun before `before`.
///
/// # Errors
/// Only those of the connection.
pub async fn left_over(
    db: &mut SweepsDb,
    before: Timestamp,
    page: &Page<AttachmentId>,
) -> Result<Slice<(OrgId, AttachmentId)>, StoreError> {
    let rows = db
        .fetch_all(
            "-- attachments::left_over
             SELECT org_id, attachment_id FROM attachments
              WHERE (message_seq IS NULL OR state = 'removed') AND (state = 'removed' OR created_at <= $1)
                AND ($2::text IS NULL OR attachment_id > $2)
              ORDER BY attachment_id LIMIT $3",
            &[sql(before), sql(page.after), sql(page.fetch())],
        )
        .await?;
    let read = |row: &Row| Ok((row.read("org_id")?, row.read("attachment_id")?));
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, StoreError>>()?))
}

/// Attachments of a chat that is deleted: all of them shall go.
///
/// # Errors
/// Only those of the connection.
pub async fn doom_chat(
    db: &mut RemovalDb,
    chat: ChatId,
    most: u64,
) -> Result<Vec<StoredAttachment>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- attachments::doom_chat
             UPDATE attachments SET state = 'removed'
              WHERE org_id = $1 AND attachment_id IN (
                    SELECT attachment_id FROM attachments
                     WHERE org_id = $1 AND chat_id = $2 ORDER BY attachment_id LIMIT $3)
             RETURNING attachment_id, chat_id, uploaded_by, name, bytes, state, upload, media_type, width, height,
                       post IS NOT NULL OR message_seq IS NOT NULL AS posted, created_at",
            &[sql(org), sql(chat), sql(most)],
        )
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<StoredAttachment, StoreError> {
    // Sides of pictures that do not fit were never written.
    let side = |column| Ok(row.read::<Option<u64>>(column)?.and_then(|side| u32::try_from(side).ok()));
    let pixels = match (side("width")?, side("height")?) {
        (Some(width), Some(height)) => Some([width, height]),
        (_, _) => None,
    };
    Ok(StoredAttachment {
        attachment: Attachment {
            id: row.read("attachment_id")?,
            chat: row.read("chat_id")?,
            name: row.read("name")?,
            media_type: row.read("media_type")?,
            bytes: row.read("bytes")?,
            pixels,
            by: Actor::User { id: row.read("uploaded_by")? },
            created_at: row.read("created_at")?,
        },
        state: row.read("state")?,
        upload: row.read("upload")?,
        posted: row.read("posted")?,
    })
}
