//! What a developer's machine needs to run Slipway, as a library: the stack of Workers, Postgres, the pooler,
//! roles and migrations. `cargo xtask` is a command line over it; the end-to-end tests and the load client start
//! their own stacks with it.

mod cargo_tools;
mod command;
pub mod database;
pub mod docker;
pub mod executor;
mod fingerprint;
mod node;
pub mod pgbouncer;
pub mod ports;
pub mod postgres;
pub mod progress;
pub mod repo;
pub mod secrets;
pub mod setup;
pub mod stack;
mod supervised;
pub mod testbed;
pub mod web;
pub mod workers;

pub use command::{Command, Finished};
pub use supervised::Supervised;
