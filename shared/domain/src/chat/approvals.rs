//! Approvals: what people are asked before something happens, and how they answer. `acts.rs` sees it carried out.
//!
//! Invariant: an approval is open, then (if approved) carried out, then over, and never goes back. Agents never answer,
//! a person answers once, and the answer that settles it, its end and what a waiting tool call is told are one decision.

use serde::{Deserialize, Serialize};
use slipway_contract::approval::{
    ApprovalAction, ApprovalAsk, ApprovalOption, ApprovalState, SelfApproval, Vote,
};
use slipway_contract::events::EventBody;
use slipway_contract::http::approvals::{self, ApprovalDecision, DecideApproval};
use slipway_contract::{
    Actor, ApprovalId, ParticipantId, Problem, ProblemCode, Timestamp, TurnId, UserId, limits,
};

use super::messages::limit;
use super::{Answer, Ask, Chat, Decision, Draft, Person};

/// An approval, until it is over and all who need to know were told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Who asks.
    pub asked_by: Actor,
    /// The person who caused it, if any did.
    pub user: Option<UserId>,
    /// The turn that waits for it.
    pub turn: Option<TurnId>,
    /// The client's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The question.
    pub ask: ApprovalAsk,
    /// Who has answered.
    pub votes: Vec<Vote>,
    /// What those who approved chose, once somebody has.
    pub option: Option<ApprovalOption>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it ends unanswered.
    pub expires_at: Timestamp,
    /// Grows with everything that the org's inbox shows of it.
    pub version: u64,
    /// How it stands.
    pub phase: ApprovalPhase,
}

/// How an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalPhase {
    /// Waits for people.
    Open,
    /// Approved, and carried out by the orchestrator, which does it once however often it is asked.
    Acting {
        /// Streams that were cut in a row.
        cuts: u8,
        /// Not to be asked before.
        not_before: Timestamp,
    },
    /// Over.
    Ended(ApprovalState),
}

/// Who asks people, and who waits.
pub(super) struct Asking {
    pub by: Actor,
    pub user: Option<UserId>,
    pub turn: Option<TurnId>,
    pub call: Option<String>,
    pub client_id: Option<String>,
}

impl Approval {
    /// The same in the words of the API.
    pub const fn state(&self) -> ApprovalState {
        match self.phase {
            ApprovalPhase::Open => ApprovalState::Open,
            ApprovalPhase::Acting { .. } => ApprovalState::Approved,
            ApprovalPhase::Ended(state) => state,
        }
    }

    fn is_open(&self) -> bool {
        self.phase == ApprovalPhase::Open
    }

    /// As people see it.
    pub(super) fn describe(&self, title: &str) -> approvals::Approval {
        approvals::Approval {
            id: self.id,
            chat: self.id.chat(),
            chat_title: title.to_owned(),
            asked_by: self.asked_by,
            user: self.user,
            turn: self.turn,
            ask: self.ask.clone(),
            state: self.state(),
            votes: self.votes.clone(),
            asked_at: self.asked_at,
            expires_at: self.expires_at,
        }
    }

    /// Whether the question offers a way.
    fn offers(&self, option: ApprovalOption) -> bool {
        match option {
            ApprovalOption::New => true,
            ApprovalOption::Reuse => {
                matches!(self.ask.action, ApprovalAction::StartSandbox { reuse: Some(_), .. })
            }
        }
    }
}

impl Draft {
    /// Puts a question to the chat's people.
    pub(super) fn open_approval(&mut self, asking: Asking, ask: &ApprovalAsk) -> Approval {
        let id = ApprovalId::new(self.chat, self.head.next());
        let expires_at = self.now.plus_ms(i64::from(ask.life_s) * 1000);
        let Asking { by, user, turn, call, client_id } = asking;
        let question = Box::new(ask.clone());
        let body = EventBody::ApprovalRequested { approval: id, user, turn, call, ask: question, expires_at };
        self.add(by, body);
        let approval = Approval {
            id,
            asked_by: by,
            user,
            turn,
            client_id,
            ask: ask.clone(),
            votes: Vec::new(),
            option: None,
            asked_at: self.now,
            expires_at,
            version: 1,
            phase: ApprovalPhase::Open,
        };
        self.approvals.push(approval.clone());
        approval
    }
}

