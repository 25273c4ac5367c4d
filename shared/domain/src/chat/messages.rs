//! Posting, editing, deleting, reacting.

use slipway_contract::events::{EventBody, MessagePosted};
use slipway_contract::http::messages::{PostMessage, Posted};
use slipway_contract::{Actor, MessageId, ParticipantRole, Problem, ProblemCode, limits};

use super::queue::Cause;
use super::{Answer, Ask, Chat, Decision, MessageFacts};

impl Chat {
    /// A person's message, and the turns that it asks for.
    pub(super) fn post(&self, post: &PostMessage, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.admitted(ask.actor, ask.org)?;
        fits_client_id(&post.client_id)?;
        if let Some(earlier) = &ask.facts.earlier {
            return Ok(Decision::unchanged(Answer::Posted(earlier.clone())));
        }
        fits_message(&post.text)?;
        if let Some(fork) = post.fork {
            self.open_fork(fork, ask)?;
        }
        if let Some(reply_to) = post.reply_to {
            let to = ask.facts.message.as_ref().filter(|_| reply_to.chat() == self.id);
            let to = to.ok_or_else(|| Problem::field("reply_to", "is no message of this chat"))?;
            if to.fork.is_some() && to.fork != post.fork {
                return Err(Problem::field("reply_to", "stands in a fork"));
            }
        }
        let mut draft = self.draft(ask.now);
        let message = draft.next_message();
        let seq = draft.add(
            ask.actor,
            EventBody::MessagePosted(MessagePosted {
                message,
                text: post.text.clone(),
                client_id: Some(post.client_id.clone()),
                reply_to: post.reply_to,
                fork: post.fork,
                turn: None,
                partial: false,
            }),
        );
        let from = match ask.actor {
            Actor::User { id } => Cause::Person(id),
            Actor::Agent { .. } | Actor::System => Cause::Nobody,
        };
        self.queue_turns(&mut draft, message, &post.text, from, post.fork);
        Ok(draft.done(Answer::Posted(Posted { message, seq, at: ask.now })))
    }

    /// A new text for one's own message.
    pub(super) fn edit(&self, message: MessageId, text: &str, ask: Ask<'_>) -> Result<Decision, Problem> {
        let facts = self.message(message, ask)?;
        if facts.author != ask.actor {
            return Err(Problem::new(ProblemCode::Forbidden).detail("only its author edits a message"));
        }
        fits_message(text)?;
        if facts.text == text {
            return Ok(self.already(message, ask));
        }
        self.may_change(facts.fork)?;
        if facts.edits >= limits::EDITS_PER_MESSAGE {
            return Err(limit(format!("a message is edited at most {} times", limits::EDITS_PER_MESSAGE)));
        }
        Ok(self.change(message, EventBody::MessageEdited { message, text: text.to_owned() }, ask))
    }

    /// A message is taken back by its author or by a moderator.
    pub(super) fn delete(&self, message: MessageId, ask: Ask<'_>) -> Result<Decision, Problem> {
        let moderator = self.admitted(ask.actor, ask.org)?.participant.role == ParticipantRole::Moderator;
        let facts = match self.message(message, ask) {
            Err(problem) if problem.code == ProblemCode::MessageDeleted => {
                return Ok(self.already(message, ask));
            }
            other => other?,
        };
        if facts.author != ask.actor && !moderator {
            return Err(Problem::new(ProblemCode::Forbidden)
                .detail("only its author or a moderator deletes a message"));
        }
        Ok(self.change(message, EventBody::MessageDeleted { message }, ask))
    }

    /// A reaction is added or taken back.
    pub(super) fn react(
        &self,
        message: MessageId,
        emoji: &str,
        on: bool,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        let facts = self.message(message, ask)?;
        if emoji.is_empty() || emoji.len() > limits::EMOJI_BYTES || emoji.chars().any(is_plain) {
            return Err(Problem::field("emoji", "is no emoji"));
        }
        if facts.reacted == on {
            return Ok(self.already(message, ask));
        }
        let emoji = emoji.to_owned();
        if !on {
            return Ok(self.change(message, EventBody::ReactionRemoved { message, emoji }, ask));
        }
        self.may_change(facts.fork)?;
        if !facts.emoji_known && facts.emoji >= limits::EMOJI_PER_MESSAGE {
            return Err(limit(format!(
                "a message has at most {} different reactions",
                limits::EMOJI_PER_MESSAGE
            )));
        }
        if facts.reactions >= limits::REACTIONS_PER_MESSAGE {
            return Err(limit(format!("a message has at most {} reactions", limits::REACTIONS_PER_MESSAGE)));
        }
        Ok(self.change(message, EventBody::ReactionAdded { message, emoji }, ask))
    }

    /// The message that a participant names, unless it is gone.
    fn message<'a>(&self, message: MessageId, ask: Ask<'a>) -> Result<&'a MessageFacts, Problem> {
        self.admitted(ask.actor, ask.org)?;
        match &ask.facts.message {
            Some(facts) if message.chat() == self.id && facts.deleted => {
                Err(ProblemCode::MessageDeleted.into())
            }
            Some(facts) if message.chat() == self.id => Ok(facts),
            Some(_) | None => Err(ProblemCode::NotFound.into()),
        }
    }

    fn change(&self, message: MessageId, body: EventBody, ask: Ask<'_>) -> Decision {
        let mut draft = self.draft(ask.now);
        let seq = draft.add(ask.actor, body);
        draft.done(Answer::Posted(Posted { message, seq, at: ask.now }))
    }

    fn already(&self, message: MessageId, ask: Ask<'_>) -> Decision {
        Decision::unchanged(Answer::Posted(Posted { message, seq: message.seq(), at: ask.now }))
    }
}

/// What is in no emoji: letters, spaces, control characters. Digits, `#` and `*` start keycap emoji.
fn is_plain(c: char) -> bool {
    c.is_alphabetic() && !('\u{1F100}'..='\u{1F2FF}').contains(&c)
        || c.is_whitespace()
        || c.is_control()
        || c == '<'
}

pub(super) fn fits_client_id(client_id: &str) -> Result<(), Problem> {
    if (1..=limits::CLIENT_ID_BYTES).contains(&client_id.len()) {
        Ok(())
    } else {
        Err(Problem::field("client_id", "must have 1 to 64 bytes"))
    }
}

fn fits_message(text: &str) -> Result<(), Problem> {
    if text.len() > limits::MESSAGE_BYTES {
        return Err(Problem::new(ProblemCode::TooLarge).detail("a message has at most 64 KiB"));
    }
    if text.trim().is_empty() {
        return Err(Problem::field("text", "is empty"));
    }
    Ok(())
}

pub(super) fn limit(detail: String) -> Problem {
    Problem::new(ProblemCode::LimitReached).detail(detail)
}
