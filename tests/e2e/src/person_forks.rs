//! What people do with the forks of chats.

use anyhow::{Result, ensure};
use reqwest::Method;
use slipway_contract::events::Event;
use slipway_contract::http::forks::{AcceptFork, CreateFork, Fork};
use slipway_contract::http::messages::PostMessage;
use slipway_contract::http::page::Page;
use slipway_contract::{ChatId, ForkId, MessageId};

use crate::person::Person;
use crate::world::Call;

impl Person {
    /// The call that begins a fork.
    pub fn forking(&self, message: MessageId, client_id: &str, description: &str) -> Call {
        let (client_id, description) = (client_id.to_owned(), description.to_owned());
        let body = CreateFork { message, description, client_id };
        self.call(Method::POST, &format!("/v1/chats/{}/forks", message.chat())).json(&body)
    }

    /// Begins a fork.
    ///
    /// # Errors
    /// A refusal.
    pub async fn fork(&self, message: MessageId, client_id: &str) -> Result<Fork> {
        self.forking(message, client_id, "Which port?").send().await?.read()
    }

    /// The call that posts into a fork.
    pub fn posting_in(&self, fork: ForkId, client_id: &str, text: &str) -> Call {
        let (client_id, text) = (client_id.to_owned(), text.to_owned());
        let body = PostMessage { client_id, text, reply_to: None, fork: Some(fork), attachments: vec![] };
        self.call(Method::POST, &format!("/v1/chats/{}/messages", fork.chat())).json(&body)
    }

    /// Posts into a fork.
    ///
    /// # Errors
    /// A refusal.
    pub async fn post_in(&self, fork: ForkId, client_id: &str, text: &str) -> Result<MessageId> {
        let posted: slipway_contract::http::messages::Posted =
            self.posting_in(fork, client_id, text).send().await?.read()?;
        Ok(posted.message)
    }

    /// The call of one of a fork's operations: `resolve` or `abandon`.
    pub fn fork_call(&self, fork: ForkId, operation: &str) -> Call {
        self.call(Method::POST, &format!("/v1/chats/{}/forks/{fork}/{operation}", fork.chat()))
    }

    /// Has a fork's summary drafted.
    ///
    /// # Errors
    /// A refusal.
    pub async fn draft(&self, fork: ForkId) -> Result<Fork> {
        self.fork_call(fork, "resolve").send().await?.read()
    }

    /// The call that accepts a fork's summary.
    pub fn accepting(
        &self,
        fork: ForkId,
        summary: &str,
        draft: Option<MessageId>,
        evidence: &[MessageId],
    ) -> Call {
        let body = AcceptFork { summary: summary.to_owned(), evidence: evidence.to_vec(), draft };
        self.fork_call(fork, "accept").json(&body)
    }

    /// A page of a chat's forks, the newest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn forks(&self, chat: ChatId, query: &str) -> Result<Page<Fork>> {
        self.get(&format!("/v1/chats/{chat}/forks?{query}")).await?.read()
    }

    /// What happened in a fork, in pages of three.
    ///
    /// # Errors
    /// A refusal, or a page out of order.
    pub async fn fork_log(&self, fork: ForkId) -> Result<Vec<Event>> {
        let mut log: Vec<Event> = Vec::new();
        loop {
            let after = log.last().map_or(0, |event| event.seq.0);
            let page = self.events(fork.chat(), &format!("fork={fork}&after={after}&limit=3")).await?;
            if page.events.is_empty() {
                return Ok(log);
            }
            for event in page.events {
                ensure!(log.last().is_none_or(|last| last.seq < event.seq), "{} is out of order", event.seq);
                log.push(event);
            }
        }
    }
}
