//! How long an org keeps what it has.

use serde::{Deserialize, Serialize};

/// Longest time that can be set, in days: ten years.
pub const RETENTION_DAYS_MAX: u32 = 3_650;

/// Body and answer of `/v1/orgs/{org}/retention`. What is absent or `null` is kept for ever.
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
}
