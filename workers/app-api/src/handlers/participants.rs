//! Who takes part in a chat. Whom the org's rules let in is checked here; whether the asker may bring them in, by the chat.

use slipway_contract::http::agents::Agent;
use slipway_contract::http::chats::{AddParticipant, Chat};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{
    Actor, AgentId, ChannelId, ChatId, OrgId, Participant, ParticipantId, ParticipantRole, Problem,
    ProblemCode, UserId,
};
use slipway_domain::orgs::participant_role;
use slipway_store::{Db, agents, chats, members, memberships};

use super::channels::{seen, sees};
use crate::chat_object;
use crate::extract::{Body, ChatScope, Ids, OrgMember, org_member};
use crate::refusal::Refusal;
use crate::reply::Passed;

/// The chat with its participants, in the order in which they came.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/participants", operation_id = "list_participants", tag = "participants", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(scope: ChatScope) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Describe).await
}

/// Takes a person or an agent into the chat. Who sees its channel may come in themselves.
#[utoipa::path(
    post, path = "/v1/chats/{chat}/participants", operation_id = "add_participant", tag = "participants", params(("chat" = ChatId, Path)),
    request_body = AddParticipant,
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn add(scope: ChatScope, Body(asked): Body<AddParticipant>) -> Result<Passed, Refusal> {
    let target = match (asked.user, asked.agent) {
        (Some(id), None) => ParticipantId::User { id },
        (None, Some(id)) => ParticipantId::Agent { id },
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::field("user", "name either a user or an agent").into());
        }
    };
    let db = scope.errand.dial().await?;
    let (db, org) = org_of(&scope, db).await?;
    let mut member = org_member::enter(&scope.errand, db.org(org), scope.caller.user).await?;
    let indexed = chats::channel_of(&mut member.db, scope.chat).await?;
    let channel = match indexed {
        Some(channel) => channel,
        None => ask_channel(&scope, org).await?,
    };
    seen(&mut member, channel).await?;
    let participant = match target {
        ParticipantId::User { id } => person(&mut member, channel, id).await?,
        ParticipantId::Agent { id } => agent(&mut member, id).await?,
    };
    if let (ParticipantId::User { id }, Some(_)) = (target, indexed) {
        chats::expect_person(&mut member.db, scope.chat, id).await?;
    }
    let command = ChatCommand::AddParticipant { participant, by: scope.caller.actor() };
    let reply = chat_object::pass(&scope.errand, scope.chat, Some(org), Actor::System, command).await?;
    // The membership was held until here: had it ended meanwhile, the chat would have been told after this.
    member.db.commit().await?;
    Ok(reply)
}

/// Puts somebody out: oneself, or others by a moderator.
#[utoipa::path(
    delete, path = "/v1/chats/{chat}/participants/{participant}", operation_id = "remove_participant", tag = "participants",
    params(("chat" = ChatId, Path), ("participant" = String, Path, description = "a user's or an agent's id")),
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn remove(
    scope: ChatScope,
    Ids((_, participant)): Ids<(ChatId, String)>,
) -> Result<Passed, Refusal> {
    let participant = participant.parse().map_err(|_| {
        Problem::new(ProblemCode::InvalidParameter).detail("the path must name a user or an agent by its id")
    })?;
    scope.pass(ChatCommand::RemoveParticipant { participant }).await
}

/// The org that the caller names; without the header, the one of theirs that has the chat.
pub(super) async fn org_of(scope: &ChatScope, db: Db) -> Result<(Db, OrgId), Refusal> {
    if let Some(org) = scope.org {
        return Ok((db, org));
    }
    let mut own = db.memberships(scope.caller.user);
    let org = memberships::org_of_chat(&mut own, scope.chat).await?.ok_or(ProblemCode::NotFound)?;
    Ok((own.end()?, org))
}

/// The channel of a chat that the index does not know yet: its participants can ask it themselves.
async fn ask_channel(scope: &ChatScope, org: OrgId) -> Result<ChannelId, Refusal> {
    let actor = scope.caller.actor();
    let mut reply =
        chat_object::ask(&scope.errand, scope.chat, Some(org), actor, ChatCommand::Describe).await?;
    if reply.status_code() != 200 {
        return Err(ProblemCode::NotFound.into());
    }
    let chat = reply.json::<Chat>().await.map_err(|_| ProblemCode::Internal)?;
    Ok(chat.channel)
}

async fn person(member: &mut OrgMember, channel: ChannelId, user: UserId) -> Result<Participant, Refusal> {
    let stranger = || Problem::field("user", "is no member of this org who sees the chat's channel");
    let found = members::hold(&mut member.db, user).await?.ok_or_else(stranger)?;
    if !sees(member, channel, user, found.role).await? {
        return Err(stranger().into());
    }
    Ok(Participant {
        id: ParticipantId::User { id: user },
        name: found.name,
        slug: None,
        role: participant_role(found.role),
    })
}

async fn agent(member: &mut OrgMember, agent: AgentId) -> Result<Participant, Refusal> {
    let found = agents::find(&mut member.db, agent).await?.filter(|agent| agent.enabled);
    let found = found.ok_or_else(|| Problem::field("agent", "is no enabled agent of this org"))?;
    Ok(as_participant(&found))
}

/// An agent as chats know it.
pub(super) fn as_participant(agent: &Agent) -> Participant {
    Participant {
        id: ParticipantId::Agent { id: agent.id },
        name: agent.name.clone(),
        slug: Some(agent.slug.clone()),
        role: ParticipantRole::Member,
    }
}
