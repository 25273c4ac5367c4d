//! What a deletion would take, for who may delete the thing.
//!
//! Invariant: whom the deletion refuses, this refuses alike, for both ask the same checks; and it changes nothing.

use slipway_contract::http::deletions::{DELETION_PREVIEW_MOST, DeletionPreview, DeletionSubject, LastOwned};
use slipway_contract::http::orgs::Role;
use slipway_contract::{ChannelId, ChatId, OrgId, Problem, ProblemCode};
use slipway_store::{OrgDb, deletions as store, users};

use super::deletions::{deletes_channel, deletes_chat, deletes_org, may_leave, orgs_of};
use super::me::gone;
use crate::errand::Errand;
use crate::extract::{Caller, ChatScope, Ids, OrgMember, OrgNamed};
use crate::refusal::Refusal;
use crate::reply::Json;

/// What deleting a chat would take. For who may delete it.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/deletion-preview", operation_id = "preview_chat_deletion", tag = "deletions",
    params(("chat" = ChatId, Path)),
    responses((status = 200, body = DeletionPreview), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn chat(scope: ChatScope) -> Result<Json<DeletionPreview>, Refusal> {
    let own = scope.errand.dial().await?.memberships(scope.caller.user);
    let member = deletes_chat(&scope, own).await?;
    counted(member.db, DeletionSubject::Chat { id: scope.chat }).await
}

/// What deleting a channel would take, with its chats. For who may delete it.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/channels/{channel}/deletion-preview", operation_id = "preview_channel_deletion",
    tag = "deletions", params(("org" = OrgId, Path), ("channel" = ChannelId, Path)),
    responses((status = 200, body = DeletionPreview), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn channel(
    mut member: OrgMember,
    Ids((_, channel)): Ids<(OrgId, ChannelId)>,
) -> Result<Json<DeletionPreview>, Refusal> {
    deletes_channel(&mut member, channel).await?;
    counted(member.db, DeletionSubject::Channel { id: channel }).await
}

/// What deleting an org would take, with its channels and chats. For its owners.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/deletion-preview", operation_id = "preview_org_deletion", tag = "deletions",
    params(("org" = OrgId, Path)),
    responses((status = 200, body = DeletionPreview), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn org(errand: Errand, asks: OrgNamed) -> Result<Json<DeletionPreview>, Refusal> {
    let OrgNamed { caller, org } = asks;
    let db = errand.dial().await?.org(org);
    let member = deletes_org(&errand, db, caller.user).await?;
    counted(member.db, DeletionSubject::Org { id: org }).await
}

/// What deleting the caller's account would take, and the orgs that they hand over or delete first.
#[utoipa::path(
    get, path = "/v1/me/deletion-preview", operation_id = "preview_account_deletion", tag = "deletions",
    responses((status = 200, body = DeletionPreview), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn account(errand: Errand, caller: Caller) -> Result<Json<DeletionPreview>, Refusal> {
    let mut own = errand.dial().await?.memberships(caller.user);
    users::find(&mut own).await.map_err(gone)?;
    let removes = store::preview_account(&mut own, DELETION_PREVIEW_MOST).await?;
    let all = orgs_of(&mut own).await?;
    let mut db = own.end()?;
    let mut last_owner_of = Vec::new();
    for org in all.into_iter().filter(|org| org.role == Role::Owner) {
        let mut rows = db.org(org.id);
        match may_leave(&mut rows, &org, caller.user).await {
            Ok(_) => {}
            Err(Refusal::Problem(problem)) if problem.code == ProblemCode::LastOwner => {
                last_owner_of.push(LastOwned { id: org.id, name: org.name });
            }
            Err(refusal) => return Err(refusal),
        }
        db = rows.end()?;
    }
    Ok(Json::ok(DeletionPreview { removes, people: 0, last_owner_of }))
}

async fn counted(mut db: OrgDb, subject: DeletionSubject) -> Result<Json<DeletionPreview>, Refusal> {
    let removes = store::preview(&mut db, subject, DELETION_PREVIEW_MOST).await?;
    let people = store::preview_people(&mut db, subject, DELETION_PREVIEW_MOST).await?;
    Ok(Json::ok(DeletionPreview { removes, people, last_owner_of: Vec::new() }))
}
