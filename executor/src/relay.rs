//! The way into a sandbox: HTTP and WebSockets from the gateway to a port inside, by the gateway's pass.
//!
//! Invariant: nothing is dialled without a pass that fits sandbox, port, time and epoch; and what was let in under an epoch
//! is closed when a newer one comes, whatever it is doing. Bodies stream both ways and are not looked into; their bytes are
//! counted, and who has carried too many lets nothing new in while what is under way goes on at the rate.

mod address;
mod pace;
mod ports;
mod refusal;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use slipway_contract::Timestamp;
use slipway_contract::preview::RELAY_HEADER;
use slipway_domain::preview::bucket::Rate;
use slipway_domain::preview::{PassRefusal, RelayKey, RelayPass, Wanted};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

pub use ports::{Dial, Find, Ports, Stream};

pub use crate::exchange::{BoxError, StreamBody};
pub use crate::traffic::Meter;

use pace::Paced;
use refusal::Refusal;
use request::Target;

use crate::exchange::{self, Answer};
use crate::traffic::{Activity, Metered};

/// How long things may take. Once an answer has begun it may take as long as it wants.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Connecting to the port.
    connect: Duration,
    /// Silence both ways before the answer's head.
    first_byte: Duration,
}

const PATIENCE: Patience = Patience { connect: Duration::from_secs(5), first_byte: Duration::from_secs(60) };

/// Passes requests on to sandboxes.
pub struct Relay {
    key: RelayKey,
    find: Box<dyn Find>,
    now: fn() -> Timestamp,
    bytes: Rate,
    patience: Patience,
}

/// A request that may reach its port.
struct Admitted {
    target: Target,
    epoch: u64,
    ports: Arc<Ports>,
}

impl Relay {
    /// Lets in what shows a pass signed with `key`, to the sandboxes that `find` knows. Each carries so many `bytes`, as
    /// tokens of the rate.
    pub fn new(key: RelayKey, find: impl Find, now: fn() -> Timestamp, bytes: Rate) -> Self {
        Self { key, find: Box::new(find), now, bytes, patience: PATIENCE }
    }

    /// Answers `ANY /relay/{sandbox}/{port}/{path}?{query}`, and the form of it that has the pass in the address, from the
    /// port or with a problem that says why not. A problem of its own is marked with `x-slipway-relay: refused`.
    pub async fn serve<B>(&self, request: Request<B>) -> Response<StreamBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let admitted = address::unfold(request).and_then(|request| Ok((self.admit(&request)?, request)));
        let (admitted, request) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return refusal.answer(),
        };
        let (ports, epoch) = (Arc::clone(&admitted.ports), admitted.epoch);
        let answer = tokio::select! {
            biased;
            () = Arc::clone(&ports).until_over(epoch) => Err(over(&ports)),
            answer = self.pass_on(request, admitted) => answer,
        };
        answer.unwrap_or_else(|refusal| refusal.answer())
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<Admitted, Refusal> {
        let target = Target::read(request.uri())?;
        let wanted = Wanted { sandbox: target.sandbox, port: target.port };
        let pass = pass_of(request.headers()).ok_or(Refusal::NoPass)?;
        let pass = RelayPass::verify(pass, &self.key, wanted, (self.now)()).map_err(Refusal::Pass)?;
        let ports = self.find.find(target.sandbox).map_err(Refusal::of_look_up)?;
        if !ports.is_running() {
            return Err(Refusal::NotRunning);
        }
        pass.check_epoch(ports.epoch()).map_err(Refusal::Pass)?;
        if !ports.allowance(self.bytes).lets_in() {
            return Err(Refusal::Carried);
        }
        Ok(Admitted { target, epoch: pass.epoch, ports })
    }

    async fn pass_on<B>(&self, mut request: Request<B>, to: Admitted) -> Result<Response<StreamBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let client = hyper::upgrade::on(&mut request);
        let (mut parts, body) = request.into_parts();
        let is_socket = request::rewrite(&mut parts, &to.target)?;
        let place = Arc::new(to.ports.place(is_socket)?);
        let stream = self.connect(&to).await?;
        let activity = Activity::begin();
        let stream = Metered::new(stream, to.ports.shared_meter(), activity.clone());
        let stream = Paced::new(stream, Arc::clone(to.ports.allowance(self.bytes)), activity.clone());
        let over = Arc::clone(&to.ports).until_over(to.epoch);
        let sent = exchange::send(stream, Request::from_parts(parts, body), over, Arc::clone(&place));
        let mut response = tokio::select! {
            response = sent => response.map_err(|error| broken(&error))?,
            () = activity.quiet_for(self.patience.first_byte) => return Err(Refusal::Silent),
        };
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switched && !is_socket {
            return Err(Refusal::Broken(
                "the port changed the protocol, which nobody asked it to".to_owned(),
            ));
        }
        request::rewrite_answer(response.headers_mut(), switched);
        if !switched {
            return Ok(response.map(BodyExt::boxed_unsync));
        }
        let port = hyper::upgrade::on(&mut response);
        let (parts, answer) = response.into_parts();
        tokio::spawn(join(client, port, answer, to, place));
        Ok(Response::from_parts(parts, exchange::full("")))
    }

    async fn connect(&self, to: &Admitted) -> Result<Box<dyn Stream>, Refusal> {
        match timeout(self.patience.connect, to.ports.dial(to.target.port)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Err(Refusal::Closed),
            Ok(Err(error)) => Err(Refusal::Broken(format!("the sandbox cannot be reached: {error}"))),
            Err(_) => Err(Refusal::Silent),
        }
    }
}

/// Joins the two ends of a WebSocket until both are done or the epoch is over. `answer` keeps the connection to the port
/// alive until it is handed over, `place` the sandbox's count of sockets.
async fn join(
    client: OnUpgrade,
    port: OnUpgrade,
    answer: Answer,
    to: Admitted,
    place: Arc<OwnedSemaphorePermit>,
) {
    let carried = async {
        let (Ok(client), Ok(port)) = tokio::join!(client, port) else { return };
        drop(answer);
        // Whichever side broke, both are closed.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(port)).await;
    };
    tokio::select! {
        biased;
        () = to.ports.until_over(to.epoch) => {}
        () = carried => {}
    }
    drop(place);
}

/// Why it is over: a grown epoch, or a stop.
fn over(ports: &Ports) -> Refusal {
    if ports.is_running() { Refusal::Pass(PassRefusal::EpochOver) } else { Refusal::NotRunning }
}

/// The one pass of a request.
fn pass_of(headers: &HeaderMap) -> Option<&str> {
    let mut passes = headers.get_all(RELAY_HEADER).iter();
    match (passes.next(), passes.next()) {
        (Some(pass), None) => pass.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// A port that took the connection and then gave no answer. One that closes it is as good as one where nothing listens.
fn broken(error: &hyper::Error) -> Refusal {
    if error.is_parse() {
        Refusal::Broken("what listens on the port does not speak HTTP".to_owned())
    } else if error.is_user() {
        Refusal::Broken(format!("the request could not be sent: {error}"))
    } else {
        Refusal::Closed
    }
}
