//! Where the gateway finds a sandbox, for route objects that do not know it.

use slipway_contract::SandboxId;
use slipway_contract::sandbox::SandboxState;

use crate::value::sql;
use crate::{OrgDb, StoreError};

/// Where a sandbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRoute {
    /// Its epoch.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// How it stands.
    pub state: SandboxState,
    /// The executor that has it, if one has.
    pub executor: Option<String>,
}

/// The route of a sandbox; `None` when the org has no such one.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, sandbox: SandboxId) -> Result<Option<FoundRoute>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        "-- routes::find
         SELECT epoch, version, state, executor_id FROM sandboxes WHERE org_id = $1 AND sandbox_id = $2",
        &[sql(org), sql(sandbox)],
    )
    .await?
    .map(|row| {
        Ok(FoundRoute {
            epoch: row.read("epoch")?,
            version: row.read("version")?,
            state: row.read("state")?,
            executor: row.read("executor_id")?,
        })
    })
    .transpose()
}
