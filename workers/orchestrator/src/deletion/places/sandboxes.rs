//! The chat's sandboxes: each is removed as anybody would remove it, and is gone once its executor says so and the gateway
//! knows. Their rows go with the chat's.

use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Actor, Problem, SandboxId};
use slipway_domain::sandbox::Happened;
use slipway_store::audit;
use slipway_store::page::Page;
use slipway_store::sandboxes::{self, StoredSandbox};

use super::Cleared;
use crate::deletion::chat::At;
use crate::sandboxes::{Changes, Fact};

/// Rows that are looked at together.
const ROWS: u32 = 100;
/// Sandboxes that one try removes: each may take its executor some ten seconds.
const AT_ONCE: usize = 5;

pub(super) async fn clear(changes: &mut Changes<'_>, at: At) -> Result<Cleared, Problem> {
    let mut page = Page::<SandboxId> { limit: ROWS, after: None };
    let (mut tried, mut held) = (0, false);
    loop {
        let mut rows = changes.link.rows(at.org).await?;
        let part = sandboxes::list(&mut rows, at.chat, &page).await;
        let part = changes.link.written(rows, part).await?;
        page.after = part.items.last().map(|row| row.id).filter(|_| part.more);
        for row in part.items.into_iter().filter(|row| !is_gone(row)) {
            if tried == AT_ONCE {
                return Ok(if held { Cleared::Held(None) } else { Cleared::Some(None) });
            }
            tried += 1;
            held |= !remove(changes, at, row).await?;
        }
        if page.after.is_none() {
            return Ok(if held { Cleared::Held(None) } else { Cleared::All(None) });
        }
    }
}

/// Gone, and no request is led to it any more.
fn is_gone(row: &StoredSandbox) -> bool {
    row.sandbox.state() == SandboxState::Destroyed && !row.is_untold_to_route()
}

/// Has one removed; whether it is gone.
async fn remove(changes: &mut Changes<'_>, at: At, row: StoredSandbox) -> Result<bool, Problem> {
    if row.sandbox.state() == SandboxState::Destroyed {
        changes.tell(&row).await;
    } else {
        let entry = audit::Entry {
            key: format!("{}:{}", at.deletion, row.id),
            actor: Actor::System,
            action: "sandbox.destroy",
            subject: row.id.to_string(),
            detail: at.deletion.to_string(),
        };
        changes.happen(at.org, row.id, Fact::from(Happened::DestroyAsked).recorded(&entry)).await?;
    }
    let mut rows = changes.link.rows(at.org).await?;
    let now = sandboxes::find(&mut rows, row.id).await;
    let now = changes.link.written(rows, now).await?;
    Ok(now.as_ref().is_none_or(is_gone))
}
