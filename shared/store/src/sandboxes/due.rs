//! Which sandboxes the sweeps have to look at, across orgs. Lists are bounded and go by the sandbox's id, so that a sweep
//! can go on where it stopped; those that somebody drives (a lease is open) are left out.

use slipway_contract::{OrgId, SandboxId, Timestamp};
use slipway_domain::sandbox::quota;

use crate::page::{Page, Slice};
use crate::row::Row;
use crate::value::{Value, sql};
use crate::{StoreError, SweepsDb};

/// A sandbox to be looked at, in a transaction of its org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The org.
    pub org: OrgId,
    /// Which.
    pub sandbox: SandboxId,
}

fn read(row: &Row) -> Result<Due, StoreError> {
    Ok(Due { org: row.read("org_id")?, sandbox: row.read("sandbox_id")? })
}

fn cut(page: &Page<SandboxId>, rows: &[Row]) -> Result<Slice<Due>, StoreError> {
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// Running ones that nobody has used since `before`.
///
/// # Errors
/// Only those of the connection.
pub async fn unused(
    db: &mut SweepsDb,
    before: Timestamp,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::unused
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE state IN ('ready', 'idle') AND used_at <= $1 AND (lease_until IS NULL OR lease_until <= $2)
                AND ($3::text IS NULL OR sandbox_id > $3)
              ORDER BY sandbox_id LIMIT $4",
            &[sql(before), sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Running ones that were not seen to run since `before`.
///
/// # Errors
/// Only those of the connection.
pub async fn unseen(
    db: &mut SweepsDb,
    before: Timestamp,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::unseen
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE state IN ('ready', 'idle') AND seen_at <= $1 AND (lease_until IS NULL OR lease_until <= $2)
                AND ($3::text IS NULL OR sandbox_id > $3)
              ORDER BY sandbox_id LIMIT $4",
            &[sql(before), sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Those that have been starting, stopping or going since `before`: who did that may have died.
///
/// # Errors
/// Only those of the connection.
pub async fn unsettled(
    db: &mut SweepsDb,
    before: Timestamp,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::unsettled
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE (state IN ('starting', 'stopping') OR doomed) AND changed_at <= $1
                AND (lease_until IS NULL OR lease_until <= $2) AND ($3::text IS NULL OR sandbox_id > $3)
              ORDER BY sandbox_id LIMIT $4",
            &[sql(before), sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Those of which the chat, the route object or the executor has not acknowledged the newest.
///
/// # Errors
/// Only those of the connection.
pub async fn untold(
    db: &mut SweepsDb,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::untold
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE (told_chat_version < version OR told_route_version < version
                     OR (run_from IS NOT NULL
                         AND (told_executor_epoch < epoch OR told_executor_hosts < hosts_version)))
                AND (lease_until IS NULL OR lease_until <= $1) AND ($2::text IS NULL OR sandbox_id > $2)
              ORDER BY sandbox_id LIMIT $3",
            &[sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Ended ones that are owed a snapshot of their last run, now.
///
/// # Errors
/// Only those of the connection.
pub async fn unkept(
    db: &mut SweepsDb,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::unkept
             SELECT org_id, sandbox_id FROM snapshots_owed JOIN sandboxes USING (org_id, sandbox_id)
              WHERE again_at <= $1 AND state IN ('stopped', 'failed')
                AND (lease_until IS NULL OR lease_until <= $1) AND ($2::text IS NULL OR sandbox_id > $2)
              ORDER BY sandbox_id LIMIT $3",
            &[sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Orgs with sandboxes that wait for a place.
///
/// # Errors
/// Only those of the connection.
pub async fn queued(db: &mut SweepsDb, page: &Page<OrgId>) -> Result<Slice<OrgId>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::queued
             SELECT DISTINCT org_id FROM sandboxes
              WHERE state = 'queued' AND ($1::text IS NULL OR org_id > $1) ORDER BY org_id LIMIT $2",
            &[sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(|row| row.read("org_id")).collect::<Result<_, _>>()?))
}

/// Queued or running ones of people whose place in the org has ended.
///
/// # Errors
/// Only those of the connection.
pub async fn owner_gone(
    db: &mut SweepsDb,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::owner_gone
             SELECT org_id, sandbox_id FROM sandboxes JOIN members USING (org_id, user_id)
              WHERE state IN ('queued', 'starting', 'ready', 'idle') AND ended_at IS NOT NULL
                AND (lease_until IS NULL OR lease_until <= $1) AND ($2::text IS NULL OR sandbox_id > $2)
              ORDER BY sandbox_id LIMIT $3",
            &[sql(now), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Running ones whose org or person has used up what they may this month.
///
/// # Errors
/// Only those of the connection.
pub async fn over_quota(
    db: &mut SweepsDb,
    now: Timestamp,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let (from, to) = quota::month(now);
    let rows = db
        .fetch_all(
            "-- sandboxes::due::over_quota
             WITH used AS (
                 SELECT org_id, CASE grouping(user_id) WHEN 1 THEN 'org' ELSE user_id END AS holder,
                        sum(CASE kind WHEN 'sandbox_seconds' THEN greatest(extract(epoch FROM
                            least(coalesce(until_at, $1), $1, $3) - greatest(from_at, $2)), 0) ELSE 0 END) AS seconds,
                        sum(CASE kind WHEN 'egress_bytes' THEN bytes ELSE 0 END) AS bytes
                   FROM usage_entries
                  WHERE org_id IN (SELECT org_id FROM usage_entries WHERE until_at IS NULL)
                    AND from_at < $3 AND (until_at IS NULL OR until_at >= $2)
                    AND (kind = 'sandbox_seconds' OR from_at >= $2)
                  GROUP BY GROUPING SETS ((org_id), (org_id, user_id))),
             over AS (
                 SELECT used.org_id, used.holder FROM used
                   LEFT JOIN quotas AS own ON own.org_id = used.org_id AND own.holder = used.holder
                   LEFT JOIN quotas AS everybody ON everybody.org_id = used.org_id AND everybody.holder = 'member'
                                                AND used.holder <> 'org'
                  WHERE used.seconds >= coalesce(own.seconds, everybody.seconds,
                                                 CASE used.holder WHEN 'org' THEN $4 ELSE $6 END)
                     OR used.bytes >= coalesce(own.egress_bytes, everybody.egress_bytes,
                                               CASE used.holder WHEN 'org' THEN $5 ELSE $7 END))
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE state IN ('starting', 'ready', 'idle') AND (lease_until IS NULL OR lease_until <= $1)
                AND EXISTS (SELECT 1 FROM over WHERE over.org_id = sandboxes.org_id
                                                 AND over.holder IN ('org', sandboxes.user_id))
                AND ($8::text IS NULL OR sandbox_id > $8)
              ORDER BY sandbox_id LIMIT $9",
            &[
                sql(now),
                sql(from),
                sql(to),
                sql(quota::ORG.seconds),
                sql(quota::ORG.egress_bytes),
                sql(quota::MEMBER.seconds),
                sql(quota::MEMBER.egress_bytes),
                sql(page.after),
                sql(page.fetch()),
            ],
        )
        .await?;
    cut(page, &rows)
}

/// Those that an executor is to have, running or not.
///
/// # Errors
/// Only those of the connection.
pub async fn on_executor(
    db: &mut SweepsDb,
    executor: &str,
    page: &Page<SandboxId>,
) -> Result<Slice<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::on_executor
             SELECT org_id, sandbox_id FROM sandboxes
              WHERE executor_id = $1 AND state <> 'destroyed' AND ($2::text IS NULL OR sandbox_id > $2)
              ORDER BY sandbox_id LIMIT $3",
            &[sql(executor), sql(page.after), sql(page.fetch())],
        )
        .await?;
    cut(page, &rows)
}

/// Those of `sandboxes` that there are. What an executor has beside them belongs to nobody.
///
/// # Errors
/// Only those of the connection.
pub async fn known(db: &mut SweepsDb, sandboxes: &[SandboxId]) -> Result<Vec<Due>, StoreError> {
    let rows = db
        .fetch_all(
            "-- sandboxes::due::known
             SELECT org_id, sandbox_id FROM sandboxes WHERE sandbox_id = ANY ($1) ORDER BY sandbox_id",
            &[Value::Texts(sandboxes.iter().map(ToString::to_string).collect())],
        )
        .await?;
    rows.iter().map(read).collect()
}
