//! Cursors of lists: the key of the last item, opaque to callers and refused when it is none of ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{Problem, ProblemCode, Timestamp, limits};
use slipway_store::page::{Page as Wanted, Slice};

/// Longest cursor, in characters: a channel's name of 80 bytes as base64 is 107.
const CURSOR_CHARS: usize = 200;

/// A key by which a list is ordered.
pub(crate) trait Key: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! by_text {
    ($($type:ty),*) => {
        $(impl Key for $type {
            fn write(&self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

by_text!(
    String,
    slipway_contract::AgentSlug,
    slipway_contract::ApprovalId,
    slipway_contract::ArtifactId,
    slipway_contract::ChatId,
    slipway_contract::ContextItemId,
    slipway_contract::InvitationId,
    slipway_contract::MemberId,
    slipway_contract::SandboxId
);

impl<T: Key> Key for (Timestamp, T) {
    fn write(&self) -> String {
        format!("{}:{}", self.0.unix_ms(), self.1.write())
    }

    fn read(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once(':')?;
        Some((Timestamp::from_unix_ms(at.parse().ok()?), T::read(rest)?))
    }
}

/// The part of a list that is asked for.
///
/// # Errors
/// `invalid_parameter`.
pub(crate) fn wanted<K: Key>(query: &PageQuery) -> Result<Wanted<K>, Problem> {
    let wrong = |detail: String| Problem::new(ProblemCode::InvalidParameter).detail(detail);
    let limit = query.limit.unwrap_or(limits::PAGE_DEFAULT);
    if !(1..=limits::PAGE_MAX).contains(&limit) {
        return Err(wrong(format!("limit must be 1 to {}", limits::PAGE_MAX)));
    }
    let Some(cursor) = &query.cursor else { return Ok(Wanted { limit, after: None }) };
    let bytes = (cursor.len() <= CURSOR_CHARS).then(|| URL_SAFE_NO_PAD.decode(cursor).ok()).flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.contains('\0'));
    let after = text
        .and_then(|text| K::read(&text))
        .ok_or_else(|| wrong("cursor must be the next_cursor of the page before".to_owned()))?;
    Ok(Wanted { limit, after: Some(after) })
}

/// A part of a list as it is answered.
pub(crate) fn page<T, K: Key>(slice: Slice<T>, key: impl Fn(&T) -> K) -> Page<T> {
    let last = slice.items.last().filter(|_| slice.more);
    let next_cursor = last.map(|item| URL_SAFE_NO_PAD.encode(key(item).write()));
    Page { items: slice.items, next_cursor }
}

#[cfg(test)]
mod tests {
    use slipway_contract::ChatId;

    use super::*;

    fn query(limit: Option<u32>, cursor: Option<&str>) -> PageQuery {
        PageQuery { limit, cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn a_cursor_leads_to_the_item_after_the_one_that_it_was_made_of() {
        let chat = ChatId::fresh(1_800_000_000_000, [7; 10]);
        let key = (Timestamp::from_unix_ms(-5), chat);
        let page = page(Slice { items: vec![key], more: true }, |key| *key);
        let wanted = wanted::<(Timestamp, ChatId)>(&query(None, page.next_cursor.as_deref())).unwrap();
        assert_eq!((wanted.limit, wanted.after), (limits::PAGE_DEFAULT, Some(key)));
        assert_eq!(super::page(Slice { items: vec![key], more: false }, |key| *key).next_cursor, None);
    }

    #[test]
    fn what_is_no_cursor_and_no_limit_of_ours_is_refused() {
        let long = "x".repeat(201);
        let foreign = URL_SAFE_NO_PAD.encode("not an id");
        for cursor in ["", "%", "x", long.as_str(), foreign.as_str()] {
            assert!(wanted::<ChatId>(&query(None, Some(cursor))).is_err(), "{cursor}");
        }
        for limit in [0, 201, u32::MAX] {
            assert!(wanted::<ChatId>(&query(Some(limit), None)).is_err(), "{limit}");
        }
        assert!(wanted::<String>(&query(Some(200), Some(&URL_SAFE_NO_PAD.encode("a\0b")))).is_err());
    }
}
