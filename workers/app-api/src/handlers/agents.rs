//! Agents of an org.

use slipway_contract::http::agents::{Agent, CreateAgent, UpdateAgent};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{AgentId, OrgId, Problem};
use slipway_domain::names;
use slipway_domain::orgs::{Deed, may};
use slipway_edge::ids;
use slipway_llm::ModelRef;
use slipway_store::agents;

use crate::errand::Errand;
use crate::extract::{Body, Ids, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::Json;

/// The agents of the org, by slug.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/agents", operation_id = "list_agents", tag = "agents", params(("org" = OrgId, Path), PageQuery),
    responses((status = 200, body = Page<Agent>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Agent>>, Refusal> {
    let found = agents::list(&mut member.db, &paging::wanted(&query)?).await?;
    Ok(Json::ok(paging::page(found, |agent| agent.slug.clone())))
}

/// Makes an agent. As default, it takes that place from the one before.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/agents", operation_id = "create_agent", tag = "agents", params(("org" = OrgId, Path)),
    request_body = CreateAgent,
    responses((status = 201, body = Agent), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    mut member: OrgMember,
    Body(asked): Body<CreateAgent>,
) -> Result<Json<Agent>, Refusal> {
    may(member.role, Deed::ConfigureAgents)?;
    let new = CreateAgent {
        name: names::name("name", &asked.name)?,
        instructions: names::instructions(&asked.instructions)?,
        model: model(&asked.model)?,
        ..asked
    };
    let made = agents::create(&mut member.db, ids::fresh(), &new, member.user, errand.now()).await?;
    member.db.commit().await?;
    Ok(Json::created(made))
}

/// Changes an agent. What is absent stays.
#[utoipa::path(
    patch, path = "/v1/orgs/{org}/agents/{agent}", operation_id = "update_agent", tag = "agents",
    params(("org" = OrgId, Path), ("agent" = AgentId, Path)), request_body = UpdateAgent,
    responses((status = 200, body = Agent), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn update(
    mut member: OrgMember,
    Ids((_, agent)): Ids<(OrgId, AgentId)>,
    Body(asked): Body<UpdateAgent>,
) -> Result<Json<Agent>, Refusal> {
    may(member.role, Deed::ConfigureAgents)?;
    let change = UpdateAgent {
        name: asked.name.map(|name| names::name("name", &name)).transpose()?,
        instructions: asked.instructions.map(|text| names::instructions(&text)).transpose()?,
        model: asked.model.map(|text| model(&text)).transpose()?,
        ..asked
    };
    let changed = agents::update(&mut member.db, agent, &change).await?;
    member.db.commit().await?;
    Ok(Json::ok(changed))
}

/// A model that the engine knows how to ask.
fn model(text: &str) -> Result<String, Problem> {
    let known = text.parse::<ModelRef>();
    known.map(|_| text.to_owned()).map_err(|error| Problem::field("model", error.to_string()))
}
