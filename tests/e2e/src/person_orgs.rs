//! What people do in orgs. Every function answers what the API answers, and fails when it refuses.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::agents::{Agent, CreateAgent};
use slipway_contract::http::channels::{AddChannelMember, Channel, CreateChannel, Visibility};
use slipway_contract::http::invitations::{AcceptedInvitation, CreateInvitation, Invitation, NewInvitation};
use slipway_contract::http::members::{ChangeRole, Member};
use slipway_contract::http::orgs::{CreateOrg, Me, Org, Role};
use slipway_contract::http::page::Page;
use slipway_contract::{ChannelId, MemberId, OrgId, UserId};

use crate::answer::Answer;
use crate::person::Person;

impl Person {
    /// Who they are and where.
    ///
    /// # Errors
    /// A refusal.
    pub async fn me(&self) -> Result<Me> {
        self.get("/v1/me").await?.read()
    }

    /// Makes an org.
    ///
    /// # Errors
    /// A refusal.
    pub async fn found(&self, name: &str) -> Result<Org> {
        self.send(Method::POST, "/v1/orgs", &CreateOrg { name: name.to_owned() }).await?.read()
    }

    /// Invites an address.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_invite(&self, org: OrgId, email: &str, role: Role) -> Result<Answer> {
        let body = CreateInvitation { email: email.to_owned(), role };
        self.send(Method::POST, &format!("/v1/orgs/{org}/invitations"), &body).await
    }

    /// Invites an address.
    ///
    /// # Errors
    /// A refusal.
    pub async fn invite(&self, org: OrgId, email: &str, role: Role) -> Result<NewInvitation> {
        self.try_invite(org, email, role).await?.read()
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn try_accept(&self, token: &str) -> Result<Answer> {
        self.call(Method::POST, &format!("/v1/invitations/{token}/accept")).send().await
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// A refusal.
    pub async fn accept(&self, token: &str) -> Result<AcceptedInvitation> {
        self.try_accept(token).await?.read()
    }

    /// The open invitations.
    ///
    /// # Errors
    /// A refusal.
    pub async fn invitations(&self, org: OrgId) -> Result<Vec<Invitation>> {
        let page: Page<Invitation> = self.get(&format!("/v1/orgs/{org}/invitations")).await?.read()?;
        Ok(page.items)
    }

    /// The members.
    ///
    /// # Errors
    /// A refusal.
    pub async fn members(&self, org: OrgId) -> Result<Vec<Member>> {
        let page: Page<Member> = self.get(&format!("/v1/orgs/{org}/members")).await?.read()?;
        Ok(page.items)
    }

    /// Somebody's place in the org.
    ///
    /// # Errors
    /// A refusal, or when they have none.
    pub async fn member(&self, org: OrgId, user: UserId) -> Result<Member> {
        let found = self.members(org).await?.into_iter().find(|member| member.user == user);
        found.ok_or_else(|| anyhow::anyhow!("{user} is no member of {org}"))
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn set_role(&self, org: OrgId, member: MemberId, role: Role) -> Result<Answer> {
        let path = format!("/v1/orgs/{org}/members/{member}/role");
        self.send(Method::POST, &path, &ChangeRole { role }).await
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn put_out(&self, org: OrgId, member: MemberId) -> Result<Answer> {
        self.call(Method::DELETE, &format!("/v1/orgs/{org}/members/{member}")).send().await
    }

    /// The channels that they see.
    ///
    /// # Errors
    /// A refusal.
    pub async fn channels(&self, org: OrgId) -> Result<Vec<Channel>> {
        let page: Page<Channel> = self.get(&format!("/v1/orgs/{org}/channels")).await?.read()?;
        Ok(page.items)
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// A refusal.
    pub async fn channel(&self, org: OrgId, name: &str, visibility: Visibility) -> Result<Channel> {
        let body = CreateChannel { name: name.to_owned(), visibility, topic: String::new() };
        self.send(Method::POST, &format!("/v1/orgs/{org}/channels"), &body).await?.read()
    }

    /// Takes somebody into a channel.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn add_to_channel(&self, org: OrgId, channel: ChannelId, user: UserId) -> Result<Answer> {
        let path = format!("/v1/orgs/{org}/channels/{channel}/members");
        self.send(Method::POST, &path, &AddChannelMember { user }).await
    }

    /// The agents.
    ///
    /// # Errors
    /// A refusal.
    pub async fn agents(&self, org: OrgId) -> Result<Vec<Agent>> {
        let page: Page<Agent> = self.get(&format!("/v1/orgs/{org}/agents")).await?.read()?;
        Ok(page.items)
    }

    /// Makes an agent that answers with the demo model.
    ///
    /// # Errors
    /// A refusal.
    pub async fn agent(&self, org: OrgId, slug: &str) -> Result<Agent> {
        let body = CreateAgent {
            slug: slug.parse()?,
            name: format!("Agent {slug}"),
            instructions: String::new(),
            model: "demo".to_owned(),
            is_default: false,
        };
        self.send(Method::POST, &format!("/v1/orgs/{org}/agents"), &body).await?.read()
    }

    /// Switches an agent on or off.
    ///
    /// # Errors
    /// A refusal.
    pub async fn enable(&self, org: OrgId, agent: slipway_contract::AgentId, on: bool) -> Result<Agent> {
        let path = format!("/v1/orgs/{org}/agents/{agent}");
        self.send(Method::PATCH, &path, &json!({"enabled": on})).await?.read()
    }
}
