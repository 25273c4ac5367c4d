//! The org's agents.

use serde::{Deserialize, Serialize};

use crate::actor::AgentSlug;
use crate::ids::AgentId;
use crate::time::Timestamp;

/// A configured participant that answers with a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// How it is mentioned, without the `@`; unique within the org.
    pub slug: AgentSlug,
    /// Name shown beside its messages.
    pub name: String,
    /// What it is told before every turn.
    pub instructions: String,
    /// `provider:model`, or `demo`.
    pub model: String,
    /// Whether it answers.
    pub enabled: bool,
    /// Whether new chats have it from the start; one agent of an org at most.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Body of `POST /v1/orgs/{org}/agents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    /// How it is mentioned.
    pub slug: AgentSlug,
    /// 1 to 120 characters.
    pub name: String,
    /// At most 16 KiB.
    #[serde(default)]
    pub instructions: String,
    /// `provider:model`, or `demo`.
    pub model: String,
    /// Whether new chats have it from the start.
    #[serde(default)]
    pub is_default: bool,
}

/// Body of `PATCH /v1/orgs/{org}/agents/{agent}`. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateAgent {
    /// 1 to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// `provider:model`, or `demo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether new chats have it from the start; setting it takes it from the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
}
