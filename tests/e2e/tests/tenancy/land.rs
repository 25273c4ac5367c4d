//! An org with one of everything, each named so that a leak is seen, and the people who try.

use anyhow::{Context as _, Result};
use e2e::{Person, Team, World};
use slipway_contract::approval::ApprovalState;
use slipway_contract::events::EventBody;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::chats::CreateChat;
use slipway_contract::http::orgs::Role;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{
    AgentId, ApprovalId, ArtifactId, AttachmentId, ChannelId, ChatId, ContextItemId, DeletionId, ForkId,
    InvitationId, MemberId, MessageId, SandboxId, SnapshotId, TurnId, UserId,
};

/// One of everything that an org has. Everything is in a private channel, so that only those who were added see it.
#[derive(Clone, Debug)]
pub(crate) struct Land {
    /// Stands in every name and text of it.
    pub(crate) canary: &'static str,
    pub(crate) team: Team,
    channel: ChannelId,
    chat: ChatId,
    message: MessageId,
    fork: ForkId,
    /// One more, to be given up.
    spare: ForkId,
    turn: TurnId,
    agent: AgentId,
    member: MemberId,
    user: UserId,
    invitation: InvitationId,
    token: String,
    approval: ApprovalId,
    sandbox: SandboxId,
    artifact: ArtifactId,
    /// An upload of its owner, of one byte.
    attachment: AttachmentId,
    snapshot: SnapshotId,
    deletion: DeletionId,
    item: ContextItemId,
}

impl Land {
    pub(crate) async fn settle(world: &World, canary: &'static str) -> Result<Self> {
        let team = world.team(canary).await?;
        let owner = &team.owner;
        let channel = owner.channel(team.org, &format!("{canary}-channel"), Visibility::Private).await?.id;
        let agent = owner.agent(team.org, &format!("{canary}-bot")).await?.id;
        let settler = team.join(&format!("{canary} Settler"), Role::Member).await?;
        owner.add_to_channel(team.org, channel, settler.id()).await?.done()?;
        let body = CreateChat { title: format!("{canary} chat"), agents: Some(vec![agent]) };
        let path = format!("/v1/orgs/{}/channels/{channel}/chats", team.org);
        let chat: slipway_contract::http::chats::Chat =
            owner.send(reqwest::Method::POST, &path, &body).await?.read()?;
        owner.admit(chat.id, settler.id()).await?;
        let message = owner.post(chat.id, "first", &format!("{canary} message")).await?.message;
        let fork = owner.fork(message, "fork").await?.id;
        let spare = owner.fork(message, "spare").await?.id;
        owner.post_in(fork, "inside", &format!("{canary} aside")).await?;
        let asked = owner.post(chat.id, "asking", &format!("@{canary}-bot {canary} question")).await?;
        let invitation = owner.invite(team.org, &format!("{canary}-new@example.org"), Role::Guest).await?;
        let member = owner.member(team.org, settler.id()).await?.id;
        // The turn stands behind the message that asked for it.
        let turn = TurnId::new(chat.id, asked.seq.next());
        let (approval, sandbox) = start(owner, &settler, chat.id).await?;
        let artifact = keep(owner, sandbox, canary).await?;
        let attachment = owner.begin(chat.id, canary, 1).await?.id;
        let snapshot = owner.take_snapshot(sandbox).await?.id;
        let gone = owner.chat(team.org, channel, &format!("{canary} gone")).await?;
        let deletion = owner.delete_chat(gone.id).await?.id;
        let about = format!("{canary} item");
        let item = owner.tell_channel(team.org, channel, &about, &about).await?.id;
        let land = Self {
            canary,
            channel,
            chat: chat.id,
            message,
            fork,
            spare,
            turn,
            agent,
            member,
            user: settler.id(),
            invitation: invitation.invitation.id,
            token: invitation.token,
            approval,
            sandbox,
            artifact,
            attachment,
            snapshot,
            deletion,
            item,
            team,
        };
        land.quiet().await?;
        Ok(land)
    }

    /// The turn has ended, so that nothing but the tests changes the chat.
    async fn quiet(&self) -> Result<()> {
        e2e::eventually("the end of the turn", async || {
            let chat = self.team.owner.describe(self.chat).await?;
            Ok(chat.open_turns.is_empty().then_some(()))
        })
        .await
    }

    /// Takes a person into the private channel and its chat.
    pub(crate) async fn initiate(&self, person: &Person) -> Result<()> {
        self.team.owner.add_to_channel(self.team.org, self.channel, person.id()).await?.done()?;
        self.team.owner.admit(self.chat, person.id()).await
    }

