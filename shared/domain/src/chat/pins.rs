//! Pins: messages that agents are given in every turn, chosen by people.
//!
//! Invariant: a pinned message is one of the chat itself that was not deleted, and it is pinned once.

use slipway_contract::events::EventBody;
use slipway_contract::{MessageId, ParticipantId, Problem, ProblemCode, limits};

use super::messages::limit;
use super::{Answer, Ask, Chat, Decision};

impl Chat {
    /// A message is pinned, or the pin is taken back.
    pub(super) fn pin(&self, message: MessageId, on: bool, ask: Ask<'_>) -> Result<Decision, Problem> {
        match self.admitted(ask.actor, ask.org)?.participant.id {
            ParticipantId::User { .. } => {}
            ParticipantId::Agent { .. } => {
                return Err(Problem::new(ProblemCode::Forbidden).detail("only people pin messages"));
            }
        }
        let facts = match self.message(message, ask) {
            // Its pin went with it.
            Err(problem) if problem.code == ProblemCode::MessageDeleted && !on => {
                return Ok(Decision::unchanged(Answer::Chat));
            }
            found => found?,
        };
        if facts.fork.is_some() {
            return Err(Problem::new(ProblemCode::ForkNested).detail("messages of a fork are not pinned"));
        }
        if on == self.is_pinned(message) {
            return Ok(Decision::unchanged(Answer::Chat));
        }
        if on && self.pins.len() >= limits::PINS_PER_CHAT {
            return Err(limit(format!("at most {} messages of a chat are pinned", limits::PINS_PER_CHAT)));
        }
        let mut draft = self.draft(ask.now);
        draft.add(
            ask.actor,
            if on { EventBody::MessagePinned { message } } else { EventBody::MessageUnpinned { message } },
        );
        Ok(draft.done(Answer::Chat))
    }

    /// Whether a message is pinned.
    pub(super) fn is_pinned(&self, message: MessageId) -> bool {
        self.pins.iter().any(|pin| pin.message == message)
    }
}
