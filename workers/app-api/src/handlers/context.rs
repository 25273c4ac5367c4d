//! Context items of an org: what agents are to know.
//!
//! Who sees a chat's items is what the index says of its participants; who writes one is what the chat itself says, for it
//! knows them first. To who does not see it, an item is not there.

use serde::Deserialize;
use slipway_contract::http::context::{
    ContextItem, ContextItemsQuery, ContextScope, ContextSearchQuery, CreateContextItem, FoundItems,
    NoSemantic, Semantic, UpdateContextItem,
};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::objects::embeddings::Embedded;
use slipway_contract::{Actor, ChannelId, ChatId, ContextItemId, MessageId, OrgId, Problem, ProblemCode};
use slipway_domain::context::{self, Place};
use slipway_domain::search::page_limit;
use slipway_edge::ids;
use slipway_store::context_items::{Filters, NewItem, Viewer};
use slipway_store::context_search::{self, Among};
use slipway_store::{chats, context_items};

use super::channels::seen;
use crate::chat_object;
use crate::errand::Errand;
use crate::extract::org_member::enter;
use crate::extract::{Body, Ids, OrgMember, Query};
use crate::orchestrator::{self, Behalf};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Done, Json};

/// The context items that the caller sees, the newest first.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/context-items", operation_id = "list_context_items", tag = "context",
    params(("org" = OrgId, Path), ContextItemsQuery),
    responses((status = 200, body = Page<ContextItem>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<ContextItemsQuery>,
) -> Result<Json<Page<ContextItem>>, Refusal> {
    let wanted = paging::wanted(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let chat = match query.chat {
        Some(chat) => Some((chat, channel_of(&mut member, chat).await?)),
        None => None,
    };
    let tag = query.tag.map(one_tag).transpose()?;
    let filters = Filters { chat, scope: query.scope, tag, state: query.state };
    let viewer = Viewer { user: member.user, role: member.role };
    let found = context_items::list(&mut member.db, viewer, &filters, &wanted).await?;
    Ok(Json::ok(paging::page(found, |item| item.id)))
}

/// A tag in the form in which tags are kept.
fn one_tag(tag: String) -> Result<String, Problem> {
    let wrong =
        || Problem::new(ProblemCode::InvalidParameter).detail("tag must be one that an item can have");
    context::tags(&[tag]).ok().and_then(|mut tags| tags.pop()).ok_or_else(wrong)
}

/// The channel of a chat that the member takes part in, or could: to others there is none.
async fn channel_of(member: &mut OrgMember, chat: ChatId) -> Result<ChannelId, Refusal> {
    let channel = chats::channel_of(&mut member.db, chat).await?.ok_or(ProblemCode::NotFound)?;
    if !chats::takes_part(&mut member.db, chat, member.user).await? {
        seen(member, channel).await?;
    }
    Ok(channel)
}

/// The active context items that the caller sees and that fit what is looked for, the most fitting first: by what they mean
/// where this installation can tell, by their words otherwise. Which of both it was, and why, stands in `semantic`.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/context-items/search", operation_id = "search_context_items", tag = "context",
    params(("org" = OrgId, Path), ContextSearchQuery),
    responses((status = 200, body = FoundItems), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn search(
    errand: Errand,
    mut member: OrgMember,
    Query(query): Query<ContextSearchQuery>,
) -> Result<Json<FoundItems>, Refusal> {
    let q = context::looked_for(&query.q)?;
    let limit = page_limit(query.limit)?;
    let chat = match query.chat {
        Some(chat) => Some((chat, channel_of(&mut member, chat).await?)),
        None => None,
    };
    let mut meaning = Err(NoSemantic::NoExtension);
    if context_search::has_vectors(&mut member.db).await? {
        let (org, user) = (member.db.org(), member.user);
        // No transaction is held while a provider is waited for; who may see what is asked anew then.
        let db = member.db.end()?;
        meaning = meant(orchestrator::embed(&errand, Behalf { org, user, request: errand.id() }, q).await);
        member = enter(&errand, db.org(org), user).await?;
    }
    let OrgMember { user, role, mut db } = member;
    let among = Among { viewer: Viewer { user, role }, chat, limit };
    let found = match meaning {
        Ok((model, vector)) => {
            let items = context_search::by_meaning(&mut db, &among, &model, &vector).await?;
            FoundItems { items, semantic: Semantic::Available }
        }
        Err(reason) => {
            let words = context::asked_words(core::iter::once(q));
            let items = context_search::by_words(&mut db, &among, &words).await?;
            FoundItems { items, semantic: Semantic::NotAvailable { reason } }
        }
    };
    Ok(Json::ok(found))
}

fn meant(embedded: Embedded) -> Result<(String, Vec<f32>), NoSemantic> {
    match embedded {
        Embedded::Vector { model, vector } => Ok((model, vector)),
        Embedded::NoModel => Err(NoSemantic::NoModel),
        Embedded::Failed => Err(NoSemantic::ProviderFailed),
    }
}

/// Writes a context item: agents are given it from their next turn on. The same request again answers the same item.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/context-items", operation_id = "create_context_item", tag = "context",
    params(("org" = OrgId, Path)), request_body = CreateContextItem,
    responses((status = 201, body = ContextItem), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    mut member: OrgMember,
    Body(asked): Body<CreateContextItem>,
) -> Result<Json<ContextItem>, Refusal> {
    let client_id = context::client_id(&asked.client_id)?.to_owned();
    let place = context::place(asked.scope, asked.channel, asked.chat)?;
    let (title, text) = (context::title(&asked.title)?, context::text(&asked.text)?);
    let tags = context::tags(&asked.tags)?;
    let expires_at = context::expiry(asked.expires_at, errand.now())?;
    let (channel, chat) = match place {
        Place::Chat(chat) => (Some(described(&errand, &member, chat).await?), Some(chat)),
        Place::Channel(channel) => {
            seen(&mut member, channel).await?;
            (Some(channel), None)
        }
        Place::Org => (None, None),
    };
    context::may_write(member.role, asked.scope)?;
    if let Some(source) = asked.source {
        takes_part_in(&mut member, source, chat).await?;
    }
    let new = NewItem {
        id: ids::fresh(),
        scope: asked.scope,
        channel,
        chat,
        title,
        text,
        tags,
        source: asked.source,
        by: Actor::User { id: member.user },
        client_id,
        proposed_in: None,
        expires_at,
    };
    let made = context_items::create(&mut member.db, &new, errand.now()).await?;
    member.db.commit().await?;
    Ok(Json::created(made))
}

/// The source is a message of a chat that the member takes part in: of the item's own, or as far as the index knows.
async fn takes_part_in(
    member: &mut OrgMember,
    source: MessageId,
    own: Option<ChatId>,
) -> Result<(), Refusal> {
    let there =
        own == Some(source.chat()) || chats::takes_part(&mut member.db, source.chat(), member.user).await?;
    if there {
        return Ok(());
    }
    Err(Problem::field("source", "must be a message of a chat that you take part in").into())
}

/// What of a chat's description is needed here.
#[derive(Deserialize)]
struct Described {
    channel: ChannelId,
}

/// The channel of a chat of the org, when the chat says that the member takes part.
async fn described(errand: &Errand, member: &OrgMember, chat: ChatId) -> Result<ChannelId, Refusal> {
    let (org, actor) = (Some(member.db.org()), Actor::User { id: member.user });
    let mut reply = chat_object::ask(errand, chat, org, actor, ChatCommand::Describe).await?;
    if reply.status_code() != 200 {
        return Err(chat_object::refusal(reply).await);
    }
    let described = reply.json::<Described>().await.map_err(|_| ProblemCode::Internal)?;
    Ok(described.channel)
}

/// Changes a context item, or accepts what an agent proposed. What is absent stays.
#[utoipa::path(
    patch, path = "/v1/orgs/{org}/context-items/{item}", operation_id = "update_context_item", tag = "context",
    params(("org" = OrgId, Path), ("item" = ContextItemId, Path)), request_body = UpdateContextItem,
    responses((status = 200, body = ContextItem), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn update(
    errand: Errand,
    mut member: OrgMember,
    Ids((_, item)): Ids<(OrgId, ContextItemId)>,
    Body(asked): Body<UpdateContextItem>,
) -> Result<Json<ContextItem>, Refusal> {
    let item = writable(&mut member, item).await?;
    let by = Actor::User { id: member.user };
    let changed = context::change(item, asked, by, errand.now())?;
    context_items::update(&mut member.db, &changed).await?;
    member.db.commit().await?;
    Ok(Json::ok(changed))
}

/// Removes a context item, or a proposal that nobody wants. No agent is given it from then on.
#[utoipa::path(
    delete, path = "/v1/orgs/{org}/context-items/{item}", operation_id = "delete_context_item", tag = "context",
    params(("org" = OrgId, Path), ("item" = ContextItemId, Path)),
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn delete(
    mut member: OrgMember,
    Ids((_, item)): Ids<(OrgId, ContextItemId)>,
) -> Result<Done, Refusal> {
    let item = writable(&mut member, item).await?;
    context_items::delete(&mut member.db, item.id).await?;
    member.db.commit().await?;
    Ok(Done)
}

/// An item that the member may change, held until the transaction ends.
async fn writable(member: &mut OrgMember, item: ContextItemId) -> Result<ContextItem, Refusal> {
    let item = context_items::lock(&mut member.db, item).await?.ok_or(ProblemCode::NotFound)?;
    match (item.scope, item.channel, item.chat) {
        (ContextScope::Chat, _, Some(chat)) => {
            if !chats::takes_part(&mut member.db, chat, member.user).await? {
                return Err(ProblemCode::NotFound.into());
            }
        }
        (ContextScope::Channel, Some(channel), _) => seen(member, channel).await?,
        (ContextScope::Org, _, _) if context::sees_org(member.role) => {}
        (ContextScope::Chat | ContextScope::Channel | ContextScope::Org, _, _) => {
            return Err(ProblemCode::NotFound.into());
        }
    }
    context::may_write(member.role, item.scope)?;
    Ok(item)
}
