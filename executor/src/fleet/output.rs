//! What is kept of a command's output: its head, up to a limit, in the order in which it was written.

use slipway_contract::limits::EXEC_OUTPUT_BYTES;
use slipway_contract::objects::executor::ExecFrame;

/// Small writes are put together up to this size; a reader is told of pieces.
const PIECE_BYTES: usize = 16 * 1024;
/// What a reader takes at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// Standard output or standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Output as far as it is kept.
#[derive(Debug, Default)]
pub struct Output {
    pieces: Vec<(Channel, String)>,
    kept: u64,
    dropped: u64,
    cut: [Vec<u8>; 2],
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    piece: usize,
    byte: usize,
}

impl Output {
    /// Adds what was written. A character that is cut in two waits for its other half.
    pub fn push(&mut self, channel: Channel, bytes: &[u8]) {
        let mut waiting = std::mem::take(self.cut_mut(channel));
        let bytes = if waiting.is_empty() {
            bytes
        } else {
            waiting.extend_from_slice(bytes);
            &waiting
        };
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let at_end = invalid.as_ptr_range().end == bytes.as_ptr_range().end;
            if at_end && is_beginning(invalid) {
                *self.cut_mut(channel) = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.keep(channel, &text);
    }

    /// Nothing more comes: what waits for its other half will never get it.
    pub fn finish(&mut self) {
        for channel in [Channel::Stdout, Channel::Stderr] {
            if !std::mem::take(self.cut_mut(channel)).is_empty() {
                self.keep(channel, "\u{fffd}");
            }
        }
    }

    /// Adds our own words, even when the limit is reached.
    pub fn note(&mut self, text: &str) {
        self.append(Channel::Stderr, text);
    }

    /// Bytes that did not fit.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What came after `cursor`, which moves on.
    pub fn read(&self, cursor: &mut Cursor) -> Vec<ExecFrame> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        while let Some((channel, text)) = self.pieces.get(cursor.piece) {
            let news = text.get(cursor.byte..).unwrap_or_default();
            if !news.is_empty() {
                frames.push(match channel {
                    Channel::Stdout => ExecFrame::Stdout(news.to_owned()),
                    Channel::Stderr => ExecFrame::Stderr(news.to_owned()),
                });
                bytes += news.len();
            }
            if cursor.piece + 1 == self.pieces.len() {
                // It may still grow.
                cursor.byte = text.len();
                break;
            }
            *cursor = Cursor { piece: cursor.piece + 1, byte: 0 };
            if bytes >= READ_BYTES {
                break;
            }
        }
        frames
    }

    fn keep(&mut self, channel: Channel, text: &str) {
        let room = usize::try_from(EXEC_OUTPUT_BYTES.saturating_sub(self.kept)).unwrap_or(usize::MAX);
        let fits = if self.dropped > 0 { 0 } else { text.floor_char_boundary(room) };
        let (head, rest) = text.split_at_checked(fits).unwrap_or((text, ""));
        self.append(channel, head);
        self.kept += head.len() as u64;
        self.dropped += rest.len() as u64;
    }

    fn append(&mut self, channel: Channel, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == channel && piece.len() < PIECE_BYTES => piece.push_str(text),
            Some(_) | None => self.pieces.push((channel, text.to_owned())),
        }
    }

    const fn cut_mut(&mut self, channel: Channel) -> &mut Vec<u8> {
        let [stdout, stderr] = &mut self.cut;
        match channel {
            Channel::Stdout => stdout,
            Channel::Stderr => stderr,
        }
    }
}

/// Whether these bytes could go on to be one character (RFC 3629): `utf8_chunks` gives the longest such beginning.
fn is_beginning(bytes: &[u8]) -> bool {
    let length = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) | None => return false,
    };
    bytes.len() < length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(output: &Output) -> String {
        let mut cursor = Cursor::default();
        let mut text = String::new();
        loop {
            let frames = output.read(&mut cursor);
            if frames.is_empty() {
                return text;
            }
            for frame in frames {
                match &frame {
                    ExecFrame::Stdout(piece) => text.push_str(piece),
                    ExecFrame::Stderr(piece) => text.push_str(&format!("[{piece}]")),
                    ExecFrame::Alive | ExecFrame::Detached | ExecFrame::Exit(_) => {
                        panic!("{frame:?} is no output")
                    }
                }
            }
        }
    }

    #[test]
    fn characters_survive_however_they_are_cut() {
        let text = "aé€😀z";
        for cut in 0..text.len() {
            let mut output = Output::default();
            let (head, tail) = text.as_bytes().split_at(cut);
            output.push(Channel::Stdout, head);
            output.push(Channel::Stderr, b"!");
            output.push(Channel::Stdout, tail);
            output.finish();
            assert_eq!(all(&output).replace("[!]", ""), text, "cut at {cut}");
        }
        let mut output = Output::default();
        text.as_bytes().iter().for_each(|byte| output.push(Channel::Stdout, &[*byte]));
        output.push(Channel::Stdout, &[0xff, b'x', 0xe2, 0x82]);
        output.finish();
        assert_eq!(all(&output), format!("{text}\u{fffd}x\u{fffd}"));
    }

    #[test]
    fn the_head_is_kept_and_the_rest_is_counted() {
        let mut output = Output::default();
        let mebibyte = vec![b'x'; 1 << 20];
        for _ in 0..1024 {
            output.push(Channel::Stdout, &mebibyte);
        }
        assert_eq!(all(&output).len() as u64, EXEC_OUTPUT_BYTES);
        assert_eq!(output.dropped() + EXEC_OUTPUT_BYTES, 1 << 30);
        output.note("why");
        assert!(all(&output).ends_with("[why]"));
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let mut output = Output::default();
        let mut cursor = Cursor::default();
        output.push(Channel::Stdout, b"one ");
        assert_eq!(output.read(&mut cursor), [ExecFrame::Stdout("one ".into())]);
        assert_eq!(output.read(&mut cursor), []);
        output.push(Channel::Stdout, b"two");
        output.push(Channel::Stderr, b"three");
        assert_eq!(
            output.read(&mut cursor),
            [ExecFrame::Stdout("two".into()), ExecFrame::Stderr("three".into())]
        );
        assert_eq!(output.read(&mut cursor), []);
    }
}
