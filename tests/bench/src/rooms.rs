//! A room of either side as the load client sees it.

use anyhow::{Result, bail};
use serde_json::json;
use slipway_contract::limits;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::setting::Setting;

/// An open socket.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Peer,
}

/// A room that exists.
pub(crate) struct Room {
    pub(crate) side: Side,
    name: String,
}

impl Room {
    /// A fresh one. `name` is the peer's; ours gets an id.
    pub(crate) async fn create(setting: &Setting, side: Side, name: &str) -> Result<Self> {
        let name = match side {
            Side::Ours => setting.chat().await?,
            Side::Peer => name.to_owned(),
        };
        Ok(Self { side, name })
    }

    /// What it is called: ours by its id.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Joins it for the `number`-th time. A person may have only so many sockets, so others join after the first.
    pub(crate) async fn join(&self, setting: &Setting, number: usize) -> Result<Socket> {
        let url = match self.side {
            Side::Ours => {
                let person = number / limits::SOCKETS_PER_PERSON;
                if person > 0 && number.is_multiple_of(limits::SOCKETS_PER_PERSON) {
                    setting.admit(&self.name, person).await?;
                }
                setting.chat_socket(&self.name, person, None).await?
            }
            Side::Peer => setting.peer_socket(&self.name),
        };
        let mut request = url.into_client_request()?;
        if self.side == Side::Ours {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("slipway.v1"));
        }
        let (socket, reply) = connect_async(request).await?;
        if reply.status() != 101 {
            bail!("no socket: {}", reply.status());
        }
        Ok(socket)
    }
}

impl Side {
    /// A frame that posts a message.
    pub(crate) fn post(self, id: u32, client: usize) -> String {
        let text = format!("message {id} of sender {client}: the quick brown fox jumps over the lazy dog");
        match self {
            Self::Ours => {
                json!({"type": "post", "id": id, "client_id": format!("{client}-{id}"), "text": text})
                    .to_string()
            }
            Self::Peer => json!({"id": id, "text": text}).to_string(),
        }
    }
}
