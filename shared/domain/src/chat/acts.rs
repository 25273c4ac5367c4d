//! Carrying out what people approved, by the orchestrator: it does each approval once, however often it is asked.
//!
//! Invariant: what is approved is asked for until it worked or never will, and whoever waits for it is told which in the
//! decision that writes it down.

use slipway_contract::approval::ApprovalState;
use slipway_contract::events::EventBody;
use slipway_contract::{Actor, ApprovalId, Problem, ProblemCode, Timestamp};

use super::{Answer, Approval, ApprovalPhase, Chat, Decision, backoff_ms};

/// Streams about one approved action, or one tool call, that may be cut in a row before it has failed.
pub const CUTS: u8 = 10;
/// The shortest and the longest wait that the orchestrator may ask for, in milliseconds.
pub(super) const WAIT_MS: core::ops::RangeInclusive<i64> = 200..=600_000;

/// What carrying something out came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActEnd {
    /// It worked, or never will.
    Ended {
        /// It worked.
        done: bool,
        /// What came of it.
        detail: String,
    },
    /// It must wait.
    Later {
        /// How long, in milliseconds.
        after_ms: u32,
    },
    /// Nobody knows; it may be asked again.
    Cut,
}

impl Chat {
    /// What is approved and not yet carried out, with the time before which it is not to be asked.
    pub fn acting(&self) -> impl Iterator<Item = (&Approval, Timestamp)> {
        self.approvals.iter().filter_map(|approval| match approval.phase {
            ApprovalPhase::Acting { not_before, .. } => Some((approval, not_before)),
            ApprovalPhase::Open | ApprovalPhase::Ended(_) => None,
        })
    }

    /// The orchestrator said how far it came with something approved.
    ///
    /// # Errors
    /// It is over already.
    pub fn end_act(&self, id: ApprovalId, end: ActEnd, now: Timestamp) -> Result<Decision, Problem> {
        let approval = self.approval(id).ok_or(ProblemCode::ApprovalEnded)?;
        let ApprovalPhase::Acting { cuts, .. } = approval.phase else {
            return Err(ProblemCode::ApprovalEnded.into());
        };
        let mut draft = self.draft(now);
        let mut next = approval.clone();
        let again = |cuts, ms| ApprovalPhase::Acting { cuts, not_before: now.plus_ms(ms) };
        let (done, detail) = match end {
            ActEnd::Later { after_ms } => {
                next.phase = again(0, i64::from(after_ms).clamp(*WAIT_MS.start(), *WAIT_MS.end()));
                draft.approvals.push(next);
                return Ok(draft.done(Answer::Chat));
            }
            ActEnd::Cut if cuts + 1 < CUTS => {
                next.phase = again(cuts + 1, backoff_ms(cuts));
                draft.approvals.push(next);
                return Ok(draft.done(Answer::Chat));
            }
            ActEnd::Cut => (false, "It could not be carried out: what does it cannot be reached.".to_owned()),
            ActEnd::Ended { done, detail } => (done, detail),
        };
        draft
            .add(Actor::System, EventBody::ApprovalCarriedOut { approval: id, done, detail: detail.clone() });
        next.phase = ApprovalPhase::Ended(ApprovalState::Approved);
        self.answer_call(&mut draft, &next, &detail, !done);
        draft.approvals.push(next);
        Ok(draft.done(Answer::Chat))
    }
}
