//! Where a chat has things that are not rows or its object: each place in a file of its own that knows how to clear it.
//!
//! Invariant: a place clears so much at a time and may be asked again at any moment; it tells what went.

pub(crate) mod artifacts;
mod attachments;
pub(super) mod files;
mod sandboxes;
mod snapshots;

use slipway_contract::Problem;
use slipway_contract::http::deletions::DeletedCount;

use super::chat::At;
use crate::sandboxes::Changes;

/// What clearing a place came to, and what went.
pub(super) enum Cleared {
    /// Nothing is there any more.
    All(Option<DeletedCount>),
    /// There is more, and it can be cleared at once.
    Some(Option<DeletedCount>),
    /// Something does not do what it was asked, or is not over yet: later.
    Held(Option<DeletedCount>),
}

/// A place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Sandboxes,
    Snapshots,
    Artifacts,
    Attachments,
    Files,
}

impl Place {
    /// In their order: sandboxes first, since what runs in them makes the others; last the chat's own folder of R2, where its
    /// archives lie.
    pub(super) const ALL: [Self; 5] =
        [Self::Sandboxes, Self::Snapshots, Self::Artifacts, Self::Attachments, Self::Files];

    /// Clears it.
    ///
    /// # Errors
    /// What it needs cannot be reached.
    pub(super) async fn clear(self, changes: &mut Changes<'_>, at: At) -> Result<Cleared, Problem> {
        match self {
            Self::Sandboxes => sandboxes::clear(changes, at).await,
            Self::Snapshots => snapshots::clear(changes, at).await,
            Self::Artifacts => artifacts::clear(changes, at).await,
            Self::Attachments => attachments::clear(changes, at).await,
            Self::Files => files::clear(changes.errand, &files::of_chat(at.org, at.chat)).await,
        }
    }
}
