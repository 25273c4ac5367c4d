//! One chat of one team with agents of every kind, and its log as text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use e2e::{ChatSocket, Person, Team, eventually};
use expect_test::Expect;
use reqwest::Method;
use serde_json::json;
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::agents::{Agent, CreateAgent};
use slipway_contract::http::chats::{Chat, CreateChat, TurnStatus};
use slipway_contract::http::messages::Posted;
use slipway_contract::socket::ServerFrame;
use slipway_contract::{Actor, AgentId, ChatId, Seq, TurnId};

use crate::stage::Stage;

/// Every chat has its own title, by which the fake provider's requests are told apart.
static SCENES: AtomicU32 = AtomicU32::new(1);

/// A chat with some of the agents `@demo` and `@echo` (demo models), `@oa` (an OpenAI-compatible one), `@an` (Anthropic).
pub(crate) struct Scene {
    pub(crate) team: Team,
    pub(crate) chat: ChatId,
    pub(crate) title: String,
    pub(crate) socket: ChatSocket,
    agents: BTreeMap<String, AgentId>,
    posts: u32,
}

/// Asks one agent, alone in its chat, and compares what follows from its turn's beginning to the end.
pub(crate) async fn check(agent: &str, text: &str, expect: Expect) -> Result<()> {
    let stage = Stage::shared()?;
    check_on(&stage, agent, text, expect).await
}

/// The same on a stage of one's own.
pub(crate) async fn check_on(stage: &Stage, agent: &str, text: &str, expect: Expect) -> Result<()> {
    let mut scene = Scene::open(stage, &[agent]).await?;
    let posted = scene.say(&format!("@{agent} {text}")).await?;
    scene.rest().await?;
    expect.assert_eq(&scene.told_after(posted.seq));
    Ok(())
}

impl Scene {
    pub(crate) async fn open(stage: &Stage, slugs: &[&str]) -> Result<Self> {
        let team = stage.world()?.team("Crew").await?;
        let title = format!("Scene {}", SCENES.fetch_add(1, Ordering::Relaxed));
        let mut agents: BTreeMap<String, AgentId> = BTreeMap::new();
        for (slug, model) in [("echo", "demo"), ("oa", "openai:fake"), ("an", "anthropic:fake")] {
            if slugs.contains(&slug) {
                agents.insert(slug.to_owned(), create(&team, slug, model).await?.id);
            }
        }
        // Every org begins with this one.
        for agent in team.owner.agents(team.org).await? {
            if slugs.contains(&"demo") && agent.slug.to_string() == "demo" {
                agents.insert("demo".to_owned(), agent.id);
            }
        }
        let body = CreateChat { title: title.clone(), agents: Some(agents.values().copied().collect()) };
        let path = format!("/v1/orgs/{}/channels/{}/chats", team.org, team.channel);
        let chat: Chat = team.owner.send(Method::POST, &path, &body).await?.read()?;
        let socket = team.owner.socket(chat.id, Some(Seq::START)).await?;
        Ok(Self { team, chat: chat.id, title, socket, agents, posts: 0 })
    }

    pub(crate) fn owner(&self) -> &Person {
        &self.team.owner
    }

    pub(crate) fn agent(&self, slug: &str) -> Result<AgentId> {
        self.agents.get(slug).copied().with_context(|| format!("no agent {slug}"))
    }

    /// Posts a message and waits until the socket has told it, and the turns that it queued.
    pub(crate) async fn say(&mut self, text: &str) -> Result<Posted> {
        self.posts += 1;
        let posted = self.owner().post(self.chat, &format!("post-{}", self.posts), text).await?;
        // Its turns are in the same write.
        let head = self.owner().describe(self.chat).await?.head;
        self.socket.reach(head).await?;
        Ok(posted)
    }

    /// The turn that was queued last.
    pub(crate) fn turn(&self) -> Result<TurnId> {
        let queued = self.socket.events.iter().rev().find_map(|event| {
            if let EventBody::TurnQueued { turn, .. } = event.body { Some(turn) } else { None }
        });
        queued.context("no turn was queued")
    }

    /// Waits until every turn has ended.
    pub(crate) async fn rest(&mut self) -> Result<()> {
        while self.open_turns() > 0 {
            let next = self.socket.last().next();
            self.socket.reach(next).await.with_context(|| self.told_after(Seq::START))?;
        }
        Ok(())
    }

    fn open_turns(&self) -> usize {
        let count =
            |is: fn(&EventBody) -> bool| self.socket.events.iter().filter(|event| is(&event.body)).count();
        let queued = count(|body| matches!(body, EventBody::TurnQueued { .. }));
        let completed =
            count(|body| matches!(body, EventBody::TurnCompleted { .. } | EventBody::TurnSummarised { .. }));
        let failed = count(|body| matches!(body, EventBody::TurnFailed { .. }));
        queued - completed - failed - count(|body| matches!(body, EventBody::TurnCancelled { .. }))
    }

    /// Waits until a turn's streamed text is exactly this; every piece must go where the last one ended.
    pub(crate) async fn streams(&mut self, turn: TurnId, text: &str) -> Result<usize> {
        let (mut heard, mut pieces) = (String::new(), 0);
        while heard != text {
            let (offset, piece) = self
                .socket
                .wait_for("streamed text", |frame| {
                    let ServerFrame::Delta { turn: of, offset, text } = frame else { return None };
                    (*of == turn).then(|| (*offset, text.clone()))
                })
                .await
                .with_context(|| format!("after {heard:?}"))?;
            ensure!(offset as usize == heard.encode_utf16().count(), "a piece at {offset} after {heard:?}");
            heard.push_str(&piece);
            pieces += 1;
            ensure!(text.starts_with(&heard), "streamed {heard:?}, which does not become {text:?}");
        }
        Ok(pieces)
    }

