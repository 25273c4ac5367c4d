//! How many people of an org must approve, and whether one's own asks count.

use slipway_contract::approval::SelfApproval;
use slipway_contract::http::approvals::ApprovalPolicy;

use crate::error::Cause;
use crate::value::sql;
use crate::{OrgDb, StoreError};

/// The org's policy; one person, and one's own asks while alone, unless it has set another.
///
/// # Errors
/// Only those of the connection.
pub async fn get(db: &mut OrgDb) -> Result<ApprovalPolicy, StoreError> {
    const NAME: &str = "approval_policies::get";
    let org = db.org();
    let row = db
        .fetch_optional(
            "-- approval_policies::get
             SELECT quorum, self_approval FROM approval_policies WHERE org_id = $1",
            &[sql(org)],
        )
        .await?;
    let Some(row) = row else {
        return Ok(ApprovalPolicy { quorum: 1, self_approval: SelfApproval::default() });
    };
    let quorum = u8::try_from(row.read::<u64>("quorum")?)
        .map_err(|_| StoreError::Internal { statement: NAME, source: Cause::Column("quorum") })?;
    Ok(ApprovalPolicy { quorum, self_approval: row.read("self_approval")? })
}

/// Sets the org's policy; the quorum must be 1 to 5.
///
/// # Errors
/// Only those of the connection.
pub async fn set(db: &mut OrgDb, policy: &ApprovalPolicy) -> Result<(), StoreError> {
    let org = db.org();
    db.execute_one(
        "-- approval_policies::set
         INSERT INTO approval_policies (org_id, quorum, self_approval) VALUES ($1, $2, $3)
         ON CONFLICT (org_id) DO UPDATE SET quorum = excluded.quorum, self_approval = excluded.self_approval",
        &[sql(org), sql(u64::from(policy.quorum)), sql(policy.self_approval)],
    )
    .await
}
