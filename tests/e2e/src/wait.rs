//! Waiting for what comes by itself. Nothing waits for a length of time: a condition is asked for until it holds, and
//! the longest wait only ends a test that has failed.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// The longest wait for anything that should happen within seconds, on a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(30);
/// Between two looks.
const POLL: Duration = Duration::from_millis(25);

/// Looks again and again until there is something; what it is.
///
/// # Errors
/// The look's own, and when there is still nothing after [`LIMIT`].
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    within(LIMIT, what, look).await
}

/// The same for what takes longer than seconds by its nature.
///
/// # Errors
/// The look's own, and when there is still nothing after `limit`.
pub async fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= until {
            return Err(anyhow!("{what}: not within {} s", limit.as_secs()));
        }
        tokio::time::sleep(POLL).await;
    }
}
