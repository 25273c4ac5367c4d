//! Snapshots of the chat's sandboxes: the object of R2, then the row.

use slipway_contract::Problem;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_store::snapshots;

use super::Cleared;
use crate::deletion::chat::At;
use crate::sandboxes::Changes;
use crate::snapshots::TAKEN_MS;

/// Snapshots that one try removes.
const AT_ONCE: u64 = 100;

pub(super) async fn clear(changes: &mut Changes<'_>, at: At) -> Result<Cleared, Problem> {
    let mut rows = changes.link.removal(at.org).await?;
    let all = snapshots::of_chat(&mut rows, at.chat, AT_ONCE).await;
    let all = changes.link.written(rows, all).await?;
    let more = all.len() as u64 == AT_ONCE;
    let (mut went, mut held) = (DeletedCount { kind: DeletedKind::Snapshots, count: 0, bytes: 0 }, false);
    for (one, bytes, begun) in all {
        // Whoever takes it may still be at it, and would put its object there after it was removed.
        if bytes.is_none() && changes.errand.now().since(begun) < TAKEN_MS {
            held = true;
            continue;
        }
        changes.remove_snapshot(one.org, one.sandbox, one.snapshot).await?;
        went.count += 1;
        went.bytes += bytes.unwrap_or_default();
    }
    Ok(match (held, more) {
        (true, _) => Cleared::Held(Some(went)),
        (false, true) => Cleared::Some(Some(went)),
        (false, false) => Cleared::All(Some(went)),
    })
}
