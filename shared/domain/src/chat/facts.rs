//! What lies in the log, as a command's decision needs it.

use slipway_contract::http::chats;
use slipway_contract::http::forks::Fork;
use slipway_contract::http::messages::Posted;
use slipway_contract::{Actor, ArtifactId, ForkId, MessageId};

use super::{Approval, Unsummed};

/// What the log says about a command, looked up before deciding. What a command does not need stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// An earlier post of the same sender under the same client id.
    pub earlier: Option<Posted>,
    /// The message that the command names (to edit, delete, react to, reply to, or begin a fork from).
    pub message: Option<MessageFacts>,
    /// How the turn that the command names has ended, if it has.
    pub ended: Option<chats::TurnState>,
    /// How many messages there were at the event that the command names.
    pub messages_at: u64,
    /// The approval that the command names, if it is over; or what was asked before under the command's client id.
    pub approval: Option<Approval>,
    /// Artifacts of the command that the log tells of already.
    pub saved: Vec<ArtifactId>,
    /// The fork that the command names, open or not; for a new one, what an earlier request of the same sender under the
    /// same client id began.
    pub fork: Option<Fork>,
    /// What is not summed up; where a turn of the chat itself ends.
    pub unsummed: Unsummed,
    /// The newest message of that fork.
    pub newest: Option<MessageId>,
    /// The summary that ended that fork, as it was accepted.
    pub summary: Option<String>,
    /// Of the messages that the command rests on, those that stand in that fork.
    pub within: Vec<MessageId>,
}

/// A message as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFacts {
    /// Who posted it.
    pub author: Actor,
    /// The fork that it stands in.
    pub fork: Option<ForkId>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its present text.
    pub text: String,
    /// How often it was edited.
    pub edits: usize,
    /// Whether the actor reacts with the command's emoji already.
    pub reacted: bool,
    /// Whether anybody reacts with the command's emoji.
    pub emoji_known: bool,
    /// Distinct emoji on it.
    pub emoji: usize,
    /// Reactions of all people on it.
    pub reactions: usize,
}
