//! Bodies of the REST API, one file per resource. Requests refuse unknown fields.

pub mod agents;
pub mod approvals;
pub mod artifacts;
pub mod attachments;
pub mod auth;
pub mod channels;
pub mod chats;
pub mod config;
pub mod context;
pub mod deletions;
pub mod forks;
pub mod health;
pub mod invitations;
pub mod members;
pub mod messages;
pub mod orgs;
pub mod page;
pub mod retention;
pub mod sandboxes;
pub mod search;
pub mod snapshots;
pub mod unread;
pub mod usage;

use serde::Deserialize;

/// Tells an explicit `null` from an absent field.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
