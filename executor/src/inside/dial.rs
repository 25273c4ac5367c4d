//! Connections over the sandbox's loopback: to a port for the relay, and from [`PROXY_PORT`] to the egress proxy's socket.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;

use super::wire::Dialled;
use super::{EGRESS_SOCKET, PROXY_PORT};

/// Connections that init carries to the proxy at once.
const PROXIED: usize = 256;

/// Answers [`Dialled`] and then carries bytes both ways until both sides are done.
pub(super) async fn dial(mut host: UnixStream, port: u16) -> io::Result<()> {
    let addresses =
        [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    match TcpStream::connect(&addresses[..]).await {
        Ok(mut inside) => {
            let _ = inside.set_nodelay(true);
            host.write_u8(Dialled::Open as u8).await?;
            tokio::io::copy_bidirectional(&mut host, &mut inside).await.map(drop)
        }
        Err(_) => host.write_u8(Dialled::Closed as u8).await,
    }
}

/// Listens where the environment says that the proxy is.
pub(super) async fn listen_for_proxy() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT)).await
}

/// Carries connections to the proxy. What may pass is the proxy's business: its socket is open to all processes inside.
pub(super) async fn carry_to_proxy(listener: TcpListener) {
    let places = Arc::new(Semaphore::new(PROXIED));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((mut inside, _)) = listener.accept().await else {
            // Out of file descriptors: those that end make room.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        tokio::task::spawn_local(async move {
            if let Ok(mut proxy) = UnixStream::connect(EGRESS_SOCKET).await {
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut proxy).await;
            }
            drop(place);
        });
    }
}
