//! What people look for. Every function answers what the API answers.

use anyhow::Result;
use slipway_contract::http::page::Page;
use slipway_contract::http::search::Found;
use slipway_contract::{ChatId, MessageId, OrgId};

use crate::answer::Answer;
use crate::person::Person;

impl Person {
    /// Looks in a chat; `more` are further parameters (`&limit=2`).
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_search_chat(&self, chat: ChatId, typed: &str, more: &str) -> Result<Answer> {
        self.get(&format!("/v1/chats/{chat}/search?q={}{more}", escaped(typed))).await
    }

    /// Looks across an org; `more` are further parameters.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_search_org(&self, org: OrgId, typed: &str, more: &str) -> Result<Answer> {
        self.get(&format!("/v1/orgs/{org}/search?q={}{more}", escaped(typed))).await
    }

    /// The messages that are found in a chat, the newest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn search_chat(&self, chat: ChatId, typed: &str) -> Result<Vec<MessageId>> {
        let page: Page<Found> = self.try_search_chat(chat, typed, "&limit=50").await?.read()?;
        Ok(page.items.into_iter().map(|found| found.message).collect())
    }

    /// The messages that are found across an org, the best first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn search_org(&self, org: OrgId, typed: &str) -> Result<Vec<MessageId>> {
        let page: Page<Found> = self.try_search_org(org, typed, "&limit=50").await?.read()?;
        Ok(page.items.into_iter().map(|found| found.message).collect())
    }
}

/// A text as it stands in a query.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
