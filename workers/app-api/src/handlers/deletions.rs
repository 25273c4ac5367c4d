//! Deletions: of a chat, a channel, an org, one's own account, and their reports.
//!
//! Invariants: what is asked for is written down, hidden and closed before the answer says so; who asks again for what they
//! asked for before gets the same deletion.

use axum::response::IntoResponse;
use http::HeaderMap;
use serde::Deserialize;
use slipway_contract::http::deletions::{DeleteAccount, DeleteOrg, Deletion, DeletionState};
use slipway_contract::http::orgs::{Org, Role};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{
    Actor, ChannelId, ChatId, DeletionId, OrgId, Participant, ParticipantId, ParticipantRole, Problem,
    ProblemCode, UserId,
};
use slipway_domain::orgs::{self as rules, Deed, ORGS_PER_PERSON, Standing, may};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::deletions::{self as store, NewDeletion, Stored};
use slipway_store::page::Page;
use slipway_store::{Db, MembershipsDb, OrgDb, chats, members, memberships, orgs, signin_attempts, users};

use super::auth::{WithCookie, count_attempt, counted, without_cookie};
use super::channels::{seen, sees};
use crate::chat_object;
use crate::errand::Errand;
use crate::extract::org_member::{denied, enter};
use crate::extract::{Body, Caller, ChatScope, Ids, OrgMember, OrgNamed};
use crate::identity::password;
use crate::orchestrator;
use crate::refusal::Refusal;
use crate::reply::Json;