    /// Opens the socket anew after its process died; connections that died with it may fail once more.
    pub(crate) async fn come_back(&mut self, after: Seq) -> Result<()> {
        let (owner, chat) = (self.team.owner.clone(), self.chat);
        self.socket = eventually("a socket", async || Ok(owner.socket(chat, Some(after)).await.ok())).await?;
        Ok(())
    }

    pub(crate) async fn cancel(&self, turn: TurnId) -> Result<TurnStatus> {
        self.owner().call(Method::POST, &format!("/v1/turns/{turn}/cancel")).send().await?.read()
    }

    /// Changes an agent.
    pub(crate) async fn change(&self, slug: &str, change: serde_json::Value) -> Result<Agent> {
        let path = format!("/v1/orgs/{}/agents/{}", self.team.org, self.agent(slug)?);
        self.owner().send(Method::PATCH, &path, &change).await?.read()
    }

    /// Sets which agent answers messages that mention none.
    pub(crate) async fn set_default(&self, slug: Option<&str>) -> Result<()> {
        let agent = slug.map(|slug| self.agent(slug)).transpose()?;
        let body = json!({"default_agent": agent});
        self.owner().send(Method::PATCH, &format!("/v1/chats/{}", self.chat), &body).await?.done()
    }

    /// What the log holds after an event, one line each.
    pub(crate) fn told_after(&self, seq: Seq) -> String {
        let after = self.socket.events.iter().filter(|event| event.seq > seq);
        after.map(|event| format!("{}\n", self.line(event))).collect()
    }

    fn line(&self, event: &Event) -> String {
        let slug = |id: AgentId| {
            self.agents.iter().find(|(_, agent)| **agent == id).map_or("?", |(slug, _)| slug.as_str())
        };
        let who = match event.actor {
            Actor::Agent { id } => slug(id),
            Actor::User { .. } => "owner",
            Actor::System => "system",
        };
        match &event.body {
            EventBody::MessagePosted(message) => {
                let mark = if message.partial { " (partial)" } else { "" };
                format!("{who}: {}{mark}", message.text)
            }
            EventBody::TurnQueued { agent, depth, .. } => format!("queued {} at depth {depth}", slug(*agent)),
            EventBody::TurnStarted { attempt, .. } => format!("{who} starts, attempt {attempt}"),
            EventBody::ToolCalled { call, .. } => format!("{who} calls {} {}", call.name, call.arguments),
            EventBody::ToolReturned { result, .. } => {
                let what = if result.is_error { "failed" } else { "answered" };
                format!("the tool {what} {:?}", result.content)
            }
            EventBody::TurnCompleted { model, usage, .. } => {
                format!("{who} is done: {model} read {} wrote {}", usage.input_tokens, usage.output_tokens)
            }
            EventBody::TurnSummarised { text, .. } => format!("{who} sums up: {text}"),
            EventBody::TurnFailed { failure, .. } => {
                format!("failed: {:?}: {}", failure.code, failure.detail)
            }
            EventBody::TurnCancelled { message, .. } => {
                format!("{who} stopped it {} words", if message.is_some() { "after" } else { "before any" })
            }
            EventBody::DefaultAgentSet { agent } => format!("default {}", agent.map_or("nobody", slug)),
            other @ (EventBody::ChatCreated { .. }
            | EventBody::ChatRenamed { .. }
            | EventBody::ParticipantJoined { .. }
            | EventBody::ParticipantLeft { .. }
            | EventBody::MessageEdited { .. }
            | EventBody::MessageDeleted { .. }
            | EventBody::ReactionAdded { .. }
            | EventBody::ReactionRemoved { .. }
            | EventBody::MessagePinned { .. }
            | EventBody::MessageUnpinned { .. }
            | EventBody::ApprovalRequested { .. }
            | EventBody::ApprovalVoted { .. }
            | EventBody::ApprovalClosed { .. }
            | EventBody::ApprovalCarriedOut { .. }
            | EventBody::SandboxChanged { .. }
            | EventBody::PreviewOpened { .. }
            | EventBody::ForkCreated { .. }
            | EventBody::ForkResolved { .. }
            | EventBody::ForkAbandoned { .. }
            | EventBody::ArtifactSaved { .. }) => format!("{other:?}"),
        }
    }
}

async fn create(team: &Team, slug: &str, model: &str) -> Result<Agent> {
    let body = CreateAgent {
        slug: slug.parse()?,
        name: slug.to_owned(),
        instructions: "Be short.".to_owned(),
        model: model.to_owned(),
        is_default: false,
    };
    team.owner.send(Method::POST, &format!("/v1/orgs/{}/agents", team.org), &body).await?.read()
}

/// A scene of the shared stage, and the stage that must live as long.
pub(crate) async fn shared(agents: &[&str]) -> Result<(Arc<Stage>, Scene)> {
    let stage = Stage::shared()?;
    let scene = Scene::open(&stage, agents).await?;
    Ok((stage, scene))
}
