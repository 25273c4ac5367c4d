//! A visitor of a preview: HTTP/1.1 on connections that stay open, and WebSockets. It reads no more than it must: client
//! and server share a core.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A server that does not answer for this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who comes.
pub(super) struct Visitor {
    pub(super) port: u16,
    pub(super) host: String,
    pub(super) cookie: String,
}

impl Visitor {
    /// An open connection.
    pub(super) async fn connect(&self) -> Result<Connection<'_>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { visitor: self, stream, read: Vec::new() })
    }

    /// An open socket.
    pub(super) async fn socket(&self) -> Result<WebSocketStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{}/echo", self.host).into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie.parse()?);
        Ok(client_async(request, stream).await?.0)
    }
}

/// A connection.
pub(super) struct Connection<'a> {
    visitor: &'a Visitor,
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection<'_> {
    /// One request; gives the length of the answer's body.
    pub(super) async fn get(&mut self, path: &str) -> Result<usize> {
        let Visitor { host, cookie, .. } = self.visitor;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\ncookie: {cookie}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        timeout(PATIENCE, self.answer()).await.context("no answer")?
    }

    async fn answer(&mut self) -> Result<usize> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(self.read.get(..end).unwrap_or_default()).to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 200 "), "refused: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.context("an answer of unknown length")?.trim().parse()?;
        while self.read.len() < end + length {
            self.more().await?;
        }
        self.read.drain(..end + length);
        Ok(length)
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            bail!("the connection ended");
        }
        Ok(())
    }
}

/// One message there and back.
pub(super) async fn echo(socket: &mut WebSocketStream<TcpStream>, bytes: usize) -> Result<()> {
    socket.send(Message::binary(vec![7; bytes])).await?;
    let back = timeout(PATIENCE, socket.next()).await.context("no echo")?.context("the socket ended")??;
    ensure!(back.is_binary() && back.len() == bytes, "an odd echo of {} bytes", back.len());
    Ok(())
}
