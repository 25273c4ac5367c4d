//! Terminals over WebSocket: binary frames are bytes both ways, text frames are [`TerminalControl`].

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use slipway_contract::objects::executor::TerminalControl;

use super::{KnownKey, Query, Refused};
use crate::fleet::terminals::{News, Terminal};

/// Largest message of a client: a large paste.
const MESSAGE_BYTES: usize = 256 * 1024;
/// What a client is told before the whole scrollback, when it fell behind: terminals clear themselves on it.
const RESET: &[u8] = b"\x1bc";

#[derive(Deserialize)]
pub(super) struct Size {
    cols: u16,
    rows: u16,
}

pub(super) async fn attach(
    KnownKey(sandbox, key): KnownKey,
    Query(size): Query<Size>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let terminal = sandbox.terminal(&key, size.cols, size.rows).await?;
    Ok(upgrade.max_message_size(MESSAGE_BYTES).on_upgrade(async |socket| serve(socket, terminal).await))
}

async fn serve(socket: WebSocket, terminal: Arc<Terminal>) {
    let (mut to, mut from) = socket.split();
    let mut view = terminal.watch();
    loop {
        let message = tokio::select! {
            message = from.next() => match message {
                Some(Ok(message)) => message,
                // The client is gone; the terminal stays.
                Some(Err(_)) | None => return,
            },
            news = view.next() => {
                let sent = match news {
                    News::Bytes(bytes) => to.send(Message::Binary(bytes)).await,
                    News::Again(bytes) => to.send(Message::Binary([RESET, &bytes].concat().into())).await,
                    News::Ended(code) => {
                        let control = serde_json::to_string(&TerminalControl::Exit { code }).unwrap_or_default();
                        // The client may be gone as well.
                        let _ = to.send(Message::Text(control.into())).await;
                        let _ = to.close().await;
                        return;
                    }
                };
                if sent.is_err() {
                    return;
                }
                continue;
            }
        };
        match message {
            Message::Binary(bytes) => terminal.type_in(bytes.to_vec()),
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(TerminalControl::Resize { cols, rows }) => terminal.resize(cols, rows),
                // Only we say that it ended; what makes no sense is ignored, as clients may be newer.
                Ok(TerminalControl::Exit { .. }) | Err(_) => {}
            },
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}
