//! A chat of two people, and a sandbox of theirs.

use anyhow::{Context as _, Result, ensure};
use e2e::{Person, Team, Visitor, World, eventually};
use slipway_contract::events::{Event, EventBody};
use slipway_contract::http::agents::{Agent, CreateAgent};
use slipway_contract::http::approvals::Approval;
use slipway_contract::http::chats::Chat;
use slipway_contract::http::sandboxes::Sandbox;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{ApprovalId, ChatId, SandboxId};

/// What a sandbox serves in these tests.
pub(crate) const SERVER: &str = include_str!("../../fixtures/server.mjs");
/// Where it listens.
pub(crate) const PORT: u16 = 8000;

/// A team whose owner and a member named Bo are in a chat.
pub(crate) struct Land {
    pub(crate) team: Team,
    pub(crate) bo: Person,
    pub(crate) chat: Chat,
}

impl Land {
    pub(crate) async fn of(world: &World) -> Result<Self> {
        let (team, bo, chat) = Team::of_two(world).await?;
        // Sandboxes know their chat by its row in the index.
        eventually("the chat in the index", async || team.owner.summary(&chat).await).await?;
        Ok(Self { team, bo, chat })
    }

    /// On the stack that the tests of this binary share.
    pub(crate) async fn shared() -> Result<Self> {
        Self::of(&World::shared()?).await
    }

    /// Bo asks, the owner approves, and it runs.
    pub(crate) async fn start(&self) -> Result<SandboxId> {
        let asked = self.bo.ask_sandbox(self.chat.id).await?;
        self.team.owner.approve(asked.id).await?;
        self.carried_out(asked.id).await?;
        let ready = self.present(SandboxState::Ready).await?;
        Ok(ready.id)
    }

    /// Waits until an approval was carried out; what the log says of it.
    pub(crate) async fn carried_out(&self, approval: ApprovalId) -> Result<String> {
        eventually("what was approved is done", async || {
            let log = self.bo.log(self.chat.id).await?;
            let end = log.iter().find_map(|event| {
                let EventBody::ApprovalCarriedOut { approval: which, done, detail } = &event.body else {
                    return None;
                };
                (*which == approval).then(|| (*done, detail.clone()))
            });
            let Some((done, detail)) = end else { return Ok(None) };
            ensure!(done, "it was not done: {detail}");
            Ok(Some(detail))
        })
        .await
    }

    /// Waits until the chat's newest sandbox stands so.
    pub(crate) async fn present(&self, state: SandboxState) -> Result<Sandbox> {
        eventually(&format!("a sandbox that is {state:?}"), async || {
            let newest = self.bo.sandboxes(self.chat.id).await?.into_iter().next();
            Ok(newest.filter(|sandbox| sandbox.state == state))
        })
        .await
    }

    /// Starts the test's server inside and waits until the gateway reaches it.
    pub(crate) async fn serve(&self, sandbox: SandboxId) -> Result<Visitor> {
        self.bo.put_file(sandbox, "server.mjs", SERVER).await?.done()?;
        let started = self.bo.run(sandbox, "nohup node server.mjs 8000 >server.log 2>&1 &").await?;
        ensure!(started.exit.code == 0, "{started:?}");
        self.visit(sandbox).await
    }

    /// Bo at the served port, once it answers.
    pub(crate) async fn visit(&self, sandbox: SandboxId) -> Result<Visitor> {
        let token = self.bo.preview_token(sandbox, PORT).await?;
        let visitor = Visitor::enter(&token.url).await?;
        eventually("the server inside", async || {
            Ok((visitor.get("/echo").await?.status == 200).then_some(()))
        })
        .await?;
        Ok(visitor)
    }

    /// An agent with the demo model in the chat.
    pub(crate) async fn demo(&self) -> Result<Agent> {
        let body = CreateAgent {
            slug: "helper".parse()?,
            name: "Helper".to_owned(),
            instructions: "Be short.".to_owned(),
            model: "demo".to_owned(),
            is_default: false,
        };
        let owner = &self.team.owner;
        let agent: Agent = owner
            .send(reqwest::Method::POST, &format!("/v1/orgs/{}/agents", self.team.org), &body)
            .await?
            .read()?;
        let path = format!("/v1/chats/{}/participants", self.chat.id);
        owner.send(reqwest::Method::POST, &path, &serde_json::json!({"agent": agent.id})).await?.done()?;
        Ok(agent)
    }

    /// Waits until the chat has an open approval.
    pub(crate) async fn open_approval(&self) -> Result<Approval> {
        eventually("an open approval", async || {
            Ok(self.bo.describe(self.chat.id).await?.open_approvals.into_iter().next())
        })
        .await
    }

    /// Waits until no turn is open; the log from then.
    pub(crate) async fn rest(&self) -> Result<Vec<Event>> {
        eventually("the end of all turns", async || {
            Ok(self.bo.describe(self.chat.id).await?.open_turns.is_empty().then_some(()))
        })
        .await?;
        self.bo.log(self.chat.id).await
    }
}

/// What the newest message of a chat says.
pub(crate) async fn last_message(person: &Person, chat: ChatId) -> Result<String> {
    let log = person.log(chat).await?;
    let last = log.iter().rev().find_map(|event| {
        let EventBody::MessagePosted(message) = &event.body else { return None };
        Some(message.text.clone())
    });
    last.context("no message")
}
