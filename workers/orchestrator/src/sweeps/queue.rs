//! Places for sandboxes that wait, whether or not their chats ask again.

use slipway_contract::{OrgId, Problem};
use slipway_edge::log::Line;
use slipway_store::sandboxes::due;

use super::{ROUND_MS, Round, list, page};
use crate::sandboxes::Changes;

/// Places that one org is given in a round.
const PLACES: usize = 20;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let begun = changes.errand.now();
    let part = list!(changes, due::queued, &page::<OrgId>(cursor));
    let mut round = Round::default();
    let (mut last, mut more) = (None, part.more);
    for org in part.items {
        if changes.errand.now().since(begun) > ROUND_MS {
            more = true;
            break;
        }
        round.looked += 1;
        last = Some(org);
        if let Err(problem) = give(changes, org).await {
            round.failed += 1;
            Line::warn("queue_not_moved").request(changes.errand.request).org(org).code(problem.code).emit();
        }
    }
    round.cursor = last.filter(|_| more).map(|org| org.to_string());
    Ok(round)
}

async fn give(changes: &mut Changes<'_>, org: OrgId) -> Result<(), Problem> {
    let mut failed = None;
    // Where executors are full, beginning to start would only be undone, and told to the chats each time.
    let free = changes.free_places().await;
    for (row, effects) in changes.give_places(org, free.min(PLACES)).await? {
        if let Err(trouble) = changes.perform(row.clone(), effects).await {
            failed = Some(Problem::from(trouble));
        }
        changes.let_go(&row).await;
    }
    failed.map_or(Ok(()), Err)
}
