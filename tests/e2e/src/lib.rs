//! Black-box tests against a running stack, and the doubles of outside systems that they need.

pub mod fake_model;
