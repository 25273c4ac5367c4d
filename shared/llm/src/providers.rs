//! The protocols that are spoken, one file each, and what the ones over HTTP share.

pub mod anthropic;
mod decoder;
pub mod demo;
mod endpoint;
mod failure;
pub mod openai;
mod tool_arguments;
