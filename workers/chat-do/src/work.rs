//! What changes a chat: somebody's command, or what the object's own work came to.

use slipway_contract::http::messages::PostMessage;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::tools::ToolEffect;
use slipway_contract::{
    Actor, ApprovalId, ArtifactId, ChatId, OrgId, Problem, ProblemCode, Timestamp, TurnId,
};
use slipway_domain::chat::acts::ActEnd;
use slipway_domain::chat::calls::CallEnd;
use slipway_domain::chat::turns::StepEnd;
use slipway_domain::chat::{self, Ask, Chat, Decision, Facts, Unsummed};

use crate::room::Room;

/// Something that changes the chat.
pub(crate) enum Work {
    /// Somebody's command.
    Command {
        /// Who.
        actor: Actor,
        /// The org that they named.
        org: Option<OrgId>,
        /// What.
        command: ChatCommand,
    },
    /// A queued turn begins.
    StartTurn(TurnId),
    /// A step of a turn has ended.
    EndStep {
        /// The turn.
        turn: TurnId,
        /// The attempt that it belongs to.
        attempt: u8,
        /// What it came to.
        end: StepEnd,
    },
    /// A call of a tool has ended.
    EndCall {
        /// The turn.
        turn: TurnId,
        /// The call.
        key: String,
        /// What it came to.
        end: CallEnd,
    },
    /// Carrying out something approved has ended.
    EndAct {
        /// The approval.
        approval: ApprovalId,
        /// What it came to.
        end: ActEnd,
    },
    /// The time of open approvals is over.
    ExpireApprovals,
}

impl Work {
    /// The process that ran the turn is gone.
    pub(crate) fn interrupted(turn: TurnId, attempt: u8) -> Self {
        Self::EndStep { turn, attempt, end: StepEnd::interrupted() }
    }

    /// The message that it posts, and who posts it.
    pub(crate) fn post(&self) -> Option<(Actor, &PostMessage)> {
        let Self::Command { actor, command, .. } = self else { return None };
        let (ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. }) = command else { return None };
        Some((*actor, post))
    }

    /// Whether it is decided on what is in memory; whatever else asks the log must find it written up.
    pub(crate) fn needs_log(&self) -> bool {
        match self {
            Self::Command {
                command: ChatCommand::Post(post) | ChatCommand::PostFiles { post, .. }, ..
            } => post.reply_to.is_some() || post.fork.is_some(),
            Self::Command { .. } => true,
            Self::EndCall { .. } => !self.artifacts().is_empty(),
            // An answer may want the chat to be summed up.
            Self::EndStep { end, .. } => matches!(end, StepEnd::Answered { .. }),
            Self::StartTurn(_) | Self::EndAct { .. } | Self::ExpireApprovals => false,
        }
    }

    /// What the log says about it.
    pub(crate) fn facts(&self, room: &Room, id: ChatId, chat: Option<&Chat>) -> worker::Result<Facts> {
        if !self.needs_log() {
            return Ok(Facts::default());
        }
        let mut facts = match self {
            Self::Command { actor, command, .. } => room.storage.facts(id, *actor, command)?,
            Self::EndStep { turn, .. } => {
                let turn = chat.and_then(|chat| chat.turn(*turn)).filter(|turn| turn.fork.is_none());
                let unsummed =
                    turn.map_or_else(|| Ok(Unsummed::default()), |turn| room.storage.unsummed(turn));
                Facts { unsummed: unsummed?, ..Facts::default() }
            }
            Self::EndCall { .. } | Self::StartTurn(_) | Self::EndAct { .. } | Self::ExpireApprovals => {
                Facts::default()
            }
        };
        let artifacts = self.artifacts();
        if !artifacts.is_empty() {
            facts.saved = room.storage.saved(&artifacts)?;
        }
        Ok(facts)
    }

    fn artifacts(&self) -> Vec<ArtifactId> {
        match self {
            Self::Command { command: ChatCommand::ArtifactSaved(artifact), .. } => vec![artifact.id],
            Self::EndCall { end: CallEnd::Answered { effects, .. }, .. } => effects
                .iter()
                .filter_map(|effect| match effect {
                    ToolEffect::ArtifactSaved(artifact) => Some(artifact.id),
                    ToolEffect::PreviewOpened { .. } => None,
                })
                .collect(),
            Self::Command { .. }
            | Self::EndCall { .. }
            | Self::StartTurn(_)
            | Self::EndStep { .. }
            | Self::EndAct { .. }
            | Self::ExpireApprovals => Vec::new(),
        }
    }

    /// What the chat makes of it. A turn that is stopped keeps what its agent has said in this process.
    pub(crate) fn decide(
        &self,
        room: &Room,
        id: ChatId,
        chat: Option<&Chat>,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<Decision, Problem> {
        let known = chat.ok_or(ProblemCode::NotFound);
        match self {
            Self::Command { actor, org, command } => {
                let ask = Ask { actor: *actor, org: *org, command, facts, now };
                match (chat, command) {
                    (Some(chat), ChatCommand::CancelTurn { turn }) => {
                        chat.cancel_turn(*turn, &room.running.said(*turn), ask)
                    }
                    (chat, _) => chat::decide(chat, id, ask),
                }
            }
            Self::StartTurn(turn) => known?.start_turn(*turn, now),
            Self::EndStep { turn, attempt, end } => {
                known?.end_step(*turn, *attempt, end.clone(), &facts.unsummed, now)
            }
            Self::EndCall { turn, key, end } => known?.end_call(*turn, key, end.clone(), &facts.saved, now),
            Self::EndAct { approval, end } => known?.end_act(*approval, end.clone(), now),
            Self::ExpireApprovals => Ok(known?.expire_approvals(now)),
        }
    }
}
