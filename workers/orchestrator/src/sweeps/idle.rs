//! Sandboxes that nobody uses: shown as idle first, stopped then.

use slipway_contract::Problem;
use slipway_domain::sandbox::Happened;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::{Changes, Fact};

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let now = changes.errand.now();
    let part = list!(changes, due::unused, now.plus_ms(-changes.errand.rules().idle_ms), now, &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        // Previews and terminals are seen by the executor alone. While it cannot be asked, nobody knows who uses it.
        let Some(executor) = changes.executor(&row) else { return Ok(()) };
        let Ok(report) = executor.report(row.id).await else { return Ok(()) };
        let row = changes.happen(row.org, row.id, Fact::seen(&report)).await?;
        changes.happen(row.org, row.id, Happened::Passed).await?;
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
