//! An upload: begun within the org's room, its parts handed on to R2 as they come, put together, and looked at.
//!
//! Invariants: each step can be asked for again, by anybody at once, and ends as if it had been asked for once. Bytes of a
//! part never enter this Worker's memory.

use futures::future::join;
use slipway_contract::http::attachments::{Attachment, AttachmentUpload, BeginAttachment};
use slipway_contract::limits::ATTACHMENT_PART_BYTES;
use slipway_contract::{AttachmentId, ChatId, Problem, ProblemCode, UserId};
use slipway_domain::attachments::{self as rules, HEAD_BYTES, announced, object, pixels, sniff};
use slipway_edge::ids;
use slipway_store::StoreError;
use slipway_store::attachments::{self, AttachmentState, NewAttachment, StoredAttachment};
use worker::js_sys::futures::JsFuture;
use worker::web_sys::ReadableStream;
use worker::worker_sys::FixedLengthStream;
use worker::{Bucket, Range, UploadedPart};

use super::{Attachments, NO_UPLOAD, is};
use crate::outgoing;

/// How long a part may be on its way to R2, in milliseconds: the largest one at 300 kbit/s.
const PART_MS: u64 = 240_000;
/// What R2 says of a part that is not (any more) the one it has.
const NO_PART: &str = "(10025)";

