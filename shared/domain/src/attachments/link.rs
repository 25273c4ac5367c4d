//! Links: whom a token lets in, and which part of a file is asked for.

use slipway_contract::Timestamp;
use slipway_contract::files::{AUDIENCE, FileClaims};
use slipway_contract::limits::ATTACHMENT_LINK_MS;
use slipway_contract::preview::ISSUER;

use crate::preview::LEEWAY_MS;

/// Why a token with a good signature opens no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// It was made by somebody else, or for something else than files.
    #[error("the token is not one for files")]
    NotForFiles,
    /// It was made further in the future than clocks may be apart.
    #[error("the token is from the future")]
    NotYet,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It claims a longer life than any token gets.
    #[error("the token claims too long a life")]
    TooLong,
}

/// Whether a token whose signature was verified opens the file that it names now. It ends at `exp` sharp.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(claims: &FileClaims, iat: Timestamp, exp: Timestamp, now: Timestamp) -> Result<(), LinkRefusal> {
    if claims.iss != ISSUER || claims.aud != AUDIENCE {
        return Err(LinkRefusal::NotForFiles);
    }
    if now >= exp {
        return Err(LinkRefusal::Expired);
    }
    if iat.since(now) > LEEWAY_MS {
        return Err(LinkRefusal::NotYet);
    }
    if exp.since(iat) > ATTACHMENT_LINK_MS {
        return Err(LinkRefusal::TooLong);
    }
    Ok(())
}

/// Which part of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// All of it.
    Whole,
    /// So many bytes from there on.
    Part {
        /// The first byte.
        from: u64,
        /// How many, at least one.
        length: u64,
    },
    /// None that it has.
    Beyond,
}

/// Reads a `Range` value (RFC 9110, 14.1.2) for a file of so many bytes. What is no range of bytes, or more than one, is as
/// if nothing were said, as the RFC has it.
pub fn asked(range: &str, bytes: u64) -> Asked {
    read(range, bytes).unwrap_or(Asked::Whole)
}

fn read(range: &str, bytes: u64) -> Option<Asked> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What is too long for a number is beyond every file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (number(first), number(last)) {
        (Some(from), Some(to)) if from <= to => (from, to.min(bytes.saturating_sub(1))),
        (Some(from), None) if last.is_empty() => (from, bytes.saturating_sub(1)),
        (None, Some(0)) if first.is_empty() => return Some(Asked::Beyond),
        (None, Some(suffix)) if first.is_empty() => (bytes.saturating_sub(suffix), bytes.saturating_sub(1)),
        (_, _) => return None,
    };
    Some(if from < bytes { Asked::Part { from, length: to - from + 1 } } else { Asked::Beyond })
}
