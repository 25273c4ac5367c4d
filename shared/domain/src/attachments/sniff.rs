//! What a file is, by its first bytes, after WHATWG MIME Sniffing (sections 4, 6 and 7).
//!
//! Invariant: nothing that a browser would take for a page, a script or a drawing with scripts gets a type of its own.

/// What says nothing of itself.
pub const OCTETS: &str = "application/octet-stream";
/// Text.
pub const TEXT: &str = "text/plain";

/// So much of a text is looked at ("the resource header", section 5.2).
const TEXT_HEAD: usize = 1_445;

/// What the patterns of section 6 say, for the types that are told apart here.
const BEGINNINGS: [(&[u8], &str); 7] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    // A file that is a zip archive without anything in it.
    (b"PK\x05\x06", "application/zip"),
];

/// The media type of a file that begins so.
pub fn sniff(head: &[u8]) -> &'static str {
    if let Some((_, media_type)) = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning)) {
        return media_type;
    }
    if head.starts_with(b"RIFF") && head.get(8..14) == Some(b"WEBPVP") {
        return "image/webp";
    }
    if is_avif(head) {
        return "image/avif";
    }
    if is_text(head) { TEXT } else { OCTETS }
}

/// Whether the file begins with an `ftyp` box that names AVIF among its brands (ISO/IEC 14496-12, 4.3; AVIF, section 6).
fn is_avif(head: &[u8]) -> bool {
    let Some((size, rest)) = head.split_first_chunk::<4>() else { return false };
    let Ok(size) = usize::try_from(u32::from_be_bytes(*size)) else { return false };
    let Some(rest) = rest.strip_prefix(b"ftyp") else { return false };
    let brands = rest.get(..size.saturating_sub(8)).unwrap_or(rest);
    // The second of them is no brand but a version.
    brands.chunks_exact(4).enumerate().any(|(at, brand)| at != 1 && matches!(brand, b"avif" | b"avis"))
}

/// Whether it is text that no browser takes for markup: without bytes that texts do not have (section 3), and not beginning
/// as a page, a drawing or any other XML does.
fn is_text(head: &[u8]) -> bool {
    if head.is_empty() {
        return false;
    }
    if head.starts_with(b"\xfe\xff") || head.starts_with(b"\xff\xfe") {
        // Every other byte of UTF-16 may be anything; a page in it is told by its first letters.
        let letters = head.iter().skip(2).copied().filter(|byte| *byte != 0);
        return !is_markup(letters);
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let looked_at = head.get(..TEXT_HEAD).unwrap_or(head);
    let binary = |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    !looked_at.iter().any(binary) && !is_markup(head.iter().copied())
}

/// Whether the first that is no space opens a tag, a comment or a declaration.
fn is_markup(mut bytes: impl Iterator<Item = u8>) -> bool {
    let first = bytes.find(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '));
    let opens = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?' | b'/');
    first == Some(b'<') && bytes.next().is_some_and(opens)
}
