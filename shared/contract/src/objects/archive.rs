//! How a chat that nobody uses leaves its object for R2 and comes back.
//!
//! # Leaving
//! The orchestrator asks the chat's object (each command by `System`, with the chat's org in the call):
//!
//! 1. [`BeginExport`](super::chat::ChatCommand::BeginExport) answers [`ExportAnswer`]. `plan`: the object is sealed for this
//!    archive and stays so until something is written to it, a ticket for a socket among that. The same again answers the
//!    plan again; another archive's takes the seal over. `blocked`: something goes on in the chat. `archived`: it has left
//!    already, with this stub.
//! 2. [`ExportPart`](super::chat::ChatCommand::ExportPart), from part 1 with no place, then from [`PartHeader::next`] until
//!    that is absent. The reply's body is the part itself, at most [`PART_BYTES`] unless one row alone is longer. A part
//!    that is asked for again under the same seal is the same bytes.
//!    `archive_blocked` when the seal is gone: begin anew, under a new archive. Part 0, which is asked for with no place, is
//!    the *front*.
//! 3. Once parts and manifest are in R2, read back and compared: [`Wipe`](super::chat::ChatCommand::Wipe). Answers
//!    [`ArchiveStub`]; the same again too. `archive_blocked` when the seal is gone, or something goes on, which takes the seal
//!    away: nothing was wiped, nor ever will be for this archive.
//!
//! # A part
//! Lines of JSON, each ended by a line feed. The first is [`PartHeader`]. After it, a line that is an object
//! ([`TableHeader`]) names a table and its columns, and every line that is an array is a row of the last named table: its
//! values in that order, text, whole numbers or `null`. No row stands in two parts. Tables come in the order of the plan;
//! the rows of a table by its key.
//!
//! # The front
//! What people see until the chat is back: how it stood, and the newest page of its log. [`PartHeader`] with the number 0,
//! whose `rows` are events; a line with the chat; then the newest events, oldest first. No row of a table is in it and
//! nothing is restored from it. It may be absent, as in archives of before, or unreadable to another version.
//!
//! # The manifest
//! [`ArchiveManifest`], as JSON, is written last. Its SHA-256, of its bytes as they lie in R2, is the archive's name for
//! what it holds: the object keeps it ([`ArchiveStub::manifest_sha256`]) and takes nothing else back.
//!
//! # Coming back
//! The object does it when it is called by anybody of the right org (or with no org named). It asks the orchestrator:
//!
//! - `GET /internal/archives/{org}/{chat}/{archive}/manifest`: `200` with the manifest's bytes as they were written.
//! - `GET /internal/archives/{org}/{chat}/{archive}/parts/{number}`: `200` with the part's JSON lines, unpacked, checked
//!   against the manifest's figures of the packed form.
//! - `POST /internal/archives/{org}/{chat}/{archive}/restored` with [`ArchiveRestored`]: `200` with `null`, the same again
//!   too. It comes after the chat is whole in its object, and again until it was answered so.
//!
//! A `GET` answers the problem `archive_damaged` for what is absent or not what was put there, and anything else
//! (`unavailable`) for what may be tried again. The caller of the chat gets the same code. The stub and the archive stay.

use serde::{Deserialize, Serialize};

use crate::ids::{ArchiveId, ChatId, OrgId, Seq};
use crate::time::Timestamp;

/// The format of archives that are written now. Every earlier one is read for ever.
pub const FORMAT: u32 = 1;
/// The front's number among the parts.
pub const FRONT: u32 = 0;
/// Longest part, in bytes of JSON lines before they are packed.
pub const PART_BYTES: usize = 1024 * 1024;

/// What came of asking a chat to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportAnswer {
    /// It is sealed; this is what is to be read.
    Plan(ExportPlan),
    /// Not now.
    Blocked(ExportBlock),
    /// It has left.
    Archived(ArchiveStub),
}

/// What an export consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPlan {
    /// The version of the object's tables.
    pub schema: u32,
    /// The first event.
    pub first: Seq,
    /// The newest event.
    pub head: Seq,
    /// Every table that is exported, with how many rows it has.
    pub tables: Vec<TableRows>,
}

/// A table and how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// Why a chat does not leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportBlock {
    /// Somebody is connected, or about to be.
    Sockets,
    /// An agent works, or is to.
    Turns,
    /// Something waits for people, or is being carried out.
    Approvals,
    /// A sandbox is neither stopped nor gone.
    Sandboxes,
    /// The index does not know the chat as it is.
    Projection,
    /// Something is being written.
    Writes,
}

impl ExportBlock {
    /// The same for people.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Sockets => "somebody has the chat open",
            Self::Turns => "an agent is at work in the chat",
            Self::Approvals => "an approval of the chat is open",
            Self::Sandboxes => "a sandbox of the chat has not stopped",
            Self::Projection => "what happened last in the chat is still being told",
            Self::Writes => "something is being written to the chat",
        }
    }
}

/// First line of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHeader {
    /// [`FORMAT`].
    pub format: u32,
    /// The archive.
    pub archive: ArchiveId,
    /// The chat.
    pub chat: ChatId,
    /// Its number; the first is 1.
    pub part: u32,
    /// Rows in it.
    pub rows: u64,
    /// Where the next part begins, to be handed back as it is; absent in the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Line of a part before the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHeader {
    /// The table.
    pub table: String,
    /// Its columns, in the order of the rows' values.
    pub columns: Vec<String>,
}

/// What an archive holds. `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveManifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The archive.
    pub archive: ArchiveId,
    /// The org.
    pub org: OrgId,
    /// The chat.
    pub chat: ChatId,
    /// When the export began.
    pub created_at: Timestamp,
    /// The version of the object's tables.
    pub schema: u32,
    /// The first event.
    pub first: Seq,
    /// The newest event.
    pub head: Seq,
    /// Every table, with how many rows it has.
    pub tables: Vec<TableRows>,
    /// Every part, in the order of their numbers.
    pub parts: Vec<ArchivePart>,
    /// The front, as part 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub front: Option<ArchivePart>,
    /// Digest of the whole: SHA-256, in hexadecimal digits, of the parts' `raw_sha256` one after the other, each followed
    /// by a line feed.
    pub sha256: String,
}

/// One part of an archive, or its front. `part-00001.jsonl.gz` and so on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivePart {
    /// Its number; the first is 1, the front 0.
    pub part: u32,
    /// Rows in it.
    pub rows: u64,
    /// Size of the JSON lines, in bytes.
    pub raw_bytes: u64,
    /// SHA-256 of the JSON lines, in hexadecimal digits.
    pub raw_sha256: String,
    /// Size as it lies in R2, in bytes.
    pub packed_bytes: u64,
    /// SHA-256 as it lies in R2, in hexadecimal digits.
    pub packed_sha256: String,
}

/// What is left of an archived chat in its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveStub {
    /// The org.
    pub org: OrgId,
    /// Where the chat is.
    pub archive: ArchiveId,
    /// SHA-256 of the manifest, in hexadecimal digits.
    pub manifest_sha256: String,
    /// The newest event.
    pub head: Seq,
}

/// A chat is whole in its object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveRestored {
    /// The newest event by now.
    pub head: Seq,
}
