//! The operations of the API, one file for each resource.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod artifacts;
pub(crate) mod auth;
pub(crate) mod channel_members;
pub(crate) mod channels;
pub(crate) mod chats;
pub(crate) mod commands;
pub(crate) mod document;
pub(crate) mod forks;
pub(crate) mod health;
pub(crate) mod invitations;
pub(crate) mod me;
pub(crate) mod members;
pub(crate) mod messages;
pub(crate) mod orgs;
pub(crate) mod participants;
pub(crate) mod reactions;
pub(crate) mod sandbox_files;
pub(crate) mod sandboxes;
pub(crate) mod snapshots;
pub(crate) mod search;
pub(crate) mod sockets;
pub(crate) mod terminals;
pub(crate) mod turns;
pub(crate) mod usage;
