//! Bodies of the REST API, one file per resource. Requests refuse unknown fields.

pub mod agents;
pub mod approvals;
pub mod artifacts;
pub mod auth;
pub mod channels;
pub mod chats;
pub mod forks;
pub mod health;
pub mod invitations;
pub mod members;
pub mod messages;
pub mod orgs;
pub mod page;
pub mod sandboxes;
pub mod search;
pub mod snapshots;
pub mod usage;
