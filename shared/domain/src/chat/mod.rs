//! One chat: what it holds in memory, and what each command makes of it.
//!
//! Invariant: a decision is made on what is stored, changes nothing, and is applied only after it was stored. Events get
//! the numbers that follow the head, without gaps. Facts that lie in the log (an earlier post, a message's author) are
//! looked up by the object before it asks, as [`Facts`].

pub mod acts;
pub mod approvals;
pub mod archive;
pub mod calls;
mod decide;
mod facts;
mod forks;
pub mod mentions;
mod messages;
pub mod output;
mod people;
mod pins;
pub mod presence;
mod queue;
mod sandboxes;
pub mod summaries;
#[cfg(test)]
mod tests;
pub mod tools;
pub mod turns;

use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::approvals as api;
use slipway_contract::http::chats::{self, OpenTurn, Pin, TurnStatus};
use slipway_contract::http::forks::Fork;
use slipway_contract::http::messages::Posted;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::engine::Measured;
use slipway_contract::sandbox::SandboxStatus;
use slipway_contract::{
    Actor, AgentId, ChannelId, ChatId, ForkId, MessageId, OrgId, Participant, ParticipantId, Problem,
    ProblemCode, Seq, Timestamp, TurnId, UserId,
};

pub use approvals::{Approval, ApprovalPhase};
pub use decide::decide;
pub use facts::{Facts, MessageFacts};
pub use summaries::Unsummed;
pub use turns::{Turn, TurnPhase};

/// A chat that exists, as its object holds it in memory: all but its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// The org that owns it.
    pub org: OrgId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// Its title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who answers messages that mention no agent.
    pub default_agent: Option<AgentId>,
    /// The newest event.
    pub head: Seq,
    /// Messages ever posted in the chat itself, not in its forks.
    pub message_count: u64,
    /// The newest message, if any.
    pub last_message: Option<LastMessage>,
    /// Who takes part, in the order in which they came.
    pub people: Vec<Person>,
    /// Turns that have not ended, oldest first.
    pub turns: Vec<Turn>,
    /// Approvals that are not over, oldest first.
    pub approvals: Vec<Approval>,
    /// Forks that are open, oldest first.
    pub forks: Vec<Fork>,
    /// Pinned messages, in the order in which they were pinned.
    pub pins: Vec<Pin>,
    /// Sandboxes that the chat ever had, as they were last told, in any order.
    pub sandboxes: Vec<SandboxStatus>,
}

/// What lists show of the newest message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Which it is.
    pub id: MessageId,
    /// When it came.
    pub at: Timestamp,
    /// Its start.
    pub preview: String,
}

/// A participant, and how far they have read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, and as what.
    pub participant: Participant,
    /// The newest event they have read.
    pub read: Seq,
    /// How many messages there were at that event.
    pub read_count: u64,
}

/// One call of the object, ready to decide.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub actor: Actor,
    /// The org that they named.
    pub org: Option<OrgId>,
    /// What they ask.
    pub command: &'a ChatCommand,
    /// What the log says about it.
    pub facts: &'a Facts,
    /// When.
    pub now: Timestamp,
}

/// What a command comes to. Empty but for the answer when nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// New entries of the log.
    pub events: Vec<Event>,
    /// Turns that are new, changed or over.
    pub turns: Vec<TurnChange>,
    /// Approvals as they stand from now on.
    pub approvals: Vec<Approval>,
    /// Forks as they stand from now on.
    pub forks: Vec<Fork>,
    /// What an agent's step was counted as; how agents are measured is no part of the chat in memory.
    pub measured: Option<(AgentId, Measured)>,
    /// A read marker that moves without an event.
    pub read: Option<(UserId, Seq, u64)>,
    /// What the caller is told.
    pub answer: Answer,
}

/// What happens to a turn's stored state.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnChange {
    /// It stands so from now on.
    Put(Turn),
    /// It is over; the log says how.
    End(TurnId),
}

/// What the caller is told once the decision is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The chat as it then stands.
    Chat,
    /// Where a message or change went.
    Posted(Posted),
    /// How a turn stands.
    Turn(TurnStatus),
    /// How an approval stands.
    Approval(Box<api::Approval>),
    /// How a fork stands.
    Fork(Box<Fork>),
}

impl Decision {
    /// Nothing changes.
    fn unchanged(answer: Answer) -> Self {
        Self {
            events: Vec::new(),
            turns: Vec::new(),
            approvals: Vec::new(),
            forks: Vec::new(),
            measured: None,
            read: None,
            answer,
        }
    }
}

