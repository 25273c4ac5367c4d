//! The head of a request as bytes, looked at before anything interprets it.
//!
//! Invariant: what two parsers could read in two ways is refused here (RFC 9112, sections 2.2, 5.2, 6.3 and 11.2): line
//! ends other than CR LF, folded lines, more than one length, a length beside a transfer coding. What passes is read and
//! written anew by hyper all the same.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Longest head, in bytes; browsers and servers stop at 8 to 64 KiB.
const HEAD_BYTES: usize = 32 * 1024;

/// Why a head is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadRefusal {
    /// The client went away, or asked for nothing.
    #[error("the connection ended within the request's head")]
    Ended(#[source] io::Error),
    #[error("the request's head is too long")]
    TooLong,
    #[error("lines of a request's head end with CR LF and hold neither of them alone")]
    LineEnds,
    #[error("a folded or empty line in the request's head")]
    Folded,
    #[error("a line of the request's head is no field")]
    NoField,
    #[error("more than one {0}")]
    Repeated(&'static str),
    #[error("a content-length beside a transfer-encoding")]
    TwoLengths,
    #[error("a content-length that is no number")]
    Length,
    #[error("a transfer-encoding other than chunked")]
    Coding,
}

/// A stream whose first bytes were read already.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    first: Bytes,
    rest: S,
}

/// Reads up to the end of the head, and what came with it, and checks it.
///
/// # Errors
/// Why it is not taken, with the stream to say so on.
pub(super) async fn read<S: AsyncRead + Unpin>(mut stream: S) -> Result<Rewound<S>, (S, HeadRefusal)> {
    let mut first = BytesMut::with_capacity(2 * 1024);
    let mut scan = Scan { seen: 0, in_empty_line: true };
    let length = loop {
        if let Some(end) = scan.end_of(&first) {
            break end;
        }
        if first.len() >= HEAD_BYTES {
            return Err((stream, HeadRefusal::TooLong));
        }
        match stream.read_buf(&mut first).await {
            Ok(0) => return Err((stream, HeadRefusal::Ended(io::ErrorKind::UnexpectedEof.into()))),
            Ok(_) => {}
            Err(error) => return Err((stream, HeadRefusal::Ended(error))),
        }
    };
    let head = first.get(..length).unwrap_or_default();
    match check(head) {
        Ok(()) => Ok(Rewound { first: first.freeze(), rest: stream }),
        Err(refusal) => Err((stream, refusal)),
    }
}

/// How far a head was searched for its end.
struct Scan {
    seen: usize,
    in_empty_line: bool,
}

impl Scan {
    /// Where the head ends, for a lenient reader: a bare LF counts as a line's end here, and [`check`] refuses it.
    fn end_of(&mut self, bytes: &[u8]) -> Option<usize> {
        for byte in bytes.iter().skip(self.seen) {
            self.seen = self.seen.saturating_add(1);
            match byte {
                b'\n' if self.in_empty_line => return Some(self.seen),
                b'\n' => self.in_empty_line = true,
                b'\r' => {}
                _ => self.in_empty_line = false,
            }
        }
        None
    }
}

/// Checks a whole head, with its last empty line.
pub(super) fn check(head: &[u8]) -> Result<(), HeadRefusal> {
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(HeadRefusal::LineEnds)?;
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (line, after) = rest.split_at(end);
        lines.push(line);
        rest = after.get(2..).unwrap_or_default();
    }
    lines.push(rest);
    if lines.iter().any(|line| line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))) {
        return Err(HeadRefusal::LineEnds);
    }
    let (mut lengths, mut codings, mut hosts) = (0, 0, 0);
    for line in lines.into_iter().skip(1) {
        if line.first().is_none_or(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(HeadRefusal::Folded);
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(HeadRefusal::NoField)?;
        let (name, value) = line.split_at(colon);
        if !name.iter().all(|byte| is_token(*byte)) || name.is_empty() {
            return Err(HeadRefusal::NoField);
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
                return Err(HeadRefusal::Length);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadRefusal::Coding);
            }
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        }
    }
    match (lengths, codings, hosts) {
        (2.., _, _) => Err(HeadRefusal::Repeated("content-length")),
        (_, 2.., _) => Err(HeadRefusal::Repeated("transfer-encoding")),
        (_, _, 2..) => Err(HeadRefusal::Repeated("host")),
        (1, 1, _) => Err(HeadRefusal::TwoLengths),
        _ => Ok(()),
    }
}

/// RFC 9110, 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.rest).poll_read(cx, buf);
        }
        let count = self.first.len().min(buf.remaining());
        let first = self.first.split_to(count);
        buf.put_slice(first.chunk());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }
}
