//! One HTTP/1.1 request over one fresh connection, its answer streamed back.
//!
//! Invariant: heads are written anew from what was parsed, never passed on as bytes. An answer that was cut off ends in an
//! error, never as if it were whole.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use slipway_domain::preview::headers::Connection;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::traffic::Task;

/// Why a body ended early.
pub type BoxError = Box<dyn Error + Send + Sync>;
/// A body on its way.
pub type StreamBody = UnsyncBoxBody<Bytes, BoxError>;

/// Header fields of one message, at most; hyper's own limit for what it parses is 100.
const FIELDS: usize = 200;

/// A short body.
pub(crate) fn full(text: impl Into<Bytes>) -> StreamBody {
    http_body_util::Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Sends the request over `stream`. The connection ends with the answer's body, or when `over` comes true, if that is
/// sooner; `held` is kept until then.
///
/// # Errors
/// What hyper says about the connection before the answer's head came.
pub(crate) async fn send<S, B>(
    stream: S,
    request: Request<B>,
    over: impl Future<Output = ()> + Send + 'static,
    held: impl Send + 'static,
) -> Result<Response<Answer>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (mut sender, connection) =
        http1::Builder::new().max_headers(FIELDS).handshake(TokioIo::new(stream)).await?;
    let connection = connection.with_upgrades();
    let driver = Task::spawn(async move {
        tokio::select! {
            biased;
            // A body whose connection is dropped ends in an error by hyper's own care.
            () = over => {}
            // Its error is told to whoever waits for the head or reads the body.
            _ = connection => {}
        }
        drop(held);
    });
    let response = sender.send_request(request).await?;
    Ok(response.map(|body| Answer { body, _driver: driver }))
}

/// The body of an answer, with the connection that it comes over.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Incoming,
    _driver: Task,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What the message says of its connection.
pub(crate) fn connection_of(headers: &http::HeaderMap) -> Connection {
    let texts = |name: HeaderName| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    Connection::read(texts(header::CONNECTION), texts(header::UPGRADE))
}

/// Takes out every field for which `drop` says so.
pub(crate) fn cut_fields(headers: &mut http::HeaderMap, drop: impl Fn(&str) -> bool) {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| drop(name.as_str())).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Takes out of a request's fields what ends with the connection it came over, and tells what that was. `Host` is left to
/// the caller; `Expect` was answered by whoever read the request.
pub(crate) fn end_connection(headers: &mut http::HeaderMap) -> Connection {
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let connection = connection_of(headers);
    cut_fields(headers, |name| connection.ends_here(name) || name == "expect");
    if is_chunked {
        // Said anew: hyper leaves out a body of unknown length where the method seldom has one.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.remove(header::CONTENT_LENGTH);
    }
    connection
}