/// Gives new events their numbers while a decision is made.
struct Draft {
    chat: ChatId,
    head: Seq,
    now: Timestamp,
    events: Vec<Event>,
    turns: Vec<TurnChange>,
    approvals: Vec<Approval>,
    /// Forks that are open, or end here, as they stand behind the events.
    forks: Vec<Fork>,
    changed_forks: Vec<ForkId>,
    measured: Option<(AgentId, Measured)>,
}

impl Draft {
    fn new(chat: ChatId, head: Seq, now: Timestamp) -> Self {
        let (events, turns, approvals) = (Vec::new(), Vec::new(), Vec::new());
        let (forks, changed_forks) = (Vec::new(), Vec::new());
        Self { chat, head, now, events, turns, approvals, forks, changed_forks, measured: None }
    }

    fn next_message(&self) -> MessageId {
        MessageId::new(self.chat, self.head.next())
    }

    fn next_turn(&self) -> TurnId {
        TurnId::new(self.chat, self.head.next())
    }

    fn add(&mut self, actor: Actor, body: EventBody) -> Seq {
        self.head = self.head.next();
        let event = Event { seq: self.head, at: self.now, actor, body };
        self.keep_forks(&event);
        self.events.push(event);
        self.head
    }

    fn done(self, answer: Answer) -> Decision {
        let Self { events, turns, approvals, mut forks, changed_forks, measured, .. } = self;
        forks.retain(|fork| changed_forks.contains(&fork.id));
        Decision { events, turns, approvals, forks, measured, read: None, answer }
    }
}

impl Chat {
    fn draft(&self, now: Timestamp) -> Draft {
        Draft { forks: self.forks.clone(), ..Draft::new(self.id, self.head, now) }
    }

    /// The chat that a stored decision began; `None` unless its first event is the beginning.
    pub fn begun_by(id: ChatId, decision: &Decision) -> Option<Self> {
        let first = decision.events.first()?;
        let EventBody::ChatCreated { org, channel, title } = &first.body else { return None };
        let mut chat = Self {
            id,
            org: *org,
            channel: *channel,
            title: title.clone(),
            created_at: first.at,
            default_agent: None,
            head: Seq::START,
            message_count: 0,
            last_message: None,
            people: Vec::new(),
            turns: Vec::new(),
            approvals: Vec::new(),
            forks: Vec::new(),
            pins: Vec::new(),
            sandboxes: Vec::new(),
        };
        chat.apply(decision);
        Some(chat)
    }

    /// Takes over what was stored.
    pub fn apply(&mut self, decision: &Decision) {
        for event in &decision.events {
            self.apply_event(event);
        }
        for change in &decision.turns {
            match change {
                TurnChange::Put(turn) => self.keep_turn(turn),
                TurnChange::End(turn) => self.turns.retain(|open| open.id != *turn),
            }
        }
        for approval in &decision.approvals {
            self.keep_approval(approval);
        }
        for fork in &decision.forks {
            self.keep_fork(fork);
        }
        if let Some((user, seq, count)) = decision.read {
            self.advance_reader(ParticipantId::User { id: user }, seq, count);
        }
    }

    /// Takes over one stored event.
    fn apply_event(&mut self, event: &Event) {
        self.head = event.seq;
        match &event.body {
            EventBody::ChatRenamed { title } => self.title.clone_from(title),
            EventBody::DefaultAgentSet { agent } => self.default_agent = *agent,
            EventBody::ParticipantJoined { participant } => self.admit(participant.clone()),
            EventBody::ParticipantLeft { participant } => {
                self.people.retain(|p| p.participant.id != *participant)
            }
            EventBody::MessagePosted(message) if message.fork.is_none() => {
                self.message_count += 1;
                let preview =
                    mentions::preview_of(&message.text, message.attachments.first().map(|file| &*file.name));
                self.last_message = Some(LastMessage { id: message.message, at: event.at, preview });
                self.read_own_post(event.actor, event.seq, self.message_count);
            }
            EventBody::MessageEdited { message, text } => self.retell_last(*message, text),
            EventBody::MessageDeleted { message } => self.retell_last(*message, ""),
            EventBody::MessagePinned { message } => {
                self.pins.push(Pin { message: *message, by: event.actor, at: event.at });
            }
            EventBody::MessageUnpinned { message } => self.pins.retain(|pin| pin.message != *message),
            EventBody::SandboxChanged { status } => self.keep_sandbox(status),
            EventBody::MessagePosted(_)
            | EventBody::ChatCreated { .. }
            | EventBody::ReactionAdded { .. }
            | EventBody::ReactionRemoved { .. }
            | EventBody::ForkCreated { .. }
            | EventBody::ForkResolved { .. }
            | EventBody::ForkAbandoned { .. }
            | EventBody::TurnQueued { .. }
            | EventBody::TurnStarted { .. }
            | EventBody::ToolCalled { .. }
            | EventBody::ToolReturned { .. }
            | EventBody::TurnCompleted { .. }
            | EventBody::TurnSummarised { .. }
            | EventBody::TurnFailed { .. }
            | EventBody::TurnCancelled { .. }
            | EventBody::ApprovalRequested { .. }
            | EventBody::ApprovalVoted { .. }
            | EventBody::ApprovalClosed { .. }
            | EventBody::ApprovalCarriedOut { .. }
            | EventBody::PreviewOpened { .. }
            | EventBody::ArtifactSaved { .. } => {}
        }
    }

