//! Chats: the list comes from the index, one chat from its object.

use slipway_contract::http::chats::{Chat, ChatSummary, CreateChat, EventsPage, EventsQuery, UpdateChat};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::projection::{ChatProjection, PersonProjection};
use slipway_contract::{
    Actor, AgentId, ChannelId, ChatId, OrgId, Participant, ParticipantId, ParticipantRole, Problem,
    ProblemCode,
};
use slipway_domain::names;
use slipway_domain::orgs::{AGENTS_AT_START, Deed, may};
use slipway_edge::ids;
use slipway_edge::log::Line;
use slipway_store::{OrgDb, StoreError, agents, chats, members};

use super::channels::seen;
use super::participants::as_participant;
use crate::chat_object;
use crate::errand::Errand;
use crate::extract::{Body, ChatScope, Ids, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// The chats of a channel, the one with the newest message first. It may lag the chats themselves by seconds.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/channels/{channel}/chats", operation_id = "list_chats", tag = "chats",
    params(("org" = OrgId, Path), ("channel" = ChannelId, Path), PageQuery),
    responses((status = 200, body = Page<ChatSummary>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Ids((_, channel)): Ids<(OrgId, ChannelId)>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ChatSummary>>, Refusal> {
    let wanted = paging::wanted(&query)?;
    seen(&mut member, channel).await?;
    let found = chats::list(&mut member.db, channel, member.user, &wanted).await?;
    Ok(Json::ok(paging::page(found, |chat| (chat.last_message_at, chat.id))))
}

/// Begins a chat, with the caller as its first moderator.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/channels/{channel}/chats", operation_id = "create_chat", tag = "chats",
    params(("org" = OrgId, Path), ("channel" = ChannelId, Path)), request_body = CreateChat,
    responses((status = 201, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    mut member: OrgMember,
    Ids((org, channel)): Ids<(OrgId, ChannelId)>,
    Body(asked): Body<CreateChat>,
) -> Result<Passed, Refusal> {
    let title = names::name("title", &asked.title)?;
    seen(&mut member, channel).await?;
    may(member.role, Deed::BeginChat)?;
    let agents = starting_agents(&mut member.db, asked.agents).await?;
    let person = members::hold(&mut member.db, member.user).await?.ok_or(ProblemCode::NotFound)?;
    let creator = Participant {
        id: ParticipantId::User { id: member.user },
        name: person.name,
        slug: None,
        role: ParticipantRole::Moderator,
    };
    let chat = ids::fresh();
    let index = ChatProjection {
        org,
        chat,
        channel,
        title: title.clone(),
        created_at: errand.now(),
        head: slipway_contract::Seq::START,
        last_message_at: errand.now(),
        preview: String::new(),
        message_count: 0,
        people: vec![PersonProjection {
            user: member.user,
            participant: true,
            read_count: 0,
            mentions: 0,
            version: 0,
        }],
        messages: Vec::new(),
        approvals: Vec::new(),
    };
    let command = ChatCommand::Create { org, channel, title, creator, agents };
    let reply = chat_object::ask(&errand, chat, Some(org), Actor::System, command).await?;
    if reply.status_code() == 200 {
        remember(&errand, member.db, &index).await;
    }
    Ok(Passed::new(reply).created())
}

/// Shows the new chat in the list at once. Should that fail, the chat itself tells the index within seconds.
async fn remember(errand: &Errand, mut db: OrgDb, index: &ChatProjection) {
    let done: Result<(), StoreError> = async {
        chats::project(&mut db, index).await?;
        db.commit().await.map(drop)
    }
    .await;
    if let Err(error) = done {
        errand.line(Line::warn("chat_not_indexed").store(&error)).emit();
    }
}

/// The named agents, or the org's default one.
async fn starting_agents(db: &mut OrgDb, named: Option<Vec<AgentId>>) -> Result<Vec<Participant>, Refusal> {
    let Some(mut wanted) = named else {
        return Ok(agents::default(db).await?.iter().map(as_participant).collect());
    };
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.len() > AGENTS_AT_START {
        return Err(Problem::field("agents", format!("at most {AGENTS_AT_START}")).into());
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let found = agents::find_many(db, &wanted).await?;
    let usable = found.iter().filter(|agent| agent.enabled).map(as_participant).collect::<Vec<_>>();
    if usable.len() != wanted.len() {
        return Err(Problem::field("agents", "each must be an enabled agent of this org").into());
    }
    Ok(usable)
}

/// A chat, as one of its participants sees it.
#[utoipa::path(
    get, path = "/v1/chats/{chat}", operation_id = "read_chat", tag = "chats", params(("chat" = ChatId, Path)),
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(scope: ChatScope) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Describe).await
}

/// Renames a chat, or sets which agent answers messages that mention none. What is absent stays.
#[utoipa::path(
    patch, path = "/v1/chats/{chat}", operation_id = "update_chat", tag = "chats", params(("chat" = ChatId, Path)), request_body = UpdateChat,
    responses((status = 200, body = Chat), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn update(scope: ChatScope, Body(asked): Body<UpdateChat>) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Update(asked)).await
}

/// A stretch of the chat's log: after an event, before one, or the newest.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/events", operation_id = "list_events", tag = "chats", params(("chat" = ChatId, Path), EventsQuery),
    responses((status = 200, body = EventsPage), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn events(scope: ChatScope, Query(asked): Query<EventsQuery>) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Events(asked)).await
}
