//! What the other Workers ask, one file for each resource.

pub(crate) mod projections;
