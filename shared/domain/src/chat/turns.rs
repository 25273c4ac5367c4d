//! Turns: `queued → running → completed / failed / cancelled`, and back to `queued` for another attempt. A step that ends
//! in calls of tools is followed by `calling` (see `calls.rs`), and that by the next step, `queued`.
//!
//! Invariant: a turn's answer and its end are one decision, so an answer is never posted twice. Whoever runs a turn names
//! the attempt it works on; a result of another attempt, or of a turn that has ended, is refused.

use serde::{Deserialize, Serialize};
use slipway_contract::events::{
    EventBody, MessagePosted, Receipt, ToolCall, TurnFailure, TurnFailureCode, Usage,
};
use slipway_contract::http::chats::{TurnState, TurnStatus};
use slipway_contract::objects::engine::{Measured, TurnStep};
use slipway_contract::{
    Actor, AgentId, ForkId, MessageId, ParticipantId, Problem, ProblemCode, Timestamp, TurnId, UserId,
};

use super::calls::{CallState, Calling};
use super::queue::Cause;
use super::{Answer, Ask, Chat, Decision, Draft, TurnChange, Unsummed};

/// Attempts of one step before the turn fails.
pub const ATTEMPTS: u8 = 3;
/// Steps of one turn: calls of tools and the answer.
pub const STEPS: usize = 24;
/// Longest calls of one step, in bytes of their arguments: the stored turn must stay below the platform's 2 MB a row.
const CALLS_BYTES: usize = 512 * 1024;
/// First wait before another attempt, in milliseconds; four times as long for each further one.
const BACKOFF_MS: i64 = 1_000;
/// The longest that a provider may make us wait, in milliseconds.
const LONGEST_WAIT_MS: i64 = 60_000;

/// A turn that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// The agent.
    pub agent: AgentId,
    /// The message to answer.
    pub cause: MessageId,
    /// How many agents lie between it and a person.
    pub depth: u8,
    /// The person whose message began it, if any did. (Turns that were stored before this was kept have none.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The fork that it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<ForkId>,
    /// It drafts the fork's summary.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub draft: bool,
    /// It sums up the chat up to its cause, and says nothing.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub summary: bool,
    /// Steps that have ended in calls of tools.
    pub steps: Vec<TurnStep>,
    /// What those used.
    pub usage: Usage,
    /// How it stands.
    pub phase: TurnPhase,
}

/// How a turn that has not ended stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnPhase {
    /// Waits for its agent, or for the time of its next attempt.
    Queued {
        /// Attempts of the present step that failed.
        failed: u8,
        /// Not to be started before.
        not_before: Timestamp,
    },
    /// The agent works.
    Running {
        /// 1, 2, …
        attempt: u8,
    },
    /// The agent's calls of tools are performed.
    Calling(Box<Calling>),
}

impl TurnPhase {
    /// The same in the words of the API.
    pub const fn state(&self) -> TurnState {
        match self {
            Self::Queued { .. } => TurnState::Queued,
            Self::Running { .. } => TurnState::Running,
            Self::Calling(calling) => match calling.state {
                CallState::Due { .. } => TurnState::Running,
                CallState::Asked { .. } => TurnState::Waiting,
            },
        }
    }
}

/// What a step of a turn came to.
#[derive(Clone, Debug, PartialEq)]
pub enum StepEnd {
    /// The agent gave its answer.
    Answered {
        /// The answer.
        text: String,
        /// It was cut at the longest message.
        cut: bool,
        /// The model that gave it.
        model: String,
        /// What the step used.
        usage: Usage,
        /// What the agent was given.
        receipt: Option<Box<Receipt>>,
        /// What that counted as.
        measured: Option<Measured>,
    },
    /// The agent called tools.
    Called {
        /// What the agent said before.
        text: String,
        /// The calls.
        calls: Vec<ToolCall>,
        /// What the step used.
        usage: Usage,
        /// What the agent was given counted as.
        measured: Option<Measured>,
    },
    /// It failed.
    Failed {
        /// Why.
        failure: TurnFailure,
        /// Whether another attempt may help.
        retryable: bool,
        /// How long to wait first, in milliseconds.
        retry_after_ms: Option<u32>,
    },
}

impl StepEnd {
    /// The process that ran the step is gone.
    pub fn interrupted() -> Self {
        Self::Failed {
            failure: failure(TurnFailureCode::Interrupted, "The work was interrupted several times."),
            retryable: true,
            retry_after_ms: None,
        }
    }
}

/// A failure with its text.
pub fn failure(code: TurnFailureCode, detail: &str) -> TurnFailure {
    TurnFailure { code, detail: detail.to_owned() }
}

