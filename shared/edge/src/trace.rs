//! W3C trace context (<https://www.w3.org/TR/trace-context/>), passed on as it came.

use core::fmt;
use core::str::FromStr;

/// Name of the header.
pub const HEADER: &str = "traceparent";

/// A `traceparent` value of version 00. Only a well-formed one exists, so that a foreign text never gets into the logs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceParent([u8; 55]);

/// The text is no `traceparent` of version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTraceParent;

impl TraceParent {
    /// The caller's, if it gave a well-formed one.
    pub fn of(headers: &worker::Headers) -> Option<Self> {
        headers.get(HEADER).ok().flatten()?.parse().ok()
    }

    /// A trace that begins with a request of ours; its id is the request's, so that either finds the other.
    pub fn of_request(request: slipway_contract::RequestId) -> Self {
        let trace = request.uuid().simple().to_string();
        // The last half of the id is random, and one bit of its variant is always set: no id is all zeros.
        let span = trace.get(16..).unwrap_or_default();
        let mut bytes = [0; 55];
        for (byte, text) in bytes.iter_mut().zip(format!("00-{trace}-{span}-01").bytes()) {
            *byte = text;
        }
        Self(bytes)
    }

    /// The whole value.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.as_str().get(3..35).unwrap_or_default()
    }

    /// The caller's span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        self.as_str().get(36..52).unwrap_or_default()
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let bytes: [u8; 55] = text.as_bytes().try_into().map_err(|_| InvalidTraceParent)?;
        let formed = bytes.iter().enumerate().all(|(at, byte)| match at {
            0 | 1 => *byte == b'0',
            2 | 35 | 52 => *byte == b'-',
            3..=34 | 36..=51 | 53.. => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        let parent = Self(bytes);
        let known = |part: &str| part.bytes().any(|digit| digit != b'0');
        let whole = formed && known(parent.trace_id()) && known(parent.span_id());
        if whole { Ok(parent) } else { Err(InvalidTraceParent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_a_request_is_well_formed_and_has_its_id() {
        let request = slipway_contract::RequestId::fresh(1, [0; 10]);
        let trace = TraceParent::of_request(request);
        assert_eq!(trace.as_str().parse(), Ok(trace));
        assert_eq!(trace.trace_id(), request.uuid().simple().to_string());
    }

    #[test]
    fn only_a_well_formed_traceparent_is_passed_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent: TraceParent = good.parse().unwrap();
        assert_eq!(
            (parent.trace_id(), parent.span_id(), parent.as_str()),
            ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", good)
        );
        let wrong = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        ];
        for text in wrong {
            assert_eq!(text.parse::<TraceParent>(), Err(InvalidTraceParent), "{text}");
        }
    }
}
