//! Incremental parser of server-sent events (WHATWG HTML, section 9.2.6).
//!
//! Invariant: the same bytes give the same events wherever they are cut, also inside CRLF or a character.
//! Bytes that are no UTF-8 become U+FFFD, as the standard demands. Memory is bounded.

/// Most bytes of one line and of one event's data. A provider's largest is a whole tool call in one event.
const MAX_EVENT: usize = 1 << 20;
/// Most bytes of one stream: 128,000 tokens at about 100 bytes of framing each is 12.8 MB.
const MAX_TOTAL: usize = 16 << 20;

/// One dispatched event. `id` and `retry` fields are for reconnecting browsers and are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; empty when the stream names none.
    pub event: String,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// The stream broke a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line or the data of an event is longer than 1 MiB.
    #[error("an event is longer than {MAX_EVENT} bytes")]
    EventTooLong,
    /// The stream is longer than 16 MiB.
    #[error("the stream is longer than {MAX_TOTAL} bytes")]
    StreamTooLong,
}

/// Parser of one stream.
#[derive(Debug)]
pub struct SseParser {
    max_event: usize,
    max_total: usize,
    total: usize,
    line: Vec<u8>,
    first_line: bool,
    /// The last byte was CR: a directly following LF belongs to it.
    after_cr: bool,
    pending: SseEvent,
    has_data: bool,
}

impl Default for SseParser {
    fn default() -> Self {
        Self::with_limits(MAX_EVENT, MAX_TOTAL)
    }
}

impl SseParser {
    /// A parser with its own limits in bytes: of one line or event, and of the whole stream.
    pub fn with_limits(max_event: usize, max_total: usize) -> Self {
        Self {
            max_event,
            max_total,
            total: 0,
            line: Vec::new(),
            first_line: true,
            after_cr: false,
            pending: SseEvent::default(),
            has_data: false,
        }
    }

    /// Takes the next bytes and appends the events that they complete.
    ///
    /// # Errors
    /// A limit is passed. The events before it are in `out`; the parser must not be used again.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let room = self.max_total.saturating_sub(self.total);
        let (mut rest, over) = match bytes.split_at_checked(room) {
            Some((within, beyond)) => (within, !beyond.is_empty()),
            None => (bytes, false),
        };
        self.total += rest.len();
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr)
                && let Some(after) = rest.strip_prefix(b"\n")
            {
                rest = after;
                continue;
            }
            let end = rest.iter().position(|b| matches!(b, b'\r' | b'\n'));
            let (text, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
            if self.line.len() + text.len() > self.max_event {
                return Err(SseError::EventTooLong);
            }
            self.line.extend_from_slice(text);
            rest = after;
            if let Some((ending, after)) = after.split_first() {
                self.after_cr = *ending == b'\r';
                rest = after;
                self.end_line(out)?;
            }
        }
        if over { Err(SseError::StreamTooLong) } else { Ok(()) }
    }

    /// The stream has ended: the event that no blank line closed, if there is one.
    ///
    /// The standard drops such an event; several servers end with `data: [DONE]` and no blank line, so the
    /// caller decides what it is worth.
    pub fn finish(&mut self) -> Option<SseEvent> {
        let mut out = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut out).ok()?;
        }
        self.dispatch(&mut out);
        out.pop()
    }

    fn end_line(&mut self, out: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(out);
            return Ok(());
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.pending.event),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.pending.data.push('\n');
                }
                self.pending.data.push_str(value);
                if self.pending.data.len() > self.max_event {
                    return Err(SseError::EventTooLong);
                }
            }
            // A comment (no field name), `id`, `retry`, and what the standard does not know.
            _ => {}
        }
        Ok(())
    }

    /// An event without data is none: the standard resets the name and dispatches nothing.
    fn dispatch(&mut self, out: &mut Vec<SseEvent>) {
        let event = std::mem::take(&mut self.pending);
        if std::mem::take(&mut self.has_data) {
            out.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(mut parser: SseParser, chunks: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut events = Vec::new();
        let fed = chunks.into_iter().try_for_each(|chunk| parser.feed(chunk, &mut events));
        let mut seen: Vec<String> = events.iter().map(|e| format!("{:?} {:?}", e.event, e.data)).collect();
        match fed {
            Ok(()) => seen.extend(parser.finish().map(|e| format!("unclosed {:?} {:?}", e.event, e.data))),
            Err(error) => seen.push(format!("error: {error}")),
        }
        seen.join("\n")
    }

    fn check(stream: &[u8], expect: Expect) {
        let whole = parse(SseParser::default(), [stream]);
        assert_eq!(whole, parse(SseParser::default(), stream.chunks(1)), "byte by byte");
        expect.assert_eq(&whole);
    }

    #[test]
    fn fields_comments_and_joined_data_follow_the_standard() {
        check(
            b"\xEF\xBB\xBF: comment\nevent: add\ndata:one\ndata:  two\nid: 7\nretry: 10\n\ndata\n\nevent: x\n\n",
            expect![[r#"
                "add" "one\n two"
                "" """#]],
        );
    }

    #[test]
    fn every_line_ending_closes_a_line() {
        check(
            b"event: e\r\ndata: a\r\ndata: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n",
            expect![[r#"
                "e" "a\na"
                "" "b"
                "" "c"
                "" "d""#]],
        );
    }

    #[test]
    fn an_event_without_its_blank_line_is_given_at_the_end_only() {
        check(
            b"data: a\n\ndata: [DONE]",
            expect![[r#"
            "" "a"
            unclosed "" "[DONE]""#]],
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        check(b"data: a\xFFb\xE2\x82\n\n", expect![[r#""" "a�b�""#]]);
    }

    #[test]
    fn limits_end_the_stream_at_the_same_place_however_it_is_cut() {
        let long = format!("data: ok\n\ndata: {}\n\ndata: after\n\n", "x".repeat(30));
        let many = "data: 12\n\n".repeat(5);
        let joined = format!("data: ok\n\n{}\n", "data: 123456\n".repeat(5));
        for cut in 1..20 {
            let limited = || SseParser::with_limits(20, 44);
            assert_eq!(
                parse(limited(), long.as_bytes().chunks(cut)),
                "\"\" \"ok\"\nerror: an event is longer than 1048576 bytes"
            );
            assert_eq!(
                parse(limited(), many.as_bytes().chunks(cut)),
                "\"\" \"12\"\n\"\" \"12\"\n\"\" \"12\"\n\"\" \"12\"\nerror: the stream is longer than 16777216 bytes"
            );
            assert_eq!(
                parse(SseParser::with_limits(20, 1_000), joined.as_bytes().chunks(cut)),
                "\"\" \"ok\"\nerror: an event is longer than 1048576 bytes"
            );
        }
    }

    /// Streams made of the pieces that matter, so that odd neighbours come up often.
    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"data: "[..],
            b"event: e",
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\n",
            b":",
            b" ",
            b"\xEF\xBB\xBF",
            "€".as_bytes(),
            b"\xF0\x9F",
            b"[DONE]",
            b"data",
            b"{\"a\":1}",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(stream in streams(), cuts in prop::collection::vec(1_usize..9, 1..20)) {
            let mut rest = stream.as_slice();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            prop_assert_eq!(parse(SseParser::default(), [stream.as_slice()]), parse(SseParser::default(), chunks));
        }
    }
}