impl Chat {
    /// A person asks the others, once under each client id. By `System`, after the org's rules allowed it.
    pub(super) fn request_approval(
        &self,
        question: &ApprovalAsk,
        by: UserId,
        client_id: Option<&str>,
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        self.told_by_system(ask)?;
        let by_actor = Actor::User { id: by };
        self.admitted(by_actor, None)?;
        if client_id.is_some_and(|id| !(1..=limits::CLIENT_ID_BYTES).contains(&id.len())) {
            return Err(Problem::field("client_id", "must have 1 to 64 bytes"));
        }
        if let Some(earlier) = &ask.facts.approval {
            return Ok(Decision::unchanged(self.answer_with(earlier)));
        }
        if question.reason.chars().count() > limits::REASON_CHARS {
            return Err(Problem::field("reason", "must have at most 500 characters"));
        }
        if self.is_full_of_approvals() {
            return Err(limit(format!(
                "at most {} approvals of a chat wait at a time",
                limits::OPEN_APPROVALS_PER_CHAT
            )));
        }
        let mut draft = self.draft(ask.now);
        let client_id = client_id.map(str::to_owned);
        let asking = Asking { by: by_actor, user: Some(by), turn: None, call: None, client_id };
        let approval = draft.open_approval(asking, question);
        Ok(draft.done(self.answer_with(&approval)))
    }

    /// What a person asked before, for whoever does not know whether they did. By `System`.
    pub(super) fn earlier_approval(&self, by: UserId, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.told_by_system(ask)?;
        self.admitted(Actor::User { id: by }, None)?;
        let earlier = ask.facts.approval.as_ref().ok_or(ProblemCode::NotFound)?;
        Ok(Decision::unchanged(self.answer_with(earlier)))
    }

    /// An approval that is not over.
    pub fn approval(&self, id: ApprovalId) -> Option<&Approval> {
        self.approvals.iter().find(|approval| approval.id == id)
    }

    /// Takes over how an approval stands; one that is over is forgotten.
    pub(super) fn keep_approval(&mut self, approval: &Approval) {
        if matches!(approval.phase, ApprovalPhase::Ended(_)) {
            self.approvals.retain(|known| known.id != approval.id);
        } else if let Some(known) = self.approvals.iter_mut().find(|known| known.id == approval.id) {
            known.clone_from(approval);
        } else {
            self.approvals.push(approval.clone());
        }
    }

    /// Whether so many approvals are open that no more may be.
    pub(super) fn is_full_of_approvals(&self) -> bool {
        self.open_approvals().count() >= limits::OPEN_APPROVALS_PER_CHAT
    }

    /// Approvals that wait for people, oldest first.
    pub(super) fn open_approvals(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(|approval| approval.is_open())
    }

