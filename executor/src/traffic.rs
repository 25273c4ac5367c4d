//! What passes through the executor for a sandbox: bytes counted where they leave or arrive, and when the last one did.
//!
//! Invariant: a byte is counted once, after the system took or gave it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use slipway_contract::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Bytes over all connections of one kind, as the executor sees them.
#[derive(Debug, Default)]
pub struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    sent_at_ms: AtomicI64,
}

impl Meter {
    /// Bytes written to the other side.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes read from the other side.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// When bytes were last written to the other side.
    pub fn sent_at(&self) -> Option<Timestamp> {
        let at = self.sent_at_ms.load(Ordering::Relaxed);
        (at > 0).then(|| Timestamp::from_unix_ms(at))
    }

    fn note_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.sent_at_ms.fetch_max(i64::try_from(now).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    fn note_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// When something last moved on a connection. Clones speak of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Last>);

#[derive(Debug)]
struct Last {
    since: Instant,
    at_ms: AtomicU64,
}

impl Activity {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self(Arc::new(Last { since: Instant::now(), at_ms: AtomicU64::new(0) }))
    }

    pub(crate) fn note(&self) {
        let passed = u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.at_ms.fetch_max(passed, Ordering::Relaxed);
    }

    /// Waits until nothing has moved for `quiet`.
    pub(crate) async fn quiet_for(&self, quiet: Duration) {
        loop {
            let last = self.0.since + Duration::from_millis(self.0.at_ms.load(Ordering::Relaxed));
            let until = last + quiet;
            if Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A stream whose bytes are counted and noted.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    inner: S,
    meter: Option<Arc<Meter>>,
    activity: Activity,
}

impl<S> Metered<S> {
    /// Counts in `meter` and notes in `activity`.
    pub(crate) const fn new(inner: S, meter: Arc<Meter>, activity: Activity) -> Self {
        Self { inner, meter: Some(meter), activity }
    }

    /// Notes only: the bytes are counted on the connection's other leg.
    pub(crate) const fn uncounted(inner: S, activity: Activity) -> Self {
        Self { inner, meter: None, activity }
    }

    fn count(&self, note: fn(&Meter, u64), bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.activity.note();
        if let Some(meter) = &self.meter {
            note(meter, u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.count(Meter::note_received, buf.filled().len().saturating_sub(before));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.count(Meter::note_sent, written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, bufs))?;
        self.count(Meter::note_sent, written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A task that ends with its handle.
#[derive(Debug)]
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
