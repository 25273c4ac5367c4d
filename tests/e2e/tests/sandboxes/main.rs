//! Sandboxes from outside: who may start one, what it can do, who sees what it serves, and what is left when parts die.

mod approvals;
mod bridge;
mod console;
mod crossings;
mod faults;
mod land;
mod operations;
mod previews;
mod snapshots;
mod tokens;
mod work;
