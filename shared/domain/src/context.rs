//! Context items: what one may be, where it belongs, who may change it, and by which words it is found to matter.
//!
//! Invariants: an item names the channel and chat of its scope and nothing else; its version grows with every change, and a
//! change is made to the version that its author saw; what an agent proposes is given to nobody before a person accepts it.

mod budget;

use std::collections::BTreeSet;

use slipway_contract::http::context::{ContextItem, ContextScope, ContextState, UpdateContextItem};
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, ChannelId, ChatId, Problem, ProblemCode, Timestamp, limits};

pub use self::budget::{Budget, Candidate, Chosen, Measure, choose, share};
use crate::names;
use crate::orgs::{Deed, may};
use crate::search::folded;

/// Proposals of one chat's agents that nobody has answered.
pub const OPEN_PROPOSALS: u64 = 20;
/// Distinct words by which an item is found to matter: those of a text of its longest size that says anything.
const ITEM_WORDS: usize = 1_000;
/// What a model is given of an item to tell what it means, in bytes: some 2,000 tokens of English, and fewer than the 8,192
/// that common models take in most languages.
const MEANT_BYTES: usize = 8 * 1_024;
/// Distinct words of what was said last.
const ASKED_WORDS: usize = 100;

/// A title as it is kept: one line.
///
/// # Errors
/// `invalid_field` for `title`.
pub fn title(text: &str) -> Result<String, Problem> {
    names::name("title", text)
}

/// A text as it is kept: as it was written, if it says anything.
///
/// # Errors
/// `invalid_field` for `text`.
pub fn text(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() || text.len() > limits::CONTEXT_ITEM_BYTES {
        let most = limits::CONTEXT_ITEM_BYTES;
        return Err(Problem::field("text", format!("must say something, in at most {most} bytes")));
    }
    if text.contains('\0') {
        return Err(Problem::field("text", "must not hold the character NUL"));
    }
    Ok(text.to_owned())
}

/// Tags as they are kept: in lower case, without spaces around them, none twice, in the order given.
///
/// # Errors
/// `invalid_field` for `tags`.
pub fn tags(given: &[String]) -> Result<Vec<String>, Problem> {
    let mut tags: Vec<String> = Vec::new();
    for tag in given {
        let tag = tag.trim().to_lowercase();
        let length = tag.chars().count();
        if !(1..=limits::TAG_CHARS).contains(&length) || tag.chars().any(char::is_control) {
            let detail = format!("each must have 1 to {} characters, on one line", limits::TAG_CHARS);
            return Err(Problem::field("tags", detail));
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > limits::TAGS_PER_ITEM {
        return Err(Problem::field("tags", format!("at most {}", limits::TAGS_PER_ITEM)));
    }
    Ok(tags)
}

/// The client's name for a request.
///
/// # Errors
/// `invalid_field` for `client_id`.
pub fn client_id(text: &str) -> Result<&str, Problem> {
    let fits = (1..=limits::CLIENT_ID_BYTES).contains(&text.len()) && !text.contains('\0');
    if fits {
        Ok(text)
    } else {
        Err(Problem::field("client_id", "must have 1 to 64 bytes, none of them NUL"))
    }
}

/// The end of an item's time, if it has one.
///
/// # Errors
/// `invalid_field` for `expires_at`.
pub fn expiry(at: Option<Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    match at {
        Some(at) if at <= now => Err(Problem::field("expires_at", "must lie in the future")),
        Some(_) | None => Ok(at),
    }
}

/// Where an item belongs, as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In one chat. Its channel is the chat's.
    Chat(ChatId),
    /// In all chats of a channel.
    Channel(ChannelId),
    /// In all chats of the org.
    Org,
}

/// Reads where an item shall belong: each scope names its own thing, and no other.
///
/// # Errors
/// `invalid_field` for `chat` or `channel`.
pub fn place(
    scope: ContextScope,
    channel: Option<ChannelId>,
    chat: Option<ChatId>,
) -> Result<Place, Problem> {
    match (scope, channel, chat) {
        (ContextScope::Chat, None, Some(chat)) => Ok(Place::Chat(chat)),
        (ContextScope::Channel, Some(channel), None) => Ok(Place::Channel(channel)),
        (ContextScope::Org, None, None) => Ok(Place::Org),
        (ContextScope::Chat, _, None) => Err(Problem::field("chat", "an item of a chat names it")),
        (ContextScope::Channel, None, _) => Err(Problem::field("channel", "an item of a channel names it")),
        (ContextScope::Chat | ContextScope::Org, Some(_), _) => {
            Err(Problem::field("channel", "only an item of a channel names one"))
        }
        (ContextScope::Channel | ContextScope::Org, _, Some(_)) => {
            Err(Problem::field("chat", "only an item of a chat names one"))
        }
    }
}

/// Does somebody see the items of the whole org? Guests see those of the channels and chats that they are in.
pub const fn sees_org(role: Role) -> bool {
    !matches!(role, Role::Guest)
}

/// May somebody who sees the items of a scope write them? In a chat, whoever takes part; in a channel, whoever may begin
/// chats there; in the org, whoever configures its agents.
///
/// # Errors
/// `forbidden`.
pub fn may_write(role: Role, scope: ContextScope) -> Result<(), Problem> {
    match scope {
        ContextScope::Chat => Ok(()),
        ContextScope::Channel => may(role, Deed::BeginChat),
        ContextScope::Org => may(role, Deed::ConfigureAgents),
    }
}

/// The item after a change.
///
/// # Errors
/// `version_conflict`; `invalid_field`.
pub fn change(
    item: ContextItem,
    change: UpdateContextItem,
    by: Actor,
    now: Timestamp,
) -> Result<ContextItem, Problem> {
    if item.version != change.version {
        let detail = format!("it is at version {} now", item.version);
        return Err(Problem::new(ProblemCode::VersionConflict).detail(detail));
    }
    let (state, accepted_by) = match (item.state, change.state) {
        (ContextState::Active, Some(ContextState::Proposed)) => {
            return Err(Problem::field("state", "what is active is not proposed again"));
        }
        (ContextState::Proposed, Some(ContextState::Active)) => (ContextState::Active, Some(by)),
        (state, _) => (state, item.accepted_by),
    };
    Ok(ContextItem {
        state,
        accepted_by,
        title: change.title.as_deref().map_or(Ok(item.title), title)?,
        text: change.text.as_deref().map_or(Ok(item.text), text)?,
        tags: change.tags.as_deref().map_or(Ok(item.tags), tags)?,
        expires_at: change.expires_at.map_or(Ok(item.expires_at), |at| expiry(at, now))?,
        version: item.version.saturating_add(1),
        ..item
    })
}

/// The words by which an item is found to matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemWords {
    /// Of its title and text.
    pub words: Vec<String>,
    /// Of its tags; they count double.
    pub tags: Vec<String>,
}