    fn retell_last(&mut self, message: MessageId, text: &str) {
        if let Some(last) = self.last_message.as_mut().filter(|last| last.id == message) {
            last.preview = mentions::preview(text);
        }
    }

    fn admit(&mut self, participant: Participant) {
        match self.people.iter_mut().find(|person| person.participant.id == participant.id) {
            Some(person) => person.participant = participant,
            // Who comes late starts with nothing unread.
            None => self.people.push(Person { participant, read: self.head, read_count: self.message_count }),
        }
    }

    /// Who posts has read what stood before.
    pub fn read_own_post(&mut self, author: Actor, seq: Seq, messages: u64) {
        if let Some(id) = author.participant() {
            self.advance_reader(id, seq, messages);
        }
    }

    fn advance_reader(&mut self, id: ParticipantId, seq: Seq, messages: u64) {
        if let Some(person) = self.people.iter_mut().find(|person| person.participant.id == id)
            && person.read < seq
        {
            person.read = seq;
            person.read_count = messages;
        }
    }

    /// The person behind `id`.
    pub fn person(&self, id: ParticipantId) -> Option<&Person> {
        self.people.iter().find(|person| person.participant.id == id)
    }

    /// The participant that asks; others, and callers who named another org, find nothing.
    pub fn admitted(&self, actor: Actor, org: Option<OrgId>) -> Result<&Person, Problem> {
        let found = actor.participant().and_then(|id| self.person(id));
        found.filter(|_| org.is_none_or(|org| org == self.org)).ok_or_else(|| ProblemCode::NotFound.into())
    }

    /// The chat as a participant sees it.
    pub fn describe(&self, to: ParticipantId) -> chats::Chat {
        let (read, read_count) = self
            .person(to)
            .map_or((self.head, self.message_count), |person| (person.read, person.read_count));
        self.described(read, read_count)
    }

    /// The same for somebody who has read up to `read`, when there were `read_count` messages.
    fn described(&self, read: Seq, read_count: u64) -> chats::Chat {
        chats::Chat {
            id: self.id,
            org: self.org,
            channel: self.channel,
            title: self.title.clone(),
            created_at: self.created_at,
            head: self.head,
            message_count: self.message_count,
            default_agent: self.default_agent,
            participants: self.people.iter().map(|person| person.participant.clone()).collect(),
            read,
            unread: self.message_count.saturating_sub(read_count),
            open_turns: self
                .turns
                .iter()
                .map(|turn| OpenTurn {
                    id: turn.id,
                    agent: turn.agent,
                    state: turn.phase.state(),
                    fork: turn.fork,
                    summary: turn.summary,
                })
                .collect(),
            open_approvals: self.open_approvals().map(|approval| approval.describe(&self.title)).collect(),
            open_forks: self.forks.clone(),
            pins: self.pins.clone(),
            sandbox: self.sandbox().cloned(),
        }
    }

    /// A participant's name, for texts that people or agents read later.
    pub fn name_of(&self, id: ParticipantId) -> String {
        self.person(id)
            .map_or_else(|| "somebody who left".to_owned(), |person| person.participant.name.clone())
    }

    /// The agent that takes part under a slug.
    pub fn agent_by_slug(&self, slug: &str) -> Option<AgentId> {
        self.people.iter().find_map(|person| match person.participant.id {
            ParticipantId::Agent { id } => {
                person.participant.slug.as_ref().filter(|own| own.as_str() == slug).map(|_| id)
            }
            ParticipantId::User { .. } => None,
        })
    }
}

/// How long to wait after `failed` failures in a row, in milliseconds: 1 s, 2 s, 4 s, … at most 30 s.
fn backoff_ms(failed: u8) -> i64 {
    (1_000 << u32::from(failed.min(10))).min(30_000)
}
