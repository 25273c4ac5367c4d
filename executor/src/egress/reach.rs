//! From a name to a connection: looked up here, each address judged, and the connection made to an address that was.
//!
//! Invariant: a name is looked up once for a connection, so that a second answer cannot differ from the one that was
//! judged; and no address but a public one is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::BoxFuture;
use http::StatusCode;
use slipway_domain::egress::{HostName, is_public};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::target::Destination;

/// How long a look-up may take.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const TRIED: usize = 4;

/// Looking up and connecting, apart from what may be connected to.
pub(super) trait Network: Send + Sync + 'static {
    /// All addresses of a name.
    fn look_up<'a>(&'a self, host: &'a HostName) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
    /// A connection to exactly this address.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>>;
}

/// The host's own network.
#[derive(Debug)]
pub(super) struct Internet;

impl Network for Internet {
    fn look_up<'a>(&'a self, host: &'a HostName) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        // With its last dot, so that no search domain of the host is tried.
        let name = format!("{host}.");
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(to))
    }
}

/// Why a destination that is on the list was not reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreached {
    #[error("{0}: no such host")]
    Unknown(HostName, #[source] io::Error),
    #[error("{0}: the look-up gave no answer in time")]
    LookUpSlow(HostName),
    #[error("{0}: the host's addresses are not public")]
    NotPublic(HostName),
    #[error("{0}: the host cannot be connected to")]
    Closed(HostName, #[source] io::Error),
    #[error("{0}: the host gave no answer in time")]
    Silent(HostName),
}

impl Unreached {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NotPublic(_) => StatusCode::FORBIDDEN,
            Self::Unknown(..) | Self::Closed(..) => StatusCode::BAD_GATEWAY,
            Self::LookUpSlow(_) | Self::Silent(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// Connects to a destination, at one of its public addresses.
///
/// # Errors
/// Why none was reached; of several the last.
pub(super) async fn reach(network: &dyn Network, to: &Destination) -> Result<TcpStream, Unreached> {
    let host = &to.host;
    let found = match timeout(LOOK_UP, network.look_up(host)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(Unreached::Unknown(host.clone(), error)),
        Err(_) => return Err(Unreached::LookUpSlow(host.clone())),
    };
    if found.is_empty() {
        return Err(Unreached::Unknown(host.clone(), io::ErrorKind::NotFound.into()));
    }
    let mut last = Unreached::NotPublic(host.clone());
    for address in found.into_iter().filter(|address| is_public(*address)).take(TRIED) {
        match timeout(CONNECT, network.connect(SocketAddr::new(address, to.port))).await {
            Ok(Ok(stream)) => {
                // Small writes of a tunnel should not wait for each other; without it they only get slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = Unreached::Closed(host.clone(), error),
            Err(_) => last = Unreached::Silent(host.clone()),
        }
    }
    Err(last)
}
