//! Attachments: what may be put there, in which parts, what its first bytes say that it is, and whom its link lets in.
//!
//! Invariant: what a file is called and what its sender says of it decides nothing but what it is called.

mod link;
mod pixels;
mod sniff;
#[cfg(test)]
mod tests;

pub use link::{Asked, LinkRefusal, asked, check};
pub use pixels::pixels;
pub use sniff::{OCTETS, TEXT, sniff};

use slipway_contract::http::attachments::{Attachment, BeginAttachment};
use slipway_contract::{AttachmentId, ChatId, OrgId, Problem, limits};

/// How long what is not posted is kept, in milliseconds.
pub const UNPOSTED_MS: i64 = 24 * 60 * 60 * 1000;
/// So much of a file's beginning is looked at, in bytes: pictures of cameras hold up to some 100 KB before their size.
pub const HEAD_BYTES: u64 = 256 * 1024;
/// The longest text that agents are given of a file, in bytes.
pub const TEXT_BYTES: u64 = 64 * 1024;

/// The object of R2 that holds an attachment.
pub fn object(org: OrgId, chat: ChatId, attachment: AttachmentId) -> String {
    format!("orgs/{org}/chats/{chat}/attachments/{attachment}")
}

/// What is announced, in the form in which it is kept.
///
/// # Errors
/// `invalid_field` for the one that is refused.
pub fn announced(wanted: &BeginAttachment) -> Result<BeginAttachment, Problem> {
    let name = name(&wanted.name)?;
    if !(1..=limits::ATTACHMENT_BYTES).contains(&wanted.bytes) {
        return Err(Problem::field("bytes", format!("must be 1 to {}", limits::ATTACHMENT_BYTES)));
    }
    let client_id = &wanted.client_id;
    if !(1..=limits::CLIENT_ID_BYTES).contains(&client_id.len()) || client_id.contains('\0') {
        let detail = format!("must have 1 to {} bytes without NUL", limits::CLIENT_ID_BYTES);
        return Err(Problem::field("client_id", detail));
    }
    Ok(BeginAttachment { name, bytes: wanted.bytes, client_id: client_id.clone() })
}

/// A file's name as it is kept: without spaces around it, folders, or characters that hide what it is.
fn name(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if !(1..=limits::FILE_NAME_BYTES).contains(&text.len()) {
        return Err(Problem::field("name", format!("must have 1 to {} bytes", limits::FILE_NAME_BYTES)));
    }
    if text.contains(['/', '\\']) || text == "." || text == ".." {
        return Err(Problem::field("name", "must be that of a file, without folders"));
    }
    if text.chars().any(|c| c.is_control() || turns(c)) {
        return Err(Problem::field("name", "must not hold control characters"));
    }
    Ok(text.to_owned())
}

/// Characters that turn the direction of what follows (Unicode UAX #9): `exe.gpj` shows itself as `jpg.exe` behind them.
const fn turns(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many parts a file of so many bytes has.
pub const fn parts(bytes: u64) -> u64 {
    bytes.div_ceil(limits::ATTACHMENT_PART_BYTES)
}

/// How many bytes a part of a file has; `None` when there is no such part.
pub fn part_bytes(bytes: u64, part: u64) -> Option<u64> {
    let before = part.checked_sub(1)?.checked_mul(limits::ATTACHMENT_PART_BYTES)?;
    let left = bytes.checked_sub(before).filter(|left| *left > 0)?;
    Some(left.min(limits::ATTACHMENT_PART_BYTES))
}

/// The first part that a file of so many bytes lacks; `there` is in order.
pub fn lacking(bytes: u64, there: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut next = 1;
    for part in there {
        if part != next {
            break;
        }
        next += 1;
    }
    (next <= parts(bytes)).then_some(next)
}

/// Whether browsers may show it: pictures of kinds that hold nothing that acts.
pub fn is_shown(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif")
}

/// Whether agents are given it as text.
pub fn is_read(attachment: &Attachment) -> bool {
    attachment.media_type == TEXT && attachment.bytes <= TEXT_BYTES
}
