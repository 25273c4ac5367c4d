//! What the chat knows of its sandboxes, and files that were kept from them. The orchestrator owns both and tells the chat.
//!
//! Invariant: of a sandbox only newer news count, so it does not matter in which order, or how often, they come.

use slipway_contract::events::EventBody;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::sandbox::{SandboxState, SandboxStatus};
use slipway_contract::{Actor, Problem, ProblemCode};

use super::{Answer, Ask, Chat, Decision};

impl Chat {
    /// A command that only Slipway itself gives.
    pub(super) fn told_by_system(&self, ask: Ask<'_>) -> Result<(), Problem> {
        let named = ask.org.is_none_or(|org| org == self.org);
        if ask.actor == Actor::System && named { Ok(()) } else { Err(ProblemCode::NotFound.into()) }
    }

    /// A sandbox stands differently.
    pub(super) fn sandbox_changed(&self, status: &SandboxStatus, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.told_by_system(ask)?;
        if self
            .sandboxes
            .iter()
            .any(|known| known.sandbox == status.sandbox && known.version >= status.version)
        {
            return Ok(Decision::unchanged(Answer::Chat));
        }
        let mut draft = self.draft(ask.now);
        draft.add(Actor::System, EventBody::SandboxChanged { status: status.clone() });
        Ok(draft.done(Answer::Chat))
    }

    /// The sandbox that the chat's agents work in: the newest that is not destroyed. (Their ids grow with time.)
    pub fn sandbox(&self) -> Option<&SandboxStatus> {
        let left = self.sandboxes.iter().filter(|status| status.state != SandboxState::Destroyed);
        left.max_by_key(|status| status.sandbox)
    }

    /// Takes over how a sandbox stands.
    pub(super) fn keep_sandbox(&mut self, status: &SandboxStatus) {
        self.sandboxes.retain(|known| known.sandbox != status.sandbox);
        self.sandboxes.push(status.clone());
    }

    /// A person kept a file.
    pub(super) fn artifact_saved(&self, artifact: &Artifact, ask: Ask<'_>) -> Result<Decision, Problem> {
        self.told_by_system(ask)?;
        if artifact.chat != self.id {
            return Err(ProblemCode::NotFound.into());
        }
        if ask.facts.saved.contains(&artifact.id) {
            return Ok(Decision::unchanged(Answer::Chat));
        }
        let mut draft = self.draft(ask.now);
        draft.add(artifact.by, EventBody::ArtifactSaved { artifact: artifact.clone(), turn: None });
        Ok(draft.done(Answer::Chat))
    }
}
