//! What people ask about sandboxes: `POST /internal/sandboxes/call`
//! ([`slipway_contract::objects::sandboxes`]).

use std::rc::Rc;

use slipway_contract::http::sandboxes::Sandbox;
use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::objects::executor::{ExecutorCode, SandboxReport};
use slipway_contract::objects::sandboxes::{SandboxCall, SandboxOperation};
use slipway_contract::sandbox::{SandboxReason, SandboxState};
use slipway_contract::{Actor, OrgId, Problem, ProblemCode, RequestId, SandboxId, limits};
use slipway_domain::egress;
use slipway_domain::sandbox::Happened;
use slipway_edge::{ids, reply};
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError, audit, usage};
use worker::{Context, Env, Request, Response};

use super::caller::{Called, Caller};
use crate::errand::Errand;
use crate::sandboxes::quote::Wish;
use crate::sandboxes::{Changes, Fact, preview, templates, view, words};
use crate::stream;

/// Longest request, in bytes.
const BODY_BYTES: usize = 64 * 1024;

/// `POST /internal/sandboxes/call`
pub(crate) async fn call(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: SandboxCall = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, context, asked.request, request.headers());
    let begun = errand.now();
    let called = Called {
        request: asked.request,
        caller: Caller { org: asked.org, user: asked.user },
        operation: name(&asked.operation),
        events: ["sandbox_called", "sandbox_refused"],
    };
    called.ended(begun, answer(&errand, &asked).await)
}

const fn name(operation: &SandboxOperation) -> &'static str {
    match operation {
        SandboxOperation::Quote { .. } => "quote",
        SandboxOperation::Look { .. } => "look",
        SandboxOperation::Stop { .. } => "stop",
        SandboxOperation::RevokePreviews { .. } => "revoke_previews",
        SandboxOperation::PreviewToken { .. } => "preview_token",
        SandboxOperation::Destroy { .. } => "destroy",
        SandboxOperation::TakeSnapshot { .. } => "take_snapshot",
        SandboxOperation::RestoreSnapshot { .. } => "restore_snapshot",
        SandboxOperation::DeleteSnapshot { .. } => "delete_snapshot",
    }
}

