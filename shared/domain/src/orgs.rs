//! Who may do what in an org: by role, and for a channel by who was added to it.
//!
//! Invariant: an org keeps at least one owner. Callers lock the owners' rows before they ask.

use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::{ParticipantRole, Problem, ProblemCode};

/// How long an invitation can be accepted.
pub const INVITATION_LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;
/// Open invitations of one org.
pub const OPEN_INVITATIONS: u64 = 1_000;
/// Channels of one org.
pub const CHANNELS: u64 = 2_000;
/// Agents of one org.
pub const AGENTS: u64 = 200;
/// Orgs of one person.
pub const ORGS_PER_PERSON: u64 = 200;
/// Agents that a chat can begin with.
pub const AGENTS_AT_START: usize = 20;

/// Things that take a certain role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make a channel.
    MakeChannel,
    /// Begin a chat in a channel that one sees.
    BeginChat,
    /// Make agents and change them. Everybody sees which there are.
    ConfigureAgents,
    /// See and take back invitations.
    SeeInvitations,
    /// Ask for sandboxes, decide about them, run commands and change files there. Who takes part in a chat may look.
    UseSandboxes,
    /// See what the org used and who used it.
    SeeUsage,
    /// Say how many people must approve, and whose word counts.
    SetApprovalPolicy,
    /// See and set what the org and its members may use.
    SetQuotas,
    /// See and set how long the org keeps what it has.
    SetRetention,
    /// Delete a channel that one sees, with its chats.
    DeleteChannel,
    /// Delete the org.
    DeleteOrg,
    /// Set what the org sets for itself. Everybody sees it.
    SetConfig,
}

impl Deed {
    const fn least(self) -> Role {
        match self {
            Self::MakeChannel | Self::BeginChat | Self::UseSandboxes | Self::SeeUsage => Role::Member,
            Self::ConfigureAgents
            | Self::SeeInvitations
            | Self::SetApprovalPolicy
            | Self::SetQuotas
            | Self::SetConfig
            | Self::SetRetention
            | Self::DeleteChannel => Role::Admin,
            Self::DeleteOrg => Role::Owner,
        }
    }
}

/// May `role` do `deed`?
///
/// # Errors
/// `forbidden`.
pub fn may(role: Role, deed: Deed) -> Result<(), Problem> {
    if role >= deed.least() { Ok(()) } else { Err(forbidden("your role in this org does not allow that")) }
}

/// May `inviter` invite somebody as `role`? Admins and owners invite, to at most their own role.
///
/// # Errors
/// `forbidden`.
pub fn may_invite(inviter: Role, role: Role) -> Result<(), Problem> {
    if inviter < Role::Admin {
        return Err(forbidden("only admins and owners invite"));
    }
    if role > inviter {
        return Err(forbidden("nobody invites to a role above their own"));
    }
    Ok(())
}

/// A change of somebody's membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role of who asks.
    pub actor: Role,
    /// Whether they ask about themselves.
    pub own: bool,
    /// The role of whom it is about.
    pub target: Role,
    /// Owners of the org, of whom the target may be one.
    pub owners: u64,
}

/// May the target's role become `new`? `Ok(false)` when it is that already.
///
/// # Errors
/// `forbidden`; `last_owner` when nobody would be left.
pub fn change_role(standing: Standing, new: Role) -> Result<bool, Problem> {
    if standing.actor < Role::Admin {
        return Err(forbidden("only admins and owners set roles"));
    }
    if standing.actor < Role::Owner && (new == Role::Owner || standing.target == Role::Owner) {
        return Err(forbidden("only owners make and unmake owners"));
    }
    if standing.target == new {
        return Ok(false);
    }
    keeps_an_owner(standing)?;
    Ok(true)
}

/// May the target's membership end? Anybody may leave; admins put out, but only owners put out owners.
///
/// # Errors
/// `forbidden`; `last_owner` when nobody would be left.
pub fn end_membership(standing: Standing) -> Result<(), Problem> {
    if !standing.own {
        if standing.actor < Role::Admin {
            return Err(forbidden("only admins and owners remove members"));
        }
        if standing.target == Role::Owner && standing.actor < Role::Owner {
            return Err(forbidden("only owners remove owners"));
        }
    }
    keeps_an_owner(standing)
}

fn keeps_an_owner(standing: Standing) -> Result<(), Problem> {
    if standing.target == Role::Owner && standing.owners <= 1 {
        return Err(ProblemCode::LastOwner.into());
    }
    Ok(())
}

/// Does a member with `role` see a channel? `added`: they were added to it. Owners see no private channel by their role.
pub const fn sees_channel(role: Role, visibility: Visibility, added: bool) -> bool {
    match (visibility, role) {
        (Visibility::Public, Role::Member | Role::Admin | Role::Owner) => true,
        (Visibility::Public, Role::Guest) | (Visibility::Private, _) => added,
    }
}

/// As what a member takes part in chats that they did not begin.
pub const fn participant_role(role: Role) -> ParticipantRole {
    match role {
        Role::Guest | Role::Member => ParticipantRole::Member,
        Role::Admin | Role::Owner => ParticipantRole::Moderator,
    }
}

/// May somebody delete a chat? Its moderators may, and so may admins and owners who see its channel.
///
/// # Errors
/// `forbidden`; `not_found` to who neither sees it nor takes part in it.
pub fn delete_chat(role: Role, sees: bool, part: Option<ParticipantRole>) -> Result<(), Problem> {
    match part {
        Some(ParticipantRole::Moderator) => Ok(()),
        Some(ParticipantRole::Member) | None if sees && role >= Role::Admin => Ok(()),
        None if !sees => Err(ProblemCode::NotFound.into()),
        Some(ParticipantRole::Member) | None => {
            Err(forbidden("only a chat's moderators and the org's admins and owners delete it"))
        }
    }
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(ProblemCode::Forbidden).detail(detail)
}

#[cfg(test)]
mod tests;
