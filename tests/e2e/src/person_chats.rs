//! What people do in chats. Every function answers what the API answers, and fails when it refuses.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::json;
use slipway_contract::events::Event;
use slipway_contract::http::chats::{Chat, ChatSummary, CreateChat, EventsPage, SocketTicket};
use slipway_contract::http::messages::{EditMessage, PostMessage, Posted};
use slipway_contract::http::page::Page;
use slipway_contract::http::unread::Unread;
use slipway_contract::{ChannelId, ChatId, MessageId, OrgId, ParticipantId, Seq, UserId};

use crate::answer::Answer;
use crate::chat_socket::ChatSocket;
use crate::person::Person;
use crate::world::Call;

impl Person {
    /// Begins a chat without agents.
    ///
    /// # Errors
    /// A refusal.
    pub async fn chat(&self, org: OrgId, channel: ChannelId, title: &str) -> Result<Chat> {
        let body = CreateChat { title: title.to_owned(), agents: Some(Vec::new()) };
        self.send(Method::POST, &format!("/v1/orgs/{org}/channels/{channel}/chats"), &body).await?.read()
    }

    /// The chats of a channel, newest message first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn chats(&self, org: OrgId, channel: ChannelId) -> Result<Vec<ChatSummary>> {
        let path = format!("/v1/orgs/{org}/channels/{channel}/chats");
        let page: Page<ChatSummary> = self.get(&path).await?.read()?;
        Ok(page.items)
    }

    /// A chat's row in the list of its channel, if it is there.
    ///
    /// # Errors
    /// A refusal.
    pub async fn summary(&self, chat: &Chat) -> Result<Option<ChatSummary>> {
        let rows = self.chats(chat.org, chat.channel).await?;
        Ok(rows.into_iter().find(|row| row.id == chat.id))
    }

    /// What they have not read in an org's chats; `query` as in `?since=…`.
    ///
    /// # Errors
    /// A refusal.
    pub async fn unread(&self, org: OrgId, query: &str) -> Result<Unread> {
        self.get(&format!("/v1/orgs/{org}/unread{query}")).await?.read()
    }

    /// A chat as they see it.
    ///
    /// # Errors
    /// A refusal.
    pub async fn describe(&self, chat: ChatId) -> Result<Chat> {
        self.get(&format!("/v1/chats/{chat}")).await?.read()
    }

    /// The call that takes a person into a chat.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_admit(&self, chat: ChatId, user: UserId) -> Result<Answer> {
        self.send(Method::POST, &format!("/v1/chats/{chat}/participants"), &json!({"user": user})).await
    }

    /// Takes a person into a chat.
    ///
    /// # Errors
    /// A refusal.
    pub async fn admit(&self, chat: ChatId, user: UserId) -> Result<()> {
        self.try_admit(chat, user).await?.done()
    }

    /// Puts somebody out of a chat.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn dismiss(&self, chat: ChatId, who: ParticipantId) -> Result<Answer> {
        self.call(Method::DELETE, &format!("/v1/chats/{chat}/participants/{who}")).send().await
    }

    /// The call that posts a message.
    pub fn posting(&self, chat: ChatId, client_id: &str, text: &str) -> Call {
        let body = PostMessage {
            client_id: client_id.to_owned(),
            text: text.to_owned(),
            reply_to: None,
            fork: None,
            attachments: Vec::new(),
        };
        self.call(Method::POST, &format!("/v1/chats/{chat}/messages")).json(&body)
    }

    /// Posts a message.
    ///
    /// # Errors
    /// A refusal.
    pub async fn post(&self, chat: ChatId, client_id: &str, text: &str) -> Result<Posted> {
        self.posting(chat, client_id, text).send().await?.read()
    }

    /// Edits a message.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn edit(&self, message: MessageId, text: &str) -> Result<Answer> {
        let path = format!("/v1/chats/{}/messages/{message}", message.chat());
        self.send(Method::PATCH, &path, &EditMessage { text: text.to_owned() }).await
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn delete(&self, message: MessageId) -> Result<Answer> {
        let path = format!("/v1/chats/{}/messages/{message}", message.chat());
        self.call(Method::DELETE, &path).send().await
    }

    /// Adds a reaction or takes it back.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn react(&self, message: MessageId, emoji: &str, on: bool) -> Result<Answer> {
        let emoji: String = emoji.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/v1/chats/{}/messages/{message}/reactions/{emoji}", message.chat());
        self.call(if on { Method::PUT } else { Method::DELETE }, &path).send().await
    }

    /// The call that pins a message or takes the pin back.
    pub fn pinning(&self, message: MessageId, on: bool) -> Call {
        let path = format!("/v1/chats/{}/messages/{message}/pin", message.chat());
        self.call(if on { Method::PUT } else { Method::DELETE }, &path)
    }

    /// A page of a chat's log.
    ///
    /// # Errors
    /// A refusal.
    pub async fn events(&self, chat: ChatId, query: &str) -> Result<EventsPage> {
        self.get(&format!("/v1/chats/{chat}/events?{query}")).await?.read()
    }

    /// A chat's whole log, in order and without gaps.
    ///
    /// # Errors
    /// A refusal, a gap, a repeat.
    pub async fn log(&self, chat: ChatId) -> Result<Vec<Event>> {
        let mut log: Vec<Event> = Vec::new();
        loop {
            let after = log.last().map_or(Seq::START, |event| event.seq);
            let page = self.events(chat, &format!("after={after}&limit=200")).await?;
            let mut expected = after;
            for event in &page.events {
                expected = expected.next();
                ensure!(event.seq == expected, "event {} stands where {expected} should", event.seq);
            }
            log.extend(page.events);
            if expected == page.head {
                return Ok(log);
            }
            ensure!(expected > after, "the log ends at {after} before its head {}", page.head);
        }
    }

    /// A ticket for a chat's socket.
    ///
    /// # Errors
    /// A refusal.
    pub async fn ticket(&self, chat: ChatId) -> Result<String> {
        let answer = self.call(Method::POST, &format!("/v1/chats/{chat}/socket-ticket")).send().await?;
        let ticket: SocketTicket = answer.read()?;
        Ok(ticket.ticket)
    }

    /// Opens a chat's socket; with `after`, from there on.
    ///
    /// # Errors
    /// A refusal.
    pub async fn socket(&self, chat: ChatId, after: Option<Seq>) -> Result<ChatSocket> {
        let ticket = self.ticket(chat).await?;
        ChatSocket::open(&self.world, chat, &ticket, after).await.context("no socket")
    }
}
