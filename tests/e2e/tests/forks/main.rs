//! Forks from outside: from the message to the summary, who comes too late, and what is left when the runtime dies.

mod faults;
mod rules;
mod scene;
mod story;
