//! Approvals: the inbox of an org, and a person's decision.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::approval::{ApprovalAsk, ApprovalOption, ApprovalState, Vote};
use crate::ids::{ApprovalId, ChatId, TurnId, UserId};
use crate::time::Timestamp;

/// An approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    /// The id.
    pub id: ApprovalId,
    /// The chat that it was asked in.
    pub chat: ChatId,
    /// The chat's title.
    pub chat_title: String,
    /// Who asks.
    pub asked_by: Actor,
    /// The person who caused it, if any did.
    pub user: Option<UserId>,
    /// The turn that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The question.
    pub ask: ApprovalAsk,
    /// How it stands.
    pub state: ApprovalState,
    /// Who has answered.
    pub votes: Vec<Vote>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it ends unanswered.
    pub expires_at: Timestamp,
}

/// Query of `GET /v1/orgs/{org}/approvals`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ApprovalsQuery {
    /// Only those that stand so; all when absent.
    #[serde(default)]
    pub state: Option<ApprovalState>,
    /// The most items wanted: 1 to 200, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Body of `POST /v1/approvals/{approval}/decision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideApproval {
    /// For or against.
    pub decision: ApprovalDecision,
    /// Which way; `new` when absent.
    #[serde(default)]
    pub option: Option<ApprovalOption>,
    /// Why, at most 500 characters; who asked reads it.
    #[serde(default)]
    pub reason: Option<String>,
}

/// For or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalDecision {
    /// It may happen.
    Approve,
    /// It may not.
    Deny,
}

/// How many people must approve, and whether one's own asks count (`GET, PUT /v1/orgs/{org}/approval-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalPolicy {
    /// People who must approve: 1 to 5.
    pub quorum: u8,
    /// Whether the person who caused an ask may approve it.
    pub self_approval: crate::approval::SelfApproval,
}
