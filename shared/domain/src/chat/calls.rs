//! Tool calls of a turn: performed one after the other, some only after people were asked.
//!
//! Invariant: each call gets one result, written to the log when it is known, and a call is named by its turn, step and
//! place in it, so that it can be asked again after anything died. A turn never waits for an approval that is over.

use serde::{Deserialize, Serialize};
use slipway_contract::approval::ApprovalAsk;
use slipway_contract::events::{EventBody, ToolCall, ToolResult};
use slipway_contract::http::chats::TurnState;
use slipway_contract::objects::engine::TurnStep;
use slipway_contract::objects::tools::ToolEffect;
use slipway_contract::{Actor, ApprovalId, ArtifactId, Problem, ProblemCode, Timestamp, TurnId, limits};

use super::acts::{CUTS, WAIT_MS};
use super::approvals::{Approval, Asking};
use super::turns::status;
use super::{Chat, Decision, Draft, Turn, TurnChange, TurnPhase, backoff_ms, tools};

/// What the results and arguments of a turn's steps may have together, in bytes, before the older ones are shortened.
const STEPS_BYTES: usize = 192 * 1024;
/// What is left of one then.
const OLD_BYTES: usize = 2 * 1024;
/// The longest result that is kept at all, in bytes: tools cut theirs at half of it, so this is met by accident only.
const RESULT_BYTES: usize = 2 * limits::TOOL_RESULT_BYTES;

/// A step that ended in calls, while they are performed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calling {
    /// What the agent said before calling.
    pub text: String,
    /// The calls, at least one.
    pub calls: Vec<ToolCall>,
    /// Results of the first of them; the one behind is performed now.
    pub results: Vec<ToolResult>,
    /// How that one stands.
    pub state: CallState,
}

/// How the call that is performed now stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The orchestrator performs it, or is to be asked to: the same call is performed once, however often it is asked.
    Due {
        /// Streams that were cut in a row.
        failed: u8,
        /// Not to be asked before.
        not_before: Timestamp,
    },
    /// People were asked.
    Asked {
        /// What.
        approval: ApprovalId,
        /// What the tool answered already; how the approval ends is told behind it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<ToolResult>,
    },
}

/// What performing a call came to.
#[derive(Clone, Debug, PartialEq)]
pub enum CallEnd {
    /// The tool answered.
    Answered {
        /// What the agent is told.
        content: String,
        /// It did not succeed.
        is_error: bool,
        /// What the log tells beside it.
        effects: Vec<ToolEffect>,
        /// People should be asked this before the agent is told.
        ask: Option<Box<ApprovalAsk>>,
    },
    /// People must be asked first.
    Ask(Box<ApprovalAsk>),
    /// It must wait.
    Later {
        /// How long, in milliseconds.
        after_ms: u32,
    },
    /// Nobody knows; it may be asked again.
    Cut,
}

impl Turn {
    /// The call that the orchestrator is to perform: its name for ever, the call, and the time before which it is not to
    /// be asked.
    pub fn due_call(&self) -> Option<(String, &ToolCall, Timestamp)> {
        let TurnPhase::Calling(calling) = &self.phase else { return None };
        let CallState::Due { not_before, .. } = calling.state else { return None };
        let index = calling.results.len();
        let call = calling.calls.get(index)?;
        Some((format!("{}.{}.{index}", self.id, self.steps.len()), call, not_before))
    }
}

impl Chat {
    /// Calls that the orchestrator is to perform, one of a turn.
    pub fn due_calls(&self) -> impl Iterator<Item = (&Turn, String, Timestamp)> {
        self.turns.iter().filter_map(|turn| turn.due_call().map(|(key, _, at)| (turn, key, at)))
    }

