//! Chats, route objects and executors that have not acknowledged how a sandbox stands: they are told again.

use slipway_contract::Problem;
use slipway_store::sandboxes::{StoredSandbox, due};

use super::{Round, each, list, page};
use crate::sandboxes::Changes;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let part = list!(changes, due::untold, changes.errand.now(), &page(cursor));
    let work = async |changes: &mut Changes<'_>, row: StoredSandbox| {
        changes.tell(&row).await;
        Ok(())
    };
    Ok(each(changes, part, work).await)
}
