//! Members of an org.
//!
//! Invariant: who is no member any more is put out of the org's chats before the answer says that it is done.

use futures::future::join_all;
use slipway_contract::http::members::{ChangeRole, Member};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{Actor, ChatId, MemberId, OrgId, ParticipantId, Problem, ProblemCode, UserId, limits};
use slipway_domain::orgs::{self as rules, Standing};
use slipway_edge::log::Line;
use slipway_store::members;
use slipway_store::members::Locked;

use crate::chat_object;
use crate::errand::Errand;
use crate::extract::{Body, Ids, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Done, Json};

/// Chats that are told at the same time; the platform allows six connections.
const AT_ONCE: usize = 5;

/// The members of the org, oldest first.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/members", operation_id = "list_members", tag = "members", params(("org" = OrgId, Path), PageQuery),
    responses((status = 200, body = Page<Member>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>, Refusal> {
    let found = members::list(&mut member.db, &paging::wanted(&query)?).await?;
    Ok(Json::ok(paging::page(found, |member| member.id)))
}

/// Gives a member another role.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/members/{member}/role", tag = "members",
    params(("org" = OrgId, Path), ("member" = MemberId, Path)), request_body = ChangeRole,
    responses((status = 200, body = Member), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn change_role(
    mut member: OrgMember,
    Ids((_, target)): Ids<(OrgId, MemberId)>,
    Body(asked): Body<ChangeRole>,
) -> Result<Json<Member>, Refusal> {
    let locked = members::lock(&mut member.db, target, member.user).await?;
    if locked.ended {
        return Err(ProblemCode::NotFound.into());
    }
    if rules::change_role(standing(&locked, member.user)?, asked.role)? {
        members::set_role(&mut member.db, target, asked.role).await?;
    }
    let changed = members::get(&mut member.db, target).await?;
    member.db.commit().await?;
    Ok(Json::ok(changed))
}

/// Ends a membership: one's own, or somebody else's. Repeating it tells the chats again.
#[utoipa::path(
    delete, path = "/v1/orgs/{org}/members/{member}", operation_id = "end_membership", tag = "members",
    params(("org" = OrgId, Path), ("member" = MemberId, Path)),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn end(
    errand: Errand,
    mut member: OrgMember,
    Ids((org, target)): Ids<(OrgId, MemberId)>,
) -> Result<Done, Refusal> {
    let locked = members::lock(&mut member.db, target, member.user).await?;
    let standing = standing(&locked, member.user)?;
    // That there is an owner left is no question for a membership that has ended already.
    rules::end_membership(if locked.ended { Standing { owners: u64::MAX, ..standing } } else { standing })?;
    if !locked.ended {
        members::end(&mut member.db, target, locked.target, errand.now()).await?;
    }
    let mut db = member.db.commit().await?.org(org);
    let mut wanted = slipway_store::page::Page { limit: limits::PAGE_MAX, after: None };
    let mut failed = 0;
    loop {
        let found = members::chats(&mut db, locked.target, &wanted).await?;
        for chats in found.items.chunks(AT_ONCE) {
            let told = join_all(chats.iter().map(|chat| put_out(&errand, org, *chat, locked.target))).await;
            failed += told.iter().filter(|done| !**done).count();
        }
        wanted.after = found.items.last().copied().filter(|_| found.more);
        if wanted.after.is_none() {
            break;
        }
    }
    if failed == 0 {
        return Ok(Done);
    }
    errand.line(Line::error("member_not_put_out").count("chats", failed)).emit();
    let detail = "the membership has ended, but not all chats could be told: repeat this";
    Err(Problem::new(ProblemCode::Unavailable).detail(detail).retry_after(1).into())
}

/// Tells one chat, up to three times; answers whether it knows.
async fn put_out(errand: &Errand, org: OrgId, chat: ChatId, user: UserId) -> bool {
    for _ in 0..3 {
        let command = ChatCommand::RemoveParticipant { participant: ParticipantId::User { id: user } };
        let asked = chat_object::ask(errand, chat, Some(org), Actor::System, command).await;
        // A chat that is not there has nobody in it.
        if asked.is_ok_and(|reply| matches!(reply.status_code(), 200 | 404)) {
            return true;
        }
    }
    false
}

/// What a change is decided on. Who is no member any more, since they were let in, finds nothing.
fn standing(locked: &Locked, caller: UserId) -> Result<Standing, Problem> {
    let actor = locked.actor.ok_or(ProblemCode::NotFound)?;
    Ok(Standing { actor, own: locked.target == caller, target: locked.role, owners: locked.owners })
}
