//! Finding messages of the chat, those of its forks among them.
//!
//! Invariant: a search sees the whole log as it is when it answers, and whoever gets the answer takes part then.

use std::rc::Rc;
use std::time::Duration;

use slipway_contract::http::page::Page;
use slipway_contract::http::search::{ChatSearchQuery, Found};
use slipway_contract::{Actor, OrgId, Problem, ProblemCode, Seq};
use slipway_domain::search::{Query, excerpt, page_limit};
use worker::Delay;

use crate::room::{Room, json};

/// Answers a search with a page of what it found, the newest first.
///
/// # Errors
/// `not_found` to who does not take part, `invalid_parameter`, `internal` when storage fails.
pub(crate) async fn search(
    room: &Rc<Room>,
    asked: &ChatSearchQuery,
    actor: Actor,
    org: Option<OrgId>,
) -> Result<String, Problem> {
    room.admitted(actor, org)?;
    let query = Query::parse(&asked.q)?;
    let limit = page_limit(asked.limit)?;
    let before = match asked.cursor.as_deref().map(str::parse) {
        None => Seq::MAX,
        Some(Ok(seq)) => Seq(seq).min(Seq::MAX),
        Some(Err(_)) => {
            let detail = "cursor must be the next_cursor of the page before";
            return Err(Problem::new(ProblemCode::InvalidParameter).detail(detail));
        }
    };
    if query.is_empty() {
        return json(&Page::<Found> { items: Vec::new(), next_cursor: None });
    }
    // A chat that was not searched for long, or never, is caught up with in portions: others are served in between.
    loop {
        let (_, head) = room.admitted(actor, org)?;
        let gathered = room.storage.gather_words(head);
        if gathered.map_err(|error| room.fault("search_failed", &error))? {
            break;
        }
        Delay::from(Duration::ZERO).await;
    }
    let rows = room.storage.found(&query.fts5(), before, u64::from(limit) + 1);
    let mut rows = rows.map_err(|error| room.fault("search_failed", &error))?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|(message, ..)| message.seq().to_string());
    let page = room.with_chat(|chat| {
        let items = rows.into_iter().map(|(message, fork, author, at, text)| Found {
            message,
            chat: chat.id,
            chat_title: chat.title.clone(),
            channel: chat.channel,
            fork,
            author,
            at,
            excerpt: excerpt(&text, &query),
        });
        Page { items: items.collect(), next_cursor }
    });
    json(&page.ok_or(ProblemCode::NotFound)?)
}
