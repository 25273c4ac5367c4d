//! What people do with sandboxes. Every function answers what the API answers, and fails when it refuses.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::json;
use slipway_contract::approval::ApprovalOption;
use slipway_contract::http::approvals::{Approval, ApprovalDecision, DecideApproval};
use slipway_contract::http::page::Page;
use slipway_contract::http::sandboxes::{PreviewToken, RequestSandbox, Sandbox};
use slipway_contract::objects::executor::{ExecExit, ExecFrame};
use slipway_contract::{ApprovalId, ChatId, OrgId, SandboxId};

use crate::answer::Answer;
use crate::person::Person;
use crate::world::Call;

/// What a command did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How it ended.
    pub exit: ExecExit,
}

impl Person {
    /// The call that asks for a small sandbox without network.
    pub fn asking(&self, chat: ChatId) -> Call {
        self.asking_as(chat, None)
    }

    /// The same, under the client's own name for it.
    pub fn asking_as(&self, chat: ChatId, client_id: Option<&str>) -> Call {
        let body = RequestSandbox {
            reason: "to try something".to_owned(),
            size: slipway_contract::sandbox::SandboxSize::Small,
            hosts: Vec::new(),
            template: None,
            client_id: client_id.map(str::to_owned),
        };
        self.call(Method::POST, &format!("/v1/chats/{chat}/sandboxes")).json(&body)
    }

    /// Asks for a small sandbox without network.
    ///
    /// # Errors
    /// A refusal.
    pub async fn ask_sandbox(&self, chat: ChatId) -> Result<Approval> {
        self.asking(chat).send().await?.read()
    }

    /// The call that decides an approval.
    pub fn deciding(&self, approval: ApprovalId, decision: ApprovalDecision, reason: Option<&str>) -> Call {
        let body = DecideApproval { decision, option: None, reason: reason.map(str::to_owned) };
        self.call(Method::POST, &format!("/v1/approvals/{approval}/decision")).json(&body)
    }

    /// Approves.
    ///
    /// # Errors
    /// A refusal.
    pub async fn approve(&self, approval: ApprovalId) -> Result<Approval> {
        self.deciding(approval, ApprovalDecision::Approve, None).send().await?.read()
    }

    /// Approves, for the sandbox that the question names.
    ///
    /// # Errors
    /// A refusal.
    pub async fn approve_reuse(&self, approval: ApprovalId) -> Result<Approval> {
        let body = DecideApproval {
            decision: ApprovalDecision::Approve,
            option: Some(ApprovalOption::Reuse),
            reason: None,
        };
        self.send(Method::POST, &format!("/v1/approvals/{approval}/decision"), &body).await?.read()
    }

    /// The inbox of their org.
    ///
    /// # Errors
    /// A refusal.
    pub async fn inbox(&self, state: &str) -> Result<Vec<Approval>> {
        let org = self.org.context("nowhere")?;
        let page: Page<Approval> =
            self.get(&format!("/v1/orgs/{org}/approvals?state={state}")).await?.read()?;
        Ok(page.items)
    }

    /// A chat's sandboxes, newest first.
    ///
    /// # Errors
    /// A refusal.
    pub async fn sandboxes(&self, chat: ChatId) -> Result<Vec<Sandbox>> {
        let page: Page<Sandbox> = self.get(&format!("/v1/chats/{chat}/sandboxes")).await?.read()?;
        Ok(page.items)
    }

    /// A sandbox as it stands.
    ///
    /// # Errors
    /// A refusal.
    pub async fn look(&self, sandbox: SandboxId) -> Result<Sandbox> {
        self.get(&format!("/v1/sandboxes/{sandbox}")).await?.read()
    }

    /// Stops a sandbox.
    ///
    /// # Errors
    /// A refusal.
    pub async fn stop(&self, sandbox: SandboxId) -> Result<Sandbox> {
        self.call(Method::POST, &format!("/v1/sandboxes/{sandbox}/stop")).send().await?.read()
    }

    /// Removes a sandbox with its files.
    ///
    /// # Errors
    /// A refusal.
    pub async fn destroy(&self, sandbox: SandboxId) -> Result<Sandbox> {
        self.call(Method::DELETE, &format!("/v1/sandboxes/{sandbox}")).send().await?.read()
    }

    /// The call that sets limits of `org`, `member` or a user, as JSON.
    pub fn limiting(&self, org: OrgId, holder: &str, limit: &str) -> Call {
        self.call(Method::PUT, &format!("/v1/orgs/{org}/quotas/limits/{holder}")).body(limit.to_owned())
    }

    /// Ends all access to a sandbox's previews.
    ///
    /// # Errors
    /// A refusal.
    pub async fn revoke(&self, sandbox: SandboxId) -> Result<Sandbox> {
        self.call(Method::POST, &format!("/v1/sandboxes/{sandbox}/revoke-previews")).send().await?.read()
    }

    /// Access to a port.
    ///
    /// # Errors
    /// A refusal.
    pub async fn preview_token(&self, sandbox: SandboxId, port: u16) -> Result<PreviewToken> {
        let path = format!("/v1/sandboxes/{sandbox}/preview-tokens");
        self.send(Method::POST, &path, &json!({"port": port})).await?.read()
    }

    /// The call that runs a shell's command.
    pub fn running(&self, sandbox: SandboxId, command: &str) -> Call {
        let body = json!({"argv": ["sh", "-c", command], "timeout_s": 60});
        self.call(Method::POST, &format!("/v1/sandboxes/{sandbox}/exec")).json(&body)
    }

    /// Runs a shell's command to its end.
    ///
    /// # Errors
    /// A refusal, or a stream that ends before the command.
    pub async fn run(&self, sandbox: SandboxId, command: &str) -> Result<Ran> {
        let answer = self.running(sandbox, command).send().await?;
        answer.done()?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for line in answer.body.lines() {
            match serde_json::from_str::<ExecFrame>(line).with_context(|| format!("no frame: {line}"))? {
                ExecFrame::Stdout(text) => stdout.push_str(&text),
                ExecFrame::Stderr(text) => stderr.push_str(&text),
                ExecFrame::Alive | ExecFrame::Detached => {}
                ExecFrame::Exit(exit) => return Ok(Ran { stdout, stderr, exit }),
            }
        }
        anyhow::bail!("the stream ended before the command: {answer}")
    }

    /// Writes a file.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn put_file(
        &self,
        sandbox: SandboxId,
        path: &str,
        bytes: impl Into<reqwest::Body>,
    ) -> Result<Answer> {
        let path = format!("/v1/sandboxes/{sandbox}/files?path={}", percent(path));
        self.call(Method::PUT, &path).bytes(bytes).send().await
    }

    /// Reads a file or lists a folder.
    ///
    /// # Errors
    /// Broken promises only.
    pub async fn file(&self, sandbox: SandboxId, path: &str) -> Result<Answer> {
        self.get(&format!("/v1/sandboxes/{sandbox}/files?path={}", percent(path))).await
    }
}

/// Every byte of a path as `%XX`.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
