//! What the processes ask of each other over bindings: one command enum per object or internal service.

pub mod archive;
pub mod attachments;
pub mod chat;
pub mod deletions;
pub mod embeddings;
pub mod engine;
pub mod executor;
pub mod projection;
pub mod route;
pub mod sandboxes;
pub mod tools;
