//! `propose_context`: what an agent would have agents told. A person accepts it, or removes it.

use slipway_contract::http::context::{ContextItem, ContextScope, ContextState};
use slipway_contract::objects::tools::ToolFrame;
use slipway_contract::{Actor, ChannelId, Timestamp};
use slipway_domain::context::OPEN_PROPOSALS;
use slipway_edge::ids;
use slipway_store::context_items::{self, NewItem};
use slipway_store::{Conflict, OrgDb, StoreError, chats};

use super::arguments::{ProposeContext, ProposedScope};
use super::desk::{Desk, refused};
use super::{done, error, later};

impl Desk<'_> {
    pub(super) async fn propose_context(&mut self, wanted: ProposeContext) -> ToolFrame {
        let org = self.asked.org;
        let mut rows = match self.changes.link.rows(org).await {
            Ok(rows) => rows,
            Err(problem) => return refused(problem),
        };
        let now = self.changes.errand.now();
        let made = match self.propose(&mut rows, wanted, now).await {
            Ok(made) => self.changes.link.commit(rows).await.map(|()| made),
            Err(error) => Err(error),
        };
        match made {
            Ok(Some(item)) => done(told(&item)),
            Ok(None) => later("The chat is not in the index yet."),
            Err(StoreError::Conflict(Conflict::Full)) => error(format!(
                "Nothing more can be proposed: {OPEN_PROPOSALS} proposals of this chat wait for people, or there are as \
                 many context items as there may be.",
            )),
            Err(error) => refused(self.changes.errand.refuse(&error)),
        }
    }

    /// The proposal; `None` while nobody knows the chat's channel.
    async fn propose(
        &self,
        rows: &mut OrgDb,
        wanted: ProposeContext,
        now: Timestamp,
    ) -> Result<Option<ContextItem>, StoreError> {
        let Some(channel) = chats::channel_of(rows, self.asked.chat).await? else { return Ok(None) };
        context_items::create(rows, &self.new_item(wanted, channel), now).await.map(Some)
    }

    fn new_item(&self, wanted: ProposeContext, channel: ChannelId) -> NewItem {
        let (scope, chat) = match wanted.scope {
            ProposedScope::Chat => (ContextScope::Chat, Some(self.asked.chat)),
            ProposedScope::Channel => (ContextScope::Channel, None),
        };
        NewItem {
            id: ids::fresh(),
            scope,
            channel: Some(channel),
            chat,
            title: wanted.title,
            text: wanted.text,
            tags: wanted.tags,
            source: None,
            by: Actor::Agent { id: self.asked.agent },
            client_id: self.asked.key.clone(),
            proposed_in: Some(self.asked.chat),
            expires_at: None,
        }
    }
}

fn told(item: &ContextItem) -> String {
    match item.state {
        ContextState::Proposed => {
            "Proposed. Agents are told it once somebody in the chat accepts it.".to_owned()
        }
        ContextState::Active => "It was accepted already.".to_owned(),
    }
}