impl Attachments<'_> {
    /// Begins an upload, or finds it.
    ///
    /// # Errors
    /// What is announced is refused, or the org has no room for it.
    pub(crate) async fn begin(
        &mut self,
        user: UserId,
        chat: ChatId,
        wanted: &BeginAttachment,
    ) -> Result<AttachmentUpload, Problem> {
        let wanted = announced(wanted)?;
        let new = NewAttachment {
            id: ids::fresh(),
            chat,
            by: user,
            client_id: &wanted.client_id,
            name: &wanted.name,
            bytes: wanted.bytes,
        };
        let mut rows = self.link.rows(self.org).await?;
        let begun = match attachments::begin(&mut rows, &new, self.errand.now()).await {
            // The index will know the chat in a moment.
            Err(StoreError::NotFound { .. }) => {
                return Err(Problem::new(ProblemCode::Unavailable).retry_after(1));
            }
            begun => self.done(rows, begun).await?,
        };
        let full = || {
            let detail = "The org's files take as much room as they may.";
            Problem::new(ProblemCode::QuotaReached).detail(detail).retry_after(3_600)
        };
        let begun = begun.ok_or_else(full)?;
        let id = begun.attachment.id;
        let parts = match begun.state {
            AttachmentState::Complete => (1..=rules::parts(begun.attachment.bytes)).collect(),
            AttachmentState::Uploading | AttachmentState::Removed if begun.upload.is_none() => {
                self.open(&begun).await?;
                Vec::new()
            }
            AttachmentState::Uploading | AttachmentState::Removed => {
                self.parts(id).await?.into_iter().map(|(part, _)| part).collect()
            }
        };
        Ok(AttachmentUpload {
            id,
            part_bytes: ATTACHMENT_PART_BYTES,
            parts: parts.into_iter().filter_map(|part| u32::try_from(part).ok()).collect(),
            complete: begun.state == AttachmentState::Complete,
        })
    }

    /// Asks R2 for an upload. Of several who do at once, the first one's counts.
    async fn open(&mut self, begun: &StoredAttachment) -> Result<(), Problem> {
        let attachment = &begun.attachment;
        let object = object(self.org, attachment.chat, attachment.id);
        let upload = self.bucket()?.create_multipart_upload(object).execute().await;
        let upload = upload.map_err(|error| self.failed("upload_not_begun", &error))?;
        let name = upload.upload_id().await;
        let mut rows = self.link.rows(self.org).await?;
        let named = attachments::name_upload(&mut rows, attachment.id, &name).await;
        if !self.done(rows, named).await?
            && let Err(error) = upload.abort().await
        {
            // R2 gives it up by itself after some days.
            self.failed("upload_left_over", &error);
        }
        Ok(())
    }

    /// Takes in a part, in the place of what there was of it.
    ///
    /// # Errors
    /// There is no such part, or it is not as long as it must be; the upload has ended; R2 cannot be reached.
    pub(crate) async fn part(
        &mut self,
        user: UserId,
        attachment: AttachmentId,
        part: u16,
        length: Option<u64>,
        body: Option<ReadableStream>,
    ) -> Result<(), Problem> {
        let found = self.own(user, attachment).await?;
        let file = &found.attachment;
        let expected = rules::part_bytes(file.bytes, part.into()).ok_or_else(|| {
            let detail = format!("this file has the parts 1 to {}", rules::parts(file.bytes));
            Problem::new(ProblemCode::InvalidParameter).detail(detail)
        })?;
        let (Some(body), true) = (body, length == Some(expected)) else {
            let detail = format!("part {part} has exactly {expected} bytes, and its Content-Length says so");
            return Err(Problem::new(ProblemCode::UploadIncomplete).detail(detail));
        };
        let upload = match (found.state, found.upload) {
            (AttachmentState::Uploading, Some(upload)) => upload,
            (AttachmentState::Uploading | AttachmentState::Removed, _) => {
                return Err(ProblemCode::NotFound.into());
            }
            (AttachmentState::Complete, _) => return Err(ended()),
        };
        let object = object(self.org, file.chat, file.id);
        let sent = send(self.bucket()?, object, upload, part, expected, body);
        let etag = match outgoing::within(PART_MS, sent).await {
            Some(Ok(etag)) => etag,
            Some(Err(error)) if is(&error, NO_UPLOAD) => return Err(ended()),
            Some(Err(error)) => return Err(self.failed("part_not_kept", &error)),
            None => {
                let late = worker::Error::RustError("not kept in time".to_owned());
                return Err(self.failed("part_not_kept", &late));
            }
        };
        let mut rows = self.link.rows(self.org).await?;
        let kept = attachments::keep_part(&mut rows, attachment, part.into(), &etag).await;
        if self.done(rows, kept).await? { Ok(()) } else { Err(ended()) }
    }

    /// Puts the parts together and looks at what came of it.
    ///
    /// # Errors
    /// `upload_incomplete`; R2 cannot be reached.
    pub(crate) async fn complete(
        &mut self,
        user: UserId,
        attachment: AttachmentId,
    ) -> Result<Attachment, Problem> {
        let found = self.own(user, attachment).await?;
        if found.state == AttachmentState::Complete {
            return Ok(found.attachment);
        }
        let parts = self.parts(attachment).await?;
        self.put_together(&found, parts).await?;
        let head = self.head(&found.attachment).await?;
        let media_type = sniff(&head);
        let pixels = pixels(media_type, &head);
        let mut rows = self.link.rows(self.org).await?;
        let completed = attachments::complete(&mut rows, attachment, media_type, pixels).await;
        self.done(rows, completed).await?;
        // Somebody else may have been faster, or have given it up.
        let found = self.own(user, attachment).await?;
        if found.state == AttachmentState::Complete {
            Ok(found.attachment)
        } else {
            Err(ProblemCode::NotFound.into())
        }
    }

    /// Has R2 make an object of the parts, unless it has.
    async fn put_together(&self, found: &StoredAttachment, parts: Vec<(u64, String)>) -> Result<(), Problem> {
        let file = &found.attachment;
        let bucket = self.bucket()?;
        let object = object(self.org, file.chat, file.id);
        let lacking = rules::lacking(file.bytes, parts.iter().map(|(part, _)| *part));
        let made = match (&found.upload, lacking) {
            (Some(upload), None) => {
                let parts = parts.into_iter().filter_map(|(part, etag)| {
                    u16::try_from(part).ok().map(|part| UploadedPart::new(part, etag))
                });
                let upload = bucket.resume_multipart_upload(object.as_str(), upload.as_str());
                match upload {
                    Ok(upload) => upload.complete(parts).await.map(drop),
                    Err(error) => Err(error),
                }
            }
            (_, lacking) => {
                Err(worker::Error::RustError(format!("part {} is not there", lacking.unwrap_or(1))))
            }
        };
        let Err(error) = made else { return Ok(()) };
        // Whoever made it an object may have died before anybody was told.
        let there =
            bucket.head(object).await.map_err(|error| self.failed("attachment_unreadable", &error))?;
        if there.is_some_and(|there| there.size() == file.bytes) {
            return Ok(());
        }
        let incomplete = |detail: String| Problem::new(ProblemCode::UploadIncomplete).detail(detail);
        match lacking {
            Some(part) => {
                Err(incomplete(format!("part {part} of {} is not there", rules::parts(file.bytes))))
            }
            None if is(&error, NO_PART) => {
                Err(incomplete("a part was put twice at once; put the parts again".to_owned()))
            }
            None if is(&error, NO_UPLOAD) => {
                Err(incomplete("the upload has ended; begin another".to_owned()))
            }
            None => Err(self.failed("upload_not_completed", &error)),
        }
    }

    /// The beginning of what R2 has.
    async fn head(&self, file: &Attachment) -> Result<Vec<u8>, Problem> {
        let read = async {
            let object = object(self.org, file.chat, file.id);
            let range = Range::Prefix { length: HEAD_BYTES.min(file.bytes) };
            let found =
                self.errand.env.bucket(crate::artifacts::BUCKET)?.get(object).range(range).execute().await?;
            let body = found.as_ref().and_then(worker::Object::body);
            let gone = || worker::Error::RustError("the object is gone".to_owned());
            body.ok_or_else(gone)?.bytes().await
        };
        read.await.map_err(|error| self.failed("attachment_unreadable", &error))
    }

    async fn parts(&mut self, attachment: AttachmentId) -> Result<Vec<(u64, String)>, Problem> {
        let mut rows = self.link.rows(self.org).await?;
        let parts = attachments::parts(&mut rows, attachment).await;
        self.link.done(rows);
        parts.map_err(|error| self.errand.refuse(&error))
    }
}

/// Hands a part's bytes to R2; answers R2's mark of them. A body that is longer or shorter than it says breaks off.
async fn send(
    bucket: Bucket,
    object: String,
    upload: String,
    part: u16,
    length: u64,
    body: ReadableStream,
) -> worker::Result<String> {
    let length = u32::try_from(length).map_err(|_| worker::Error::RustError("too long".to_owned()))?;
    let exact = FixedLengthStream::new(length)?;
    let passed = JsFuture::from(body.pipe_to(&exact.writable()));
    let upload = bucket.resume_multipart_upload(object, upload)?;
    let (kept, passed) = join(upload.upload_part(part, exact.readable()), passed).await;
    let kept = kept?;
    passed?;
    Ok(kept.etag())
}

fn ended() -> Problem {
    Problem::new(ProblemCode::Forbidden).detail("The upload has ended; nothing is added to it.")
}
