//! Whether the API answers.

use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/health`: this Worker runs. It says nothing about what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
}