/// The answer as JSON.
async fn answer(errand: &Errand, asked: &SandboxCall) -> Result<String, Problem> {
    let hosts = errand.hosts();
    let mut changes = Changes::new(errand, &hosts);
    match &asked.operation {
        SandboxOperation::Quote { chat, wanted } => {
            let wish = wish(wanted)?;
            json(&changes.quote(asked.org, *chat, Some(asked.user), wish).await?)
        }
        SandboxOperation::Look { sandbox } => json(&changes.see(asked.org, *sandbox).await?),
        SandboxOperation::Stop { sandbox } => {
            let happened = Happened::StopAsked { reason: SandboxReason::Requested, detail: None };
            let entry = entry(asked, *sandbox, "sandbox.stop");
            let row = changes.happen(asked.org, *sandbox, Fact::from(happened).recorded(&entry)).await?;
            json(&changes.show(&row, None).await?)
        }
        SandboxOperation::RevokePreviews { sandbox } => {
            let entry = entry(asked, *sandbox, "sandbox.revoke_previews");
            let row = {
                let fact = Fact::from(Happened::AccessRevoked).recorded(&entry);
                changes.happen(asked.org, *sandbox, fact).await?
            };
            json(&changes.show(&row, None).await?)
        }
        SandboxOperation::PreviewToken { sandbox, port } => {
            if *port == 0 {
                return Err(Problem::field("port", "must be 1 to 65535"));
            }
            let previews = errand.previews()?;
            let row = changes.usable(asked.org, *sandbox).await?;
            if let Some(executor) = changes.executor(&row) {
                executor.previews()?;
            }
            json(&preview::token(&previews, &row, asked.user, *port, errand.now())?)
        }
        SandboxOperation::Destroy { sandbox } => {
            let entry = entry(asked, *sandbox, "sandbox.destroy");
            let fact = Fact::from(Happened::DestroyAsked).recorded(&entry);
            let row = changes.happen(asked.org, *sandbox, fact).await?;
            json(&changes.show(&row, None).await?)
        }
        SandboxOperation::TakeSnapshot { sandbox } => {
            let row = changes.usable(asked.org, *sandbox).await?;
            let by = Actor::User { id: asked.user };
            json(&changes.take_snapshot(&row, SnapshotCause::Asked, by).await?)
        }
        SandboxOperation::RestoreSnapshot { sandbox, snapshot } => {
            let row = changes.usable(asked.org, *sandbox).await?;
            let entry =
                audit::Entry { detail: snapshot.to_string(), ..entry(asked, *sandbox, "sandbox.restore") };
            changes.restore_snapshot(&row, *snapshot, &entry).await?;
            json(&changes.show(&row, None).await?)
        }
        SandboxOperation::DeleteSnapshot { sandbox, snapshot } => {
            let entry = audit::Entry {
                detail: snapshot.to_string(),
                ..entry(asked, *sandbox, "sandbox.snapshot_delete")
            };
            changes.delete_snapshot(asked.org, *sandbox, *snapshot, &entry).await?;
            json(&())
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(|_| ProblemCode::Internal.into())
}

fn entry(asked: &SandboxCall, sandbox: SandboxId, action: &'static str) -> audit::Entry {
    audit::Entry {
        key: format!("{}:{action}", asked.request),
        actor: Actor::User { id: asked.user },
        action,
        subject: sandbox.to_string(),
        detail: String::new(),
    }
}

/// What a person wants, within its limits.
fn wish(wanted: &slipway_contract::http::sandboxes::RequestSandbox) -> Result<Wish, Problem> {
    let reason = wanted.reason.trim();
    if !(1..=limits::REASON_CHARS).contains(&reason.chars().count()) || reason.contains('\0') {
        return Err(Problem::field("reason", format!("must have 1 to {} characters", limits::REASON_CHARS)));
    }
    if let Some(template) = wanted.template.as_deref()
        && !templates::names().any(|name| name == template)
    {
        let names = templates::names().collect::<Vec<_>>().join(", ");
        return Err(Problem::field("template", format!("must be one of: {names}")));
    }
    let hosts = egress::hosts(&wanted.hosts)?.iter().map(ToString::to_string).collect();
    Ok(Wish { size: wanted.size, hosts, template: wanted.template.clone(), reason: reason.to_owned() })
}

impl Changes<'_> {
    /// A sandbox that runs, for use: it is used from now on.
    ///
    /// # Errors
    /// It is not there or does not run.
    pub(crate) async fn usable(&mut self, org: OrgId, sandbox: SandboxId) -> Result<StoredSandbox, Problem> {
        let row = self.touched(org, sandbox).await?;
        if row.sandbox.state() == SandboxState::Idle {
            return Ok(self.happen(org, sandbox, Happened::Used).await?);
        }
        if row.sandbox.state().is_usable() {
            return Ok(row);
        }
        Err(Problem::new(words::code(row.sandbox.state())).detail(words::standing(&row)))
    }

    async fn touched(&mut self, org: OrgId, sandbox: SandboxId) -> Result<StoredSandbox, Problem> {
        let mut rows = self.link.rows(org).await?;
        let now = self.errand.now();
        let found = match touched(&mut rows, sandbox, now).await {
            Ok(found) => self.link.commit(rows).await.map(|()| found),
            Err(error) => Err(error),
        };
        found.map_err(|error| self.errand.refuse(&error))?.ok_or_else(|| ProblemCode::NotFound.into())
    }

    /// A sandbox with what its executor says of it now.
    async fn see(&mut self, org: OrgId, sandbox: SandboxId) -> Result<Sandbox, Problem> {
        let mut rows = self.link.rows(org).await?;
        let found = sandboxes::find(&mut rows, sandbox).await.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        let mut row = found.ok_or(ProblemCode::NotFound)?;
        let mut report = None;
        if row.sandbox.state().is_usable()
            && let Some(executor) = self.executor(&row)
        {
            match executor.report(row.id).await {
                // It ended, and nobody had noticed.
                Ok(seen) if seen.running => report = Some(seen),
                // It ended, and nobody had noticed.
                Ok(seen) => row = self.happen(org, sandbox, Fact::seen(&seen)).await?,
                Err(error) if error.code() == Some(ExecutorCode::NotFound) => {
                    row = self.happen(org, sandbox, Happened::Missing).await?;
                }
                Err(error) => self.complain(&row, "report", &error),
            }
        }
        self.show(&row, report.as_ref()).await
    }

    /// A sandbox as the API shows it.
    pub(crate) async fn show(
        &mut self,
        row: &StoredSandbox,
        report: Option<&SandboxReport>,
    ) -> Result<Sandbox, Problem> {
        let mut rows = self.link.rows(row.org).await?;
        let read = async {
            let place = match row.sandbox.state() {
                SandboxState::Queued => sandboxes::queue_place(&mut rows, row.id).await?,
                SandboxState::Starting
                | SandboxState::Ready
                | SandboxState::Idle
                | SandboxState::Stopping
                | SandboxState::Stopped
                | SandboxState::Destroyed
                | SandboxState::Failed => None,
            };
            let seconds = usage::seconds_of(&mut rows, &[row.id], self.errand.now()).await?;
            Ok::<_, StoreError>((place, seconds.first().map_or(0, |(_, seconds)| *seconds)))
        };
        let (place, seconds) = read.await.map_err(|error| self.errand.refuse(&error))?;
        self.link.done(rows);
        Ok(view(row, place, seconds, report, &self.errand.rules()))
    }
}

async fn touched(
    rows: &mut OrgDb,
    sandbox: SandboxId,
    now: slipway_contract::Timestamp,
) -> Result<Option<StoredSandbox>, StoreError> {
    let Some(row) = sandboxes::find(rows, sandbox).await? else { return Ok(None) };
    sandboxes::touch(rows, sandbox, now).await?;
    Ok(Some(row))
}

/// The request's name as part of a key.
pub(crate) fn key(request: RequestId) -> String {
    request.uuid().simple().to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use slipway_contract::http::sandboxes::RequestSandbox;
    use slipway_contract::sandbox::SandboxSize;

    use super::*;

    fn told(wanted: &RequestSandbox) -> String {
        match wish(wanted) {
            Ok(Wish { size, hosts, template, reason }) => {
                format!("{size:?} {hosts:?} {template:?} {reason:?}")
            }
            Err(problem) => {
                format!("{:?} {}: {problem}", problem.code, problem.field.clone().unwrap_or_default())
            }
        }
    }

    #[test]
    fn what_a_person_wants_is_held_to_its_limits() {
        let plain = || RequestSandbox {
            size: SandboxSize::Small,
            hosts: Vec::new(),
            template: None,
            reason: " To try it ".to_owned(),
            client_id: None,
        };
        let table = [
            plain(),
            RequestSandbox { hosts: vec!["Example.COM.".to_owned(), "example.com".to_owned()], ..plain() },
            RequestSandbox { reason: "  ".to_owned(), ..plain() },
            RequestSandbox { reason: "x".repeat(501), ..plain() },
            RequestSandbox { template: Some("rails".to_owned()), ..plain() },
            RequestSandbox { hosts: vec!["169.254.169.254".to_owned()], ..plain() },
            RequestSandbox { hosts: (0..51).map(|n| format!("h{n}.example.com")).collect(), ..plain() },
        ];
        expect![[r#"
            Small [] None "To try it"
            Small ["example.com"] None "To try it"
            InvalidField reason: must have 1 to 500 characters
            InvalidField reason: must have 1 to 500 characters
            InvalidField template: must be one of: static-site, vite-app
            InvalidField hosts: 169.254.169.254: must be a name, not an address
            InvalidField hosts: must be at most 50 hosts"#]]
        .assert_eq(&table.iter().map(told).collect::<Vec<_>>().join("\n"));
    }
}