impl Chat {
    /// A turn that has not ended.
    pub fn turn(&self, id: TurnId) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.id == id)
    }

    /// Takes over how a turn stands.
    pub(super) fn keep_turn(&mut self, turn: &Turn) {
        match self.turns.iter_mut().find(|open| open.id == turn.id) {
            Some(open) => open.clone_from(turn),
            None => self.turns.push(turn.clone()),
        }
    }

    /// Turns to start now.
    pub fn due_turns(&self, now: Timestamp) -> Vec<TurnId> {
        self.startable().into_iter().filter(|(_, at)| *at <= now).map(|(turn, _)| turn).collect()
    }

    /// When the next queued turn may start; `None` if no agent that is free has one.
    pub fn next_turn_at(&self) -> Option<Timestamp> {
        self.startable().into_iter().map(|(_, at)| at).min()
    }

    /// The oldest queued turn of each agent that is not at work, with its time. An agent whose turn waits for people is
    /// free meanwhile, and one that sums up too.
    fn startable(&self) -> Vec<(TurnId, Timestamp)> {
        let working = |turn: &&Turn| turn.phase.state() == TurnState::Running && !turn.summary;
        let working = self.turns.iter().filter(working);
        let mut busy: Vec<AgentId> = working.map(|turn| turn.agent).collect();
        let mut startable = Vec::new();
        for turn in self.turns.iter() {
            if let TurnPhase::Queued { not_before, .. } = turn.phase
                && (turn.summary || !busy.contains(&turn.agent))
            {
                if !turn.summary {
                    busy.push(turn.agent);
                }
                startable.push((turn.id, not_before));
            }
        }
        startable
    }

    /// The agent begins, or tries again.
    ///
    /// # Errors
    /// The turn has ended or runs already.
    pub fn start_turn(&self, id: TurnId, now: Timestamp) -> Result<Decision, Problem> {
        let turn = self.turn(id).ok_or(ProblemCode::TurnEnded)?;
        let TurnPhase::Queued { failed, .. } = turn.phase else {
            return Err(Problem::new(ProblemCode::Internal).detail("the turn runs already"));
        };
        let attempt = failed.saturating_add(1);
        let mut draft = self.draft(now);
        // Later steps of a turn that goes well are the same work to a reader.
        if turn.steps.is_empty() || failed > 0 {
            draft.add(Actor::Agent { id: turn.agent }, EventBody::TurnStarted { turn: id, attempt });
        }
        draft.turns.push(TurnChange::Put(Turn { phase: TurnPhase::Running { attempt }, ..turn.clone() }));
        Ok(draft.done(status(id, TurnState::Running)))
    }

    /// A step of a running turn has ended. `unsummed` is what the log says if that was an answer.
    ///
    /// # Errors
    /// The turn has ended meanwhile, or works on another attempt: the result counts for nothing.
    pub fn end_step(
        &self,
        id: TurnId,
        attempt: u8,
        end: StepEnd,
        unsummed: &Unsummed,
        now: Timestamp,
    ) -> Result<Decision, Problem> {
        let turn = self.turn(id).ok_or(ProblemCode::TurnEnded)?;
        if turn.phase != (TurnPhase::Running { attempt }) {
            return Err(ProblemCode::TurnEnded.into());
        }
        let by = Actor::Agent { id: turn.agent };
        let mut draft = self.draft(now);
        match end {
            StepEnd::Answered { text, cut, model, usage, receipt, measured } => {
                if text.trim().is_empty() {
                    let failure = failure(TurnFailureCode::Refused, "The model gave an empty answer.");
                    return Ok(self.fail(draft, turn, failure));
                }
                draft.measured = measured.map(|measured| (turn.agent, measured));
                if turn.summary {
                    return Ok(self.end_summary(draft, turn, &text, (model, usage), unsummed));
                }
                let message = self.post_answer(&mut draft, turn, &text, cut);
                let mut total = turn.usage;
                total += usage;
                draft.add(
                    by,
                    EventBody::TurnCompleted {
                        turn: id,
                        message,
                        model,
                        usage: total,
                        receipt,
                        forgotten: false,
                    },
                );
                draft.turns.push(TurnChange::End(id));
                // A draft quotes; it asks nobody.
                if !turn.draft {
                    self.queue_turns(&mut draft, message, &text, Cause::Turn(turn), turn.fork);
                }
                self.queue_summary(&mut draft, turn, unsummed);
                Ok(draft.done(status(id, TurnState::Completed)))
            }
            StepEnd::Called { text, calls, usage, measured } => {
                draft.measured = measured.map(|measured| (turn.agent, measured));
                if turn.summary {
                    let failure =
                        failure(TurnFailureCode::Refused, "The model called tools where it had none.");
                    return Ok(self.fail(draft, turn, failure));
                }
                if turn.steps.len() + 1 >= STEPS {
                    let failure = failure(TurnFailureCode::TooManySteps, "The agent took too many steps.");
                    return Ok(self.fail(draft, turn, failure));
                }
                if calls.iter().map(|call| length(&call.arguments)).sum::<usize>() > CALLS_BYTES {
                    let failure =
                        failure(TurnFailureCode::Refused, "The model's calls of tools are too long.");
                    return Ok(self.fail(draft, turn, failure));
                }
                for call in &calls {
                    let call = call.clone();
                    draft.add(by, EventBody::ToolCalled { turn: id, call, forgotten: false });
                }
                let mut next = turn.clone();
                next.usage += usage;
                let state = CallState::Due { failed: 0, not_before: now };
                let calling = Calling { text, calls, results: Vec::new(), state };
                let state = self.perform(&mut draft, next, calling);
                Ok(draft.done(status(id, state)))
            }
            StepEnd::Failed { failure, retryable, retry_after_ms } => {
                if !retryable || attempt >= ATTEMPTS {
                    return Ok(self.fail(draft, turn, failure));
                }
                let backoff = BACKOFF_MS << (2 * u32::from(attempt.saturating_sub(1)).min(10));
                let wait = backoff.max(retry_after_ms.map_or(0, i64::from)).min(LONGEST_WAIT_MS);
                let phase = TurnPhase::Queued { failed: attempt, not_before: now.plus_ms(wait) };
                draft.turns.push(TurnChange::Put(Turn { phase, ..turn.clone() }));
                Ok(draft.done(status(id, TurnState::Queued)))
            }
        }
    }

    /// Somebody stops a turn. What the agent had said by then is kept, marked as partial.
    ///
    /// # Errors
    /// The turn is unknown to the caller.
    pub fn cancel_turn(&self, id: TurnId, said: &str, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.admitted(ask.actor, ask.org)?;
        let Some(turn) = self.turn(id) else {
            return match ask.facts.ended {
                Some(state) if id.chat() == self.id => Ok(Decision::unchanged(status(id, state))),
                Some(_) | None => Err(ProblemCode::NotFound.into()),
            };
        };
        let said = match &turn.phase {
            TurnPhase::Calling(calling) => calling.text.as_str(),
            TurnPhase::Queued { .. } | TurnPhase::Running { .. } => said,
        };
        let mut draft = self.draft(ask.now);
        let message = if said.trim().is_empty() || turn.summary {
            None
        } else {
            Some(self.post_answer(&mut draft, turn, said, true))
        };
        draft.add(ask.actor, EventBody::TurnCancelled { turn: id, message });
        self.withdraw(&mut draft, id, ask.actor);
        draft.turns.push(TurnChange::End(id));
        Ok(draft.done(status(id, TurnState::Cancelled)))
    }

    /// The turns of an agent that leaves end with it.
    pub(super) fn end_turns_of(&self, draft: &mut Draft, agent: AgentId) {
        for turn in self.turns.iter().filter(|turn| turn.agent == agent) {
            let failure = failure(TurnFailureCode::AgentUnavailable, "The agent was removed from the chat.");
            draft.add(Actor::System, EventBody::TurnFailed { turn: turn.id, failure });
            self.withdraw(draft, turn.id, Actor::System);
            draft.turns.push(TurnChange::End(turn.id));
        }
    }

    pub(super) fn fail(&self, mut draft: Draft, turn: &Turn, failure: TurnFailure) -> Decision {
        draft.add(Actor::System, EventBody::TurnFailed { turn: turn.id, failure });
        draft.turns.push(TurnChange::End(turn.id));
        draft.done(status(turn.id, TurnState::Failed))
    }

    fn post_answer(&self, draft: &mut Draft, turn: &Turn, text: &str, partial: bool) -> MessageId {
        let message = draft.next_message();
        let author = Actor::Agent { id: turn.agent };
        // Whose message it answers: deeper down that is another agent's.
        let asked = turn.user.filter(|_| turn.depth == 0).map(|id| ParticipantId::User { id });
        let body = MessagePosted {
            message,
            text: text.to_owned(),
            client_id: None,
            reply_to: Some(turn.cause),
            fork: turn.fork,
            turn: Some(turn.id),
            partial,
            attachments: Vec::new(),
            mentions: self.concerned(author, text, asked),
        };
        draft.add(author, EventBody::MessagePosted(body));
        message
    }
}

/// About how long a value is as JSON. (Its `Display` would bring another JSON writer into the Worker.)
fn length(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => 8,
        serde_json::Value::String(text) => text.len() + 3,
        serde_json::Value::Array(values) => values.iter().map(length).sum::<usize>() + 2,
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + 4 + length(value)).sum::<usize>() + 2
        }
    }
}

pub(super) const fn status(id: TurnId, state: TurnState) -> Answer {
    Answer::Turn(TurnStatus { id, state })
}
