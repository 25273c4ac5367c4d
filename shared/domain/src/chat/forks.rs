//! Forks: side discussions of a chat, each begun from one message: `open → resolved / abandoned`.
//!
//! Invariant: a fork ends once, and nothing is added to it behind its end: its open turns are cancelled in the decision
//! that ends it. What is said in a fork is no message of the chat itself; its summary is, and stands right behind the end.

use slipway_contract::events::{Event, EventBody, MessagePosted};
use slipway_contract::http::forks::{AcceptFork, CreateFork, Fork, ForkResolution, ForkState};
use slipway_contract::{Actor, ForkId, MessageId, ParticipantId, Problem, ProblemCode, UserId, limits};

use super::messages::{fits_client_id, limit};
use super::queue::Wanted;
use super::{Answer, Ask, Chat, Decision, Draft, TurnChange};

/// Participants that a fork names.
const PARTICIPANTS: usize = 50;

impl Draft {
    /// Keeps the forks in step with an event on its way into the log.
    pub(super) fn keep_forks(&mut self, event: &Event) {
        if let EventBody::ForkCreated { fork, message, description, .. } = &event.body {
            self.forks.push(Fork {
                id: *fork,
                chat: self.chat,
                message: *message,
                description: description.clone(),
                state: ForkState::Open,
                created_by: event.actor,
                created_at: event.at,
                message_count: 0,
                last_message_at: event.at,
                participants: Vec::new(),
                drafting: None,
                draft: None,
                resolution: None,
            });
            self.changed_forks.push(*fork);
        } else if let Some(fork) = self.forks.iter_mut().find_map(|fork| follow(fork, event)) {
            self.changed_forks.push(fork);
        }
    }

    /// Answers with a fork as it then stands.
    fn done_with(self, fork: ForkId) -> Result<Decision, Problem> {
        let found = self.forks.iter().find(|known| known.id == fork).cloned();
        let fork = found.ok_or(ProblemCode::Internal)?;
        Ok(self.done(Answer::Fork(Box::new(fork))))
    }
}

/// Takes over what an event means to an open fork; `None` if it means nothing to it.
fn follow(fork: &mut Fork, event: &Event) -> Option<ForkId> {
    if let EventBody::MessagePosted(posted) = &event.body {
        (posted.fork == Some(fork.id)).then_some(())?;
        fork.message_count += 1;
        fork.last_message_at = event.at;
        let author = event.actor.participant().filter(|author| !fork.participants.contains(author));
        if let Some(author) = author
            && fork.participants.len() < PARTICIPANTS
        {
            fork.participants.push(author);
        }
    } else if let EventBody::MessageDeleted { message } = &event.body {
        (fork.draft == Some(*message)).then_some(())?;
        fork.draft = None;
    } else if let EventBody::TurnQueued { turn, fork: Some(of), draft: true, .. } = &event.body {
        (*of == fork.id).then_some(())?;
        fork.drafting = Some(*turn);
    } else if let EventBody::TurnCompleted { turn, message, .. } = &event.body {
        (fork.drafting == Some(*turn)).then_some(())?;
        fork.drafting = None;
        fork.draft = Some(*message);
    } else if let EventBody::TurnFailed { turn, .. } | EventBody::TurnCancelled { turn, .. } = &event.body {
        (fork.drafting == Some(*turn)).then_some(())?;
        fork.drafting = None;
    } else if let EventBody::ForkResolved { fork: of, message, draft, evidence } = &event.body {
        (*of == fork.id).then_some(())?;
        fork.state = ForkState::Resolved;
        let (by, at) = (event.actor, event.at);
        let evidence = evidence.clone();
        fork.resolution = Some(ForkResolution { message: *message, draft: *draft, evidence, by, at });
    } else if let EventBody::ForkAbandoned { fork: of } = &event.body {
        (*of == fork.id).then_some(())?;
        fork.state = ForkState::Abandoned;
    } else {
        return None;
    }
    Some(fork.id)
}

