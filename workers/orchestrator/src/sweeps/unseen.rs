//! Running sandboxes that no executor told of for a while: it lost them, or cannot be reached. Each is asked for by name.

use slipway_contract::Problem;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::Changes;

/// A round and a half of the sweep that sees those that run, in milliseconds.
const UNSEEN_MS: i64 = 90_000;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let now = changes.errand.now();
    let part = list!(changes, due::unseen, now.plus_ms(-UNSEEN_MS), now, &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        changes.look(&row).await?;
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
