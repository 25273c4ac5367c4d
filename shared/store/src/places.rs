//! Places for running sandboxes, of an org and of each of its people.
//!
//! Invariant: a counter is the number of sandboxes in a running state, and never above its limit. Check and reservation are
//! one statement upon locked rows, the org's before the person's, so that callers at once are let in one after the other
//! and cannot wait for each other in a circle. Callers have locked the sandbox's row before.

use slipway_contract::{Timestamp, UserId};

use crate::quotas::{month_params, month_standing};
use crate::value::{Value, sql};
use crate::{OrgDb, StoreError};

/// Whether there is a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is taken.
    Taken,
    /// As many run as may.
    Full(Whose),
    /// The month's sandbox time is used up.
    NoTime(Whose),
    /// The month's bytes are used up.
    NoEgress(Whose),
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The whole org's.
    Org,
    /// The person's.
    User,
}

/// Takes a place for a sandbox that `user` caused, if org and person have one and have something left of the month's time
/// and bytes. It is given back by the step that ends the sandbox's running state.
///
/// # Errors
/// Only those of the connection.
pub async fn take(db: &mut OrgDb, user: Option<UserId>, now: Timestamp) -> Result<Answer, StoreError> {
    let org = db.org();
    db.execute(
        "-- places::take (rows)
         INSERT INTO sandbox_places (org_id, holder, running)
         SELECT $1, holder, 0 FROM (VALUES ('org'), ($2)) AS given (holder)
          WHERE holder IS NOT NULL ORDER BY holder
         ON CONFLICT (org_id, holder) DO NOTHING",
        &[sql(org), sql(user)],
    )
    .await?;
    let rows = db
        .fetch_all(
            concat!(
                "-- places::take\n WITH held AS MATERIALIZED (
                     SELECT holder, running FROM sandbox_places
                      WHERE org_id = $1 AND holder IN ('org', $2) ORDER BY holder FOR UPDATE), ",
                month_standing!(),
                ", verdict AS (
                     SELECT holder, held.running >= running_limit AS no_place, ms >= seconds_limit * 1000 AS no_time,
                            bytes >= egress_limit AS no_egress
                       FROM held JOIN standing USING (holder)),
                 taken AS (
                     UPDATE sandbox_places AS place SET running = held.running + 1 FROM held
                      WHERE place.org_id = $1 AND place.holder = held.holder
                        AND NOT EXISTS (SELECT 1 FROM verdict WHERE no_place OR no_time OR no_egress)
                     RETURNING 1)
                 SELECT holder, no_place, no_time, no_egress, (SELECT count(*) FROM taken) AS taken
                   FROM verdict ORDER BY holder"
            ),
            &month_params(org, user, now),
        )
        .await?;
    for row in &rows {
        let whose = if row.read::<String>("holder")? == "org" { Whose::Org } else { Whose::User };
        // What no waiting helps against is said first.
        if row.read("no_time")? {
            return Ok(Answer::NoTime(whose));
        }
        if row.read("no_egress")? {
            return Ok(Answer::NoEgress(whose));
        }
    }
    for row in &rows {
        if row.read("no_place")? {
            let org = row.read::<String>("holder")? == "org";
            return Ok(Answer::Full(if org { Whose::Org } else { Whose::User }));
        }
    }
    Ok(Answer::Taken)
}

/// Gives a place back; with the step that ends the running state, in one transaction.
pub(crate) async fn give_back(db: &mut OrgDb, user: Option<UserId>) -> Result<(), StoreError> {
    let org = db.org();
    let changed = db
        .execute(
            "-- places::give_back
             WITH held AS MATERIALIZED (
                 SELECT holder FROM sandbox_places
                  WHERE org_id = $1 AND holder IN ('org', $2) ORDER BY holder FOR UPDATE)
             UPDATE sandbox_places AS place SET running = place.running - 1 FROM held
              WHERE place.org_id = $1 AND place.holder = held.holder",
            &[sql(org), sql(user)],
        )
        .await?;
    db.expect_rows("places::give_back", changed, if user.is_some() { 2 } else { 1 })
}

/// Sandboxes that run now: of the org, and of a person.
///
/// # Errors
/// Only those of the connection.
pub async fn running(db: &mut OrgDb, user: Option<UserId>) -> Result<(u64, u64), StoreError> {
    let org = db.org();
    let row = db
        .fetch_one(
            "-- places::running
             SELECT coalesce(sum(running) FILTER (WHERE holder = 'org'), 0)::bigint AS org,
                    coalesce(sum(running) FILTER (WHERE holder = $2), 0)::bigint AS own
               FROM sandbox_places WHERE org_id = $1",
            &[sql(org), user.map_or(Value::Text(None), sql)],
        )
        .await?;
    Ok((row.read("org")?, row.read("own")?))
}
