//! Posting, editing, deleting, reacting.

use slipway_contract::events::{EventBody, MessagePosted};
use slipway_contract::http::attachments::Attachment;
use slipway_contract::http::messages::{PostMessage, Posted};
use slipway_contract::{Actor, ForkId, MessageId, ParticipantRole, Problem, ProblemCode, limits};

use super::queue::Cause;
use super::{Answer, Ask, Chat, Decision, MessageFacts};

impl Chat {
    /// A person's message, with the files that it names, and the turns that it asks for.
    pub(super) fn post(
        &self,
        post: &PostMessage,
        attachments: &[Attachment],
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        self.admitted(ask.actor, ask.org)?;
        fits_client_id(&post.client_id)?;
        if let Some(earlier) = &ask.facts.earlier {
            return Ok(Decision::unchanged(Answer::Posted(earlier.clone())));
        }
        fits_files(post, attachments)?;
        fits_message(&post.text, !attachments.is_empty())?;
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
        let answered = ask.facts.message.as_ref().filter(|_| post.reply_to.is_some());
        let mentions =
            self.concerned(ask.actor, &post.text, answered.and_then(|facts| facts.author.participant()));
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
                attachments: attachments.to_vec(),
                mentions,
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
        fits_message(text, false)?;
        if facts.text == text {
            return Ok(self.already(message, ask));
        }
        self.may_change(facts.fork)?;
        if facts.edits >= limits::EDITS_PER_MESSAGE {
            return Err(limit(format!("a message is edited at most {} times", limits::EDITS_PER_MESSAGE)));
        }
        let edited = EventBody::MessageEdited { message, text: text.to_owned() };
        Ok(self.change(message, facts.fork, edited, ask))
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
        Ok(self.change(message, facts.fork, EventBody::MessageDeleted { message }, ask))
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
            return Ok(self.add(message, EventBody::ReactionRemoved { message, emoji }, ask));
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
        Ok(self.add(message, EventBody::ReactionAdded { message, emoji }, ask))
    }

    /// The message that a participant names, unless it is gone.
    pub(super) fn message<'a>(&self, message: MessageId, ask: Ask<'a>) -> Result<&'a MessageFacts, Problem> {
        self.admitted(ask.actor, ask.org)?;
        match &ask.facts.message {
            Some(facts) if message.chat() == self.id && facts.deleted => {
                Err(ProblemCode::MessageDeleted.into())
            }
            Some(facts) if message.chat() == self.id => Ok(facts),
            Some(_) | None => Err(ProblemCode::NotFound.into()),
        }
    }

    /// A message's text changes or goes, and with it what rests on it.
    fn change(&self, message: MessageId, of: Option<ForkId>, body: EventBody, ask: Ask<'_>) -> Decision {
        let mut draft = self.draft(ask.now);
        let is_gone = matches!(body, EventBody::MessageDeleted { .. });
        let seq = draft.add(ask.actor, body);
        if is_gone && self.is_pinned(message) {
            draft.add(ask.actor, EventBody::MessageUnpinned { message });
        }
        self.give_up_summary(&mut draft, message, of);
        draft.done(Answer::Posted(Posted { message, seq, at: ask.now }))
    }

    fn add(&self, message: MessageId, body: EventBody, ask: Ask<'_>) -> Decision {
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

/// The files are those that the message names. Who posts without having them looked up names none.
fn fits_files(post: &PostMessage, attachments: &[Attachment]) -> Result<(), Problem> {
    if post.attachments.len() > limits::ATTACHMENTS_PER_MESSAGE {
        return Err(Problem::field("attachments", "names more than 10 files"));
    }
    let mut before = post.attachments.iter().enumerate();
    if before.any(|(at, file)| post.attachments.iter().take(at).any(|earlier| earlier == file)) {
        return Err(Problem::field("attachments", "names a file twice"));
    }
    if !post.attachments.iter().eq(attachments.iter().map(|file| &file.id)) {
        return Err(Problem::field("attachments", "names files that cannot come with this message"));
    }
    Ok(())
}

fn fits_message(text: &str, with_files: bool) -> Result<(), Problem> {
    if text.len() > limits::MESSAGE_BYTES {
        return Err(Problem::new(ProblemCode::TooLarge).detail("a message has at most 64 KiB"));
    }
    if text.trim().is_empty() && !with_files {
        return Err(Problem::field("text", "is empty"));
    }
    Ok(())
}

pub(super) fn limit(detail: String) -> Problem {
    Problem::new(ProblemCode::LimitReached).detail(detail)
}
