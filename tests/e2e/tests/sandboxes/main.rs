//! Sandboxes from outside: who may start one, what it can do, who sees what it serves, and what is left when parts die.

mod approvals;
mod faults;
mod land;
mod previews;
mod tokens;
mod work;
