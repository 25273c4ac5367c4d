//! An org with people in it.

use anyhow::{Context as _, Result};
use reqwest::Method;
use slipway_contract::http::channels::Channel;
use slipway_contract::http::chats::{Chat, CreateChat};
use slipway_contract::http::orgs::Role;
use slipway_contract::{AgentId, ChannelId, OrgId};

use crate::person::Person;
use crate::world::World;

/// An org, its owner, and the public channel that it began with.
#[derive(Clone, Debug)]
pub struct Team {
    /// The org.
    pub org: OrgId,
    /// Who made it; their requests name it.
    pub owner: Person,
    /// The channel.
    pub channel: ChannelId,
}

impl Team {
    /// Makes one.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn found(world: &World, name: &str) -> Result<Self> {
        let owner = world.person(&format!("{name} Owner")).await?;
        let org = owner.found(name).await?.id;
        let owner = owner.at(org);
        let channels: Vec<Channel> = owner.channels(org).await?;
        let channel = channels.first().context("a new org has no channel")?.id;
        Ok(Self { org, owner, channel })
    }

    /// A fresh person who is invited and accepts; their requests name the org.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn join(&self, name: &str, role: Role) -> Result<Person> {
        let person = self.owner.world.person(name).await?;
        self.take_in(&person, role).await?;
        Ok(person.at(self.org))
    }

    /// Invites a person, who accepts.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn take_in(&self, person: &Person, role: Role) -> Result<()> {
        let invitation = self.owner.invite(self.org, &person.user.email, role).await?;
        person.accept(&invitation.token).await.map(drop)
    }

    /// A chat of the owner in the team's channel, with `others` in it.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn chat(&self, title: &str, others: &[&Person]) -> Result<Chat> {
        let chat = self.owner.chat(self.org, self.channel, title).await?;
        for other in others {
            self.owner.admit(chat.id, other.id()).await?;
        }
        Ok(chat)
    }

    /// A fresh team whose owner and a member named Bo are in a chat, as it stands then.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn of_two(world: &World) -> Result<(Self, Person, Chat)> {
        let team = Self::found(world, "Acme").await?;
        let bo = team.join("Bo", Role::Member).await?;
        let chat = team.chat("Talk", &[&bo]).await?;
        let chat = team.owner.describe(chat.id).await?;
        Ok((team, bo, chat))
    }

    /// A fresh team whose owner, a guest named Bo and the org's first agent, which answers when it is asked, are in a chat.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn with_agent(world: &World) -> Result<(Self, Person, AgentId, Chat)> {
        let team = Self::found(world, "Acme").await?;
        let bo = team.join("Bo", Role::Guest).await?;
        team.owner.add_to_channel(team.org, team.channel, bo.id()).await?.done()?;
        let agents = team.owner.agents(team.org).await?;
        let agent = agents.first().context("a new org has no agent")?.id;
        let body = CreateChat { title: "Ports".to_owned(), agents: Some(vec![agent]) };
        let path = format!("/v1/orgs/{}/channels/{}/chats", team.org, team.channel);
        let chat: Chat = team.owner.send(Method::POST, &path, &body).await?.read()?;
        team.owner.admit(chat.id, bo.id()).await?;
        Ok((team, bo, agent, chat))
    }
}
