//! Deletions that are due and that nobody drives: whoever asked has begun them, and may have died.

use slipway_contract::Problem;

use super::Round;
use crate::deletion;
use crate::sandboxes::Changes;

/// How long a round may take, in milliseconds; others wait for it.
const ROUND_MS: i64 = 25_000;

pub(super) async fn sweep(changes: &mut Changes<'_>) -> Result<Round, Problem> {
    let until = changes.errand.now().plus_ms(ROUND_MS);
    let tally = deletion::all_due(changes, until).await?;
    // The next round finds by itself what is due: there is no place to go on from.
    Ok(Round { looked: tally.tried, failed: tally.held, cursor: None })
}
