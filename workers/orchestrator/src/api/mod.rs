//! What the other Workers ask, one file for each resource.

pub(crate) mod approvals;
pub(crate) mod archives;
pub(crate) mod artifacts;
pub(crate) mod attachments;
mod caller;
pub(crate) mod deletions;
pub(crate) mod embeddings;
pub(crate) mod files;
pub(crate) mod projections;
pub(crate) mod routes;
pub(crate) mod sandboxes;
pub(crate) mod streams;
