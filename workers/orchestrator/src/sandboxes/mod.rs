//! Sandboxes: what people and agents may do with them, and what becomes of them.
//!
//! Invariant: Postgres knows first. An executor is asked for nothing that is not written, and what it answers is written
//! before anybody builds on it.

pub(crate) mod change;
mod create;
mod fact;
mod hosts;
pub(crate) mod link;
mod placement;
pub(crate) mod preview;
mod queue;
pub(crate) mod quote;
mod start;
pub(crate) mod telling;
pub(crate) mod templates;
mod view;
pub(crate) mod words;

pub(crate) use change::Changes;
pub(crate) use fact::Fact;
pub(crate) use start::Wanted;
pub(crate) use view::view;
