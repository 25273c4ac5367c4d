//! What the other Workers ask, one file for each resource.

pub(crate) mod approvals;
pub(crate) mod artifacts;
mod caller;
pub(crate) mod projections;
pub(crate) mod routes;
pub(crate) mod sandboxes;
pub(crate) mod streams;
