//! The executor: runs sandboxes on one Linux host and answers for them over HTTP.
//!
//! `api` is the interface, `fleet` decides and remembers, `backend` makes sandboxes, `inside` is what runs in them, `egress`
//! and `relay` are the ways out and in. Nothing of a sandbox is taken on trust by what runs outside of it.

pub mod api;
pub mod backend;
pub mod egress;
pub mod exchange;
pub mod fleet;
pub mod inside;
pub mod log;
pub mod relay;
pub mod serve;
pub mod traffic;
