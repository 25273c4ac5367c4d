//! Somebody who takes part in a chat, at work on the chat's sandboxes, approvals or artifacts.
//!
//! Invariant: the thing belongs to the org that counts, the caller is a member of it, and the chat itself says that they
//! take part. To everybody else the thing does not exist.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde::Deserialize;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::orgs::Role;
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::sandboxes::SandboxOperation;
use slipway_contract::{ArtifactId, AttachmentId, ChatId, OrgId, Problem, ProblemCode, SandboxId};
use slipway_domain::orgs::{Deed, may};
use slipway_store::{Db, OrgDb, artifacts, attachments, memberships, sandboxes};
use worker::send::SendFuture;

use super::org_member::{OrgMember, denied, enter};
use super::{Caller, ChatScope, org_header};
use crate::chat_object;
use crate::errand::Errand;
use crate::orchestrator::{self, Behalf};
use crate::refusal::Refusal;

/// Proof that the caller takes part in a chat of an org that they are a member of.
pub(crate) struct Party {
    pub(crate) errand: Errand,
    pub(crate) caller: Caller,
    pub(crate) org: OrgId,
    pub(crate) chat: ChatId,
    pub(crate) role: Role,
}

impl Party {
    /// Guests look; who changes something, or lets it run, has a place of their own in the org.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn acts(&self) -> Result<(), Problem> {
        may(self.role, Deed::UseSandboxes)
    }

    /// On whose behalf the orchestrator is asked.
    pub(crate) fn behalf(&self) -> Behalf {
        Behalf { org: self.org, user: self.caller.user, request: self.errand.id() }
    }

    /// Asks the orchestrator on the caller's behalf.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn call(&self, operation: SandboxOperation) -> Result<worker::Response, Refusal> {
        orchestrator::call(&self.errand, self.behalf(), operation).await
    }
}

/// A party at the chat that the path names, itself or by one of its approvals.
pub(crate) struct ChatParty {
    pub(crate) party: Party,
    /// Open since the membership was read.
    pub(crate) db: OrgDb,
}

/// A party at the chat of the sandbox that the path names.
pub(crate) struct SandboxParty {
    pub(crate) party: Party,
    pub(crate) sandbox: sandboxes::StoredSandbox,
    /// Open since the sandbox was read.
    pub(crate) db: OrgDb,
}

/// A party at the chat of the artifact that the path names.
pub(crate) struct ArtifactParty {
    pub(crate) party: Party,
    pub(crate) artifact: Artifact,
}

/// A party at the chat of the attachment that the path names, who sees it.
pub(crate) struct AttachmentParty {
    pub(crate) party: Party,
    pub(crate) attachment: attachments::StoredAttachment,
}

impl<S: Sync + Send> FromRequestParts<S> for ChatParty {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let ChatScope { errand, caller, chat, org } = ChatScope::from_request_parts(parts, state).await?;
            let org = takes_part(&errand, caller, chat, org).await?;
            let db = errand.dial().await?.org(org);
            let OrgMember { role, db, .. } = enter(&errand, db, caller.user).await?;
            Ok(Self { party: Party { errand, caller, org, chat, role }, db })
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for SandboxParty {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let door = Door::<SandboxId>::at(parts, state, "sandbox").await?;
            let mut own = door.errand.dial().await?.memberships(door.caller.user);
            let access = memberships::of_sandbox(&mut own, door.thing).await?;
            let (party, db) = door.enter(access, own.end()?).await?;
            let mut db = db.org(party.org);
            let found = sandboxes::find(&mut db, door.thing).await?.ok_or(ProblemCode::NotFound)?;
            Ok(Self { party, sandbox: found, db })
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for ArtifactParty {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let door = Door::<ArtifactId>::at(parts, state, "artifact").await?;
            let mut own = door.errand.dial().await?.memberships(door.caller.user);
            let access = memberships::of_artifact(&mut own, door.thing).await?;
            let (party, db) = door.enter(access, own.end()?).await?;
            let mut db = db.org(party.org);
            let found = artifacts::find(&mut db, door.thing).await?.ok_or(ProblemCode::NotFound)?;
            Ok(Self { party, artifact: found })
        })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for AttachmentParty {
    type Rejection = Refusal;

    fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Refusal>> + Send {
        SendFuture::new(async move {
            let door = Door::<AttachmentId>::at(parts, state, "attachment").await?;
            let mut own = door.errand.dial().await?.memberships(door.caller.user);
            let access = memberships::of_attachment(&mut own, door.thing).await?;
            let (party, db) = door.enter(access, own.end()?).await?;
            let mut db = db.org(party.org);
            let found = attachments::find(&mut db, door.thing).await?;
            let seen = found.filter(|found| found.is_seen_by(party.caller.user));
            Ok(Self { party, attachment: seen.ok_or(ProblemCode::NotFound)? })
        })
    }
}

/// Somebody before a thing that is named without its org or chat.
struct Door<T> {
    errand: Errand,
    caller: Caller,
    /// The org that the caller names; absent only while missing headers are still allowed.
    named: Option<OrgId>,
    thing: T,
}

impl<T: core::str::FromStr + Copy> Door<T> {
    async fn at<S: Sync + Send>(parts: &mut Parts, state: &S, name: &'static str) -> Result<Self, Refusal> {
        let errand = Errand::from_request_parts(parts, state).await?;
        let caller = Caller::from_request_parts(parts, state).await?;
        let wrong = || {
            Problem::new(ProblemCode::InvalidParameter).detail(format!("the path must name {name} by its id"))
        };
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| wrong())?;
        let text = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let thing = text.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let named = org_header::named(&errand, parts)?;
        Ok(Self { errand, caller, named, thing })
    }

    /// The caller's way in: the org's row says where the thing is, the chat says that they take part.
    async fn enter(&self, access: Option<memberships::Access>, db: Db) -> Result<(Party, Db), Refusal> {
        let Some(access) = access.filter(|access| self.named.is_none_or(|named| named == access.org)) else {
            return Err(denied(&self.errand));
        };
        self.errand.is_in(access.org);
        let org = takes_part(&self.errand, self.caller, access.chat, Some(access.org)).await?;
        let party = Party {
            errand: self.errand.clone(),
            caller: self.caller,
            org,
            chat: access.chat,
            role: access.role,
        };
        Ok((party, db))
    }
}

/// What of a chat's description is needed here.
#[derive(Deserialize)]
struct Described {
    org: OrgId,
}

/// The org of the chat, when the chat says that the caller takes part.
async fn takes_part(
    errand: &Errand,
    caller: Caller,
    chat: ChatId,
    org: Option<OrgId>,
) -> Result<OrgId, Refusal> {
    let mut reply = chat_object::ask(errand, chat, org, caller.actor(), ChatCommand::Describe).await?;
    if reply.status_code() != 200 {
        return Err(chat_object::refusal(reply).await);
    }
    let described = reply.json::<Described>().await.map_err(|_| ProblemCode::Internal)?;
    errand.is_in(described.org);
    Ok(described.org)
}
