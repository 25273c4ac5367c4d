//! Finding messages: in one chat by the chat itself, across an org by the index.

use slipway_contract::http::page::{Page, PageQuery};
use slipway_contract::http::search::{ChatSearchQuery, Found, OrgSearchQuery};
use slipway_contract::objects::chat::ChatCommand;
use slipway_contract::{ChatId, OrgId, Problem, ProblemCode, Timestamp};
use slipway_domain::search::{Query as Wanted, page_limit};
use slipway_store::messages::{self, Filters, Place};
use slipway_store::page::Slice;

use crate::extract::{ChatScope, OrgMember, Query};
use crate::paging::{self, Key};
use crate::refusal::Refusal;
use crate::reply::{Json, Passed};

/// The last millisecond of the year 9999, the last that has an RFC 3339 form.
const LAST_MS: i64 = 253_402_300_799_999;

/// Messages across the org that hold what is looked for, among those of channels that the caller sees: the best of the
/// newest thousand first. It may lag the chats themselves by seconds.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/search", operation_id = "search_org", tag = "search", params(("org" = OrgId, Path), OrgSearchQuery),
    responses((status = 200, body = Page<Found>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn in_org(
    mut member: OrgMember,
    Query(asked): Query<OrgSearchQuery>,
) -> Result<Json<Page<Found>>, Refusal> {
    let wanted = Wanted::parse(&asked.q)?;
    let limit = page_limit(asked.limit)?;
    let page = paging::wanted(&PageQuery { limit: Some(limit), cursor: asked.cursor })?;
    let author = asked.author.map(|author| author.parse()).transpose().map_err(|_| {
        Problem::new(ProblemCode::InvalidParameter).detail("author must name a user or an agent by its id")
    })?;
    let filters = Filters { channel: asked.channel, author, from: asked.from, to: asked.to };
    let found = messages::search(&mut member.db, member.user, member.role, &wanted, &filters, &page).await?;
    let places = found.items.iter().map(|(place, _)| *place).collect();
    let next_cursor =
        paging::page(Slice { items: places, more: found.more }, |place: &Place| *place).next_cursor;
    let items = found.items.into_iter().map(|(_, found)| found).collect();
    Ok(Json::ok(Page { items, next_cursor }))
}

/// Messages of a chat and its forks that hold what is looked for, the newest first.
#[utoipa::path(
    get, path = "/v1/chats/{chat}/search", operation_id = "search_chat", tag = "search", params(("chat" = ChatId, Path), ChatSearchQuery),
    responses((status = 200, body = Page<Found>), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn in_chat(
    scope: ChatScope,
    Query(asked): Query<ChatSearchQuery>,
) -> Result<Passed, Refusal> {
    scope.pass(ChatCommand::Search(asked)).await
}

impl Key for Place {
    fn write(&self) -> String {
        format!("{}:{}:{}:{}", self.rank, self.at.unix_ms(), self.chat, self.seq)
    }

    fn read(text: &str) -> Option<Self> {
        let mut pieces = text.split(':');
        let (rank, at) = (pieces.next()?.parse().ok()?, pieces.next()?.parse().ok()?);
        let (chat, seq) = (pieces.next()?.parse().ok()?, pieces.next()?.parse().ok()?);
        // Postgres knows fewer years than a number does.
        let known = (0..=LAST_MS).contains(&at) && pieces.next().is_none();
        known.then_some(Self { rank, at: Timestamp::from_unix_ms(at), chat, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let chat = ChatId::fresh(1_800_000_000_000, [7; 10]);
        let place = Place { rank: 100_000, at: Timestamp::from_unix_ms(5), chat, seq: 9 };
        assert_eq!(Place::read(&place.write()), Some(place));
        let wrong =
            [format!("{}:4", place.write()), format!("-1:2:{chat}:3"), format!("1:{}:{chat}:3", i64::MAX)];
        for text in ["", "1:2", "1:2:chat:3"].into_iter().chain(wrong.iter().map(String::as_str)) {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
