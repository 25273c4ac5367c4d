//! Channels of an org.

use slipway_contract::http::channels::{Channel, CreateChannel};
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{ChannelId, OrgId, Problem, ProblemCode, UserId};
use slipway_domain::names;
use slipway_domain::orgs::{Deed, may, sees_channel};
use slipway_edge::ids;
use slipway_store::channels::{self, NewChannel};

use crate::errand::Errand;
use crate::extract::{Body, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::Json;

/// The channels that the caller sees, by name.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/channels", operation_id = "list_channels", tag = "channels", params(("org" = OrgId, Path), PageQuery),
    responses((status = 200, body = Page<Channel>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Channel>>, Refusal> {
    let wanted = paging::wanted(&query)?;
    let found = channels::list(&mut member.db, member.user, member.role, &wanted).await?;
    Ok(Json::ok(paging::page(found, |channel| channel.name.clone())))
}

/// Makes a channel, with the caller in it.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/channels", operation_id = "create_channel", tag = "channels", params(("org" = OrgId, Path)),
    request_body = CreateChannel,
    responses((status = 201, body = Channel), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn create(
    errand: Errand,
    mut member: OrgMember,
    Body(asked): Body<CreateChannel>,
) -> Result<Json<Channel>, Refusal> {
    may(member.role, Deed::MakeChannel)?;
    let (name, topic) = (names::channel_name(&asked.name)?, names::topic(&asked.topic)?);
    let new = NewChannel { id: ids::fresh(), name: &name, visibility: asked.visibility, topic: &topic };
    let made = channels::create(&mut member.db, &new, member.user, errand.now()).await?;
    member.db.commit().await?;
    Ok(Json::created(made))
}

/// The member sees the channel. To others it looks as if there were none.
pub(super) async fn seen(member: &mut OrgMember, channel: ChannelId) -> Result<(), Refusal> {
    if sees(member, channel, member.user, member.role).await? {
        Ok(())
    } else {
        Err(ProblemCode::NotFound.into())
    }
}

/// Whether somebody of the org sees the channel.
pub(super) async fn sees(
    member: &mut OrgMember,
    channel: ChannelId,
    user: UserId,
    role: slipway_contract::http::orgs::Role,
) -> Result<bool, Refusal> {
    let access = channels::access(&mut member.db, channel, user).await?;
    Ok(access.is_some_and(|access| sees_channel(role, access.visibility, access.added)))
}
