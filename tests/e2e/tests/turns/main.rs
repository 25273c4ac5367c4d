//! Turns from outside: somebody mentions an agent over REST, and the chat's socket tells what comes of it.

mod answers;
mod endings;
mod failures;
mod scene;
mod stage;
