//! Beginning a chat, who takes part, its settings, and how far everyone has read.

use slipway_contract::events::EventBody;
use slipway_contract::http::chats::UpdateChat;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{
    Actor, ChatId, Participant, ParticipantId, ParticipantRole, Problem, ProblemCode, Seq, limits,
};

use super::messages::limit;
use super::{Answer, Ask, Chat, Decision, Draft};

/// The chat begins, with who made it and its first agents.
pub(super) fn create(id: ChatId, ask: Ask<'_>) -> Result<Decision, Problem> {
    let ChatCommand::Create { org, channel, title, creator, agents } = ask.command else {
        return Err(ProblemCode::NotFound.into());
    };
    if ask.actor != Actor::System || ask.org.is_some_and(|named| named != *org) {
        return Err(ProblemCode::NotFound.into());
    }
    let by = creator.id.into();
    let mut draft = Draft::new(id, Seq::START, ask.now);
    draft.add(by, EventBody::ChatCreated { org: *org, channel: *channel, title: fits_title(title)? });
    let creator = Participant { role: ParticipantRole::Moderator, ..creator.clone() };
    for participant in core::iter::once(creator).chain(agents.iter().cloned()) {
        draft.add(by, EventBody::ParticipantJoined { participant });
    }
    Ok(draft.done(Answer::Chat))
}

impl Chat {
    /// Somebody takes part, by the word of somebody who does, or their own: the org's rules were asked before.
    pub(super) fn add_participant(
        &self,
        participant: &Participant,
        by: Actor,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        let named = ask.org.is_none_or(|org| org == self.org);
        if ask.actor != Actor::System || !named {
            return Err(ProblemCode::NotFound.into());
        }
        if by != participant.id.into() && by != Actor::System {
            self.admitted(by, None)?;
        }
        match self.person(participant.id) {
            Some(person) if person.participant == *participant => {
                return Ok(Decision::unchanged(Answer::Chat));
            }
            // Who made the chat keeps their word in it.
            Some(person) if person.participant.role == ParticipantRole::Moderator => {
                let kept = Participant { role: ParticipantRole::Moderator, ..participant.clone() };
                return Ok(if person.participant == kept {
                    Decision::unchanged(Answer::Chat)
                } else {
                    self.settled(by, EventBody::ParticipantJoined { participant: kept }, ask)
                });
            }
            Some(_) => {}
            None if self.people.len() >= limits::PARTICIPANTS_PER_CHAT => {
                return Err(limit(format!(
                    "a chat has at most {} participants",
                    limits::PARTICIPANTS_PER_CHAT
                )));
            }
            None => {}
        }
        Ok(self.settled(by, EventBody::ParticipantJoined { participant: participant.clone() }, ask))
    }

    /// Somebody leaves, or is put out by a moderator or by the org.
    pub(super) fn remove_participant(
        &self,
        participant: ParticipantId,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        if ask.actor != Actor::System {
            let asks = &self.admitted(ask.actor, ask.org)?.participant;
            if asks.id != participant && asks.role != ParticipantRole::Moderator {
                return Err(Problem::new(ProblemCode::Forbidden).detail("only a moderator removes others"));
            }
        }
        if self.person(participant).is_none() {
            return match ask.actor {
                Actor::System => Ok(Decision::unchanged(Answer::Chat)),
                Actor::User { .. } | Actor::Agent { .. } => Err(ProblemCode::NotFound.into()),
            };
        }
        let mut draft = self.draft(ask.now);
        draft.add(ask.actor, EventBody::ParticipantLeft { participant });
        if let ParticipantId::Agent { id } = participant {
            if self.default_agent == Some(id) {
                draft.add(ask.actor, EventBody::DefaultAgentSet { agent: None });
            }
            self.end_turns_of(&mut draft, id);
        }
        Ok(draft.done(Answer::Chat))
    }

    /// A new title, another default agent.
    pub(super) fn update(&self, update: &UpdateChat, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.admitted(ask.actor, ask.org)?;
        let mut draft = self.draft(ask.now);
        if let Some(title) = &update.title {
            let title = fits_title(title)?;
            if title != self.title {
                draft.add(ask.actor, EventBody::ChatRenamed { title });
            }
        }
        if let Some(agent) = update.default_agent
            && agent != self.default_agent
        {
            if agent.is_some_and(|id| self.person(ParticipantId::Agent { id }).is_none()) {
                return Err(Problem::field("default_agent", "does not take part in this chat"));
            }
            draft.add(ask.actor, EventBody::DefaultAgentSet { agent });
        }
        Ok(draft.done(Answer::Chat))
    }

    /// A read marker moves forward; it never moves back.
    pub(super) fn mark_read(&self, seq: Seq, ask: Ask<'_>) -> Result<Decision, Problem> {
        let person = self.admitted(ask.actor, ask.org)?;
        if seq > self.head {
            return Err(ProblemCode::SeqInFuture.into());
        }
        let mut decision = Decision::unchanged(Answer::Chat);
        if let ParticipantId::User { id } = person.participant.id
            && seq > person.read
        {
            decision.read = Some((id, seq, ask.facts.messages_at));
        }
        Ok(decision)
    }

    fn settled(&self, by: Actor, body: EventBody, ask: Ask<'_>) -> Decision {
        let mut draft = self.draft(ask.now);
        draft.add(by, body);
        draft.done(Answer::Chat)
    }
}

fn fits_title(title: &str) -> Result<String, Problem> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > limits::NAME_CHARS || title.chars().any(char::is_control) {
        return Err(Problem::field("title", "must have 1 to 120 characters in one line"));
    }
    Ok(title.to_owned())
}
