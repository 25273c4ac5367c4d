//! What people do when they say more than one waits for.
//!
//! Invariant: a refusal, a close or a break of the connection is an error, so whoever gets an answer knows that all was taken.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use slipway_contract::http::messages::Posted;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{ChatId, Timestamp};

use crate::chat_socket::Heard;
use crate::person::Person;

/// Posts that are under way at once: some 2 MiB of the longest.
const WINDOW: usize = 32;

impl Person {
    /// Posts messages (client id and text) over one socket, without waiting for one before the next goes out; the answers in
    /// the order of the messages. (A socket's answers have no time.)
    ///
    /// # Errors
    /// When one is refused, or the socket ends.
    pub async fn post_many(
        &self,
        chat: ChatId,
        messages: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Vec<Posted>> {
        let mut socket = self.socket(chat, None).await?;
        let mut messages = messages.into_iter();
        let mut under_way = BTreeSet::new();
        let mut posted = BTreeMap::new();
        loop {
            while under_way.len() < WINDOW
                && let Some((client_id, text)) = messages.next()
            {
                under_way.insert(socket.begin_post(&client_id, &text, None).await?);
            }
            if under_way.is_empty() {
                break;
            }
            match socket.hear().await? {
                Heard::Frame(ServerFrame::Done { id, message, seq }) => {
                    if under_way.remove(&id) {
                        posted.insert(id, Posted { message, seq, at: Timestamp::default() });
                    }
                }
                Heard::Frame(ServerFrame::Refused { id, problem }) => {
                    bail!("{id:?} was refused: {problem:?}")
                }
                Heard::Frame(_) => {}
                Heard::Closed { code, reason } => bail!("closed: {code} {reason}"),
                Heard::Broken => bail!("cut off"),
            }
            // They were held against the log's order when they came.
            socket.events.clear();
        }
        socket.leave().await?;
        Ok(posted.into_values().collect())
    }
}