    /// Performs the calls of `calling` from the first without a result on: those that the chat answers itself at once,
    /// up to the one that the orchestrator performs; behind the last one the next step begins.
    pub(super) fn perform(&self, draft: &mut Draft, mut turn: Turn, mut calling: Calling) -> TurnState {
        turn.phase = loop {
            let Some(call) = calling.calls.get(calling.results.len()) else {
                let Calling { text, calls, results, .. } = calling;
                turn.steps.push(TurnStep { text, calls, results });
                shorten_older(&mut turn.steps);
                break TurnPhase::Queued { failed: 0, not_before: draft.now };
            };
            let Some(result) = tools::answer(self, call) else {
                calling.state = CallState::Due { failed: 0, not_before: draft.now };
                break TurnPhase::Calling(Box::new(calling));
            };
            draft.add(Actor::System, told(turn.id, result.clone()));
            calling.results.push(result);
        };
        let state = turn.phase.state();
        draft.turns.push(TurnChange::Put(turn));
        state
    }

    /// The orchestrator performed the call `key` of a turn, or could not. `saved` are artifacts that the log has already.
    ///
    /// # Errors
    /// The turn has ended or works on something else meanwhile: this counts for nothing.
    pub fn end_call(
        &self,
        id: TurnId,
        key: &str,
        end: CallEnd,
        saved: &[ArtifactId],
        now: Timestamp,
    ) -> Result<Decision, Problem> {
        let turn = self.turn(id).ok_or(ProblemCode::TurnEnded)?;
        let (TurnPhase::Calling(calling), Some((due, call, _))) = (&turn.phase, turn.due_call()) else {
            return Err(ProblemCode::TurnEnded.into());
        };
        if due != key {
            return Err(ProblemCode::TurnEnded.into());
        }
        let failed = match calling.state {
            CallState::Due { failed, .. } => failed,
            CallState::Asked { .. } => 0,
        };
        let mut draft = self.draft(now);
        let result =
            |content: &str, is_error| ToolResult { id: call.id.clone(), content: cut(content), is_error };
        let again = |failed, ms| CallState::Due { failed, not_before: now.plus_ms(ms) };
        let state = match end {
            CallEnd::Answered { content, is_error, effects, ask } => {
                add_effects(&mut draft, turn, effects, saved);
                let result = result(&content, is_error);
                match ask {
                    None => self.returned(&mut draft, turn, calling, result),
                    Some(ask) => self.ask_people(&mut draft, turn, calling, *ask, Some(result)),
                }
            }
            CallEnd::Ask(ask) => self.ask_people(&mut draft, turn, calling, *ask, None),
            CallEnd::Later { after_ms } => {
                let wait = i64::from(after_ms).clamp(*WAIT_MS.start(), *WAIT_MS.end());
                stand(&mut draft, turn, calling, again(0, wait))
            }
            CallEnd::Cut if failed + 1 < CUTS => {
                stand(&mut draft, turn, calling, again(failed + 1, backoff_ms(failed)))
            }
            CallEnd::Cut => {
                let result = result("The tool could not be reached.", true);
                self.returned(&mut draft, turn, calling, result)
            }
        };
        Ok(draft.done(status(id, state)))
    }

    /// Asks the chat's people for a call; `kept` is what the tool answered already.
    fn ask_people(
        &self,
        draft: &mut Draft,
        turn: &Turn,
        calling: &Calling,
        mut ask: ApprovalAsk,
        kept: Option<ToolResult>,
    ) -> TurnState {
        let call = calling.calls.get(calling.results.len()).map(|call| call.id.clone());
        if self.is_full_of_approvals() {
            let told = "Too many approvals of this chat are waiting already.";
            let result = extended(kept, call.unwrap_or_default(), told, true);
            return self.returned(draft, turn, calling, result);
        }
        if let Some((end, _)) = ask.reason.char_indices().nth(limits::REASON_CHARS) {
            ask.reason.truncate(end);
        }
        let by = Actor::Agent { id: turn.agent };
        let asking = Asking { by, user: turn.user, turn: Some(turn.id), call, client_id: None };
        let approval = draft.open_approval(asking, &ask).id;
        stand(draft, turn, calling, CallState::Asked { approval, result: kept })
    }

