//! Reads the agent that is to answer, and what it is given beside the conversation.

use slipway_contract::ProblemCode;
use slipway_contract::http::agents::Agent;
use slipway_contract::objects::engine::TurnRequest;
use slipway_llm::{ModelRef, ProviderError};
use slipway_store::{StoreError, agents};

use super::failure::Failure;
use super::given::{self, Given};
use crate::errand::Errand;

/// An agent at a step of its turn.
pub(crate) struct Ready<'a> {
    pub(crate) agent: Agent,
    pub(crate) model: ModelRef,
    pub(crate) given: Given<'a>,
}

/// The agent of a turn, if its org has it and it answers, and what it is given.
///
/// # Errors
/// It does not, its model is none that is known, or the database cannot tell.
pub(crate) async fn load<'a>(errand: &Errand, asked: &'a TurnRequest) -> Result<Ready<'a>, Failure> {
    let failed = |code| Failure::database(code == ProblemCode::Unavailable);
    let refused = |error: StoreError| failed(errand.refuse(&error).code);
    let mut rows = errand.rows(asked.org).await.map_err(|problem| failed(problem.code))?;
    let agent = agents::find(&mut rows, asked.agent).await.map_err(refused)?;
    let agent = agent.filter(|agent| agent.enabled).ok_or_else(Failure::agent_unavailable)?;
    let model: ModelRef = agent.model.parse().map_err(ProviderError::from)?;
    let mut given = given::load(&mut rows, asked, &model, errand.now()).await.map_err(refused)?;
    drop(rows);
    given.files = given::files(errand, asked).await;
    Ok(Ready { agent, model, given })
}
