//! Quotas: what an org and its people may use, and what of it they have used this month. The limits that everybody has are
//! in `slipway_domain::sandbox::quota`; rows here say what differs.

use slipway_contract::http::usage::{HeldLimit, Quota, QuotaLimit, QuotaLimits};
use slipway_contract::{OrgId, Timestamp, UserId};
use slipway_domain::sandbox::quota;

use crate::row::Row;
use crate::value::{Value, sql};
use crate::{OrgDb, StoreError};

/// People with limits of their own that one answer names.
const PEOPLE: u32 = 200;

/// Common table expressions that end in `standing`: a row for the org (holder 'org') and one for the person, each with its
/// limits and with what runs and what was used this month. Runs that are open count until now. Parameters: [`month_params`].
macro_rules! month_standing {
    () => {
        "given AS (
            SELECT * FROM (VALUES ('org', $3::bigint, $4::bigint, $5::bigint), ($2::text, $6, $7, $8))
                       AS given (holder, running, seconds, egress_bytes)
             WHERE holder IS NOT NULL),
         spent AS (
            SELECT user_id,
                   CASE kind WHEN 'sandbox_seconds' THEN greatest(extract(epoch FROM
                        least(coalesce(until_at, $11), $11, $10) - greatest(from_at, $9)), 0) * 1000 ELSE 0 END AS ms,
                   CASE kind WHEN 'egress_bytes' THEN bytes ELSE 0 END AS bytes
              FROM usage_entries
             WHERE org_id = $1 AND from_at < $10 AND (until_at IS NULL OR until_at >= $9)
               AND (kind = 'sandbox_seconds' OR from_at >= $9)),
         standing AS (
            SELECT given.holder,
                   coalesce(own.running, everybody.running, given.running) AS running_limit,
                   coalesce(own.seconds, everybody.seconds, given.seconds) AS seconds_limit,
                   coalesce(own.egress_bytes, everybody.egress_bytes, given.egress_bytes) AS egress_limit,
                   (SELECT coalesce(sum(ms), 0)::bigint FROM spent
                     WHERE given.holder IN ('org', user_id)) AS ms,
                   (SELECT coalesce(sum(bytes), 0)::bigint FROM spent
                     WHERE given.holder IN ('org', user_id)) AS bytes
              FROM given
              LEFT JOIN quotas AS own ON own.org_id = $1 AND own.holder = given.holder
              LEFT JOIN quotas AS everybody ON everybody.org_id = $1 AND everybody.holder = 'member'
                                           AND given.holder <> 'org')"
    };
}
pub(crate) use month_standing;

/// The parameters of `month_standing!`, `$1` to `$11`.
pub(crate) fn month_params(org: OrgId, user: Option<UserId>, now: Timestamp) -> [Value; 11] {
    let (from, to) = quota::month(now);
    [
        sql(org),
        sql(user),
        sql(quota::ORG.running),
        sql(quota::ORG.seconds),
        sql(quota::ORG.egress_bytes),
        sql(quota::MEMBER.running),
        sql(quota::MEMBER.seconds),
        sql(quota::MEMBER.egress_bytes),
        sql(from),
        sql(to),
        sql(now),
    ]
}

/// How an org and one of its people stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The whole org.
    pub org: Quota,
    /// The person; `None` when none was asked for.
    pub user: Option<Quota>,
}

impl Standing {
    /// Sandbox seconds that are left of this month, to the org and to the person alike.
    pub fn seconds_left(&self) -> u64 {
        let left = |quota: Quota| quota.seconds_limit.saturating_sub(quota.seconds);
        left(self.org).min(self.user.map_or(u64::MAX, left))
    }
}

/// Limits of the org and of a person, with what they run and have used this month (UTC).
///
/// # Errors
/// Only those of the connection.
pub async fn standing(db: &mut OrgDb, user: Option<UserId>, now: Timestamp) -> Result<Standing, StoreError> {
    const NAME: &str = "quotas::standing";
    let org = db.org();
    let rows = db
        .fetch_all(
            concat!(
                "-- quotas::standing\n WITH ",
                month_standing!(),
                " SELECT holder, running_limit, seconds_limit, egress_limit, ms, bytes,
                         coalesce((SELECT running FROM sandbox_places
                                    WHERE org_id = $1 AND sandbox_places.holder = standing.holder), 0) AS running
                    FROM standing ORDER BY holder"
            ),
            &month_params(org, user, now),
        )
        .await?;
    let mut found = rows.iter().map(read);
    let org = found.next().transpose()?.ok_or(StoreError::NotFound { statement: NAME })?;
    Ok(Standing { org, user: found.next().transpose()? })
}