impl Chat {
    /// A side discussion begins from a message of the chat itself.
    pub(super) fn create_fork(
        &self,
        create: &CreateFork,
        most: u32,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        self.person_asking(ask)?;
        fits_client_id(&create.client_id)?;
        if let Some(earlier) = &ask.facts.fork {
            return Ok(unchanged(earlier));
        }
        let description = fits_description(&create.description)?;
        let from = ask.facts.message.as_ref().filter(|_| create.message.chat() == self.id);
        let from = from.ok_or_else(|| Problem::field("message", "is no message of this chat"))?;
        if from.deleted {
            return Err(ProblemCode::MessageDeleted.into());
        }
        if from.fork.is_some() {
            return Err(ProblemCode::ForkNested.into());
        }
        // However many the org allows: open forks are in memory, and in each description of the chat.
        let most = most.min(limits::OPEN_FORKS_MAX);
        if self.forks.len() >= most as usize {
            return Err(limit(format!("at most {most} forks of a chat are open at a time")));
        }
        let mut draft = self.draft(ask.now);
        let fork = ForkId::new(self.id, draft.head.next());
        let client_id = Some(create.client_id.clone());
        let message = create.message;
        draft.add(ask.actor, EventBody::ForkCreated { fork, message, description, client_id });
        draft.done_with(fork)
    }

    /// The default agent drafts the summary. While it does, and where there is none, nothing changes.
    pub(super) fn draft_fork(&self, id: ForkId, ask: Ask<'_>) -> Result<Decision, Problem> {
        let user = self.person_asking(ask)?;
        let fork = self.open_fork(id, ask)?;
        let (Some(agent), None) = (self.default_agent, fork.drafting) else { return Ok(unchanged(fork)) };
        let mut draft = self.draft(ask.now);
        let cause = ask.facts.newest.unwrap_or(fork.message);
        let wanted =
            Wanted { cause, depth: 0, user: Some(user), fork: Some(id), draft: true, summary: false };
        self.queue_turn(&mut draft, agent, wanted);
        draft.done_with(id)
    }

    /// A fork's summary goes into the chat.
    pub(super) fn accept_fork(
        &self,
        id: ForkId,
        accept: &AcceptFork,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        self.person_asking(ask)?;
        let evidence = each_once(&accept.evidence);
        if let Some(over) = ended(id, ask)
            && let Some(resolution) = &over.resolution
            && resolution.by == ask.actor
            && resolution.draft == accept.draft
            && resolution.evidence == evidence
            && ask.facts.summary.as_ref() == Some(&accept.summary)
        {
            return Ok(unchanged(over));
        }
        let fork = self.open_fork(id, ask)?;
        fits_summary(&accept.summary)?;
        if evidence.len() > limits::FORK_EVIDENCE {
            return Err(Problem::field("evidence", "names more than 20 messages"));
        }
        let stands_there =
            |message: &MessageId| message.chat() == self.id && ask.facts.within.contains(message);
        if !evidence.iter().all(stands_there) {
            return Err(Problem::field("evidence", "names what is no message of this fork"));
        }
        if !accept.draft.iter().all(stands_there) {
            return Err(Problem::field("draft", "is no message of this fork"));
        }
        let mut draft = self.draft(ask.now);
        self.cancel_turns_in(&mut draft, id, ask.actor);
        let message = MessageId::new(self.id, draft.head.next().next());
        let resolved = EventBody::ForkResolved { fork: id, message, draft: accept.draft, evidence };
        draft.add(ask.actor, resolved);
        // It asks nobody: what it mentions was settled.
        draft.add(
            ask.actor,
            EventBody::MessagePosted(MessagePosted {
                message,
                text: accept.summary.clone(),
                client_id: None,
                reply_to: Some(fork.message),
                fork: None,
                turn: None,
                partial: false,
                attachments: Vec::new(),
                mentions: self.concerned(ask.actor, &accept.summary, None),
            }),
        );
        draft.done_with(id)
    }

