//! Outgoing requests: ended when nobody waits for them, never waited for longer than they may take.

use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use worker::{AbortController, AbortSignal, Delay, Response};

/// Ends a request when it is dropped, whatever state it is in.
pub(crate) struct AbortOnDrop(Option<AbortController>);

impl AbortOnDrop {
    /// With the signal that the request listens to.
    pub(crate) fn new() -> (Self, AbortSignal) {
        let controller = AbortController::default();
        let signal = controller.signal();
        (Self(Some(controller)), signal)
    }

    /// Lets the request go on: its reply is handed to somebody else.
    pub(crate) fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// What `work` gives, if it does within `limit_ms`.
pub(crate) async fn within<T>(limit_ms: u64, work: impl Future<Output = T>) -> Option<T> {
    let limit = Delay::from(Duration::from_millis(limit_ms));
    match select(core::pin::pin!(work), limit).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// A reply's body.
pub(crate) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// More than was wanted.
    TooLong,
    /// It ended before its end.
    Cut,
}

/// Reads a reply's body, unless it is longer than `most` bytes.
pub(crate) async fn body(reply: &mut Response, most: usize) -> Body {
    let mut bytes = Vec::new();
    // A reply without a body has no stream.
    let Ok(mut body) = reply.stream() else { return Body::Whole(bytes) };
    while let Some(more) = body.next().await {
        let Ok(mut more) = more else { return Body::Cut };
        bytes.append(&mut more);
        if bytes.len() > most {
            return Body::TooLong;
        }
    }
    Body::Whole(bytes)
}
