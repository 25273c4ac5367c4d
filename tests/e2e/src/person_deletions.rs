//! What people do to have something deleted. Every function answers what the API answers, and fails when it refuses.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::deletions::{
    DeletedCount, DeletedKind, Deletion, DeletionPreview, DeletionState, DeletionStep, DeletionSubject,
};
use slipway_contract::http::retention::Retention;
use slipway_contract::{ChannelId, ChatId, DeletionId, OrgId};

use crate::answer::Answer;
use crate::person::Person;
use crate::wait::eventually;
use crate::world::PASSWORD;

/// What goes on without the clock is begun again after this time.
const AGAIN: Duration = Duration::from_secs(8);

impl Person {
    /// Asks for a chat to be deleted.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_delete_chat(&self, chat: ChatId) -> Result<Answer> {
        self.call(Method::DELETE, &format!("/v1/chats/{chat}")).send().await
    }

    /// Asks for a chat to be deleted.
    ///
    /// # Errors
    /// A refusal.
    pub async fn delete_chat(&self, chat: ChatId) -> Result<Deletion> {
        accepted(&self.try_delete_chat(chat).await?)
    }

    /// Asks for a channel to be deleted.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_delete_channel(&self, org: OrgId, channel: ChannelId) -> Result<Answer> {
        self.call(Method::DELETE, &format!("/v1/orgs/{org}/channels/{channel}")).send().await
    }

    /// Asks for an org to be deleted, by its name.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_delete_org(&self, org: OrgId, name: &str) -> Result<Answer> {
        self.send(Method::DELETE, &format!("/v1/orgs/{org}"), &json!({"name": name})).await
    }

    /// Asks for their account to be deleted.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_delete_account(&self, password: &str) -> Result<Answer> {
        self.send(Method::DELETE, "/v1/me", &json!({"password": password})).await
    }

    /// Asks for their account to be deleted.
    ///
    /// # Errors
    /// A refusal.
    pub async fn delete_account(&self) -> Result<Deletion> {
        accepted(&self.try_delete_account(PASSWORD).await?)
    }

    /// Asks what deleting something would take; `of` is the path that a DELETE goes to.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_preview_deletion(&self, of: &str) -> Result<Answer> {
        self.get(&format!("{of}/deletion-preview")).await
    }

    /// What deleting a chat would take.
    ///
    /// # Errors
    /// A refusal.
    pub async fn preview_chat_deletion(&self, chat: ChatId) -> Result<DeletionPreview> {
        self.try_preview_deletion(&format!("/v1/chats/{chat}")).await?.read()
    }

    /// What deleting a channel would take.
    ///
    /// # Errors
    /// A refusal.
    pub async fn preview_channel_deletion(&self, org: OrgId, channel: ChannelId) -> Result<DeletionPreview> {
        self.try_preview_deletion(&format!("/v1/orgs/{org}/channels/{channel}")).await?.read()
    }

    /// What deleting an org would take.
    ///
    /// # Errors
    /// A refusal.
    pub async fn preview_org_deletion(&self, org: OrgId) -> Result<DeletionPreview> {
        self.try_preview_deletion(&format!("/v1/orgs/{org}")).await?.read()
    }

    /// What deleting their account would take.
    ///
    /// # Errors
    /// A refusal.
    pub async fn preview_account_deletion(&self) -> Result<DeletionPreview> {
        self.try_preview_deletion("/v1/me").await?.read()
    }

    /// How a deletion goes.
    ///
    /// # Errors
    /// A refusal.
    pub async fn deletion(&self, deletion: DeletionId) -> Result<Deletion> {
        self.get(&format!("/v1/deletions/{deletion}")).await?.read()
    }

    /// Waits until a deletion is over, and holds its report against what it promises.
    ///
    /// # Errors
    /// A refusal, or a report with something left.
    pub async fn deleted(&self, deletion: DeletionId) -> Result<Deletion> {
        let mut asked = Instant::now();
        let over = eventually("the end of a deletion", async || {
            let now = self.deletion(deletion).await?;
            if now.state != DeletionState::Done && asked.elapsed() > AGAIN {
                asked = Instant::now();
                self.ask_again(&now).await?;
            }
            Ok((now.state == DeletionState::Done).then_some(now))
        })
        .await?;
        whole(&over)?;
        Ok(over)
    }

    /// Asks once more for what is being deleted, so that it goes on without the clock.
    async fn ask_again(&self, deletion: &Deletion) -> Result<()> {
        let answer = match (deletion.subject, deletion.org) {
            (DeletionSubject::Chat { id }, _) => self.try_delete_chat(id).await?,
            (DeletionSubject::Channel { id }, Some(org)) => self.try_delete_channel(org, id).await?,
            (DeletionSubject::Org { id }, _) => self.try_delete_org(id, "").await?,
            (DeletionSubject::Person { .. }, _) => self.try_delete_account("").await?,
            (DeletionSubject::Channel { .. }, None) => bail!("a channel without an org: {deletion:?}"),
        };
        ensure!(accepted(&answer)?.id == deletion.id, "another deletion: {answer}");
        Ok(())
    }

    /// How long an org keeps what it has.
    ///
    /// # Errors
    /// A refusal.
    pub async fn retention(&self, org: OrgId) -> Result<Retention> {
        self.get(&format!("/v1/orgs/{org}/retention")).await?.read()
    }

    /// Says how long an org keeps what it has.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_retain(&self, org: OrgId, retention: Retention) -> Result<Answer> {
        self.send(Method::PUT, &format!("/v1/orgs/{org}/retention"), &retention).await
    }
}

/// The deletion that was asked for.
///
/// # Errors
/// A refusal.
pub fn accepted(answer: &Answer) -> Result<Deletion> {
    let deletion: Deletion = answer.read()?;
    ensure!(answer.status == 202, "accepted, but not so: {answer}");
    Ok(deletion)
}

/// The report of a deletion that is over has nothing left.
///
/// # Errors
/// It has.
pub fn whole(over: &Deletion) -> Result<()> {
    ensure!(over.step == DeletionStep::Done && over.ended_at.is_some(), "not over: {over:?}");
    ensure!(over.leftovers.is_empty() && over.parts.all == over.parts.done, "something is left: {over:?}");
    Ok(())
}

/// How much of a kind a report says was removed.
#[must_use]
pub fn removed(deletion: &Deletion, kind: DeletedKind) -> u64 {
    counted(&deletion.removed, kind)
}

/// How much of a kind a preview says would be removed.
#[must_use]
pub fn would_remove(preview: &DeletionPreview, kind: DeletedKind) -> u64 {
    counted(&preview.removes, kind)
}

fn counted(counts: &[DeletedCount], kind: DeletedKind) -> u64 {
    counts.iter().find(|one| one.kind == kind).map_or(0, |one| one.count)
}
