//! Messages.

use serde::{Deserialize, Serialize};

use crate::ids::{AttachmentId, ForkId, MessageId, Seq};
use crate::time::Timestamp;

/// Body of `POST /v1/chats/{chat}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// The sender's name for the message, 1 to 64 bytes. The same again gives the same answer and no second message.
    pub client_id: String,
    /// Markdown, 1 byte to 64 KiB.
    pub text: String,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The fork that it goes to; the chat itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkId>,
    /// Files that come with it: complete, of this chat, put there by the sender; at most 10. With files the text may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
}

/// Where a message or change went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Posted {
    /// The message.
    pub message: MessageId,
    /// The event.
    pub seq: Seq,
    /// When the chat accepted it.
    pub at: Timestamp,
}

/// Body of `PATCH /v1/chats/{chat}/messages/{message}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// Markdown, 1 byte to 64 KiB.
    pub text: String,
}
