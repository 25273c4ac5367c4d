//! Sums of the ledger over a stretch of time. A run counts with the part of it that lies within, bytes when they were told.

use std::collections::BTreeMap;

use slipway_contract::Timestamp;
use slipway_contract::http::usage::{UsageBy, UsagePart, UsageReport, UsageSum};
use slipway_contract::sandbox::SandboxSize;
use slipway_domain::sandbox::{egress_micro_usd, micro_usd, quota};

use crate::row::Row;
use crate::value::{Value, sql};
use crate::words::Word;
use crate::{OrgDb, StoreError};

/// The most parts of a report.
pub const PARTS: u64 = 200;

/// What was used within `[from, to)`, until now, summed up `by` something. Days are told in order, each that the time
/// touches; of others those with the longest time come first, [`PARTS`] at most. The sum of all holds the rest too.
///
/// # Errors
/// Only those of the connection.
pub async fn report(
    db: &mut OrgDb,
    from: Timestamp,
    to: Timestamp,
    by: UsageBy,
    now: Timestamp,
) -> Result<UsageReport, StoreError> {
    let (total, parts) = match by {
        UsageBy::Day => by_day(db, from, to, now).await?,
        UsageBy::User => by_key(db, from, to, "user", now).await?,
        UsageBy::Agent => by_key(db, from, to, "agent", now).await?,
        UsageBy::Chat => by_key(db, from, to, "chat", now).await?,
        UsageBy::Sandbox => by_key(db, from, to, "sandbox", now).await?,
    };
    Ok(UsageReport { from, to, total: total.sum(), parts })
}

/// Time by size, since sizes have prices, and bytes.
#[derive(Default)]
struct Used {
    ms: BTreeMap<&'static str, (SandboxSize, u64)>,
    bytes: u64,
}

impl Used {
    fn add(&mut self, row: &Row) -> Result<(), StoreError> {
        let size: SandboxSize = row.read("size")?;
        self.ms.entry(size.word()).or_insert((size, 0)).1 += row.read::<u64>("ms")?;
        self.bytes += row.read::<u64>("bytes")?;
        Ok(())
    }

    fn sum(&self) -> UsageSum {
        let cost = self.ms.values().map(|(size, ms)| micro_usd(*size, *ms)).sum::<u64>();
        UsageSum {
            sandbox_seconds: self.ms.values().map(|(_, ms)| ms).sum::<u64>() / 1000,
            egress_bytes: self.bytes,
            micro_usd: cost + egress_micro_usd(self.bytes),
        }
    }
}

async fn by_day(
    db: &mut OrgDb,
    from: Timestamp,
    to: Timestamp,
    now: Timestamp,
) -> Result<(Used, Vec<UsagePart>), StoreError> {
    let org = db.org();
    let days = quota::days(from, to);
    let rows = db
        .fetch_all(
            "-- usage::report (days)
             SELECT day.key, size,
                    sum(CASE kind WHEN 'sandbox_seconds' THEN greatest(extract(epoch FROM
                        least(coalesce(until_at, $5), $5, day.ends) - greatest(from_at, day.begins)), 0) * 1000
                        ELSE 0 END)::bigint AS ms,
                    sum(CASE kind WHEN 'egress_bytes' THEN bytes ELSE 0 END)::bigint AS bytes
               FROM unnest($2, $3, $4) AS day (key, begins, ends)
               JOIN usage_entries ON from_at < day.ends AND (until_at IS NULL OR until_at >= day.begins)
                                 AND (kind = 'sandbox_seconds' OR from_at >= day.begins)
              WHERE org_id = $1 GROUP BY day.key, size",
            &[
                sql(org),
                Value::Texts(days.iter().map(|(key, ..)| key.clone()).collect()),
                Value::Times(days.iter().map(|(_, begins, _)| (*begins).max(from).into()).collect()),
                Value::Times(days.iter().map(|(.., ends)| (*ends).min(to).into()).collect()),
                sql(now),
            ],
        )
        .await?;
    let mut total = Used::default();
    let mut parts: BTreeMap<String, Used> =
        days.into_iter().map(|(key, ..)| (key, Used::default())).collect();
    for row in &rows {
        total.add(row)?;
        parts.entry(row.read("key")?).or_default().add(row)?;
    }
    let part = |(key, used): (String, Used)| UsagePart { name: key.clone(), key, sum: used.sum() };
    Ok((total, parts.into_iter().map(part).collect()))
}

async fn by_key(
    db: &mut OrgDb,
    from: Timestamp,
    to: Timestamp,
    by: &'static str,
    now: Timestamp,
) -> Result<(Used, Vec<UsagePart>), StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            "-- usage::report
             WITH used AS (
                 SELECT coalesce(CASE $4 WHEN 'user' THEN user_id WHEN 'agent' THEN agent_id
                                         WHEN 'chat' THEN chat_id ELSE sandbox_id END, '') AS key, chat_id, size,
                        CASE kind WHEN 'sandbox_seconds' THEN greatest(extract(epoch FROM
                             least(coalesce(until_at, $5), $5, $3) - greatest(from_at, $2)), 0) * 1000 ELSE 0 END AS ms,
                        CASE kind WHEN 'egress_bytes' THEN bytes ELSE 0 END AS bytes
                   FROM usage_entries
                  WHERE org_id = $1 AND from_at < $3 AND (until_at IS NULL OR until_at >= $2)
                    AND (kind = 'sandbox_seconds' OR from_at >= $2)),
             summed AS (
                 SELECT key, size, min(chat_id) AS chat_id, sum(ms)::bigint AS ms, sum(bytes)::bigint AS bytes
                   FROM used WHERE ms > 0 OR bytes > 0 GROUP BY GROUPING SETS ((key, size), (size))),
             ranked AS (
                 SELECT key, row_number() OVER (ORDER BY sum(ms) DESC, sum(bytes) DESC, key) AS rank
                   FROM summed WHERE key IS NOT NULL GROUP BY key)
             SELECT summed.key, size, ms, bytes, coalesce(rank, 0) AS rank,
                    coalesce(display_name, agents.name, title, '') AS name
               FROM summed LEFT JOIN ranked USING (key)
               LEFT JOIN users ON user_id = summed.key
               LEFT JOIN agents ON agents.org_id = $1 AND agent_id = summed.key
               LEFT JOIN chats ON chats.org_id = $1 AND $4 IN ('chat', 'sandbox') AND chats.chat_id = summed.chat_id
              WHERE summed.key IS NULL OR rank <= $6
              ORDER BY rank NULLS FIRST, size",
            &[sql(org), sql(from), sql(to), sql(by), sql(now), sql(PARTS)],
        )
        .await?;
    let mut total = Used::default();
    let mut parts: BTreeMap<u64, (String, String, Used)> = BTreeMap::new();
    for row in &rows {
        let Some(key) = row.read::<Option<String>>("key")? else {
            total.add(row)?;
            continue;
        };
        let name = row.read("name")?;
        let part = parts.entry(row.read("rank")?).or_insert_with(|| (key, name, Used::default()));
        part.2.add(row)?;
    }
    let part = |(key, name, used): (String, String, Used)| UsagePart { key, name, sum: used.sum() };
    Ok((total, parts.into_values().map(part).collect()))
}
