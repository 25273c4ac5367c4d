//! What people see of an archived chat while it comes back: how it stood when it left, and the newest page of its log.
//!
//! Invariant: nothing can be written to a chat before it is back, so until then this is how it stands. It is no copy that
//! anything is restored from: one that cannot be read is gone without.

use serde::ser::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::{from_str, to_string};
use slipway_contract::http::chats::EventsQuery;
use slipway_contract::limits::{PAGE_DEFAULT, PAGE_MAX};
use slipway_contract::objects::archive::{ArchivePart, PartHeader};
use slipway_contract::{Actor, ChatId, OrgId, ParticipantId, Problem, ProblemCode, Seq};

use super::Refused;
use crate::chat::Chat;

/// Most events in it: a page as it is asked for by default.
pub const FRONT_EVENTS: u32 = PAGE_DEFAULT;
/// Most bytes of events in it. A page that is longer waits for the chat.
pub const FRONT_BYTES: u64 = 256 * 1024;

/// What is shown meanwhile. Text all the way: what was written as JSON is what is handed on.
#[derive(Clone, Debug)]
pub struct Front {
    head: Head,
    /// The chat in its wire form but for what is each reader's own, which comes last.
    chat: String,
    /// The newest events in their wire form, oldest first.
    events: Vec<String>,
}

/// The line before the chat and the events.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    org: OrgId,
    chat: ChatId,
    /// The newest event.
    head: Seq,
    /// Whoever takes part, the newest event that they have read, and messages of others after it.
    readers: Vec<(ParticipantId, Seq, u64)>,
}

impl Chat {
    /// The front as text: the line of `header`, one for the chat, and one for each of `events`, its newest, oldest first.
    ///
    /// # Errors
    /// Never, with contract types.
    pub fn front(&self, mut header: PartHeader, events: &[String]) -> serde_json::Result<String> {
        let readers = self.people.iter().map(|person| {
            let id = person.participant.id;
            (id, person.read, self.message_count.saturating_sub(person.read_count))
        });
        let head = Head { org: self.org, chat: self.id, head: self.head, readers: readers.collect() };
        let chat = to_string(&self.described(self.head, self.message_count))?;
        let same = chat.strip_suffix(&own(self.head, 0));
        let same = same.ok_or_else(|| serde_json::Error::custom("a reader's own comes last"))?;
        header.rows = events.len() as u64;
        let mut text = format!("{}\n{}\n{same}\n", to_string(&header)?, to_string(&head)?);
        for event in events {
            text.push_str(event);
            text.push('\n');
        }
        Ok(text)
    }
}

impl Front {
    /// Reads what [`Chat::front`] wrote. `known` is what the manifest says of it; `sha256` is of the text.
    ///
    /// # Errors
    /// [`Refused`] when it is not what left, or was written by another version.
    pub fn read(text: &str, sha256: &str, known: &ArchivePart) -> Result<Self, Refused> {
        let broken = Refused::Damaged("the front");
        let mut lines = text.lines();
        let header: Option<PartHeader> = lines.next().and_then(|line| from_str(line).ok());
        let head: Option<Head> = lines.next().and_then(|line| from_str(line).ok());
        let chat = lines.next().map(str::to_owned);
        let events: Vec<String> = lines.map(str::to_owned).collect();
        let (Some(header), Some(head), Some(chat)) = (header, head, chat) else { return Err(broken) };
        let same = known.raw_sha256 == sha256 && header.part == known.part && header.chat == head.chat;
        if same && events.len() as u64 == known.rows { Ok(Self { head, chat, events }) } else { Err(broken) }
    }

    /// The chat as somebody sees it who takes part, as JSON.
    ///
    /// # Errors
    /// `not_found` for anybody else.
    pub fn describe(&self, actor: Actor, org: Option<OrgId>) -> Result<String, Problem> {
        let (read, unread) = self.admitted(actor, org)?;
        Ok(format!("{}{}", self.chat, own(read, unread)))
    }

    /// The page that a query asks for, as JSON; `None` when that is more than what is here.
    ///
    /// # Errors
    /// `not_found` for somebody who takes no part.
    pub fn page(
        &self,
        query: &EventsQuery,
        actor: Actor,
        org: Option<OrgId>,
    ) -> Result<Option<String>, Problem> {
        self.admitted(actor, org)?;
        let EventsQuery { after: None, before: None, limit, fork: None } = *query else { return Ok(None) };
        let Some(wanted) = limit.or(Some(PAGE_DEFAULT)).filter(|wanted| (1..=PAGE_MAX).contains(wanted))
        else {
            return Ok(None);
        };
        let head = self.head.head;
        let all = Seq(self.events.len() as u64) == head;
        let newest = match self.events.len().checked_sub(wanted as usize) {
            Some(before) => self.events.get(before..),
            None => Some(&*self.events).filter(|_| all),
        };
        Ok(newest.map(|events| format!(r#"{{"events":[{}],"head":{head}}}"#, events.join(","))))
    }

    fn admitted(&self, actor: Actor, org: Option<OrgId>) -> Result<(Seq, u64), Problem> {
        let own = org.is_none_or(|org| org == self.head.org);
        let reader = actor.participant().filter(|_| own);
        let reader = reader.and_then(|id| self.head.readers.iter().find(|(known, ..)| *known == id));
        reader.map(|(_, read, unread)| (*read, *unread)).ok_or_else(|| ProblemCode::NotFound.into())
    }
}

/// How the wire form of a chat ends for a reader.
fn own(read: Seq, unread: u64) -> String {
    format!(r#","read":{read},"unread":{unread}}}"#)
}