    /// A fork is given up.
    pub(super) fn abandon_fork(&self, id: ForkId, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.person_asking(ask)?;
        if let Some(over) = ended(id, ask).filter(|over| over.state == ForkState::Abandoned) {
            return Ok(unchanged(over));
        }
        self.open_fork(id, ask)?;
        let mut draft = self.draft(ask.now);
        self.cancel_turns_in(&mut draft, id, ask.actor);
        draft.add(ask.actor, EventBody::ForkAbandoned { fork: id });
        draft.done_with(id)
    }

    /// Forks are begun and ended by people alone.
    fn person_asking(&self, ask: Ask<'_>) -> Result<UserId, Problem> {
        match self.admitted(ask.actor, ask.org)?.participant.id {
            ParticipantId::User { id } => Ok(id),
            ParticipantId::Agent { .. } => {
                Err(Problem::new(ProblemCode::Forbidden).detail("only people begin and end forks"))
            }
        }
    }

    /// A fork that is open.
    pub fn fork(&self, id: ForkId) -> Option<&Fork> {
        self.forks.iter().find(|fork| fork.id == id)
    }

    /// The fork that a command names, to add something to it.
    pub(super) fn open_fork(&self, id: ForkId, ask: Ask<'_>) -> Result<&Fork, Problem> {
        let over = || ended(id, ask).map_or(ProblemCode::NotFound, |_| ProblemCode::ForkEnded);
        self.fork(id).ok_or_else(|| over().into())
    }

    /// Whether a message may still change: nothing is added to a fork that has ended.
    pub(super) fn may_change(&self, of: Option<ForkId>) -> Result<(), Problem> {
        match of {
            Some(fork) if self.fork(fork).is_none() => Err(ProblemCode::ForkEnded.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes over how a fork stands; one that has ended is forgotten.
    pub(super) fn keep_fork(&mut self, fork: &Fork) {
        if fork.state != ForkState::Open {
            self.forks.retain(|known| known.id != fork.id);
        } else if let Some(known) = self.forks.iter_mut().find(|known| known.id == fork.id) {
            known.clone_from(fork);
        } else {
            self.forks.push(fork.clone());
        }
    }

    /// The work in a fork ends with it; what was said of an answer by then is dropped.
    fn cancel_turns_in(&self, draft: &mut Draft, fork: ForkId, by: Actor) {
        for turn in self.turns.iter().filter(|turn| turn.fork == Some(fork)) {
            draft.add(by, EventBody::TurnCancelled { turn: turn.id, message: None });
            self.withdraw(draft, turn.id, by);
            draft.turns.push(TurnChange::End(turn.id));
        }
    }
}

/// The fork that a command names, if it has ended.
fn ended(id: ForkId, ask: Ask<'_>) -> Option<&Fork> {
    ask.facts.fork.as_ref().filter(|fork| fork.id == id && fork.state != ForkState::Open)
}

fn unchanged(fork: &Fork) -> Decision {
    Decision::unchanged(Answer::Fork(Box::new(fork.clone())))
}

fn each_once(messages: &[MessageId]) -> Vec<MessageId> {
    let mut once = Vec::new();
    for message in messages {
        if !once.contains(message) {
            once.push(*message);
        }
    }
    once
}

fn fits_description(description: &str) -> Result<String, Problem> {
    let description = description.trim();
    let fits = (1..=limits::FORK_DESCRIPTION_CHARS).contains(&description.chars().count());
    if !fits || description.chars().any(char::is_control) {
        return Err(Problem::field("description", "must have 1 to 200 characters in one line"));
    }
    Ok(description.to_owned())
}

fn fits_summary(summary: &str) -> Result<(), Problem> {
    if summary.len() > limits::FORK_SUMMARY_BYTES {
        return Err(Problem::new(ProblemCode::TooLarge).detail("a summary has at most 16 KiB"));
    }
    if summary.trim().is_empty() {
        return Err(Problem::field("summary", "is empty"));
    }
    Ok(())
}
