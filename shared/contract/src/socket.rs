//! Frames of the chat socket (sub-protocol `slipway.v1`): one JSON text each.
//!
//! After the upgrade the server sends `hello`, then every event after the client's `after` in order, then live frames. An
//! `events` frame continues exactly where the last one ended. What is not an event (typing, presence, streamed text) is
//! not stored and not replayed; a connecting client is told how it stands now.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::events::Event;
use crate::ids::{ApprovalId, ForkId, MessageId, Seq, TurnId, UserId};
use crate::problem::Problem;
use crate::time::Timestamp;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
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
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        reply_to: Option<MessageId>,
        /// The fork that it goes to; the chat itself when absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        fork: Option<ForkId>,
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

/// The wire form of [`ClientFrame`]; see `Tagged` in `actor.rs` on why it is not derived.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    r#type: String,
    #[serde(default)]
    id: Option<u32>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    reply_to: Option<MessageId>,
    #[serde(default)]
    fork: Option<ForkId>,
    #[serde(default)]
    seq: Option<Seq>,
    #[serde(default)]
    active: Option<bool>,
}

impl<'de> Deserialize<'de> for ClientFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { r#type, id, client_id, text, reply_to, fork, seq, active } =
            Fields::deserialize(deserializer)?;
        // Each kind with all of its own fields and none of another's.
        match (r#type.as_str(), id, client_id, text, reply_to, fork, seq, active) {
            ("post", Some(id), Some(client_id), Some(text), reply_to, fork, None, None) => {
                Ok(Self::Post { id, client_id, text, reply_to, fork })
            }
            ("read", None, None, None, None, None, Some(seq), None) => Ok(Self::Read { seq }),
            ("typing", None, None, None, None, None, None, Some(active)) => Ok(Self::Typing { active }),
            _ => Err(de::Error::custom("no known `type`, or not exactly its fields")),
        }
    }
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
        /// Who is here; the first 50 of more.
        present: Vec<UserId>,
        /// How many are here.
        #[serde(default)]
        count: u32,
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
    /// What a running tool call writes. `offset` is where it goes, as in `delta`; 0 starts over. At most the last 64 KiB
    /// are told to those who come later.
    Output {
        /// The turn.
        turn: TurnId,
        /// The call, by its name within the turn.
        call: String,
        /// Where the text goes.
        offset: u32,
        /// The text.
        text: String,
    },
    /// How far something approved is; told at least every second while it goes on.
    Progress {
        /// The approval.
        approval: ApprovalId,
        /// What is being done, or waited for.
        text: String,
        /// When that began.
        since: Timestamp,
    },
    /// Somebody writes or stopped.
    Typing {
        /// Who.
        user: UserId,
        /// Writing or not.
        active: bool,
    },
    /// People came or went; told at most every 2 s. Who was gone for less than 5 s is not told of.
    Presence {
        /// How many are here.
        count: u32,
        /// Who came.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<UserId>>", optional))]
        came: Vec<UserId>,
        /// Who went.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<UserId>>", optional))]
        went: Vec<UserId>,
        /// What takes the place of all who were told of before: everybody, or the first 50 of more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        present: Option<Vec<UserId>>,
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
    /// The chat was deleted: there is nothing to come back to.
    pub const DELETED: u16 = 4410;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_frame_reads_as_it_is_written_and_with_exactly_its_fields() {
        let frames = [
            r#"{"type":"post","id":1,"client_id":"c","text":"hi"}"#,
            r#"{"type":"post","id":1,"client_id":"c","text":"hi","reply_to":"msg_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b00000003"}"#,
            r#"{"type":"read","seq":7}"#,
            r#"{"type":"typing","active":false}"#,
        ];
        for text in frames {
            let frame: ClientFrame = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&frame).unwrap(), text);
        }
        let wrong = [
            r#"{"type":"post","id":1,"client_id":"c"}"#,
            r#"{"type":"post","client_id":"c","text":"hi"}"#,
            r#"{"type":"post","id":-1,"client_id":"c","text":"hi"}"#,
            r#"{"type":"post","id":1,"client_id":"c","text":"hi","seq":1}"#,
            r#"{"type":"read","seq":7,"more":1}"#,
            r#"{"type":"read","seq":7,"active":true}"#,
            r#"{"type":"typing"}"#,
            r#"{"type":"shout","text":"hi"}"#,
            r#"{"seq":7}"#,
            r#"{"type":"read","type":"read","seq":7}"#,
            r#"[]"#,
        ];
        for text in wrong {
            assert!(serde_json::from_str::<ClientFrame>(text).is_err(), "{text}");
        }
    }
}
