//! How long an org keeps what it has.

use serde::{Deserialize, Serialize};

/// Longest time that can be set, in days: ten years.
pub const RETENTION_DAYS_MAX: u32 = 3_650;
/// Shortest time for the audit log, in days: what happened is to be found out about for a while.
pub const AUDIT_DAYS_MIN: u32 = 90;

/// Body and answer of `/v1/orgs/{org}/retention`. What is absent or `null` is kept for ever: setting it replaces all that
/// stood, so who leaves a field out takes back what was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// A chat in which nothing has happened for so many days is deleted: 1 to 3650.
    #[serde(default)]
    pub chat_days: Option<u32>,
    /// An artifact that was captured so many days ago is deleted: 1 to 3650.
    #[serde(default)]
    pub artifact_days: Option<u32>,
    /// An attachment that was uploaded so many days ago is deleted, 1 to 3650; its message stays and still names it.
    #[serde(default)]
    pub attachment_days: Option<u32>,
    /// An entry of the audit log that was recorded so many days ago is deleted: 90 to 3650. The log tells once a day at most
    /// how many went.
    #[serde(default)]
    pub audit_days: Option<u32>,
    /// What agents did in a turn that ended so many days ago goes from its chat's log within a day, 1 to 3650: the arguments
    /// and results of their calls of tools, and what they were given. Their answers are messages, and stay.
    #[serde(default)]
    pub turn_days: Option<u32>,
}