fn read(row: &Row) -> Result<Quota, StoreError> {
    // Nobody has as many places as do not fit; the type of the answer is the contract's.
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Quota {
        running: small(row.read("running")?),
        running_limit: small(row.read("running_limit")?),
        seconds: row.read::<u64>("ms")? / 1000,
        seconds_limit: row.read("seconds_limit")?,
        egress_bytes: row.read("bytes")?,
        egress_limit_bytes: row.read("egress_limit")?,
    })
}

/// Whose limits are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The whole org.
    Org,
    /// Every member without limits of their own.
    Member,
    /// One person.
    User(UserId),
}

impl core::fmt::Display for Holder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Org => f.write_str("org"),
            Self::Member => f.write_str("member"),
            Self::User(user) => user.fmt(f),
        }
    }
}

/// The text names nobody who can have limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHolder;

impl core::str::FromStr for Holder {
    type Err = NoHolder;

    fn from_str(text: &str) -> Result<Self, NoHolder> {
        match text {
            "org" => Ok(Self::Org),
            "member" => Ok(Self::Member),
            user => user.parse().map(Self::User).map_err(|_| NoHolder),
        }
    }
}

/// What was set, and what holds where nothing is.
///
/// # Errors
/// Only those of the connection.
pub async fn limits(db: &mut OrgDb) -> Result<QuotaLimits, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- quotas::limits
             SELECT holder, coalesce(display_name, '') AS name, running, seconds, egress_bytes
               FROM quotas
               LEFT JOIN members ON members.org_id = $1 AND members.user_id = holder AND ended_at IS NULL
               LEFT JOIN users ON users.user_id = members.user_id
              WHERE quotas.org_id = $1 AND (running IS NOT NULL OR seconds IS NOT NULL OR egress_bytes IS NOT NULL)
                AND (holder IN ('org', 'member') OR members.user_id IS NOT NULL)
              ORDER BY CASE holder WHEN 'org' THEN 0 WHEN 'member' THEN 1 ELSE 2 END, lower(display_name), holder
              LIMIT $2",
            &[sql(org), sql(u64::from(PEOPLE) + 2)],
        )
        .await?;
    let held = rows.iter().map(|row| {
        let running: Option<u64> = row.read("running")?;
        Ok(HeldLimit {
            holder: row.read("holder")?,
            name: row.read("name")?,
            limit: QuotaLimit {
                // What does not fit was written by hand; the type of the answer is the contract's.
                running: running.map(|running| u32::try_from(running).unwrap_or(u32::MAX)),
                seconds: row.read("seconds")?,
                egress_bytes: row.read("egress_bytes")?,
            },
        })
    });
    let everybody = |limits: quota::Limits| QuotaLimit {
        running: Some(u32::try_from(limits.running).unwrap_or(u32::MAX)),
        seconds: Some(limits.seconds),
        egress_bytes: Some(limits.egress_bytes),
    };
    Ok(QuotaLimits {
        org_default: everybody(quota::ORG),
        member_default: everybody(quota::MEMBER),
        set: held.collect::<Result<_, StoreError>>()?,
    })
}

/// Limits that differ from what everybody has; absent ones do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// Sandboxes that may run at once.
    pub running: Option<u64>,
    /// Sandbox seconds of a month.
    pub seconds: Option<u64>,
    /// Bytes of a month.
    pub egress_bytes: Option<u64>,
}

impl From<&QuotaLimit> for Override {
    fn from(limit: &QuotaLimit) -> Self {
        Self {
            running: limit.running.map(u64::from),
            seconds: limit.seconds,
            egress_bytes: limit.egress_bytes,
        }
    }
}

/// Sets limits, all three at once; a row that says nothing is as none.
///
/// # Errors
/// Only those of the connection.
pub async fn set(db: &mut OrgDb, holder: Holder, limits: &Override) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- quotas::set
         INSERT INTO quotas (org_id, holder, running, seconds, egress_bytes) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id, holder) DO UPDATE
            SET running = excluded.running, seconds = excluded.seconds, egress_bytes = excluded.egress_bytes",
        &[
            sql(org),
            sql(&holder.to_string()),
            sql(limits.running),
            sql(limits.seconds),
            sql(limits.egress_bytes),
        ],
    )
    .await
}