    /// A person answers; `guests` are those of the chat who could not.
    pub(super) fn decide_approval(
        &self,
        id: ApprovalId,
        answer: &DecideApproval,
        guests: &[UserId],
        ask: Ask<'_>,
    ) -> Result<Decision, Problem> {
        let ParticipantId::User { id: user } = self.admitted(ask.actor, ask.org)?.participant.id else {
            return Err(Problem::new(ProblemCode::Forbidden).detail("only people decide"));
        };
        let over = ask.facts.approval.as_ref().filter(|over| over.id == id);
        let approval = self.approval(id).or(over).ok_or(ProblemCode::NotFound)?;
        let approve = answer.decision == ApprovalDecision::Approve;
        let option = answer.option.unwrap_or(ApprovalOption::New);
        let voted = approval.votes.iter().find(|vote| vote.user == user);
        if voted.is_some_and(|vote| vote.approve == approve && (!approve || approval.option == Some(option)))
        {
            return Ok(Decision::unchanged(self.answer_with(approval)));
        }
        if !approval.is_open() || approval.expires_at <= ask.now {
            return Err(ended(approval));
        }
        if voted.is_some() {
            return Err(not_yours("you have answered differently before"));
        }
        if approve {
            self.may_approve(approval, user, guests)?;
            if !approval.offers(option) {
                return Err(Problem::field("option", "is not offered"));
            }
            // Each of them agrees to what will happen, not to something like it.
            if approval.option.is_some_and(|chosen| chosen != option) {
                return Err(Problem::field("option", "others approved the other way"));
            }
        }
        let reason = answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| reason.chars().count() > limits::REASON_CHARS) {
            return Err(Problem::field("reason", "must have at most 500 characters"));
        }
        let mut draft = self.draft(ask.now);
        let reason = reason.map(str::to_owned);
        let body = EventBody::ApprovalVoted { approval: id, approve, option, reason: reason.clone() };
        draft.add(ask.actor, body);
        let mut next = approval.clone();
        next.votes.push(Vote { user, approve });
        next.version += 1;
        let answered = if !approve {
            let next = close(&mut draft, next, ask.actor, ApprovalState::Denied);
            self.answer_call(&mut draft, &next, &self.denial(user, reason.as_deref()), true);
            next
        } else {
            next.option = Some(option);
            if next.votes.len() >= usize::from(next.ask.quorum) {
                close(&mut draft, next, ask.actor, ApprovalState::Approved)
            } else {
                draft.approvals.push(next.clone());
                next
            }
        };
        Ok(draft.done(self.answer_with(&answered)))
    }

    /// Whether one's approval counts when one caused the question: who could answer in one's place is counted, at the
    /// moment of the answer.
    fn may_approve(&self, approval: &Approval, user: UserId, guests: &[UserId]) -> Result<(), Problem> {
        if approval.user != Some(user) {
            return Ok(());
        }
        let could = |person: &Person| match person.participant.id {
            ParticipantId::User { id } => id != user && !guests.contains(&id),
            ParticipantId::Agent { .. } => false,
        };
        match approval.ask.self_approval {
            SelfApproval::Always => Ok(()),
            SelfApproval::WhenAlone if !self.people.iter().any(could) => Ok(()),
            SelfApproval::WhenAlone | SelfApproval::Never => {
                Err(not_yours("you caused this: somebody else must approve it"))
            }
        }
    }

    fn denial(&self, user: UserId, reason: Option<&str>) -> String {
        let name = self.name_of(ParticipantId::User { id: user });
        match reason {
            Some(reason) => format!("Denied by {name}: {reason}"),
            None => format!("Denied by {name}."),
        }
    }

    /// When the next open approval ends unanswered.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.open_approvals().map(|approval| approval.expires_at).min()
    }

    /// Ends the approvals that nobody answered in time.
    pub fn expire_approvals(&self, now: Timestamp) -> Decision {
        let mut draft = self.draft(now);
        for approval in self.open_approvals().filter(|approval| approval.expires_at <= now) {
            let closed = close(&mut draft, approval.clone(), Actor::System, ApprovalState::Expired);
            let told = format!("Nobody answered within {}.", spoken_time(closed.ask.life_s));
            self.answer_call(&mut draft, &closed, &told, true);
        }
        draft.done(Answer::Chat)
    }

    /// What a turn that ends had asked is asked no more. What was approved already happens all the same.
    pub(super) fn withdraw(&self, draft: &mut Draft, turn: TurnId, by: Actor) {
        for approval in self.open_approvals().filter(|approval| approval.turn == Some(turn)) {
            close(draft, approval.clone(), by, ApprovalState::Withdrawn);
        }
    }

    fn answer_with(&self, approval: &Approval) -> Answer {
        Answer::Approval(Box::new(approval.describe(&self.title)))
    }
}

/// Ends the question; what was approved is carried out from now on.
fn close(draft: &mut Draft, mut approval: Approval, by: Actor, state: ApprovalState) -> Approval {
    draft.add(by, EventBody::ApprovalClosed { approval: approval.id, state });
    approval.version += 1;
    approval.phase = match state {
        ApprovalState::Approved => ApprovalPhase::Acting { cuts: 0, not_before: draft.now },
        ApprovalState::Open | ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Withdrawn => {
            ApprovalPhase::Ended(state)
        }
    };
    draft.approvals.push(approval.clone());
    approval
}

fn ended(approval: &Approval) -> Problem {
    let how = match approval.state() {
        // Its time is over; that is written down in a moment.
        ApprovalState::Open | ApprovalState::Expired => "nobody answered in time",
        ApprovalState::Approved => "it was approved",
        ApprovalState::Denied => "it was denied",
        ApprovalState::Withdrawn => "who asked for it has ended",
    };
    Problem::new(ProblemCode::ApprovalEnded).detail(how)
}

fn not_yours(detail: &str) -> Problem {
    Problem::new(ProblemCode::NotYoursToDecide).detail(detail)
}

/// A length of time in the largest unit that says it whole.
fn spoken_time(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
