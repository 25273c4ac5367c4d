//! Holds what is under way to the bytes that a sandbox's previews may carry. Nothing is gathered here: a side that may not
//! go on waits, and with it whoever sends to it.
//!
//! Invariant: no byte moves that was not taken from the allowance, and what did not move goes back before anybody else asks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use slipway_contract::Timestamp;
use slipway_domain::preview::bucket::Rate;
use slipway_domain::preview::bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::traffic::Activity;

/// The shortest wait: so much gathers meanwhile that it is worth waking up for.
const SHORTEST: Duration = Duration::from_millis(20);
/// The longest, so that nobody waits for ever for what never comes.
const LONGEST: Duration = Duration::from_secs(1);

/// What is left for one sandbox, from its start to its stop.
#[derive(Debug)]
pub(super) struct Allowance {
    begun: Instant,
    left: Mutex<bytes::Allowance>,
}

impl Allowance {
    pub(super) fn whole(rate: Rate) -> Self {
        let left = bytes::Allowance::whole(rate, Timestamp::from_unix_ms(0));
        Self { begun: Instant::now(), left: Mutex::new(left) }
    }

    /// Whether a new request or socket is let in.
    pub(super) fn lets_in(&self) -> bool {
        self.left().lets_in(self.now())
    }

    /// Takes up to `wanted` bytes, at least one; or says how long to wait.
    fn take(&self, wanted: usize) -> Result<usize, Duration> {
        let now = self.now();
        let taken = self.left().take(u32::try_from(wanted).unwrap_or(u32::MAX), now);
        match usize::try_from(taken.granted) {
            Ok(granted @ 1..) => Ok(granted),
            Ok(0) | Err(_) => Err(Duration::from_millis(taken.wait_ms).clamp(SHORTEST, LONGEST)),
        }
    }

    fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.left().give_back(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }

    /// A clock of its own, which nobody sets.
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    fn left(&self) -> MutexGuard<'_, bytes::Allowance> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that carries no more than an allowance lets it.
#[derive(Debug)]
pub(super) struct Paced<S> {
    inner: S,
    allowance: Arc<Allowance>,
    /// A wait is our doing: it is no silence of the port.
    activity: Activity,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) const fn new(inner: S, allowance: Arc<Allowance>, activity: Activity) -> Self {
        Self { inner, allowance, activity, reading: None, writing: None }
    }
}

/// Takes from the allowance, after as many waits as it needs.
fn granted(
    wait: &mut Option<Pin<Box<Sleep>>>,
    allowance: &Allowance,
    activity: &Activity,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<usize> {
    loop {
        if let Some(waiting) = wait {
            ready!(waiting.as_mut().poll(cx));
            *wait = None;
            activity.note();
        }
        match allowance.take(wanted) {
            Ok(granted) => return Poll::Ready(granted),
            Err(pause) => *wait = Some(Box::pin(sleep(pause))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, allowance, activity, reading, .. } = self.get_mut();
        let room = buf.remaining();
        if room == 0 {
            return Pin::new(inner).poll_read(cx, buf);
        }
        let granted = ready!(granted(reading, allowance, activity, room, cx));
        let before = buf.filled().len();
        let read = if granted >= room {
            Pin::new(inner).poll_read(cx, buf)
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(granted));
            let read = Pin::new(inner).poll_read(cx, &mut part);
            let filled = part.filled().len();
            buf.advance(filled);
            read
        };
        allowance.give_back(granted.saturating_sub(buf.filled().len().saturating_sub(before)));
        read
    }
}

impl<S: AsyncWrite + Unpin> Paced<S> {
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>, usize) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if wanted == 0 {
            return write(Pin::new(&mut self.inner), cx, 0);
        }
        let granted = ready!(granted(&mut self.writing, &self.allowance, &self.activity, wanted, cx));
        let written = write(Pin::new(&mut self.inner), cx, granted);
        let moved = match &written {
            Poll::Ready(Ok(bytes)) => *bytes,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        self.allowance.give_back(granted.saturating_sub(moved));
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut()
            .write(cx, buf.len(), |inner, cx, most| inner.poll_write(cx, buf.get(..most).unwrap_or(buf)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        self.get_mut().write(cx, all, |inner, cx, most| {
            if most == all {
                return inner.poll_write_vectored(cx, bufs);
            }
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            inner.poll_write(cx, first.get(..most).unwrap_or(first))
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
