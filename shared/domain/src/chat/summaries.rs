//! Rolling summaries: turns that sum up what lies before the recent messages, and say nothing in the chat.
//!
//! Invariant: at most one is open, it works beside its agent's answers, and it ends where a message that it may have read
//! is changed: what it would say might quote what was taken back.

use slipway_contract::events::{EventBody, TurnFailureCode, Usage};
use slipway_contract::http::chats::TurnState;
use slipway_contract::{Actor, ForkId, MessageId, Seq, limits};

use super::queue::Wanted;
use super::turns::{failure, status};
use super::{Chat, Decision, Draft, Turn, TurnChange};

/// Recent messages, which no summary covers when it is written, and their text in bytes.
pub const RECENT_MESSAGES: u64 = 40;
/// More messages than this before them want a summary.
pub const UNSUMMED_MESSAGES: u64 = 20;
/// The most messages that an agent is given as they are: what no summary covers yet is given too, so that nothing of the
/// chat is in neither. Each is a part of the receipt, which has room for 200.
pub const GIVEN_MESSAGES: u64 = RECENT_MESSAGES + UNSUMMED_MESSAGES;
/// Text of the messages that are given, in bytes.
pub const RECENT_BYTES: usize = 48 * 1024;
/// Messages that are summed up at a time.
pub const PORTION_MESSAGES: u64 = 100;
/// Their text in bytes.
pub const PORTION_BYTES: usize = 48 * 1024;
/// What a message gives to a summary, in bytes: about its start and its end. So a portion is never a single message.
pub const SUMMED_BYTES: usize = 8 * 1024;
/// How far before the recent messages a chat that was long without a summary begins to be summed up, in messages.
pub const BACK_MESSAGES: u64 = 400;
/// Messages that must come before it is tried again after a failure.
const PAUSE_MESSAGES: u64 = 20;
/// Longest summary, in bytes of UTF-8: it is given in every turn.
const SUMMARY_BYTES: usize = 16 * 1024;

/// What the log says about the chat's summary when a turn of the chat itself ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsummed {
    /// The first event that is covered by the turn that ends, if it sums up.
    pub from: Option<Seq>,
    /// Messages behind the newest summary (or that of the turn that ends) and before the recent ones.
    pub messages: u64,
    /// They are more than one turn sums up.
    pub full: bool,
    /// The last message that the next turn that sums up would cover.
    pub last: Option<MessageId>,
    /// How many messages there were when the newest turn to sum up failed, if it did.
    pub failed_at: Option<u64>,
}

impl Chat {
    /// Behind a turn of the chat itself: has its agent sum up what has gathered, if that is enough.
    pub(super) fn queue_summary(&self, draft: &mut Draft, turn: &Turn, unsummed: &Unsummed) {
        let Some(cause) = unsummed.last else { return };
        let is_due = unsummed.messages > UNSUMMED_MESSAGES || unsummed.full;
        let is_paused = unsummed.failed_at.is_some_and(|at| self.message_count < at + PAUSE_MESSAGES);
        let is_open = self.turns.iter().any(|open| open.summary && open.id != turn.id);
        // People's questions come first where there is no room for all.
        let has_room = self.turns.len() + draft.turns.len() < limits::OPEN_TURNS_PER_CHAT;
        if turn.fork.is_none() && is_due && !is_paused && !is_open && has_room {
            let (depth, user) = (0, turn.user);
            let wanted = Wanted { cause, depth, user, fork: None, draft: false, summary: true };
            self.queue_turn(draft, turn.agent, wanted);
        }
    }

    /// A turn that sums up has its text.
    pub(super) fn end_summary(
        &self,
        mut draft: Draft,
        turn: &Turn,
        text: &str,
        (model, usage): (String, Usage),
        unsummed: &Unsummed,
    ) -> Decision {
        let Some(from) = unsummed.from else {
            return self.fail(draft, turn, failure(TurnFailureCode::Internal, "Nothing is left to sum up."));
        };
        let end = (0..=text.len().min(SUMMARY_BYTES)).rev().find(|at| text.is_char_boundary(*at));
        let text = text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned();
        let to = turn.cause.seq();
        let mut total = turn.usage;
        total += usage;
        let summarised = EventBody::TurnSummarised { turn: turn.id, from, to, text, model, usage: total };
        draft.add(Actor::Agent { id: turn.agent }, summarised);
        draft.turns.push(TurnChange::End(turn.id));
        self.queue_summary(&mut draft, turn, unsummed);
        draft.done(status(turn.id, TurnState::Completed))
    }

    /// A message changes: a turn that sums it up, or builds on a summary of it, ends. The next one sees what is there.
    pub(super) fn give_up_summary(&self, draft: &mut Draft, message: MessageId, fork: Option<ForkId>) {
        let covers = |turn: &&Turn| turn.summary && fork.is_none() && message.seq() <= turn.cause.seq();
        for turn in self.turns.iter().filter(covers) {
            draft.add(Actor::System, EventBody::TurnCancelled { turn: turn.id, message: None });
            draft.turns.push(TurnChange::End(turn.id));
        }
    }
}

/// How many texts of these lengths are given where there is space for so many bytes: at least one, whatever its length.
pub fn fitting(lengths: impl Iterator<Item = usize>, mut space: usize) -> usize {
    let fits = lengths.take_while(|length| {
        let fits = *length <= space;
        space = space.saturating_sub(*length);
        fits
    });
    fits.count().max(1)
}