    /// Puts ids of this org for the names in a template; the org's own only when `own_org` is not given.
    pub(crate) fn fill(&self, template: &str, own_org: Option<&Self>) -> String {
        let org = own_org.unwrap_or(self).team.org;
        template
            .replace("{org}", &org.to_string())
            .replace("{channel}", &self.channel.to_string())
            .replace("{chat}", &self.chat.to_string())
            .replace("{message}", &self.message.to_string())
            .replace("{fork}", &self.fork.to_string())
            .replace("{spare}", &self.spare.to_string())
            .replace("{turn}", &self.turn.to_string())
            .replace("{agent}", &self.agent.to_string())
            .replace("{member}", &self.member.to_string())
            .replace("{user}", &self.user.to_string())
            .replace("{invitation}", &self.invitation.to_string())
            .replace("{approval}", &self.approval.to_string())
            .replace("{sandbox}", &self.sandbox.to_string())
            .replace("{artifact}", &self.artifact.to_string())
            .replace("{attachment}", &self.attachment.to_string())
            .replace("{snapshot}", &self.snapshot.to_string())
            .replace("{deletion}", &self.deletion.to_string())
            .replace("{canary}", self.canary)
            .replace("{item}", &self.item.to_string())
            .replace("{token}", &self.token)
    }

    /// Everything that its owner sees, as text: what must not change.
    pub(crate) async fn survey(&self) -> Result<String> {
        let mut seen = String::new();
        for template in [
            "/v1/orgs/{org}/members",
            "/v1/orgs/{org}/invitations",
            "/v1/orgs/{org}/channels",
            "/v1/orgs/{org}/agents",
            "/v1/orgs/{org}/channels/{channel}/members",
            "/v1/orgs/{org}/channels/{channel}/chats",
            "/v1/chats/{chat}",
            "/v1/chats/{chat}/events?limit=200",
            "/v1/chats/{chat}/forks",
            "/v1/orgs/{org}/context-items",
            "/v1/orgs/{org}/approvals",
            "/v1/orgs/{org}/approval-policy",
            "/v1/orgs/{org}/quotas/limits",
            "/v1/orgs/{org}/artifacts",
            "/v1/sandboxes/{sandbox}/files",
            "/v1/sandboxes/{sandbox}/snapshots",
        ] {
            let answer = self.team.owner.get(&self.fill(template, None)).await?;
            answer.done()?;
            seen.push_str(&answer.body);
            seen.push('\n');
        }
        Ok(seen)
    }

    /// The survey once the list of chats says what the chat says.
    pub(crate) async fn settled_survey(&self) -> Result<String> {
        e2e::eventually("the index to know the chat", async || {
            let chat = self.team.owner.describe(self.chat).await?;
            let row = self.team.owner.summary(&chat).await?;
            let known =
                row.is_some_and(|row| (row.message_count, row.unread) == (chat.message_count, chat.unread));
            Ok(known.then_some(()))
        })
        .await?;
        self.survey().await
    }

    /// A ticket for a socket of its chat, of its owner.
    pub(crate) async fn ticket(&self) -> Result<String> {
        self.ticket_of(&self.team.owner).await
    }

    /// A ticket for a socket of its chat, of somebody in it.
    pub(crate) async fn ticket_of(&self, person: &Person) -> Result<String> {
        person.ticket(self.chat).await.context("no ticket")
    }

    /// A chat's ticket as one for a terminal: behind the chat's UUID.
    pub(crate) fn for_terminal(&self, ticket: &str) -> String {
        format!("{}.{ticket}", self.chat.uuid().simple())
    }
}

/// A sandbox that the settler asked for and the owner approved, when everything that follows from that has happened.
async fn start(owner: &Person, settler: &Person, chat: ChatId) -> Result<(ApprovalId, SandboxId)> {
    // Sandboxes know their chat by its row in the index.
    e2e::eventually("the chat in the index", async || {
        let chat = owner.describe(chat).await?;
        owner.summary(&chat).await
    })
    .await?;
    let asked = settler.ask_sandbox(chat).await?;
    owner.approve(asked.id).await?;
    e2e::eventually("what was approved is done", async || {
        let log = owner.log(chat).await?;
        let done = log.iter().find_map(|event| {
            let EventBody::ApprovalCarriedOut { approval, done, detail } = &event.body else { return None };
            (*approval == asked.id).then(|| (*done, detail.clone()))
        });
        let Some((done, detail)) = done else { return Ok(None) };
        anyhow::ensure!(done, "the sandbox did not start: {detail}");
        Ok(Some(()))
    })
    .await?;
    e2e::eventually("the approval in the inbox", async || {
        let inbox = owner.inbox("approved").await?;
        let approved = inbox.iter().any(|one| one.id == asked.id && one.state == ApprovalState::Approved);
        Ok(approved.then_some(()))
    })
    .await?;
    let sandbox = e2e::eventually("the sandbox", async || {
        let newest = owner.sandboxes(chat).await?.into_iter().next();
        Ok(newest.filter(|sandbox| sandbox.state == SandboxState::Ready))
    })
    .await?;
    Ok((asked.id, sandbox.id))
}

/// A file of the sandbox that was kept.
async fn keep(owner: &Person, sandbox: SandboxId, canary: &str) -> Result<ArtifactId> {
    owner.put_file(sandbox, "kept.txt", format!("{canary} file")).await?.done()?;
    let path = format!("/v1/sandboxes/{sandbox}/artifacts");
    let body = serde_json::json!({"path": "kept.txt"});
    let kept: Artifact = owner.send(reqwest::Method::POST, &path, &body).await?.read()?;
    Ok(kept.id)
}
