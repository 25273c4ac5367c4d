//! The time, read once at the edge and passed on as a value. On this platform it only moves at I/O.

use core::time::Duration;

use slipway_contract::Timestamp;
use worker::Delay;

/// The time now.
pub fn now() -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
}

/// Lets others have their turn, in the middle of long work. All Workers of a laptop share one event loop, and that looks at
/// the network only once nothing else is ready.
pub async fn pause() {
    Delay::from(Duration::from_millis(1)).await;
}
