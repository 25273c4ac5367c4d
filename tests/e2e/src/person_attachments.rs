//! What people do with files in chats. Every function answers what the API answers, and fails when it refuses.

use anyhow::Result;
use reqwest::Method;
use reqwest::header::HeaderMap;
use slipway_contract::http::attachments::{Attachment, AttachmentLink, AttachmentUpload, BeginAttachment};
use slipway_contract::http::messages::{PostMessage, Posted};
use slipway_contract::limits::ATTACHMENT_PART_BYTES;
use slipway_contract::{AttachmentId, ChatId};

use crate::person::Person;
use crate::visitor::Visitor;
use crate::world::Call;

/// A file's bytes as a browser gets them.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// A header's value; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Opens a link as a browser does, without a session; with these header fields.
///
/// # Errors
/// When there is no reply.
pub async fn open(url: &str, fields: &[(&str, &str)]) -> Result<Fetched> {
    let target: reqwest::Url = url.parse()?;
    let mut call = Visitor::outside(url)?.call(Method::GET, target.path());
    for (name, value) in fields {
        call = call.header(*name, *value);
    }
    let reply = call.send().await?;
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Ok(Fetched { status, headers, bytes: reply.bytes().await?.to_vec() })
}

impl Person {
    /// The call that begins an upload.
    pub fn beginning(&self, chat: ChatId, client_id: &str, name: &str, bytes: u64) -> Call {
        let body = BeginAttachment { name: name.to_owned(), bytes, client_id: client_id.to_owned() };
        self.call(Method::POST, &format!("/v1/chats/{chat}/attachments")).json(&body)
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// A refusal.
    pub async fn begin(&self, chat: ChatId, client_id: &str, bytes: u64) -> Result<AttachmentUpload> {
        self.beginning(chat, client_id, "plan.txt", bytes).send().await?.read()
    }

    /// The call that puts a part.
    pub fn putting(&self, attachment: AttachmentId, part: u32, bytes: &[u8]) -> Call {
        let call = self.call(Method::PUT, &format!("/v1/attachments/{attachment}/parts/{part}"));
        // A part that is refused is not read, and its connection is reset: nobody else may be given it.
        call.header("connection", "close").bytes(bytes.to_vec())
    }

    /// Puts all parts of a file.
    ///
    /// # Errors
    /// A refusal.
    pub async fn put_parts(&self, attachment: AttachmentId, content: &[u8]) -> Result<()> {
        for (part, bytes) in (1..).zip(content.chunks(usize::try_from(ATTACHMENT_PART_BYTES)?)) {
            self.putting(attachment, part, bytes).send().await?.done()?;
        }
        Ok(())
    }

    /// The call that completes an upload.
    pub fn completing(&self, attachment: AttachmentId) -> Call {
        self.call(Method::POST, &format!("/v1/attachments/{attachment}/complete"))
    }

    /// Puts a whole file into a chat; it is named by what it is called as an upload.
    ///
    /// # Errors
    /// A refusal.
    pub async fn attach(&self, chat: ChatId, name: &str, content: &[u8]) -> Result<Attachment> {
        let begun = self.beginning(chat, name, name, content.len().try_into()?);
        let begun: AttachmentUpload = begun.send().await?.read()?;
        self.put_parts(begun.id, content).await?;
        self.completing(begun.id).send().await?.read()
    }

    /// The call that asks where a file is.
    pub fn linking(&self, attachment: AttachmentId) -> Call {
        self.call(Method::GET, &format!("/v1/attachments/{attachment}"))
    }

    /// Where a file is.
    ///
    /// # Errors
    /// A refusal.
    pub async fn link(&self, attachment: AttachmentId) -> Result<AttachmentLink> {
        self.linking(attachment).send().await?.read()
    }

    /// The call that gives up a file.
    pub fn giving_up(&self, attachment: AttachmentId) -> Call {
        self.call(Method::DELETE, &format!("/v1/attachments/{attachment}"))
    }

    /// The call that posts a message with files.
    pub fn posting_files(&self, chat: ChatId, client_id: &str, text: &str, files: &[AttachmentId]) -> Call {
        let body = PostMessage {
            client_id: client_id.to_owned(),
            text: text.to_owned(),
            reply_to: None,
            fork: None,
            attachments: files.to_vec(),
        };
        self.call(Method::POST, &format!("/v1/chats/{chat}/messages")).json(&body)
    }

    /// Posts a message with files.
    ///
    /// # Errors
    /// A refusal.
    pub async fn post_files(
        &self,
        chat: ChatId,
        client_id: &str,
        text: &str,
        files: &[AttachmentId],
    ) -> Result<Posted> {
        self.posting_files(chat, client_id, text, files).send().await?.read()
    }
}