/// The words of an item.
pub fn item_words(title: &str, text: &str, tags: &[String]) -> ItemWords {
    let mut own = BTreeSet::new();
    gather(&mut own, title, ITEM_WORDS);
    gather(&mut own, text, ITEM_WORDS);
    let mut of_tags = BTreeSet::new();
    for tag in tags {
        gather(&mut of_tags, tag, ITEM_WORDS);
    }
    ItemWords { words: own.into_iter().collect(), tags: of_tags.into_iter().collect() }
}

/// The words of what was said, the last first: the newest count when there are too many.
pub fn asked_words<'a>(newest_first: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut asked = BTreeSet::new();
    for text in newest_first {
        gather(&mut asked, text, ASKED_WORDS);
    }
    asked.into_iter().collect()
}

/// What context items are looked for by, without the spaces around it.
///
/// # Errors
/// `invalid_parameter`.
pub fn looked_for(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    let fits = (1..=limits::CONTEXT_QUERY_CHARS).contains(&text.chars().count()) && !text.contains('\0');
    if fits {
        return Ok(text);
    }
    let detail = format!("q must have 1 to {} characters, none of them NUL", limits::CONTEXT_QUERY_CHARS);
    Err(Problem::new(ProblemCode::InvalidParameter).detail(detail))
}

/// What a model is given of an item to tell what it means: its title, its tags and the beginning of its text.
pub fn meant(title: &str, text: &str, tags: &[String]) -> String {
    let mut meant = title.to_owned();
    if !tags.is_empty() {
        meant.push('\n');
        meant.push_str(&tags.join(", "));
    }
    meant.push('\n');
    meant.push_str(text);
    meant.truncate(meant.floor_char_boundary(MEANT_BYTES));
    meant
}

/// Adds words until there are as many as count. One or two letters of ASCII say nothing about a subject.
fn gather(into: &mut BTreeSet<String>, text: &str, most: usize) {
    for word in folded(text) {
        if into.len() >= most {
            return;
        }
        let says_nothing = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !says_nothing {
            into.insert(word);
        }
    }
}

#[cfg(test)]
mod tests;
