//! What lies in the log, as a command's decision needs it.

use slipway_contract::http::chats;
use slipway_contract::http::messages::Posted;
use slipway_contract::{Actor, ArtifactId};

use super::Approval;

/// What the log says about a command, looked up before deciding. What a command does not need stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// An earlier post of the same sender under the same client id.
    pub earlier: Option<Posted>,
    /// The message that the command names (to edit, delete, react to, or reply to).
    pub message: Option<MessageFacts>,
    /// How the turn that the command names has ended, if it has.
    pub ended: Option<chats::TurnState>,
    /// How many messages there were at the event that the command names.
    pub messages_at: u64,
    /// The approval that the command names, if it is over; or what was asked before under the command's client id.
    pub approval: Option<Approval>,
    /// Artifacts of the command that the log tells of already.
    pub saved: Vec<ArtifactId>,
}

/// A message as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFacts {
    /// Who posted it.
    pub author: Actor,
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
