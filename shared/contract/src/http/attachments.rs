//! Attachments: files that people put into a chat's messages. Their bytes lie in R2.
//!
//! Begin with `POST /v1/chats/{chat}/attachments`, put each part, complete; then name it in a message. What is not named in
//! a message within a day is removed.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{AttachmentId, ChatId};
use crate::time::Timestamp;

/// A file of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Attachment {
    /// The id.
    pub id: AttachmentId,
    /// The chat.
    pub chat: ChatId,
    /// The file's name, 1 to 255 bytes, without folders.
    pub name: String,
    /// What its first bytes say that it is, never what the sender said: `application/octet-stream` where they say nothing.
    pub media_type: String,
    /// Size in bytes.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub bytes: u64,
    /// Width and height in pixels, of images that browsers are given to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub pixels: Option<[u32; 2]>,
    /// Who put it there.
    pub by: Actor,
    /// When.
    pub created_at: Timestamp,
}

/// Body of `POST /v1/chats/{chat}/attachments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginAttachment {
    /// The file's name, 1 to 255 bytes.
    pub name: String,
    /// Its size in bytes, at least 1.
    pub bytes: u64,
    /// The client's name for this request, 1 to 64 bytes: the same again, from the same person, answers the same upload.
    pub client_id: String,
}

/// An upload that was begun, and how far it is: what a client that was interrupted asks for by the same `client_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentUpload {
    /// The attachment that it becomes.
    pub id: AttachmentId,
    /// Every part has this many bytes, but the last: `PUT /v1/attachments/{attachment}/parts/{part}`, part 1 first, in any order.
    pub part_bytes: u64,
    /// Parts that are kept already.
    pub parts: Vec<u32>,
    /// It was completed before.
    pub complete: bool,
}

/// Answer of `GET /v1/attachments/{attachment}`: what it is, and where its bytes are for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentLink {
    /// What it is.
    pub attachment: Attachment,
    /// Address of the bytes, on a host that carries no session. Images are shown there, anything else is saved.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}
