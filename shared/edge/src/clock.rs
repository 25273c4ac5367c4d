//! The time, read once at the edge and passed on as a value. On this platform it only moves at I/O.

use slipway_contract::Timestamp;

/// The time now.
pub fn now() -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX))
}
