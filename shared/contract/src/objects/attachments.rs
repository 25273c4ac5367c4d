//! What app-api and the gateway ask of the orchestrator about attachments.
//!
//! app-api, after it made sure that the person takes part in the chat and may do this to the attachment:
//! `POST /internal/attachments/call` takes an [`AttachmentCall`] and answers as each operation says, or with a problem.
//! `PUT /internal/attachments/{attachment}/parts/{part}` takes a part's bytes, with the org and the user in headers
//! ([`ORG`](super::sandboxes::ORG), [`USER`](super::sandboxes::USER)) and the body's length in [`LENGTH`].
//!
//! The gateway, after it verified a link's token: `POST /internal/files/open` takes an [`OpenFile`] and answers the bytes,
//! with the headers that a browser may have.

use serde::{Deserialize, Serialize};

use crate::http::attachments::BeginAttachment;
use crate::ids::{AttachmentId, ChatId, OrgId, RequestId, UserId};

/// Header with the length that a part's sender announced, in bytes: bodies lose it on their way.
pub const LENGTH: &str = "x-slipway-length";

/// One operation of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentCall {
    /// The org.
    pub org: OrgId,
    /// Who asks.
    pub user: UserId,
    /// For the logs.
    pub request: RequestId,
    /// What is asked.
    pub operation: AttachmentOperation,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentOperation {
    /// Begin an upload. Answers [`AttachmentUpload`](crate::http::attachments::AttachmentUpload); the same again too.
    Begin {
        /// The chat that it is for.
        chat: ChatId,
        /// What is announced.
        wanted: BeginAttachment,
    },
    /// All parts are there. Answers [`Attachment`](crate::http::attachments::Attachment); the same again too.
    Complete {
        /// Which; the caller's own.
        attachment: AttachmentId,
    },
    /// Where its bytes are for a while. Answers [`AttachmentLink`](crate::http::attachments::AttachmentLink).
    Link {
        /// Which.
        attachment: AttachmentId,
    },
    /// Give up one's own before it is posted. Answers `null`.
    Remove {
        /// Which.
        attachment: AttachmentId,
    },
}

/// What a link's token opens, and what of it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFile {
    /// The org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// The attachment.
    pub attachment: AttachmentId,
    /// The file's name.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long the browser may keep it, in seconds.
    pub keep_s: i64,
    /// The value of the request's `Range` field; empty when there is none.
    pub range: String,
}