/// How a deletion goes, and what it removed. For who asked, and for the admins of the org while it is there.
#[utoipa::path(
    get, path = "/v1/deletions/{deletion}", operation_id = "read_deletion", tag = "deletions",
    params(("deletion" = DeletionId, Path)),
    responses((status = 200, body = Deletion), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(
    errand: Errand,
    caller: Caller,
    Ids(deletion): Ids<DeletionId>,
) -> Result<Json<Deletion>, Refusal> {
    let mut own = errand.dial().await?.memberships(caller.user);
    let found = store::find(&mut own, deletion).await?.ok_or(ProblemCode::NotFound)?;
    Ok(Json::ok(report(&mut own, &found).await?))
}

/// Deletes a chat with everything that belongs to it. Its moderators may, and admins and owners who see its channel.
#[utoipa::path(
    delete, path = "/v1/chats/{chat}", operation_id = "delete_chat", tag = "deletions", params(("chat" = ChatId, Path)),
    responses((status = 202, body = Deletion), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn chat(scope: ChatScope) -> Result<Json<Deletion>, Refusal> {
    let ChatScope { errand, caller, chat, org: named } = &scope;
    let mut own = errand.dial().await?.memberships(caller.user);
    if let Some(before) = asked_before(errand, &mut own, &chat.to_string(), *named).await? {
        return Ok(Json::accepted(before));
    }
    let member = match deletes_chat(&scope, own).await {
        Ok(member) => member,
        Err(refusal) => {
            return asked_meanwhile(errand, caller.user, &chat.to_string(), *named, refusal).await;
        }
    };
    let org = member.db.org();
    let new = new(errand, caller.user);
    let mut rows = member.db.end()?.removal(org);
    let deletion = store::ask_chat(&mut rows, &new, *chat).await?;
    let db = rows.commit().await?;
    // Should it not hear of that now, it does when the deletion begins.
    let closed = chat_object::ask(errand, *chat, Some(org), Actor::System, ChatCommand::Close).await;
    if closed.is_err() {
        errand.line(Line::warn("chat_not_closed")).emit();
    }
    begun(errand, db, caller.user, deletion).await.map(Json::accepted)
}

/// Deletes a channel with its chats.
#[utoipa::path(
    delete, path = "/v1/orgs/{org}/channels/{channel}", operation_id = "delete_channel", tag = "deletions",
    params(("org" = OrgId, Path), ("channel" = ChannelId, Path)),
    responses((status = 202, body = Deletion), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn channel(
    errand: Errand,
    member: OrgMember,
    Ids((org, channel)): Ids<(OrgId, ChannelId)>,
) -> Result<Json<Deletion>, Refusal> {
    let OrgMember { user, role, db } = member;
    let mut own = db.end()?.memberships(user);
    if let Some(before) = asked_before(&errand, &mut own, &channel.to_string(), Some(org)).await? {
        return Ok(Json::accepted(before));
    }
    let mut member = OrgMember { user, role, db: own.end()?.org(org) };
    if let Err(refusal) = deletes_channel(&mut member, channel).await {
        return asked_meanwhile(&errand, user, &channel.to_string(), Some(org), refusal).await;
    }
    let mut rows = member.db.end()?.removal(org);
    let deletion = store::ask_channel(&mut rows, &new(&errand, user), channel).await?;
    begun(&errand, rows.commit().await?, user, deletion).await.map(Json::accepted)
}

/// Deletes an org with everything in it. Accounts of its members stay. Owners only; the body names the org again.
#[utoipa::path(
    delete, path = "/v1/orgs/{org}", operation_id = "delete_org", tag = "deletions", params(("org" = OrgId, Path)),
    request_body = DeleteOrg,
    responses((status = 202, body = Deletion), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn org(
    errand: Errand,
    asks: OrgNamed,
    Body(asked): Body<DeleteOrg>,
) -> Result<Json<Deletion>, Refusal> {
    let OrgNamed { caller, org } = asks;
    // Who deleted it is no member any more.
    let mut own = errand.dial().await?.memberships(caller.user);
    if let Some(before) = asked_before(&errand, &mut own, &org.to_string(), Some(org)).await? {
        return Ok(Json::accepted(before));
    }
    let mut member = match deletes_org(&errand, own.end()?.org(org), caller.user).await {
        Ok(member) => member,
        Err(refusal) => {
            return asked_meanwhile(&errand, caller.user, &org.to_string(), Some(org), refusal).await;
        }
    };
    let name = orgs::name(&mut member.db).await?.ok_or(ProblemCode::NotFound)?;
    if asked.name.trim() != name {
        return Err(Problem::field("name", "must be the org's name").into());
    }
    let mut rows = member.db.end()?.removal(org);
    let deletion = store::ask_org(&mut rows, &new(&errand, caller.user)).await?;
    begun(&errand, rows.commit().await?, caller.user, deletion).await.map(Json::accepted)
}

/// Deletes the caller's account. What they said stays in its chats, under another name. Who is the last owner of an org
/// hands it over or deletes it first. The report can be read until the access token ends.
#[utoipa::path(
    delete, path = "/v1/me", operation_id = "delete_account", tag = "deletions", request_body = DeleteAccount,
    responses((status = 202, body = Deletion), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn account(
    errand: Errand,
    caller: Caller,
    headers: HeaderMap,
    Body(asked): Body<DeleteAccount>,
) -> Result<impl IntoResponse, Refusal> {
    let mut own = errand.dial().await?.memberships(caller.user);
    if let Some(before) = asked_before(&errand, &mut own, &caller.user.to_string(), None).await? {
        return gone(&errand, before);
    }
    let mut db = proved(&errand, own.end()?, caller.user, &headers, &asked.password).await?;
    let mut own = db.memberships(caller.user);
    let all = orgs_of(&mut own).await?;
    db = own.end()?;
    // First whether all of it can be done, then all of it: two owners who go at once are told one after the other.
    for org in all.iter().filter(|org| org.role == Role::Owner) {
        let mut rows = db.org(org.id);
        may_leave(&mut rows, org, caller.user).await?;
        db = rows.end()?;
    }
    for org in &all {
        let mut rows = db.org(org.id);
        if may_leave(&mut rows, org, caller.user).await? {
            members::end(&mut rows, org.member, caller.user, errand.now()).await?;
        }
        db = rows.commit().await?;
    }
    let mut rows = db.erasure(caller.user);
    let deletion = store::ask_person(&mut rows, ids::fresh(), errand.now()).await?;
    store::revoke_sign_ins(&mut rows).await?;
    let report = begun(&errand, rows.commit().await?, caller.user, deletion).await?;
    gone(&errand, report)
}

/// The caller as a member of the chat's org, who may delete the chat.
pub(super) async fn deletes_chat(scope: &ChatScope, mut own: MembershipsDb) -> Result<OrgMember, Refusal> {
    let ChatScope { errand, caller, chat, org: named } = scope;
    let access = memberships::of_chat(&mut own, *chat).await?;
    let access = access.filter(|access| named.is_none_or(|named| named == access.org));
    let Some(access) = access else { return Err(denied(errand)) };
    errand.is_in(access.org);
    let mut member = enter(errand, own.end()?.org(access.org), caller.user).await?;
    let sees = match chats::channel_of(&mut member.db, *chat).await? {
        Some(channel) => sees(&mut member, channel, caller.user, access.role).await?,
        None => false,
    };
    // Who may by their role need not be known to the chat: one that cannot answer can be deleted too.
    if rules::delete_chat(access.role, sees, None).is_err() {
        rules::delete_chat(access.role, sees, part(scope).await?)?;
    }
    Ok(member)
}

/// The member may delete the channel.
pub(super) async fn deletes_channel(member: &mut OrgMember, channel: ChannelId) -> Result<(), Refusal> {
    seen(member, channel).await?;
    Ok(may(member.role, Deed::DeleteChannel)?)
}

/// The person as a member of the org, who may delete it.
pub(super) async fn deletes_org(errand: &Errand, db: OrgDb, user: UserId) -> Result<OrgMember, Refusal> {
    let member = enter(errand, db, user).await?;
    may(member.role, Deed::DeleteOrg)?;
    Ok(member)
}

/// All orgs that the person is in.
pub(super) async fn orgs_of(own: &mut MembershipsDb) -> Result<Vec<Org>, Refusal> {
    let limit = u32::try_from(ORGS_PER_PERSON).unwrap_or(u32::MAX);
    Ok(memberships::orgs(own, &Page { limit, after: None }).await?.items)
}

/// The answer, which takes the sign-in of this browser back too.
fn gone(errand: &Errand, report: Deletion) -> Result<WithCookie<Json<Deletion>>, Refusal> {
    without_cookie(errand, Json::accepted(report))
}

/// The caller knows the account's password; wrong ones count as at sign-in.
async fn proved(
    errand: &Errand,
    db: Db,
    user: UserId,
    headers: &HeaderMap,
    given: &str,
) -> Result<Db, Refusal> {
    let mut rows = db.identity();
    let account = users::find_account(&mut rows, user).await?.ok_or(ProblemCode::Unauthenticated)?;
    let counted = counted(&account.user.email, headers);
    count_attempt(errand, &mut rows, &counted).await?;
    let db = rows.commit().await?;
    if !password::matches(given, Some(&account.password_hash)) {
        errand.line(Line::info("account_deletion_refused")).emit();
        return Err(ProblemCode::WrongCredentials.into());
    }
    let mut rows = db.identity();
    signin_attempts::forgive(&mut rows, &counted).await?;
    Ok(rows.commit().await?)
}

/// Whether the person is still in the org; refused where they are its last owner.
pub(super) async fn may_leave(rows: &mut OrgDb, org: &Org, user: UserId) -> Result<bool, Refusal> {
    let locked = members::lock(rows, org.member, user).await?;
    if locked.ended {
        return Ok(false);
    }
    let standing = Standing { actor: locked.role, own: true, target: locked.role, owners: locked.owners };
    rules::end_membership(standing).map_err(|problem| {
        problem.detail(format!("you are the last owner of {}: hand it over, or delete it first", org.name))
    })?;
    Ok(true)
}

/// As what the caller takes part in the chat, if they do. The chat itself says so.
async fn part(scope: &ChatScope) -> Result<Option<ParticipantRole>, Refusal> {
    /// What of a chat's description is needed here.
    #[derive(Deserialize)]
    struct Described {
        participants: Vec<Participant>,
    }
    let ChatScope { errand, caller, chat, org } = scope;
    let mut reply = chat_object::ask(errand, *chat, *org, caller.actor(), ChatCommand::Describe).await?;
    match reply.status_code() {
        200 => {}
        404 => return Ok(None),
        _ => return Err(chat_object::refusal(reply).await),
    }
    let described = reply.json::<Described>().await.map_err(|_| ProblemCode::Internal)?;
    let own = ParticipantId::User { id: caller.user };
    Ok(described.participants.into_iter().find(|one| one.id == own).map(|one| one.role))
}

/// A deletion that the caller asks for now.
fn new(errand: &Errand, user: UserId) -> NewDeletion {
    NewDeletion { id: ids::fresh(), by: Actor::User { id: user }, parent: None, now: errand.now() }
}

/// The deletion of the same thing, if it was asked for before and the caller may know of it. It goes on at once.
async fn asked_before(
    errand: &Errand,
    own: &mut MembershipsDb,
    subject: &str,
    org: Option<OrgId>,
) -> Result<Option<Deletion>, Refusal> {
    let found = store::of_subject(own, subject).await?;
    let Some(found) = found.filter(|found| org.is_none() || found.org == org) else { return Ok(None) };
    let report = report(own, &found).await?;
    if report.state != DeletionState::Done {
        orchestrator::begin_deletions(errand).await;
    }
    Ok(Some(report))
}

/// The report; of what is over with what its parts removed.
async fn report(own: &mut MembershipsDb, found: &Stored) -> Result<Deletion, Refusal> {
    let mut report = found.report();
    if report.state == DeletionState::Done && report.parts.all > 0 {
        report.removed = store::removed_in_all(own, report.id).await?;
    }
    Ok(report)
}

/// What is answered to who was refused: of two who ask at once, the later finds the thing hidden already and gets the
/// same deletion.
async fn asked_meanwhile(
    errand: &Errand,
    user: UserId,
    subject: &str,
    org: Option<OrgId>,
    refusal: Refusal,
) -> Result<Json<Deletion>, Refusal> {
    if !matches!(&refusal, Refusal::Problem(problem) if problem.code == ProblemCode::NotFound) {
        return Err(refusal);
    }
    let mut own = errand.dial().await?.memberships(user);
    asked_before(errand, &mut own, subject, org).await?.map(Json::accepted).ok_or(refusal)
}

/// Has it begin, and tells how it stands.
async fn begun(errand: &Errand, db: Db, user: UserId, deletion: DeletionId) -> Result<Deletion, Refusal> {
    let mut own = db.memberships(user);
    let found = store::find(&mut own, deletion).await?.ok_or(ProblemCode::Internal)?;
    errand.line(Line::info("deletion_asked").deletion(deletion)).emit();
    orchestrator::begin_deletions(errand).await;
    Ok(found.report())
}
