//! What people and agents are told of sandboxes.

use slipway_contract::ProblemCode;
use slipway_contract::sandbox::{SandboxReason, SandboxSize, SandboxState};
use slipway_domain::sandbox::{End, resources};
use slipway_store::places::Whose;
use slipway_store::sandboxes::StoredSandbox;

use super::templates;

/// What an agent without a sandbox is told.
pub(crate) const NONE_RUNS: &str = "No sandbox is running. Call start_sandbox first and say what it is for.";

/// That there are no sandboxes at all.
pub(crate) const NOT_SET_UP: &str = "Sandboxes are not set up here: no executor is configured.";

/// That a start takes its time.
pub(crate) const NOT_YET: &str = "The sandbox is being started; its executor has not answered yet.";

/// That the executor gives no answer.
pub(crate) const UNREACHABLE: &str = "The executor cannot be reached.";

/// Whose sandbox time is used up.
pub(crate) const fn no_time(whose: Whose) -> &'static str {
    match whose {
        Whose::Org => "the org has used up its sandbox time of this month",
        Whose::User => "the person who asked has used up their sandbox time of this month",
    }
}

/// Who may run nothing at all.
pub(crate) const fn no_places(whose: Whose) -> &'static str {
    match whose {
        Whose::Org => "the org may run no sandboxes",
        Whose::User => "the person who asked may run no sandboxes",
    }
}

/// Whose bytes are used up.
pub(crate) const fn no_egress(whose: Whose) -> &'static str {
    match whose {
        Whose::Org => "the org's sandboxes have sent out all that they may this month",
        Whose::User => "the sandboxes of the person who asked have sent out all that they may this month",
    }
}

/// How a sandbox stands, and why.
pub(crate) fn standing(row: &StoredSandbox) -> String {
    sentence(row.sandbox.state(), row.sandbox.end())
}

fn sentence(state: SandboxState, end: Option<&End>) -> String {
    let stands = match state {
        SandboxState::Queued => "waits for a place",
        SandboxState::Starting => "is being started",
        SandboxState::Ready | SandboxState::Idle => "is running",
        SandboxState::Stopping => "is being stopped",
        SandboxState::Stopped => "is stopped",
        SandboxState::Destroyed => "is gone",
        SandboxState::Failed => "failed",
    };
    let mut text = format!("The sandbox {stands}");
    if let Some(end) = end {
        text.push_str(": ");
        text.push_str(reason(end.reason));
        if let Some(detail) = &end.detail {
            text.push_str(" (");
            text.push_str(detail.trim_end_matches('.'));
            text.push(')');
        }
    }
    text.push('.');
    text
}

const fn reason(reason: SandboxReason) -> &'static str {
    match reason {
        SandboxReason::Requested => "somebody stopped it",
        SandboxReason::Idle => "nobody used it for a while",
        SandboxReason::ExecutorUnavailable => "its executor cannot be reached",
        SandboxReason::StartFailed => "it could not be started",
        SandboxReason::CrashLoop => "it was started three times within five minutes and did not stay",
        SandboxReason::Lost => "its processes ended by themselves",
        SandboxReason::QuotaReached => "a quota of this month is used up",
        SandboxReason::OwnerGone => "the person whom it was made for is no longer here",
    }
}

/// What an agent is told of a sandbox that runs.
pub(crate) fn running(row: &StoredSandbox) -> String {
    let files: Vec<String> = templates::files(row.template.as_deref()).into_keys().collect();
    let begins = if files.is_empty() {
        "Files are kept in /workspace.".to_owned()
    } else {
        format!("It began with these files in /workspace: {}.", files.join(", "))
    };
    format!("The sandbox is running: {}. {begins} {}", size(row.size), reach(&row.hosts))
}

/// What a sandbox of a size has.
pub(crate) fn size(size: SandboxSize) -> String {
    let has = resources(size);
    let (cpus, gib) = (has.cpus, has.memory_bytes >> 30);
    format!(
        "{cpus} CPU{}, {gib} GiB of memory, {} GiB of disk",
        if cpus == 1 { "" } else { "s" },
        has.disk_bytes >> 30
    )
}

/// What it may reach.
pub(crate) fn reach(hosts: &[String]) -> String {
    if hosts.is_empty() {
        "It has no network; call request_hosts for what it needs.".to_owned()
    } else {
        format!("It may reach {} and nothing else.", hosts.join(", "))
    }
}

/// The code that says to programs what [`standing`] says to people.
pub(crate) const fn code(state: SandboxState) -> ProblemCode {
    match state {
        SandboxState::Destroyed => ProblemCode::NotFound,
        SandboxState::Queued
        | SandboxState::Starting
        | SandboxState::Ready
        | SandboxState::Idle
        | SandboxState::Stopping
        | SandboxState::Stopped
        | SandboxState::Failed => ProblemCode::SandboxNotRunning,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn every_state_and_reason_is_said_in_a_sentence() {
        let states = [
            SandboxState::Queued,
            SandboxState::Starting,
            SandboxState::Ready,
            SandboxState::Idle,
            SandboxState::Stopping,
            SandboxState::Destroyed,
        ];
        let mut told: Vec<String> = states.into_iter().map(|state| sentence(state, None)).collect();
        let reasons = [
            SandboxReason::Requested,
            SandboxReason::Idle,
            SandboxReason::ExecutorUnavailable,
            SandboxReason::StartFailed,
            SandboxReason::CrashLoop,
            SandboxReason::Lost,
            SandboxReason::QuotaReached,
            SandboxReason::OwnerGone,
        ];
        told.extend(
            reasons
                .into_iter()
                .map(|reason| sentence(SandboxState::Stopped, Some(&End { reason, detail: None }))),
        );
        let detail = Some("bubblewrap is not installed.".to_owned());
        told.push(sentence(SandboxState::Failed, Some(&End { reason: SandboxReason::StartFailed, detail })));
        expect![[r#"
            The sandbox waits for a place.
            The sandbox is being started.
            The sandbox is running.
            The sandbox is running.
            The sandbox is being stopped.
            The sandbox is gone.
            The sandbox is stopped: somebody stopped it.
            The sandbox is stopped: nobody used it for a while.
            The sandbox is stopped: its executor cannot be reached.
            The sandbox is stopped: it could not be started.
            The sandbox is stopped: it was started three times within five minutes and did not stay.
            The sandbox is stopped: its processes ended by themselves.
            The sandbox is stopped: a quota of this month is used up.
            The sandbox is stopped: the person whom it was made for is no longer here.
            The sandbox failed: it could not be started (bubblewrap is not installed)."#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn sizes_and_reach_are_said_in_figures_and_names() {
        let told = [
            size(SandboxSize::Small),
            size(SandboxSize::Large),
            reach(&[]),
            reach(&["example.com".to_owned(), "*.npmjs.org".to_owned()]),
        ];
        expect![[r#"
            1 CPU, 1 GiB of memory, 2 GiB of disk
            4 CPUs, 8 GiB of memory, 16 GiB of disk
            It has no network; call request_hosts for what it needs.
            It may reach example.com, *.npmjs.org and nothing else."#]]
        .assert_eq(&told.join("\n"));
    }
}
