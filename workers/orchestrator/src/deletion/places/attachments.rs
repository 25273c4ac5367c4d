//! The chat's attachments: uploads that are under way end, then the objects of R2 go, then the rows.

use slipway_contract::Problem;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind};
use slipway_store::attachments;

use super::Cleared;
use crate::attachments::Attachments;
use crate::deletion::chat::At;
use crate::sandboxes::Changes;

/// Attachments that one try removes.
const AT_ONCE: u64 = 50;

pub(super) async fn clear(changes: &mut Changes<'_>, at: At) -> Result<Cleared, Problem> {
    let mut rows = changes.link.removal(at.org).await?;
    let doomed = attachments::doom_chat(&mut rows, at.chat, AT_ONCE).await;
    let doomed = changes.link.written(rows, doomed).await?;
    let mut went = DeletedCount { kind: DeletedKind::Attachments, count: 0, bytes: 0 };
    let mut attachments = Attachments::new(changes.errand, at.org);
    for one in &doomed {
        attachments.clear(one).await?;
        went.count += 1;
        went.bytes += one.attachment.bytes;
    }
    Ok(if doomed.len() as u64 == AT_ONCE { Cleared::Some(Some(went)) } else { Cleared::All(Some(went)) })
}
