//! Lets a sandbox reach more hosts, as people approved.
//!
//! Invariant: the list is written before the executor is told it, so what a sandbox may reach can always be read.

use slipway_contract::limits::HOSTS_PER_SANDBOX;
use slipway_contract::objects::tools::{ActFrame, ActRequest};
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Problem, ProblemCode, SandboxId};
use slipway_store::sandboxes::{self, StoredSandbox};
use slipway_store::{OrgDb, StoreError, audit};

use super::change::{Changes, Trouble};
use super::words;

impl Changes<'_> {
    /// Carries the approval of more hosts out. Answers the sandbox, if there is one, and the last frame.
    pub(crate) async fn allow_hosts(
        &mut self,
        asked: &ActRequest,
        sandbox: SandboxId,
        hosts: &[String],
    ) -> (Option<StoredSandbox>, ActFrame) {
        let row = match self.add_hosts(asked, sandbox, hosts).await {
            Ok(row) => row,
            Err(trouble) => return (None, super::start::failed(trouble.into())),
        };
        let reached = self.tell(&row).await;
        let names = hosts.join(", ");
        let last = if !row.sandbox.state().is_usable() {
            ActFrame::Done {
                content: format!("{} It may reach {names} when it runs again.", words::standing(&row)),
            }
        } else if reached {
            ActFrame::Done { content: format!("The sandbox may reach {names} from now on.") }
        } else {
            super::start::later(words::UNREACHABLE.to_owned(), 2_000)
        };
        (Some(row), last)
    }

    async fn add_hosts(
        &mut self,
        asked: &ActRequest,
        sandbox: SandboxId,
        hosts: &[String],
    ) -> Result<StoredSandbox, Trouble> {
        let mut rows = self.link.rows(asked.org).await?;
        match added(&mut rows, asked, sandbox, hosts, self.errand.now()).await {
            Ok(Ok(row)) => {
                let kept = self.link.commit(rows).await;
                kept.map(|()| row).map_err(|error| self.errand.refuse(&error).into())
            }
            Ok(Err(problem)) => Err(problem.into()),
            Err(error) => Err(self.errand.refuse(&error).into()),
        }
    }
}

async fn added(
    rows: &mut OrgDb,
    asked: &ActRequest,
    sandbox: SandboxId,
    hosts: &[String],
    now: slipway_contract::Timestamp,
) -> Result<Result<StoredSandbox, Problem>, StoreError> {
    let gone = || Problem::new(ProblemCode::NotFound).detail("The sandbox is gone.");
    let Some(before) = sandboxes::lock(rows, sandbox).await?.filter(|row| row.chat == asked.chat) else {
        return Ok(Err(gone()));
    };
    if before.sandbox.state() == SandboxState::Destroyed || before.sandbox.is_doomed() {
        return Ok(Err(gone()));
    }
    if !sandboxes::act_once(rows, asked.approval, sandbox, now).await? {
        return Ok(Ok(before));
    }
    let all = joined(&before.hosts, hosts);
    if all.len() > HOSTS_PER_SANDBOX {
        let detail = format!("A sandbox may reach at most {HOSTS_PER_SANDBOX} hosts.");
        return Ok(Err(Problem::new(ProblemCode::LimitReached).detail(detail)));
    }
    let after = if all == before.hosts { before } else { sandboxes::set_hosts(rows, &before, &all).await? };
    let entry = audit::Entry {
        key: format!("{}:sandbox.allow_hosts", asked.approval),
        actor: asked.asked_by,
        action: "sandbox.allow_hosts",
        subject: sandbox.to_string(),
        detail: hosts.join(", "),
    };
    audit::append(rows, &entry).await?;
    Ok(Ok(after))
}

/// A list with what it does not have yet.
pub(crate) fn joined(hosts: &[String], more: &[String]) -> Vec<String> {
    let mut all = hosts.to_vec();
    for host in more {
        if !all.contains(host) {
            all.push(host.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_listed_once() {
        let list = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        assert_eq!(joined(&list(&["a.b"]), &list(&["c.d", "a.b", "c.d"])), list(&["a.b", "c.d"]));
    }
}
