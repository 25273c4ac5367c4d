//! Chats that somebody wants the index to be told of anew (`cargo xtask reindex`): their objects are asked, so many in a
//! minute that all of them telling at once is no burden to Postgres.
//!
//! Invariant: a chat stays wanted until its object has stored that it tells everything once more.

use slipway_contract::{ChatId, OrgId, Problem};
use slipway_edge::log::Line;
use slipway_store::retellings;

use super::{ROUND_MS, Round, list, page};
use crate::sandboxes::{Changes, telling};

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let begun = changes.errand.now();
    let part = list!(changes, retellings::wanted, &page::<ChatId>(cursor));
    let mut round = Round::default();
    let mut last = None;
    let mut more = part.more;
    for (org, chat) in part.items {
        if changes.errand.now().since(begun) > ROUND_MS {
            more = true;
            break;
        }
        round.looked += 1;
        last = Some(chat);
        if let Err(problem) = ask(changes, org, chat).await {
            round.failed += 1;
            let line = Line::warn("chat_not_reindexed").request(changes.errand.request).org(org).chat(chat);
            line.code(problem.code).emit();
        }
    }
    round.cursor = last.filter(|_| more).map(|id| id.to_string());
    Ok(round)
}

async fn ask(changes: &mut Changes<'_>, org: OrgId, chat: ChatId) -> Result<(), Problem> {
    if !telling::reindex(changes.errand, org, chat).await {
        return Err(slipway_contract::ProblemCode::Unavailable.into());
    }
    let mut rows = changes.link.rows(org).await?;
    let heard = match retellings::heard(&mut rows, chat).await {
        Ok(()) => changes.link.commit(rows).await,
        Err(error) => Err(error),
    };
    heard.map_err(|error| changes.errand.refuse(&error))
}
