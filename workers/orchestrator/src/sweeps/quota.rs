//! Sandboxes of orgs and people that have used up what they may this month: they stop.

use slipway_contract::Problem;
use slipway_contract::sandbox::SandboxReason;
use slipway_domain::sandbox::Happened;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::Changes;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let part = list!(changes, due::over_quota, changes.errand.now(), &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        let happened = Happened::StopAsked { reason: SandboxReason::QuotaReached, detail: None };
        changes.happen(row.org, row.id, happened).await?;
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
