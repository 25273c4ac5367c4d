//! Reads the arguments of a tool call, which stream as pieces of JSON text.

use serde_json::{Map, Value};

/// Most tool calls in one answer; more is a broken or hostile server.
pub(super) const MAX_CALLS: usize = 128;

/// The arguments as a JSON object; none, and `null`, mean an empty one. `None` when the text is no object,
/// which a cut answer leaves behind.
pub(super) fn parse(text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::Object(Map::new()));
    }
    let value: Value = serde_json::from_str(text).ok()?;
    if value.is_null() { Some(Value::Object(Map::new())) } else { Some(value).filter(Value::is_object) }
}
