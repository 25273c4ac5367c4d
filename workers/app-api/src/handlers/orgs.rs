//! Orgs.

use slipway_contract::http::agents::CreateAgent;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::{CreateOrg, Org, Role};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{Problem, ProblemCode, Timestamp, UserId};
use slipway_domain::names;
use slipway_domain::orgs::ORGS_PER_PERSON;
use slipway_edge::ids;
use slipway_store::channels::NewChannel;
use slipway_store::{OrgDb, agents, channels, deletions, members, memberships, orgs};

use crate::errand::Errand;
use crate::extract::{Body, Caller, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::Json;

/// The orgs that the caller is in, oldest membership first.
#[utoipa::path(
    get, path = "/v1/orgs", operation_id = "list_orgs", tag = "orgs", params(PageQuery),
    responses((status = 200, body = Page<Org>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    errand: Errand,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Org>>, Refusal> {
    let wanted = paging::wanted(&query)?;
    let mut db = errand.dial().await?.memberships(caller.user);
    let found = memberships::orgs(&mut db, &wanted).await?;
    Ok(Json::ok(paging::page(found, |org| org.member)))
}

/// Makes an org with the caller as owner, a channel `general` and an agent `demo`.
#[utoipa::path(
    post, path = "/v1/orgs", operation_id = "create_org", tag = "orgs", request_body = CreateOrg,
    responses((status = 201, body = Org), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    caller: Caller,
    Body(asked): Body<CreateOrg>,
) -> Result<Json<Org>, Refusal> {
    let name = names::name("name", &asked.name)?;
    let mut own = errand.dial().await?.memberships(caller.user);
    // Until their token ends: an org has an owner with an account.
    if deletions::of_subject(&mut own, &caller.user.to_string()).await?.is_some() {
        return Err(ProblemCode::Unauthenticated.into());
    }
    let limit = u32::try_from(ORGS_PER_PERSON).unwrap_or(u32::MAX);
    let all = slipway_store::page::Page { limit, after: None };
    if memberships::orgs(&mut own, &all).await?.items.len() as u64 >= ORGS_PER_PERSON {
        let detail = format!("a person is in at most {ORGS_PER_PERSON} orgs");
        return Err(Problem::new(ProblemCode::LimitReached).detail(detail).into());
    }
    let org =
        Org { id: ids::fresh(), name, member: ids::fresh(), role: Role::Owner, created_at: errand.now() };
    errand.is_in(org.id);
    let mut db = own.end()?.org(org.id);
    furnish(&mut db, &org, caller.user, errand.now()).await?;
    db.commit().await?;
    Ok(Json::created(org))
}

/// What a new org has from the start.
async fn furnish(db: &mut OrgDb, org: &Org, owner: UserId, now: Timestamp) -> Result<(), Refusal> {
    orgs::create(db, &org.name, owner, now).await?;
    members::join(db, org.member, owner, Role::Owner, now).await?;
    let general = NewChannel { id: ids::fresh(), name: "general", visibility: Visibility::Public, topic: "" };
    channels::create(db, &general, owner, now).await?;
    agents::create(db, ids::fresh(), &demo()?, owner, now).await?;
    Ok(())
}

/// The agent that answers without a key.
fn demo() -> Result<CreateAgent, Refusal> {
    let slug = "demo".parse().map_err(|_| ProblemCode::Internal)?;
    Ok(CreateAgent {
        slug,
        name: "Demo".to_owned(),
        instructions: String::new(),
        model: "demo".to_owned(),
        is_default: true,
    })
}
