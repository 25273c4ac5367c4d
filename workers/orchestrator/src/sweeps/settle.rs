//! Starts, stops and removals that somebody began and nobody drives any more: whoever did may have died, or the executor
//! was away. They are gone on with.

use slipway_contract::Problem;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::Changes;

/// What takes longer is looked after, in milliseconds; what is driven has a lease.
const UNSETTLED_MS: i64 = 15_000;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let now = changes.errand.now();
    let part = list!(changes, due::unsettled, now.plus_ms(-UNSETTLED_MS), now, &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        if row.sandbox.is_underway() && changes.take_over(&row).await? {
            let looked = changes.look(&row).await;
            changes.let_go(&row).await;
            looked?;
        }
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
