//! The server behind both sides: it answers `/…/bytes/{n}` with n bytes and echoes on WebSockets, as cheaply as it can, so
//! that what is measured is in front of it.

use anyhow::Result;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// It listens; [`Upstream::serve`] must be driven.
pub(crate) struct Upstream(TcpListener);

impl Upstream {
    /// On a free port of this machine; gives its address too.
    pub(crate) async fn bind() -> Result<(Self, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok((Self(listener), url))
    }

    /// Serves for ever.
    pub(crate) async fn serve(self) {
        while let Ok((stream, _)) = self.0.accept().await {
            // A connection that breaks is the client's to notice.
            tokio::spawn(async move {
                let _ended = connection(stream).await;
            });
        }
    }
}

async fn connection(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut answer) = (Vec::new(), Vec::new());
    loop {
        while let Some(end) = read.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(read.get(..end).unwrap_or_default()).into_owned();
            read.drain(..end + 4);
            // Any request of a connection may be one.
            if let Some(key) = field(&head, "sec-websocket-key") {
                let accept = derive_accept_key(key.as_bytes());
                let switch =
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
                stream
                    .write_all(format!("{switch}sec-websocket-accept: {accept}\r\n\r\n").as_bytes())
                    .await?;
                return echo(WebSocketStream::from_partially_read(stream, read, Role::Server, None).await)
                    .await;
            }
            let path = head.split(' ').nth(1).unwrap_or_default();
            let bytes = path.rsplit('/').next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            answer.clear();
            answer.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: ");
            answer.extend_from_slice(bytes.to_string().as_bytes());
            answer.extend_from_slice(b"\r\n\r\n");
            answer.resize(answer.len() + bytes, b'x');
            stream.write_all(&answer).await?;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn echo(mut socket: WebSocketStream<TcpStream>) -> Result<()> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_binary() || message.is_text() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
