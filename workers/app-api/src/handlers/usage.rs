//! What an org used, and what it may use.

use slipway_contract::http::usage::{
    QuotaLimit, QuotaLimits, Quotas, UsageBy, UsagePart, UsageQuery, UsageReport,
};
use slipway_contract::{Actor, OrgId, Problem, ProblemCode, Timestamp};
use slipway_domain::orgs::{Deed, may};
use slipway_domain::sandbox::quota;
use slipway_store::quotas::{Holder, Override};
use slipway_store::{audit, members, quotas, usage};

use crate::errand::Errand;
use crate::extract::{Body, Ids, OrgMember, Query};
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

/// What the org and its members may use, and what of that was set for this org.
#[utoipa::path(
    get, path = "/v1/orgs/{org}/quotas/limits", operation_id = "read_quota_limits", tag = "usage",
    params(("org" = OrgId, Path)),
    responses((status = 200, body = QuotaLimits), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn limits(mut member: OrgMember) -> Result<Json<QuotaLimits>, Refusal> {
    may(member.role, Deed::SetQuotas)?;
    Ok(Json::ok(quotas::limits(&mut member.db).await?))
}

/// Sets limits: of the org, of every member without limits of their own, or of one member. All three at once; what is absent
/// is as it is for everybody. What runs goes on, and who waits for a place that there is now gets it within a minute.
#[utoipa::path(
    put, path = "/v1/orgs/{org}/quotas/limits/{holder}", operation_id = "set_quota_limit", tag = "usage",
    params(("org" = OrgId, Path), ("holder" = String, Path, description = "`org`, `member`, or a member's user id")),
    request_body = QuotaLimit,
    responses((status = 200, body = QuotaLimits), (status = "default", body = Problem))
)]
#[worker::send]
pub(crate) async fn set_limit(
    errand: Errand,
    mut member: OrgMember,
    Ids((_, holder)): Ids<(OrgId, String)>,
    Body(limit): Body<QuotaLimit>,
) -> Result<Json<QuotaLimits>, Refusal> {
    may(member.role, Deed::SetQuotas)?;
    let holder: Holder = holder.parse().map_err(|_| {
        Problem::new(ProblemCode::InvalidParameter)
            .detail("the path must name org, member or a user by their id")
    })?;
    check(&limit)?;
    if let Holder::User(user) = holder {
        members::hold(&mut member.db, user).await?.ok_or(ProblemCode::NotFound)?;
    }
    quotas::set(&mut member.db, holder, &Override::from(&limit)).await?;
    let deed = audit::Entry {
        key: format!("{}:quota.set", errand.id()),
        actor: Actor::User { id: member.user },
        action: "quota.set",
        subject: holder.to_string(),
        detail: told(&limit),
    };
    audit::append(&mut member.db, &deed).await?;
    let limits = quotas::limits(&mut member.db).await?;
    member.db.commit().await?;
    Ok(Json::ok(limits))
}

/// Most sandboxes of a limit.
const RUNNING: u64 = 1_000;
/// Most seconds of a limit: 35,000 years.
const SECONDS: u64 = 1 << 40;
/// Most bytes of a limit: a pebibyte.
const EGRESS_BYTES: u64 = 1 << 50;

fn check(limit: &QuotaLimit) -> Result<(), Problem> {
    let fields = [
        ("running", limit.running.map(u64::from), RUNNING),
        ("seconds", limit.seconds, SECONDS),
        ("egress_bytes", limit.egress_bytes, EGRESS_BYTES),
    ];
    match fields.into_iter().find(|(_, value, most)| value.is_some_and(|value| value > *most)) {
        Some((field, _, most)) => Err(Problem::field(field, format!("must be 0 to {most}"))),
        None => Ok(()),
    }
}

/// A limit as the audit log keeps it.
fn told(limit: &QuotaLimit) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "default".to_owned(), |value| value.to_string());
    format!(
        "running {}, seconds {}, egress_bytes {}",
        number(limit.running.map(u64::from)),
        number(limit.seconds),
        number(limit.egress_bytes)
    )
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

    #[test]
    fn limits_lie_between_nothing_and_what_still_adds_up() {
        let all = |running, seconds, egress_bytes| QuotaLimit { running, seconds, egress_bytes };
        for fits in [
            all(None, None, None),
            all(Some(0), Some(0), Some(0)),
            all(Some(1_000), Some(1 << 40), Some(1 << 50)),
        ] {
            assert!(check(&fits).is_ok(), "{fits:?}");
        }
        let field = |limit| check(&limit).err().and_then(|problem| problem.field);
        assert_eq!(field(all(Some(1_001), None, None)).as_deref(), Some("running"));
        assert_eq!(field(all(None, Some((1 << 40) + 1), None)).as_deref(), Some("seconds"));
        assert_eq!(field(all(None, None, Some(u64::MAX))).as_deref(), Some("egress_bytes"));
    }

    #[test]
    fn the_audit_log_says_which_limits_were_set_and_which_taken_back() {
        let limit = QuotaLimit { running: Some(3), seconds: None, egress_bytes: Some(0) };
        assert_eq!(told(&limit), "running 3, seconds default, egress_bytes 0");
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
