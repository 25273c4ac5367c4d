//! Artifacts: files captured from sandboxes.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{ArtifactId, ChatId, SandboxId};
use crate::time::Timestamp;

/// An artifact. Its bytes are at `GET /v1/artifacts/{artifact}/content`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Artifact {
    /// The id.
    pub id: ArtifactId,
    /// The chat.
    pub chat: ChatId,
    /// The sandbox it was captured from.
    pub sandbox: SandboxId,
    /// Its path there, below `/workspace`.
    pub path: String,
    /// The file's name.
    pub name: String,
    /// Size in bytes.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub bytes: u64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// Who captured it.
    pub by: Actor,
    /// When.
    pub created_at: Timestamp,
}

/// Body of `POST /v1/sandboxes/{sandbox}/artifacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SaveArtifact {
    /// Path below `/workspace`.
    pub path: String,
}

/// Query of `GET /v1/orgs/{org}/artifacts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ArtifactsQuery {
    /// Only those of one chat.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// The most items wanted: 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}
