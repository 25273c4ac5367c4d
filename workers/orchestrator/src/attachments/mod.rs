//! Attachments: files that people put into chats, taken in by R2 in parts and kept there until their message goes.
//!
//! Invariants: a row comes before its object and goes after it, so whoever dies in between leaves what a sweep finds. What
//! is in a message is whole, and is what its bytes say.

mod link;
mod upload;

use slipway_contract::http::attachments::Attachment;
use slipway_contract::{AttachmentId, OrgId, Problem, ProblemCode, Timestamp, UserId};
use slipway_domain::attachments::{is_read, object};
use slipway_edge::log::Line;
use slipway_store::attachments::{self, StoredAttachment};
use slipway_store::{OrgDb, StoreError};
use worker::Bucket;

use crate::artifacts::BUCKET;
use crate::errand::Errand;
use crate::sandboxes::link::Link;

/// What R2 says when it has no such upload (any more), as its errors end.
const NO_UPLOAD: &str = "(10024)";

/// The attachments of one org, at work for one request.
pub(crate) struct Attachments<'a> {
    errand: &'a Errand,
    org: OrgId,
    link: Link<'a>,
}

impl<'a> Attachments<'a> {
    pub(crate) const fn new(errand: &'a Errand, org: OrgId) -> Self {
        Self { errand, org, link: Link::new(errand) }
    }

    /// Gives up what a person put there, before it is in a message.
    ///
    /// # Errors
    /// `not_found` when there is no such one; the database cannot be reached. What R2 keeps for now, a sweep removes.
    pub(crate) async fn remove(&mut self, user: UserId, attachment: AttachmentId) -> Result<(), Problem> {
        let found = self.own(user, attachment).await?;
        let mut rows = self.link.rows(self.org).await?;
        let doomed = attachments::doom(&mut rows, attachment, user).await;
        if !self.done(rows, doomed).await? {
            let detail = "it is in a message; it goes with that";
            return Err(Problem::new(ProblemCode::Forbidden).detail(detail));
        }
        // A sweep tries again.
        let _left_over = self.clear(&found).await;
        Ok(())
    }

    /// Removes what shall go: its upload and its object, then its row.
    ///
    /// # Errors
    /// R2 or the database cannot be reached.
    pub(crate) async fn clear(&mut self, found: &StoredAttachment) -> Result<(), Problem> {
        let attachment = &found.attachment;
        let cleared = async {
            let bucket = self.errand.env.bucket(BUCKET)?;
            let object = object(self.org, attachment.chat, attachment.id);
            if let Some(upload) = &found.upload {
                // First, so that nobody makes an object of it after the next step.
                let aborted = bucket.resume_multipart_upload(object.as_str(), upload.as_str())?.abort().await;
                aborted.or_else(|error| if is(&error, NO_UPLOAD) { Ok(()) } else { Err(error) })?;
            }
            bucket.delete(object).await
        };
        cleared.await.map_err(|error| self.failed("attachment_not_removed", &error))?;
        let mut rows = self.link.rows(self.org).await?;
        let forgotten = attachments::forget(&mut rows, attachment.id).await;
        self.done(rows, forgotten).await
    }

    /// Marks what nobody posted in time as such that shall go; answers it, or what shall go already.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub(crate) async fn doom_loose(
        &mut self,
        attachment: AttachmentId,
        before: Timestamp,
    ) -> Result<Option<StoredAttachment>, Problem> {
        let mut rows = self.link.rows(self.org).await?;
        let doomed = attachments::doom_loose(&mut rows, attachment, before).await;
        self.done(rows, doomed).await
    }

    /// One that this person put there and that is not about to go.
    async fn own(&mut self, user: UserId, attachment: AttachmentId) -> Result<StoredAttachment, Problem> {
        let found = self.find(attachment).await?;
        found
            .filter(|one| one.is_by(user) && one.is_seen_by(user))
            .ok_or_else(|| ProblemCode::NotFound.into())
    }

    async fn find(&mut self, attachment: AttachmentId) -> Result<Option<StoredAttachment>, Problem> {
        let mut rows = self.link.rows(self.org).await?;
        let found = attachments::find(&mut rows, attachment).await;
        self.link.done(rows);
        found.map_err(|error| self.errand.refuse(&error))
    }

    fn bucket(&self) -> Result<Bucket, Problem> {
        self.errand.env.bucket(BUCKET).map_err(|error| self.failed("no_bucket", &error))
    }

    /// Keeps what a transaction did.
    async fn done<T>(&mut self, rows: OrgDb, did: Result<T, StoreError>) -> Result<T, Problem> {
        let kept = match did {
            Ok(value) => self.link.commit(rows).await.map(|()| value),
            Err(error) => Err(error),
        };
        kept.map_err(|error| self.errand.refuse(&error))
    }

    /// R2 did not do what it was asked.
    fn failed(&self, event: &'static str, error: &worker::Error) -> Problem {
        Line::warn(event).request(self.errand.request).org(self.org).fault(error).emit();
        Problem::new(ProblemCode::Unavailable).detail("Files cannot be reached for now.").retry_after(2)
    }
}

/// Whether an error of R2 is the one with this number.
fn is(error: &worker::Error, number: &str) -> bool {
    error.to_string().contains(number)
}

/// What agents are given of a file: its text, where it is one of at most 64 KiB. `None` for any other, and when R2 does not
/// give it: the file is only named then.
pub(crate) async fn text_of(errand: &Errand, org: OrgId, attachment: &Attachment) -> Option<String> {
    if !is_read(attachment) {
        return None;
    }
    let read = async {
        let bucket = errand.env.bucket(BUCKET)?;
        let found = bucket.get(object(org, attachment.chat, attachment.id)).execute().await?;
        match found.as_ref().and_then(worker::Object::body) {
            Some(body) => body.bytes().await.map(Some),
            None => Ok(None),
        }
    };
    match read.await {
        Ok(bytes) => String::from_utf8(bytes?).ok(),
        Err(error) => {
            Line::warn("attachment_not_read").request(errand.request).org(org).fault(&error).emit();
            None
        }
    }
}
