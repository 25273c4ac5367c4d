//! The door of a chat: who may ask what, and which file decides it.

use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, Problem, ProblemCode};

use super::{Answer, Ask, Chat, Decision};

/// Decides one command. `chat` is `None` while the chat does not exist.
///
/// # Errors
/// The problem that the caller is told. Nothing changes then.
pub fn decide(chat: Option<&Chat>, id: ChatId, ask: Ask<'_>) -> Result<Decision, Problem> {
    let Some(chat) = chat else {
        return match ask.command {
            ChatCommand::Create { .. } => super::people::create(id, ask),
            ChatCommand::Describe
            | ChatCommand::Update(_)
            | ChatCommand::Events(_)
            | ChatCommand::AddParticipant { .. }
            | ChatCommand::RemoveParticipant { .. }
            | ChatCommand::Post(_)
            | ChatCommand::Edit { .. }
            | ChatCommand::Delete { .. }
            | ChatCommand::React { .. }
            | ChatCommand::MarkRead { .. }
            | ChatCommand::IssueTicket
            | ChatCommand::CancelTurn { .. }
            | ChatCommand::RedeemTicket { .. }
            | ChatCommand::RequestApproval { .. }
            | ChatCommand::EarlierApproval { .. }
            | ChatCommand::Decide { .. }
            | ChatCommand::SandboxChanged(_)
            | ChatCommand::PostFiles { .. }
            | ChatCommand::Pin { .. }
            | ChatCommand::CreateFork { .. }
            | ChatCommand::Forks(_)
            | ChatCommand::DraftFork { .. }
            | ChatCommand::AcceptFork { .. }
            | ChatCommand::AbandonFork { .. }
            | ChatCommand::Search(_)
            | ChatCommand::Close
            | ChatCommand::Erase
            | ChatCommand::ErasePerson { .. }
            | ChatCommand::ForgetTurns { .. }
            | ChatCommand::Reindex
            | ChatCommand::BeginExport { .. }
            | ChatCommand::ExportPart { .. }
            | ChatCommand::Wipe { .. }
            | ChatCommand::ArtifactSaved(_) => Err(ProblemCode::NotFound.into()),
        };
    };
    match ask.command {
        ChatCommand::Create { creator, .. } => {
            chat.admitted(creator.id.into(), ask.org).map(|_| Decision::unchanged(Answer::Chat))
        }
        ChatCommand::AddParticipant { participant, by } => chat.add_participant(participant, *by, ask),
        ChatCommand::RemoveParticipant { participant } => chat.remove_participant(*participant, ask),
        ChatCommand::Describe | ChatCommand::Events(_) | ChatCommand::Forks(_) | ChatCommand::IssueTicket => {
            chat.admitted(ask.actor, ask.org).map(|_| Decision::unchanged(Answer::Chat))
        }
        ChatCommand::Update(update) => chat.update(update, ask),
        ChatCommand::Post(post) => chat.post(post, &[], ask),
        ChatCommand::PostFiles { post, attachments } => chat.post(post, attachments, ask),
        ChatCommand::Edit { message, text } => chat.edit(*message, text, ask),
        ChatCommand::Delete { message } => chat.delete(*message, ask),
        ChatCommand::React { message, emoji, on } => chat.react(*message, emoji, *on, ask),
        ChatCommand::Pin { message, on } => chat.pin(*message, *on, ask),
        ChatCommand::MarkRead { seq } => chat.mark_read(*seq, ask),
        ChatCommand::CancelTurn { turn } => chat.cancel_turn(*turn, "", ask),
        ChatCommand::RedeemTicket { .. } => {
            chat.told_by_system(ask).map(|()| Decision::unchanged(Answer::Chat))
        }
        ChatCommand::RequestApproval { ask: question, by, client_id } => {
            chat.request_approval(question, *by, client_id.as_deref(), ask)
        }
        ChatCommand::EarlierApproval { by, .. } => chat.earlier_approval(*by, ask),
        ChatCommand::Decide { approval, decision, guests } => {
            chat.decide_approval(*approval, decision, guests, ask)
        }
        ChatCommand::SandboxChanged(status) => chat.sandbox_changed(status, ask),
        ChatCommand::CreateFork { fork, most } => chat.create_fork(fork, *most, ask),
        ChatCommand::DraftFork { fork } => chat.draft_fork(*fork, ask),
        ChatCommand::AcceptFork { fork, accepted } => chat.accept_fork(*fork, accepted, ask),
        ChatCommand::AbandonFork { fork } => chat.abandon_fork(*fork, ask),
        // The object's own, which need no decision.
        ChatCommand::Search(_)
        | ChatCommand::Close
        | ChatCommand::Erase
        | ChatCommand::ErasePerson { .. }
        | ChatCommand::ForgetTurns { .. } => Err(ProblemCode::NotBuilt.into()),
        ChatCommand::ArtifactSaved(artifact) => chat.artifact_saved(artifact, ask),
        // These change nothing that the log tells of: the object answers them by its standing.
        ChatCommand::Reindex
        | ChatCommand::BeginExport { .. }
        | ChatCommand::ExportPart { .. }
        | ChatCommand::Wipe { .. } => Err(ProblemCode::NotFound.into()),
    }
}
