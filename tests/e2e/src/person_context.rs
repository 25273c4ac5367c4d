//! What people do with context items, and how they read what an agent was given.

use anyhow::{Context as _, Result};
use reqwest::Method;
use slipway_contract::events::{Event, EventBody, Receipt};
use slipway_contract::http::context::{
    ContextItem, ContextScope, ContextState, CreateContextItem, UpdateContextItem,
};
use slipway_contract::http::page::Page;
use slipway_contract::{ChannelId, ChatId, ContextItemId, OrgId, TurnId};

use crate::answer::Answer;
use crate::person::Person;

/// An item of the org, to build on; its title names the request.
#[must_use]
pub fn item(title: &str, text: &str) -> CreateContextItem {
    CreateContextItem {
        scope: ContextScope::Org,
        channel: None,
        chat: None,
        title: title.to_owned(),
        text: text.to_owned(),
        tags: Vec::new(),
        source: None,
        expires_at: None,
        client_id: title.to_owned(),
    }
}

/// The same for one chat.
#[must_use]
pub fn of_chat(chat: ChatId, title: &str, text: &str) -> CreateContextItem {
    CreateContextItem { scope: ContextScope::Chat, chat: Some(chat), ..item(title, text) }
}

/// The same for one channel.
#[must_use]
pub fn of_channel(channel: ChannelId, title: &str, text: &str) -> CreateContextItem {
    CreateContextItem { scope: ContextScope::Channel, channel: Some(channel), ..item(title, text) }
}

/// A change of an item that changes nothing, to build on.
#[must_use]
pub const fn change(version: u64) -> UpdateContextItem {
    UpdateContextItem { version, title: None, text: None, tags: None, state: None, expires_at: None }
}

impl Person {
    /// Writes an item.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_tell(&self, org: OrgId, item: &CreateContextItem) -> Result<Answer> {
        self.send(Method::POST, &format!("/v1/orgs/{org}/context-items"), item).await
    }

    /// Writes an item.
    ///
    /// # Errors
    /// A refusal.
    pub async fn tell(&self, org: OrgId, item: &CreateContextItem) -> Result<ContextItem> {
        self.try_tell(org, item).await?.read()
    }

    /// Writes an item for a channel.
    ///
    /// # Errors
    /// A refusal.
    pub async fn tell_channel(
        &self,
        org: OrgId,
        channel: ChannelId,
        title: &str,
        text: &str,
    ) -> Result<ContextItem> {
        self.tell(org, &of_channel(channel, title, text)).await
    }

    /// A page of the items that they see, the newest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn items(&self, org: OrgId, query: &str) -> Result<Page<ContextItem>> {
        self.get(&format!("/v1/orgs/{org}/context-items?{query}")).await?.read()
    }

    /// Titles of the items that they see, the oldest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn titles(&self, org: OrgId, query: &str) -> Result<Vec<String>> {
        let page = self.items(org, query).await?;
        Ok(page.items.into_iter().rev().map(|item| item.title).collect())
    }

    /// Changes an item.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_change(
        &self,
        org: OrgId,
        item: ContextItemId,
        change: &UpdateContextItem,
    ) -> Result<Answer> {
        self.send(Method::PATCH, &format!("/v1/orgs/{org}/context-items/{item}"), change).await
    }

    /// Accepts what an agent proposed.
    ///
    /// # Errors
    /// A refusal.
    pub async fn accept_item(&self, item: &ContextItem) -> Result<ContextItem> {
        let accept = UpdateContextItem { state: Some(ContextState::Active), ..change(item.version) };
        self.try_change(item.org, item.id, &accept).await?.read()
    }

    /// Removes an item.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn remove_item(&self, org: OrgId, item: ContextItemId) -> Result<Answer> {
        self.call(Method::DELETE, &format!("/v1/orgs/{org}/context-items/{item}")).send().await
    }
}

/// The receipt of the answer that a turn ended in.
///
/// # Errors
/// There is no such answer, or it has none.
pub fn receipt_of(log: &[Event], wanted: TurnId) -> Result<&Receipt> {
    let receipt = log.iter().find_map(|event| {
        let EventBody::TurnCompleted { turn, receipt, .. } = &event.body else { return None };
        (*turn == wanted).then_some(receipt.as_deref())
    });
    receipt.context("the turn has not completed")?.context("the answer has no receipt")
}
