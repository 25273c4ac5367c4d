//! The object's side of an archive: when a chat may leave its object, what is left there, and what may come back.
//!
//! Invariants: rows are given up only under a seal that no write has taken away since the first of them was read; and what
//! comes back is what left, whole, or nothing is taken for the chat.

mod check;
mod front;
mod part;
#[cfg(test)]
mod tests;

use slipway_contract::objects::archive::{ArchiveStub, ExportBlock};
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{ArchiveId, OrgId, Problem, ProblemCode};

pub use check::{Refused, check_manifest, check_part, check_whole, parts_after};
pub use front::{FRONT_BYTES, FRONT_EVENTS, Front};
pub use part::{Batch, Part, PartDraft};

use super::Chat;

/// How an object holds its chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In its tables.
    Here,
    /// In its tables, and nothing was written since an archive began.
    Sealed(ArchiveId),
    /// In R2. `parts` of it are in the tables again.
    Away {
        /// What is left here.
        stub: ArchiveStub,
        /// Parts that are back.
        parts: u32,
    },
    /// In its tables again; the orchestrator does not know yet.
    Back(ArchiveId),
}

/// What is at a call's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// The chat.
    Open,
    /// A stub: the chat comes back first.
    Away(ArchiveStub, u32),
}

/// What a seal comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// The chat is to be sealed.
    Seal,
    /// Something goes on.
    Blocked(ExportBlock),
    /// It has left.
    Archived(ArchiveStub),
}

/// What a wipe comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wiping {
    /// Everything but this is to go.
    Wipe(ArchiveStub),
    /// It is gone already.
    Wiped(ArchiveStub),
}

/// What goes on around a chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Somebody is connected, or has a ticket that lets them.
    pub sockets: bool,
    /// The index has not been told everything.
    pub untold: bool,
    /// Something waits to be written.
    pub writes: bool,
}

impl Standing {
    /// Whether a call that names `org` is for the chat as it stands.
    ///
    /// # Errors
    /// `not_found`: an archived chat does not come back for another org.
    pub fn door(&self, org: Option<OrgId>) -> Result<Door, Problem> {
        match self {
            Self::Here | Self::Sealed(_) | Self::Back(_) => Ok(Door::Open),
            Self::Away { stub, parts } if org.is_none_or(|org| org == stub.org) => {
                Ok(Door::Away(stub.clone(), *parts))
            }
            Self::Away { .. } => Err(ProblemCode::NotFound.into()),
        }
    }

    /// An archive begins.
    pub fn seal(&self, block: Option<ExportBlock>) -> Sealing {
        match (self, block) {
            (Self::Away { stub, .. }, _) => Sealing::Archived(stub.clone()),
            // The archive that it came back from may be in the way of the next.
            (Self::Back(_), None) => Sealing::Blocked(ExportBlock::Projection),
            (Self::Here | Self::Sealed(_) | Self::Back(_), Some(block)) => Sealing::Blocked(block),
            (Self::Here | Self::Sealed(_), None) => Sealing::Seal,
        }
    }

    /// Whether rows may be read for an archive.
    ///
    /// # Errors
    /// `archive_blocked` when the chat is not sealed for it.
    pub fn read(&self, archive: ArchiveId) -> Result<(), Problem> {
        match self {
            Self::Sealed(sealed) if *sealed == archive => Ok(()),
            Self::Here | Self::Sealed(_) | Self::Away { .. } | Self::Back(_) => Err(unsealed()),
        }
    }

    /// An archive is whole: the chat may go.
    ///
    /// # Errors
    /// `archive_blocked`.
    pub fn wipe(&self, stub: ArchiveStub, block: Option<ExportBlock>) -> Result<Wiping, Problem> {
        match (self, block) {
            (Self::Away { stub: left, .. }, _) if left.archive == stub.archive => {
                Ok(Wiping::Wiped(left.clone()))
            }
            (Self::Sealed(sealed), None) if *sealed == stub.archive => Ok(Wiping::Wipe(stub)),
            (Self::Sealed(sealed), Some(block)) if *sealed == stub.archive => {
                Err(Problem::new(ProblemCode::ArchiveBlocked).detail(block.detail()))
            }
            (Self::Here | Self::Sealed(_) | Self::Away { .. } | Self::Back(_), _) => Err(unsealed()),
        }
    }
}

fn unsealed() -> Problem {
    Problem::new(ProblemCode::ArchiveBlocked).detail("the chat has changed since the archive began")
}

impl Chat {
    /// Why the chat cannot leave now, if so.
    pub fn export_block(&self, around: Around) -> Option<ExportBlock> {
        let rests = |state| match state {
            SandboxState::Stopped | SandboxState::Destroyed | SandboxState::Failed => true,
            SandboxState::Queued
            | SandboxState::Starting
            | SandboxState::Ready
            | SandboxState::Idle
            | SandboxState::Stopping => false,
        };
        let blocks = [
            (around.sockets, ExportBlock::Sockets),
            (!self.turns.is_empty(), ExportBlock::Turns),
            (!self.approvals.is_empty(), ExportBlock::Approvals),
            (!self.sandboxes.iter().all(|status| rests(status.state)), ExportBlock::Sandboxes),
            (around.writes, ExportBlock::Writes),
            (around.untold, ExportBlock::Projection),
        ];
        blocks.into_iter().find(|(goes_on, _)| *goes_on).map(|(_, block)| block)
    }
}
