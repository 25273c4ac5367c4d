//! What an org used, and what it may use.

use slipway_contract::http::usage::{Quotas, UsageBy, UsagePart, UsageQuery, UsageReport};
use slipway_contract::{OrgId, Problem, ProblemCode, Timestamp};
use slipway_domain::orgs::{Deed, may};
use slipway_domain::sandbox::quota;
use slipway_store::{members, quotas, usage};

use crate::errand::Errand;
use crate::extract::{OrgMember, Query};
use crate::refusal::Refusal;
use crate::reply::Json;

/// Longest time of one report, in milliseconds: a quarter.
const LONGEST_MS: i64 = 92 * 24 * 60 * 60 * 1000;

/// What the org used in a time, as a whole and in parts. Chats that the caller does not take part in have no name.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/usage", operation_id = "read_usage", tag = "usage",
    params(("org" = OrgId, Path), UsageQuery),
    responses((status = 200, body = UsageReport), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn read(
    errand: Errand,
    mut member: OrgMember,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageReport>, Refusal> {
    let by = query.by.unwrap_or_default();
    may(member.role, Deed::SeeUsage)?;
    let (from, to) = time(&query, errand.now())?;
    let mut report = usage::report(&mut member.db, from, to, by, errand.now()).await?;
    match by {
        UsageBy::Day | UsageBy::User | UsageBy::Agent => {}
        // What the others cost counts for everybody; what they are called does not leave them.
        UsageBy::Chat | UsageBy::Sandbox => {
            let keys = report.parts.iter().map(|part| part.key.clone()).collect();
            let named = usage::named_for(&mut member.db, member.user, keys).await?;
            unname(&mut report.parts, &named);
        }
    }
    Ok(Json::ok(report))
}

/// Leaves names to those parts that are in `named`.
fn unname(parts: &mut [UsagePart], named: &[String]) {
    for part in parts.iter_mut().filter(|part| !named.contains(&part.key)) {
        part.name.clear();
    }
}

/// What the org and the caller may use, and what of it is used.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/quotas", operation_id = "read_quotas", tag = "usage", params(("org" = OrgId, Path)),
    responses((status = 200, body = Quotas), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn quotas(errand: Errand, mut member: OrgMember) -> Result<Json<Quotas>, Refusal> {
    let user_id = member.user;
    let own = members::find(&mut member.db, user_id).await?.ok_or(ProblemCode::NotFound)?;
    let standing = quotas::standing(&mut member.db, Some(user_id), errand.now()).await?;
    let user = standing.user.ok_or(ProblemCode::NotFound)?;
    Ok(Json::ok(Quotas { org: standing.org, user, user_id, member: own.member }))
}

/// The time that is asked about; this month so far when nothing is said.
fn time(query: &UsageQuery, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = (query.from.unwrap_or_else(|| quota::month(now).0), query.to.unwrap_or(now));
    let length = to.since(from);
    if (0..=LONGEST_MS).contains(&length) {
        return Ok((from, to));
    }
    let detail = "to must not lie before from, and at most 92 days after it";
    Err(Problem::new(ProblemCode::InvalidParameter).detail(detail))
}

#[cfg(test)]
mod tests {
    use slipway_contract::http::usage::UsageSum;

    use super::*;

    #[test]
    fn a_part_keeps_its_name_only_where_it_may() {
        let part =
            |key: &str| UsagePart { key: key.to_owned(), name: "Plans".to_owned(), sum: UsageSum::default() };
        let mut parts = [part("chat_1"), part("chat_2")];
        unname(&mut parts, &["chat_2".to_owned()]);
        assert_eq!(parts.map(|part| part.name), ["", "Plans"]);
    }

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_report_is_of_this_month_so_far_when_nothing_is_said() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let (from, to) = time(&UsageQuery::default(), now).unwrap();
        assert_eq!((from, to), (quota::month(now).0, now));
    }

    #[test]
    fn a_report_has_an_order_and_a_longest_time() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let asked =
            |days: i64| UsageQuery { from: Some(now.plus_ms(-days * DAY_MS)), to: Some(now), by: None };
        assert!(time(&asked(0), now).is_ok() && time(&asked(92), now).is_ok());
        assert!(time(&asked(93), now).is_err() && time(&asked(-1), now).is_err());
    }
}
