//! What asks for turns, and how they are queued.
//!
//! Invariant: a turn works where it was asked: in the chat itself, or in the fork of the message that it answers.

use slipway_contract::events::{EventBody, TurnFailureCode, Usage};
use slipway_contract::{Actor, AgentId, ForkId, MessageId, UserId, limits};

use super::mentions::mentions;
use super::turns::failure;
use super::{Chat, Draft, Turn, TurnChange, TurnPhase};

/// What asks for turns.
#[derive(Clone, Copy)]
pub(super) enum Cause<'a> {
    /// A person's message.
    Person(UserId),
    /// The answer of an agent's turn.
    Turn(&'a Turn),
    /// A message of neither.
    Nobody,
}

/// A turn that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// The message to answer.
    pub cause: MessageId,
    /// How many agents lie between it and a person.
    pub depth: u8,
    /// The person who began it.
    pub user: Option<UserId>,
    /// The fork to work in.
    pub fork: Option<ForkId>,
    /// The fork's summary is to be drafted.
    pub draft: bool,
    /// The chat is to be summed up to the message.
    pub summary: bool,
}

impl Chat {
    /// Turns that a new message asks for: of the agents that it mentions, or else of the default agent.
    ///
    /// Agents call others, not themselves, and the default agent does not answer them.
    pub(super) fn queue_turns(
        &self,
        draft: &mut Draft,
        cause: MessageId,
        text: &str,
        from: Cause<'_>,
        fork: Option<ForkId>,
    ) {
        let mut agents: Vec<AgentId> =
            mentions(text).into_iter().filter_map(|slug| self.agent_by_slug(slug)).collect();
        let (depth, user) = match from {
            Cause::Turn(turn) => {
                agents.retain(|agent| *agent != turn.agent);
                (turn.depth.saturating_add(1), turn.user)
            }
            Cause::Person(user) => (0, Some(user)),
            Cause::Nobody => (0, None),
        };
        if depth == 0 && agents.is_empty() {
            agents.extend(self.default_agent);
        }
        for agent in agents {
            let wanted = Wanted { cause, depth, user, fork, draft: false, summary: false };
            self.queue_turn(draft, agent, wanted);
        }
    }

    /// Queues one turn, or says why it cannot be.
    pub(super) fn queue_turn(&self, draft: &mut Draft, agent: AgentId, wanted: Wanted) {
        let Wanted { cause, depth, user, fork, draft: drafts, summary } = wanted;
        let id = draft.next_turn();
        let queued = EventBody::TurnQueued { turn: id, agent, cause, depth, fork, draft: drafts, summary };
        draft.add(Actor::System, queued);
        let is_new = |change: &&TurnChange| match change {
            TurnChange::Put(turn) => self.turn(turn.id).is_none(),
            TurnChange::End(_) => false,
        };
        let open = self.turns.len() + draft.turns.iter().filter(is_new).count();
        let refused = if depth > limits::TURN_DEPTH {
            Some(failure(TurnFailureCode::TooDeep, "Agents called each other too many times in a row."))
        } else if open >= limits::OPEN_TURNS_PER_CHAT {
            Some(failure(TurnFailureCode::QueueFull, "Too many turns of this chat are waiting already."))
        } else {
            None
        };
        match refused {
            Some(failure) => drop(draft.add(Actor::System, EventBody::TurnFailed { turn: id, failure })),
            None => draft.turns.push(TurnChange::Put(Turn {
                id,
                agent,
                cause,
                depth,
                user,
                fork,
                draft: drafts,
                summary,
                steps: Vec::new(),
                usage: Usage::default(),
                phase: TurnPhase::Queued { failed: 0, not_before: draft.now },
            })),
        }
    }
}
