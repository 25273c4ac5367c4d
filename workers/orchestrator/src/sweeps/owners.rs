//! Sandboxes of people whose place in the org has ended: they stop, and who had access has it no longer.

use slipway_contract::Problem;
use slipway_contract::sandbox::SandboxReason;
use slipway_domain::sandbox::Happened;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::Changes;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let part = list!(changes, due::owner_gone, changes.errand.now(), &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        let happened = Happened::StopAsked { reason: SandboxReason::OwnerGone, detail: None };
        changes.happen(row.org, row.id, happened).await?;
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
