//! Who was added to a channel.

use slipway_contract::http::channels::AddChannelMember;
use slipway_contract::http::members::Member;
use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::{ChannelId, OrgId, Problem};
use slipway_domain::orgs::{Deed, may};
use slipway_store::{StoreError, channels};

use super::channels::seen;
use crate::errand::Errand;
use crate::extract::{Body, Ids, OrgMember, Query};
use crate::paging;
use crate::refusal::Refusal;
use crate::reply::{Done, Json};

/// Those who were added to the channel, oldest membership of the org first.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/channels/{channel}/members", operation_id = "list_channel_members", tag = "channels",
    params(("org" = OrgId, Path), ("channel" = ChannelId, Path), PageQuery),
    responses((status = 200, body = Page<Member>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn list(
    mut member: OrgMember,
    Ids((_, channel)): Ids<(OrgId, ChannelId)>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>, Refusal> {
    seen(&mut member, channel).await?;
    let found = channels::members(&mut member.db, channel, &paging::wanted(&query)?).await?;
    Ok(Json::ok(paging::page(found, |member| member.id)))
}

/// Adds a member or guest of the org to the channel; once more is harmless.
#[utoipa::path(
    post, path = "/v1/orgs/{org}/channels/{channel}/members", operation_id = "add_channel_member", tag = "channels",
    params(("org" = OrgId, Path), ("channel" = ChannelId, Path)), request_body = AddChannelMember,
    responses((status = 204), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn add(
    errand: Errand,
    mut member: OrgMember,
    Ids((_, channel)): Ids<(OrgId, ChannelId)>,
    Body(asked): Body<AddChannelMember>,
) -> Result<Done, Refusal> {
    seen(&mut member, channel).await?;
    may(member.role, Deed::MakeChannel)?;
    let added = channels::add_member(&mut member.db, channel, asked.user, member.user, errand.now()).await;
    match added {
        Ok(()) => {}
        Err(StoreError::NotFound { .. }) => {
            return Err(Problem::field("user", "is no member of this org").into());
        }
        Err(error) => return Err(error.into()),
    }
    member.db.commit().await?;
    Ok(Done)
}
