//! Reads the agent that is to answer.

use slipway_contract::http::agents::Agent;
use slipway_contract::objects::engine::TurnRequest;
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::db;
use slipway_store::agents;
use worker::{Context, Env};

use super::failure::Failure;

/// The agent of a turn, if its org has it and it answers.
///
/// # Errors
/// It does not, or the database cannot tell.
pub(crate) async fn load(env: &Env, context: &Context, asked: &TurnRequest) -> Result<Agent, Failure> {
    let agent = find(env, context, asked)
        .await
        .map_err(|problem| Failure::database(problem.code == ProblemCode::Unavailable))?;
    agent.filter(|agent| agent.enabled).ok_or_else(Failure::agent_unavailable)
}

async fn find(env: &Env, context: &Context, asked: &TurnRequest) -> Result<Option<Agent>, Problem> {
    let mut rows = db::dial(env, context, asked.request).await?.org(asked.org);
    agents::find(&mut rows, asked.agent).await.map_err(|error| db::refuse(&error, asked.request))
}
