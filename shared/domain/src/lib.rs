//! Decisions of Slipway: state, command and time in; events and effects out.
//!
//! Invariant: no async, clock, randomness or I/O here, so every rule is a plain function with plain tests.

pub mod archive;
pub mod attachments;
pub mod chat;
pub mod config;
pub mod context;
pub mod deletion;
pub mod egress;
pub mod identity;
pub mod names;
pub mod orgs;
pub mod preview;
pub mod sandbox;
pub mod search;
