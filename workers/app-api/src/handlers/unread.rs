//! What the caller has not read, in all their chats of an org: asked for again and again, so it answers with what changed.

use slipway_contract::http::unread::{Unread, UnreadQuery};
use slipway_contract::{OrgId, Problem};
use slipway_store::unread::{self, Standing};

use super::channels::sees;
use crate::extract::{OrgMember, Query};
use crate::refusal::Refusal;
use crate::reply::Json;

/// What the caller has not read, or what of it may have changed since an earlier answer. It may lag the chats themselves by
/// seconds.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/unread", operation_id = "read_unread", tag = "chats", params(("org" = OrgId, Path), UnreadQuery),
    responses((status = 200, body = Unread), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(
    mut member: OrgMember,
    Query(asked): Query<UnreadQuery>,
) -> Result<Json<Unread>, Refusal> {
    let user = member.user;
    if let Some(since) = asked.since {
        let found = unread::since(&mut member.db, user, since, asked.channel).await?;
        // A horizon behind the caller's: theirs is of a database that is no more. And of what was deleted no row is left that
        // says who counted it: everybody begins anew.
        if found.horizon >= since && !found.deleted {
            let stirred = match asked.channel.filter(|_| found.stirred) {
                Some(channel) => {
                    let role = member.role;
                    sees(&mut member, channel, user, role).await?
                }
                None => false,
            };
            let Standing { chats, horizon, .. } = found;
            return Ok(Json::ok(Unread { chats, cursor: horizon, anew: false, stirred }));
        }
    }
    let found = unread::all(&mut member.db, user).await?;
    let anew = asked.since.is_some();
    Ok(Json::ok(Unread { chats: found.chats, cursor: found.horizon, anew, stirred: anew }))
}
