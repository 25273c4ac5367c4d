//! `start_sandbox`, `request_hosts`, `stop_sandbox`: what people are asked, and what they need not be.

use slipway_contract::Actor;
use slipway_contract::limits::HOSTS_PER_SANDBOX;
use slipway_contract::objects::tools::ToolFrame;
use slipway_contract::sandbox::{SandboxReason, SandboxState};
use slipway_domain::egress::HostPattern;
use slipway_domain::sandbox::Happened;
use slipway_store::audit;

use super::arguments::{RequestHosts, StartSandbox};
use super::desk::{Desk, Usable, refused};
use super::{done, error};
use crate::sandboxes::quote::Wish;
use crate::sandboxes::{Fact, words};

impl Desk<'_> {
    pub(super) async fn start_sandbox(&mut self, wanted: StartSandbox) -> ToolFrame {
        match self.present().await {
            Ok(Some(row)) => match row.sandbox.state() {
                SandboxState::Ready | SandboxState::Idle => {
                    let missing = not_covered(&row.hosts, &wanted.hosts);
                    let mut told = format!("{} It ran already and is used again.", words::running(&row));
                    if !missing.is_empty() {
                        told.push_str(&format!(" Call request_hosts for {}.", missing.join(", ")));
                    }
                    return done(told);
                }
                SandboxState::Queued | SandboxState::Starting => {
                    return error(format!("{} It was approved already.", words::standing(&row)));
                }
                SandboxState::Stopping
                | SandboxState::Stopped
                | SandboxState::Failed
                | SandboxState::Destroyed => {}
            },
            Ok(None) => {}
            Err(frame) => return frame,
        }
        let StartSandbox { reason, size, hosts, template } = wanted;
        let wish = Wish { size, hosts, template, reason };
        let (org, chat, user) = (self.asked.org, self.asked.chat, self.asked.user);
        match self.changes.quote(org, chat, user, wish).await {
            Ok(ask) => ToolFrame::Ask(Box::new(ask)),
            Err(problem) => refused(problem),
        }
    }

    pub(super) async fn request_hosts(&mut self, wanted: RequestHosts) -> ToolFrame {
        let Usable { row, .. } = match self.usable().await {
            Ok(usable) => usable,
            Err(frame) => return frame,
        };
        let hosts = not_covered(&row.hosts, &wanted.hosts);
        if hosts.is_empty() {
            return done(format!("The sandbox may reach these already. {}", words::reach(&row.hosts)));
        }
        if row.hosts.len() + hosts.len() > HOSTS_PER_SANDBOX {
            return error(format!("A sandbox may reach at most {HOSTS_PER_SANDBOX} hosts."));
        }
        match self.changes.ask_for_hosts(&row, hosts, wanted.reason).await {
            Ok(ask) => ToolFrame::Ask(Box::new(ask)),
            Err(problem) => refused(problem),
        }
    }

    pub(super) async fn stop_sandbox(&mut self) -> ToolFrame {
        let row = match self.present().await {
            Ok(Some(row)) => row,
            Ok(None) => return done("There is no sandbox.".to_owned()),
            Err(frame) => return frame,
        };
        let happened = Happened::StopAsked { reason: SandboxReason::Requested, detail: None };
        let entry = audit::Entry {
            key: format!("{}:sandbox.stop", self.asked.key),
            actor: Actor::Agent { id: self.asked.agent },
            action: "sandbox.stop",
            subject: row.id.to_string(),
            detail: String::new(),
        };
        match self.changes.happen(row.org, row.id, Fact::from(happened).recorded(&entry)).await {
            Ok(row) => done(format!("{} Its files stay.", words::standing(&row))),
            Err(trouble) => refused(trouble.into()),
        }
    }
}

/// Those of `wanted` that `allowed` does not let through.
fn not_covered(allowed: &[String], wanted: &[String]) -> Vec<String> {
    let patterns: Vec<HostPattern> =
        allowed.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    let covered = |host: &String| {
        let name = slipway_domain::egress::HostName::parse(host);
        allowed.contains(host) || name.is_ok_and(|name| patterns.iter().any(|pattern| pattern.matches(&name)))
    };
    wanted.iter().filter(|host| !covered(host)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_covers_need_not_be_asked_for() {
        let list = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        let allowed = list(&["example.com", "*.npmjs.org"]);
        let wanted =
            list(&["example.com", "registry.npmjs.org", "*.npmjs.org", "npmjs.org", "*.example.com"]);
        assert_eq!(not_covered(&allowed, &wanted), list(&["npmjs.org", "*.example.com"]));
    }
}
