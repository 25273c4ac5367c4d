//! What an org used, and what it may use.

use serde::{Deserialize, Serialize};

use crate::ids::{MemberId, UserId};
use crate::time::Timestamp;

/// Query of `GET /v1/orgs/{org}/usage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// From when; the first of this month (UTC) when absent.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Until when; now when absent. At most 92 days after `from`.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// How to sum up; `day` when absent.
    #[serde(default)]
    pub by: Option<UsageBy>,
}

/// What to sum up by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// Each day (UTC).
    #[default]
    Day,
    /// Each person who caused it.
    User,
    /// Each agent.
    Agent,
    /// Each chat.
    Chat,
    /// Each sandbox.
    Sandbox,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageReport {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// All of it.
    pub total: UsageSum,
    /// The parts, the largest first (days in order); at most 200.
    pub parts: Vec<UsagePart>,
}

/// A sum of usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageSum {
    /// Seconds that sandboxes ran.
    pub sandbox_seconds: u64,
    /// Bytes that left them.
    pub egress_bytes: u64,
    /// What that costs by the price list, in millionths of a US dollar.
    pub micro_usd: u64,
}

/// One part of the usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsagePart {
    /// The day (`2026-11-21`) or the id; empty for what nobody caused.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// The sum.
    #[serde(flatten)]
    pub sum: UsageSum,
}

/// Answer of `GET /v1/orgs/{org}/quotas`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quotas {
    /// Of the whole org.
    pub org: Quota,
    /// Of the caller.
    pub user: Quota,
    /// Whose the second one is.
    pub user_id: UserId,
    /// The caller's place in the org.
    pub member: MemberId,
}

/// Answer of `GET /v1/orgs/{org}/quotas/limits`: what was set, and what holds where nothing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaLimits {
    /// Of a whole org, where nothing is set.
    pub org_default: QuotaLimit,
    /// Of a member, where nothing is set.
    pub member_default: QuotaLimit,
    /// What was set: the org first, then every member, then single people by name; at most 200 people.
    pub set: Vec<HeldLimit>,
}

/// Limits of one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldLimit {
    /// `org` (the whole org), `member` (every member without limits of their own), or a user's id.
    pub holder: String,
    /// The holder's name for people; empty for `org` and `member`.
    pub name: String,
    /// The limits.
    pub limit: QuotaLimit,
}

/// Limits; one that is absent is as it is for everybody. Body of `PUT /v1/orgs/{org}/quotas/limits/{holder}`, which
/// answers [`QuotaLimits`]; all absent takes back what was set. What runs already goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuotaLimit {
    /// Sandboxes that may run at once: 0 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<u32>,
    /// Sandbox seconds of a month: 0 to 2^40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Bytes sent outside in a month: 0 to 2^50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_bytes: Option<u64>,
}

/// Limits and what of them is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quota {
    /// Sandboxes that run now.
    pub running: u32,
    /// Sandboxes that may run at once.
    pub running_limit: u32,
    /// Sandbox seconds of this month.
    pub seconds: u64,
    /// Sandbox seconds that a month may have.
    pub seconds_limit: u64,
    /// Bytes sent outside this month.
    pub egress_bytes: u64,
    /// Bytes that a month may have.
    pub egress_limit_bytes: u64,
}
