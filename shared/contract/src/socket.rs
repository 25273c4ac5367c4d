//! Frames of the chat socket (sub-protocol `slipway.v1`): one JSON text each.
//!
//! After the upgrade the server sends `hello`, then every event after the client's `after` in order, then live frames. An
//! `events` frame continues exactly where the last one ended. What is not an event (typing, presence, streamed text) is
//! not stored and not replayed; a connecting client is told how it stands now.

use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::ids::{MessageId, Seq, TurnId, UserId};
use crate::problem::Problem;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// Post a message; answered by `done` or `refused` with the same `id`. A repeated `client_id` is answered as at first.
    Post {
        /// Names the request in its answer.
        id: u32,
        /// The sender's name for the message.
        client_id: String,
        /// Markdown.
        text: String,
        /// The message it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        reply_to: Option<MessageId>,
    },
    /// Everything up to `seq` was read.
    Read {
        /// The newest event seen.
        seq: Seq,
    },
    /// The person is writing (told every few seconds while they do), or stopped.
    Typing {
        /// Writing or not.
        active: bool,
    },
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// First frame. Events from `after` to `head` follow.
    Hello {
        /// Who the socket belongs to.
        you: UserId,
        /// The newest event.
        head: Seq,
        /// Who is here.
        present: Vec<UserId>,
    },
    /// Events in order, without gaps.
    Events {
        /// At least one.
        events: Vec<Event>,
    },
    /// A post was stored, now or before.
    Done {
        /// The request's `id`.
        id: u32,
        /// The message.
        message: MessageId,
        /// The event that posted it.
        seq: Seq,
    },
    /// A frame was refused; nothing of it was stored.
    Refused {
        /// The request's `id`, where the frame had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        id: Option<u32>,
        /// Why.
        problem: Problem,
    },
    /// Text of a running turn. `offset` is where it goes, in UTF-16 code units as JavaScript counts; 0 starts over.
    Delta {
        /// The turn.
        turn: TurnId,
        /// Where the text goes.
        offset: u32,
        /// The text.
        text: String,
    },
    /// Somebody writes or stopped.
    Typing {
        /// Who.
        user: UserId,
        /// Writing or not.
        active: bool,
    },
    /// Somebody came or went.
    Presence {
        /// Who.
        user: UserId,
        /// Here or gone.
        here: bool,
    },
    /// Somebody read up to an event. Only one's own markers are told.
    Read {
        /// The newest event read.
        seq: Seq,
    },
}

/// Close codes of the chat socket beyond those of RFC 6455 (4000–4999 are free for applications).
pub mod close {
    /// A frame did not fit: not text, not JSON, unknown, too long.
    pub const BAD_FRAME: u16 = 4400;
    /// The person no longer takes part in the chat.
    pub const REMOVED: u16 = 4403;
    /// Too many sockets of one person into one chat; the oldest is closed.
    pub const REPLACED: u16 = 4408;
    /// The client's `after` cannot be continued (from the future, or too far behind): page through REST, then connect anew.
    pub const RESYNC: u16 = 4409;
}
