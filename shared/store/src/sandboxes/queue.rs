//! The queue for places: the oldest first, but nobody waits behind somebody whose own places are taken.

use slipway_contract::SandboxId;
use slipway_domain::sandbox::quota::MEMBER;

use super::stored::{StoredSandbox, columns, read};
use crate::value::sql;
use crate::{OrgDb, StoreError};

/// A queued sandbox's place in the org's queue, from 1; `None` when it does not wait.
///
/// # Errors
/// Only those of the connection.
pub async fn queue_place(db: &mut OrgDb, sandbox: SandboxId) -> Result<Option<u64>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- sandboxes::queue_place
         SELECT (SELECT count(*) FROM sandboxes AS earlier
                  WHERE earlier.org_id = $1 AND earlier.state = 'queued'
                    AND (earlier.queued_at, earlier.sandbox_id) <= (own.queued_at, own.sandbox_id)) AS place
           FROM sandboxes AS own WHERE org_id = $1 AND sandbox_id = $2 AND state = 'queued'",
        &[sql(org), sql(sandbox)],
    )
    .await?
    .map(|row| row.read("place"))
    .transpose()
}

/// The oldest queued sandbox whose person has a place, locked until the transaction ends. Those being claimed by somebody
/// else are skipped. The place itself is taken by [`places::take`](crate::places::take).
///
/// # Errors
/// Only those of the connection.
pub async fn claim_next(db: &mut OrgDb) -> Result<Option<StoredSandbox>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        concat!(
            "-- sandboxes::claim_next\n SELECT ",
            columns!(),
            " FROM sandboxes
               WHERE org_id = $1 AND state = 'queued'
                 AND coalesce((SELECT running FROM sandbox_places
                                WHERE sandbox_places.org_id = $1 AND holder = sandboxes.user_id), 0)
                     < coalesce((SELECT running FROM quotas
                                  WHERE quotas.org_id = $1 AND holder = sandboxes.user_id),
                                (SELECT running FROM quotas WHERE quotas.org_id = $1 AND holder = 'member'), $2)
               ORDER BY queued_at, sandbox_id LIMIT 1 FOR UPDATE SKIP LOCKED"
        ),
        &[sql(org), sql(MEMBER.running)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}
