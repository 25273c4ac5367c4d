//! What the Workers share and only they know: the clock, digests, fresh ids, log lines, replies.
//!
//! Invariant: the only library that knows `worker`. Nothing here decides. The `worker` crate's own `http` feature stays
//! off: it changes the types of every other Worker of the build.

pub mod clock;
#[cfg(feature = "postgres")]
pub mod db;
pub mod digest;
pub mod ids;
pub mod log;
pub mod reply;
pub mod trace;
