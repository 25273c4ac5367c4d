//! All SQL of Slipway. One file per resource; each statement names its function in its first line.
//!
//! Invariant: no query without a scope. [`Db`] gives out handles only for one org or for one named system job, and the
//! database's row-level security holds every statement to that scope.

mod db;
mod error;
mod json;
mod row;
mod value;
mod words;

pub mod agents;
pub mod approval_policies;
pub mod approvals;
pub mod archives;
pub mod artifacts;
pub mod attachments;
pub mod audit;
pub mod channels;
pub mod chats;
pub mod config;
pub mod context_items;
pub mod context_search;
pub mod deletions;
pub mod invitations;
pub mod members;
pub mod memberships;
pub mod messages;
pub mod orgs;
pub mod page;
pub mod places;
pub mod quotas;
pub mod retellings;
pub mod retention;
pub mod routes;
pub mod sandboxes;
pub mod sessions;
pub mod signin_attempts;
pub mod snapshots;
pub mod sweeps;
pub mod unread;
pub mod usage;
pub mod users;

pub use db::{
    Db, Erasure, ErasureDb, Identity, IdentityDb, Memberships, MembershipsDb, Org, OrgDb, Removal, RemovalDb,
    Scope, Scoped, Sweeps, SweepsDb,
};
pub use error::{Cause, Conflict, StoreError};
