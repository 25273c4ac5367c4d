//! A chat of two people and an agent, with a message and a fork from it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World, eventually};
use reqwest::Method;
use serde_json::json;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::chats::Chat;
use slipway_contract::http::forks::Fork;
use slipway_contract::{AgentId, ForkId, MessageId};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

pub(crate) struct Scene {
    pub(crate) ada: Person,
    pub(crate) bo: Person,
    pub(crate) chat: Chat,
    pub(crate) agent: AgentId,
    pub(crate) message: MessageId,
    pub(crate) fork: ForkId,
}

/// A stack of one's own whose agents speak slowly enough to be met in the middle.
pub(crate) fn slow_stack() -> Result<Testbed> {
    let vars = [("DEMO_TOKENS_PER_SECOND".to_owned(), json!("5"))].into_iter().collect();
    let vars = BTreeMap::from([(Worker::Orchestrator, vars)]);
    block_in_place(|| Testbed::start(Options { vars, ..Options::default() }))
}

impl Scene {
    pub(crate) async fn open(world: &World) -> Result<Self> {
        let (team, bo, agent, chat) = Team::with_agent(world).await?;
        let message = team.owner.post(chat.id, "first", "The server has no port.").await?.message;
        let fork = bo.fork(message, "fork").await?.id;
        Ok(Self { ada: team.owner, bo, chat, agent, message, fork })
    }

    /// Bo and Ada settle it.
    pub(crate) async fn discuss(&self) -> Result<[MessageId; 3]> {
        Ok([
            self.bo.post_in(self.fork, "said-1", "8080 is taken.").await?,
            self.ada.post_in(self.fork, "said-2", "Who owns 9090?").await?,
            self.bo.post_in(self.fork, "said-3", "Then 9090.").await?,
        ])
    }

    /// From now on the agent answers what mentions nobody, and drafts.
    pub(crate) async fn set_default_agent(&self) -> Result<()> {
        let body = json!({"default_agent": self.agent});
        self.ada.send(Method::PATCH, &format!("/v1/chats/{}", self.chat.id), &body).await?.done()
    }

    /// The fork as the list has it.
    pub(crate) async fn stands(&self) -> Result<Fork> {
        let page = self.ada.forks(self.chat.id, "").await?;
        page.items.into_iter().find(|fork| fork.id == self.fork).context("the fork is not listed")
    }

    /// Waits for the draft of the summary.
    pub(crate) async fn drafted(&self) -> Result<MessageId> {
        eventually("the draft", async || Ok(self.stands().await?.draft)).await
    }

    pub(crate) async fn log(&self) -> Result<Vec<Event>> {
        self.ada.log(self.chat.id).await
    }
}

/// How many events are of a kind.
pub(crate) fn count(log: &[Event], is: impl Fn(&EventBody) -> bool) -> usize {
    log.iter().filter(|event| is(&event.body)).count()
}

pub(crate) fn is_resolved(body: &EventBody) -> bool {
    matches!(body, EventBody::ForkResolved { .. })
}

/// The text of a message as it was posted.
pub(crate) fn text(log: &[Event], message: MessageId) -> Result<String> {
    let posted = log.iter().find_map(|event| {
        let EventBody::MessagePosted(posted) = &event.body else { return None };
        (posted.message == message).then(|| posted.text.clone())
    });
    posted.context("no such message")
}
