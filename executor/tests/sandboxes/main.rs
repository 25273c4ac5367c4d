//! The executor as its callers see it, with real sandboxes: they need bubblewrap on the host, and say so when it is missing.
//! With `SLIPWAY_TEST_BACKEND=docker` the same is asked of sandboxes made with the Docker engine at `DOCKER_HOST`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod capabilities;
mod docker;
mod escapes;
mod isolation;
mod limits;
mod lives;
mod network;
mod runs;
mod snapshots;
mod support;
mod terminals;