    /// Tells the call that waits for an approval, if one does, how that ended.
    pub(super) fn answer_call(&self, draft: &mut Draft, approval: &Approval, told: &str, is_error: bool) {
        let Some(turn) = approval.turn.and_then(|id| self.turn(id)) else { return };
        let TurnPhase::Calling(calling) = &turn.phase else { return };
        let CallState::Asked { approval: waits_for, result } = &calling.state else { return };
        let Some(call) = calling.calls.get(calling.results.len()).filter(|_| *waits_for == approval.id)
        else {
            return;
        };
        let result = extended(result.clone(), call.id.clone(), told, is_error);
        self.returned(draft, turn, calling, result);
    }

    /// The present call has its result; on to the next.
    fn returned(&self, draft: &mut Draft, turn: &Turn, calling: &Calling, result: ToolResult) -> TurnState {
        draft.add(Actor::System, told(turn.id, result.clone()));
        let mut calling = calling.clone();
        calling.results.push(result);
        self.perform(draft, turn.clone(), calling)
    }
}

/// The present call stands so from now on.
fn stand(draft: &mut Draft, turn: &Turn, calling: &Calling, state: CallState) -> TurnState {
    let phase = TurnPhase::Calling(Box::new(Calling { state, ..calling.clone() }));
    let state = phase.state();
    draft.turns.push(TurnChange::Put(Turn { phase, ..turn.clone() }));
    state
}

/// A tool answered, as the log tells it.
const fn told(turn: TurnId, result: ToolResult) -> EventBody {
    EventBody::ToolReturned { turn, result, forgotten: false }
}

fn extended(kept: Option<ToolResult>, id: String, told: &str, is_error: bool) -> ToolResult {
    match kept {
        Some(kept) => ToolResult {
            content: format!("{}\n\n{}", kept.content, cut(told)),
            is_error: kept.is_error || is_error,
            ..kept
        },
        None => ToolResult { id, content: cut(told), is_error },
    }
}

fn add_effects(draft: &mut Draft, turn: &Turn, effects: Vec<ToolEffect>, saved: &[ArtifactId]) {
    let by = Actor::Agent { id: turn.agent };
    for effect in effects {
        match effect {
            ToolEffect::PreviewOpened { sandbox, port } => {
                draft.add(by, EventBody::PreviewOpened { sandbox, port, turn: Some(turn.id) });
            }
            ToolEffect::ArtifactSaved(artifact) if saved.contains(&artifact.id) => {}
            ToolEffect::ArtifactSaved(artifact) => {
                draft.add(artifact.by, EventBody::ArtifactSaved { artifact, turn: Some(turn.id) });
            }
        }
    }
}

/// Keeps what a model is given within bounds: results and arguments of the oldest steps lose their middle first, the
/// newest step is left whole.
fn shorten_older(steps: &mut [TurnStep]) {
    let mut sum: usize = steps.iter_mut().flat_map(texts).map(|text| text.len()).sum();
    let Some((_, older)) = steps.split_last_mut() else { return };
    for text in older.iter_mut().flat_map(texts) {
        if sum <= STEPS_BYTES {
            return;
        }
        let shorter = shortened(text, OLD_BYTES);
        sum = sum.saturating_sub(text.len().saturating_sub(shorter.len()));
        *text = shorter;
    }
}

/// What is long in a step: results, and texts among the arguments.
fn texts(step: &mut TurnStep) -> impl Iterator<Item = &mut String> {
    let arguments = step.calls.iter_mut().filter_map(|call| call.arguments.as_object_mut());
    let arguments = arguments.flat_map(|object| object.values_mut()).filter_map(|value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_)
        | serde_json::Value::Object(_) => None,
    });
    step.results.iter_mut().map(|result| &mut result.content).chain(arguments)
}

fn cut(text: &str) -> String {
    shortened(text, RESULT_BYTES)
}

/// A text with at most about `bytes`: its start and its end. What was shortened before stays as it is.
pub fn shortened(text: &str, bytes: usize) -> String {
    if text.len() <= bytes + 64 {
        return text.to_owned();
    }
    let half = bytes / 2;
    let start = (0..=half).rev().find_map(|at| text.get(..at)).unwrap_or_default();
    let end = (text.len() - half..=text.len()).find_map(|at| text.get(at..)).unwrap_or_default();
    format!("{start}\n… {} bytes left out …\n{end}", text.len() - start.len() - end.len())
}
