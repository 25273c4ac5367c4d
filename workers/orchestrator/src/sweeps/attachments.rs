//! Attachments that shall go, and those that nobody posted within a day: their uploads and objects, then their rows.

use slipway_contract::{AttachmentId, OrgId, Problem};
use slipway_domain::attachments::UNPOSTED_MS;
use slipway_edge::log::Line;
use slipway_store::attachments;

use super::{ROUND_MS, Round, list, page};
use crate::attachments::Attachments;
use crate::sandboxes::Changes;

pub(super) async fn sweep(changes: &mut Changes<'_>, cursor: Option<String>) -> Result<Round, Problem> {
    let begun = changes.errand.now();
    let before = begun.plus_ms(-UNPOSTED_MS);
    let part = list!(changes, attachments::left_over, before, &page::<AttachmentId>(cursor));
    let mut round = Round::default();
    let mut last = None;
    let mut more = part.more;
    for (org, attachment) in part.items {
        if changes.errand.now().since(begun) > ROUND_MS {
            more = true;
            break;
        }
        round.looked += 1;
        last = Some(attachment);
        if let Err(problem) = clear(changes, org, attachment).await {
            round.failed += 1;
            let line = Line::warn("attachment_not_swept").request(changes.errand.request);
            line.org(org).code(problem.code).emit();
        }
    }
    round.cursor = last.filter(|_| more).map(|id| id.to_string());
    Ok(round)
}

/// Removes one, unless it was posted since it was found.
async fn clear(changes: &Changes<'_>, org: OrgId, attachment: AttachmentId) -> Result<(), Problem> {
    let mut attachments = Attachments::new(changes.errand, org);
    let before = changes.errand.now().plus_ms(-UNPOSTED_MS);
    match attachments.doom_loose(attachment, before).await? {
        Some(found) => attachments.clear(&found).await,
        None => Ok(()),
    }
}
