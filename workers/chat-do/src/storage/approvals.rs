//! Approvals, sandboxes and artifacts in the object's tables.

use slipway_contract::objects::projection::ApprovalProjection;
use slipway_contract::sandbox::SandboxStatus;
use slipway_contract::{ApprovalId, ArtifactId, UserId};
use slipway_domain::chat::{Approval, ApprovalPhase};
use worker::Result;

use super::Storage;
use crate::sql::{Value, int};

impl Storage {
    /// Approvals that are not over.
    pub(super) fn unfinished_approvals(&self) -> Result<Vec<Approval>> {
        self.sql.rows("SELECT approval FROM approvals WHERE over = 0 ORDER BY seq", vec![])
    }

    /// Sandboxes that the chat ever had.
    pub(super) fn sandboxes(&self) -> Result<Vec<SandboxStatus>> {
        self.sql.rows("SELECT status FROM sandboxes", vec![])
    }

    /// An approval, over or not.
    pub(super) fn approval(&self, approval: ApprovalId) -> Result<Option<Approval>> {
        self.sql.row("SELECT approval FROM approvals WHERE seq = ?", vec![int(approval.seq().0)])
    }

    /// Which of some artifacts the log tells of.
    pub(crate) fn saved(&self, artifacts: &[ArtifactId]) -> Result<Vec<ArtifactId>> {
        let known = self.sql.texts(
            "SELECT artifact FROM json_each(?) JOIN artifacts ON artifact = value",
            vec![Value::String(serde_json::to_string(artifacts)?)],
        )?;
        Ok(known.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// What a person asked under a client id, over or not.
    pub(super) fn asked_before(&self, by: UserId, client_id: &str) -> Result<Option<Approval>> {
        let asked_as = Value::String(asked_as(by, client_id));
        self.sql.row("SELECT approval FROM approvals WHERE asked_as = ?", vec![asked_as])
    }

    /// Keeps an approval as it stands.
    pub(super) fn keep_approval(&self, approval: &Approval) -> Result<()> {
        let over = matches!(approval.phase, ApprovalPhase::Ended(_));
        let asked_as = approval.user.zip(approval.client_id.as_ref()).map(|(by, id)| asked_as(by, id));
        self.sql.run(
            "INSERT INTO approvals (seq, over, version, approval, asked_as) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (seq) DO UPDATE
                SET over = excluded.over, version = excluded.version, approval = excluded.approval",
            vec![
                int(approval.id.seq().0),
                int(u64::from(over)),
                int(approval.version),
                Value::String(serde_json::to_string(approval)?),
                asked_as.into(),
            ],
        )
    }

    /// Approvals that the index does not know as they are, at most 50.
    pub(crate) fn unprojected_approvals(&self) -> Result<Vec<ApprovalProjection>> {
        let rows: Vec<Approval> = self
            .sql
            .rows("SELECT approval FROM approvals WHERE version > projected ORDER BY seq LIMIT 50", vec![])?;
        Ok(rows.into_iter().map(project).collect())
    }

    /// Remembers which approvals the index knows.
    pub(super) fn projected_approvals(&self, approvals: &[ApprovalProjection]) -> Result<()> {
        for approval in approvals {
            self.sql.run(
                "UPDATE approvals SET projected = ? WHERE seq = ?",
                vec![int(approval.version), int(approval.approval.seq().0)],
            )?;
        }
        Ok(())
    }
}

/// A person's name for a question, among all that people gave.
fn asked_as(by: UserId, client_id: &str) -> String {
    format!("{by} {client_id}")
}

fn project(approval: Approval) -> ApprovalProjection {
    ApprovalProjection {
        state: approval.state(),
        approval: approval.id,
        asked_by: approval.asked_by,
        user: approval.user,
        turn: approval.turn,
        ask: approval.ask,
        votes: approval.votes,
        asked_at: approval.asked_at,
        expires_at: approval.expires_at,
        version: approval.version,
    }
}
