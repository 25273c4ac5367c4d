//! The chat's artifacts: the objects of R2, then the rows.

use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_contract::{OrgId, Problem};
use slipway_store::artifacts;

use super::{Cleared, files};
use crate::artifacts::object;
use crate::deletion::chat::At;
use crate::sandboxes::Changes;

/// Artifacts that one try removes.
const AT_ONCE: u64 = 100;

pub(super) async fn clear(changes: &mut Changes<'_>, at: At) -> Result<Cleared, Problem> {
    let mut rows = changes.link.removal(at.org).await?;
    let all = artifacts::of_chat(&mut rows, at.chat, AT_ONCE).await;
    let all = changes.link.written(rows, all).await?;
    let went = remove(changes, at.org, &all, false).await?;
    Ok(if all.len() as u64 == AT_ONCE { Cleared::Some(Some(went)) } else { Cleared::All(Some(went)) })
}

/// Removes artifacts; `expired` when they are only too old.
pub(crate) async fn remove(
    changes: &mut Changes<'_>,
    org: OrgId,
    all: &[Artifact],
    expired: bool,
) -> Result<DeletedCount, Problem> {
    let mut went = DeletedCount { kind: DeletedKind::Artifacts, count: 0, bytes: 0 };
    if all.is_empty() {
        return Ok(went);
    }
    files::remove(changes.errand, all.iter().map(|one| object(org, one.id)).collect()).await?;
    for one in all {
        let mut rows = changes.link.removal(org).await?;
        let forgotten = artifacts::forget(&mut rows, one.id, expired).await;
        if changes.link.written(rows, forgotten).await? {
            went.count += 1;
            went.bytes += one.bytes;
        }
    }
    Ok(went)
}
