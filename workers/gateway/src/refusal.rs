//! Every way in which a preview is refused: its status, its code, and whether trying again helps.
//!
//! Invariant: who has no token for a host learns nothing about it; absent, foreign and stopped sandboxes look alike to them.

use slipway_contract::objects::executor::ExecutorCode;
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::log::Level;

use crate::access::Denied;
use crate::address::Misaddressed;

/// Why a request does not reach a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The host is not a preview's.
    NoPreview,
    /// No token, or none for this host.
    NoAccess,
    /// The token was good, and has ended.
    Expired,
    /// The access was revoked, or the sandbox is not the token's org's.
    Revoked,
    /// The sandbox is being started.
    Starting,
    /// The sandbox does not run.
    Stopped,
    /// Too many requests, or too many sockets.
    RateLimited {
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// Nothing listens on the port.
    PortClosed,
    /// What listens on the port gives no answer, or none that is HTTP.
    PortSilent,
    /// The host that has the sandbox cannot be reached.
    ExecutorGone,
    /// A part of Slipway that is needed cannot be reached.
    Unavailable,
    /// The link opens no file (any more).
    NoFile,
    /// The link was good, and has ended.
    LinkExpired,
    /// The address is too long.
    TooLong,
    /// The address has no proper form.
    Malformed,
    /// The method is not passed on.
    Method,
    /// Our fault.
    Broken,
}

impl Refusal {
    /// What a program can act on.
    pub(crate) const fn code(self) -> ProblemCode {
        match self {
            Self::NoPreview => ProblemCode::RouteNotFound,
            Self::NoAccess | Self::Expired | Self::LinkExpired => ProblemCode::Unauthenticated,
            Self::NoFile => ProblemCode::NotFound,
            Self::Revoked => ProblemCode::AccessRevoked,
            Self::Stopped => ProblemCode::SandboxNotRunning,
            Self::RateLimited { .. } => ProblemCode::RateLimited,
            Self::PortClosed => ProblemCode::PortClosed,
            Self::PortSilent => ProblemCode::PortSilent,
            Self::Starting | Self::ExecutorGone | Self::Unavailable => ProblemCode::Unavailable,
            Self::TooLong => ProblemCode::TooLarge,
            Self::Malformed => ProblemCode::InvalidParameter,
            Self::Method => ProblemCode::MethodNotAllowed,
            Self::Broken => ProblemCode::Internal,
        }
    }

    /// The HTTP status: the code's, but for a long address, which has one of its own (RFC 9110, 15.5.15).
    pub(crate) const fn status(self) -> u16 {
        if matches!(self, Self::TooLong) { 414 } else { self.code().status() }
    }

    /// Its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoPreview => "no_preview",
            Self::NoAccess => "no_access",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
            Self::RateLimited { .. } => "rate_limited",
            Self::PortClosed => "port_closed",
            Self::PortSilent => "port_silent",
            Self::ExecutorGone => "executor_gone",
            Self::Unavailable => "unavailable",
            Self::NoFile => "no_file",
            Self::LinkExpired => "link_expired",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Method => "method",
            Self::Broken => "broken",
        }
    }

    /// How much it matters to who runs Slipway.
    pub(crate) const fn level(self) -> Level {
        match self {
            Self::Broken => Level::Error,
            Self::ExecutorGone | Self::Unavailable => Level::Warn,
            Self::NoPreview
            | Self::NoAccess
            | Self::Expired
            | Self::Revoked
            | Self::Starting
            | Self::Stopped
            | Self::RateLimited { .. }
            | Self::PortClosed
            | Self::PortSilent
            | Self::NoFile
            | Self::LinkExpired
            | Self::TooLong
            | Self::Malformed
            | Self::Method => Level::Info,
        }
    }

    /// When trying again may help, in seconds; for `Retry-After`.
    pub(crate) const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_s } => Some(retry_after_s),
            Self::Starting | Self::PortClosed | Self::Unavailable => Some(2),
            Self::ExecutorGone => Some(5),
            Self::NoPreview
            | Self::NoAccess
            | Self::Expired
            | Self::Revoked
            | Self::Stopped
            | Self::PortSilent
            | Self::NoFile
            | Self::LinkExpired
            | Self::TooLong
            | Self::Malformed
            | Self::Method
            | Self::Broken => None,
        }
    }

    /// Whether an open page tries again by itself. What costs a limit does not.
    pub(crate) const fn reloads(self) -> bool {
        matches!(self, Self::Starting | Self::PortClosed | Self::Unavailable | Self::ExecutorGone)
    }

    /// Title and text for people; what stands behind a port is named by its number.
    pub(crate) fn told(self, port: Option<u16>) -> (&'static str, String) {
        let port = port.map_or_else(|| "this port".to_owned(), |port| format!("port {port}"));
        let (title, text) = match self {
            Self::NoPreview => ("There is no preview here", "Open a preview from its chat.".to_owned()),
            Self::NoAccess => (
                "Open this preview from its chat",
                "A preview opens for people who take part in its chat. Open it from there.".to_owned(),
            ),
            Self::Expired => (
                "This preview’s access has ended",
                "Access lasts half an hour. Open the preview from its chat again.".to_owned(),
            ),
            Self::Revoked => (
                "This preview was closed",
                "The sandbox was stopped, or access to its previews was revoked. If you may, open it from its chat again."
                    .to_owned(),
            ),
            Self::Starting => (
                "The sandbox is starting",
                "This page opens the preview as soon as it runs.".to_owned(),
            ),
            Self::Stopped => (
                "The sandbox does not run",
                "It was stopped, or stopped by itself because nobody used it. Start it again from its chat.".to_owned(),
            ),
            Self::RateLimited { retry_after_s } => (
                "Too many requests",
                format!("This preview was asked for more than it may give at once. Try again in {retry_after_s} s."),
            ),
            Self::PortClosed => (
                "Nothing listens yet",
                format!(
                    "The sandbox runs, but nothing listens on {port} yet. This page opens the preview as soon as something does."
                ),
            ),
            Self::PortSilent => (
                "No answer",
                format!("Something listens on {port} in the sandbox, but it gave no proper answer. Reload to try again."),
            ),
            Self::ExecutorGone => (
                "The sandbox’s host cannot be reached",
                "This page tries again by itself.".to_owned(),
            ),
            Self::Unavailable => (
                "Previews cannot be opened just now",
                "This page tries again by itself.".to_owned(),
            ),
            Self::NoFile => (
                "There is no file here",
                "It was deleted, or the address is not whole. Open it from its message.".to_owned(),
            ),
            Self::LinkExpired => (
                "This link has ended",
                "Links to files last an hour. Open the file from its message again.".to_owned(),
            ),
            Self::TooLong => ("The address is too long", "Addresses may have 16 KiB.".to_owned()),
            Self::Malformed => ("The address has no proper form", "Its path may not climb.".to_owned()),
            Self::Method => ("This method is not passed on", "It ends here.".to_owned()),
            Self::Broken => ("Something of ours is broken", "It has been recorded.".to_owned()),
        };
        (title, text)
    }

    /// The problem for programs.
    pub(crate) fn problem(self, port: Option<u16>) -> Problem {
        let mut problem = Problem::new(self.code()).detail(self.told(port).1);
        problem.status = self.status();
        problem.retry_after_s = self.retry_after_s();
        problem
    }

    /// What an executor's refusal means to who looks at a preview.
    pub(crate) const fn by_executor(code: ExecutorCode) -> Self {
        match code {
            ExecutorCode::EpochOver => Self::Revoked,
            ExecutorCode::NotFound | ExecutorCode::NotRunning => Self::Stopped,
            ExecutorCode::PortClosed => Self::PortClosed,
            // Silent, or something that is no HTTP.
            ExecutorCode::PortSilent | ExecutorCode::Failed => Self::PortSilent,
            // As many requests or sockets are open as a sandbox may have.
            ExecutorCode::NoPlace => Self::RateLimited { retry_after_s: 2 },
            // More bytes went through than a sandbox may send in this time.
            ExecutorCode::RateLimited => Self::RateLimited { retry_after_s: 10 },
            // Nothing that a browser could do better: the pass, the path or the form of the request was ours.
            ExecutorCode::Unauthenticated
            | ExecutorCode::Invalid
            | ExecutorCode::TooLarge
            | ExecutorCode::OutsideWorkspace
            | ExecutorCode::DiskFull
            | ExecutorCode::Unsupported => Self::Broken,
        }
    }

    /// What a refusal of the route object means. Another org's sandbox and a revoked access look alike.
    pub(crate) const fn by_object(code: Option<ProblemCode>) -> Self {
        match code {
            Some(ProblemCode::NotFound | ProblemCode::AccessRevoked) => Self::Revoked,
            _ => Self::Unavailable,
        }
    }

    /// Why a sandbox in this state is not reached; `None` when it is.
    pub(crate) const fn by_state(state: SandboxState) -> Option<Self> {
        match state {
            SandboxState::Ready | SandboxState::Idle => None,
            SandboxState::Queued | SandboxState::Starting => Some(Self::Starting),
            SandboxState::Stopping
            | SandboxState::Stopped
            | SandboxState::Destroyed
            | SandboxState::Failed => Some(Self::Stopped),
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Invalid => Self::NoAccess,
            Denied::Expired => Self::Expired,
        }
    }
}

impl From<Misaddressed> for Refusal {
    fn from(wrong: Misaddressed) -> Self {
        match wrong {
            Misaddressed::TooLong => Self::TooLong,
            Misaddressed::Malformed => Self::Malformed,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use expect_test::expect;

    use super::*;

    /// Each of them once.
    pub(crate) const ALL: [Refusal; 17] = [
        Refusal::NoPreview,
        Refusal::NoAccess,
        Refusal::Expired,
        Refusal::Revoked,
        Refusal::Starting,
        Refusal::Stopped,
        Refusal::RateLimited { retry_after_s: 7 },
        Refusal::PortClosed,
        Refusal::PortSilent,
        Refusal::ExecutorGone,
        Refusal::Unavailable,
        Refusal::NoFile,
        Refusal::LinkExpired,
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::Method,
        Refusal::Broken,
    ];

    #[test]
    fn each_refusal_has_its_status_its_code_and_its_words() {
        let lines: Vec<String> = ALL
            .into_iter()
            .map(|refusal| {
                let problem = refusal.problem(Some(3000));
                let code = serde_json::to_value(problem.code).unwrap();
                let retry = problem.retry_after_s.map(|s| format!(" after {s} s")).unwrap_or_default();
                let reloads = if refusal.reloads() { " reloads" } else { "" };
                format!("{} {} {}{retry}{reloads}\n", problem.status, code.as_str().unwrap(), refusal.name())
            })
            .collect();
        expect![[r#"
            404 route_not_found no_preview
            401 unauthenticated no_access
            401 unauthenticated expired
            403 access_revoked revoked
            503 unavailable starting after 2 s reloads
            409 sandbox_not_running stopped
            429 rate_limited rate_limited after 7 s
            502 port_closed port_closed after 2 s reloads
            504 port_silent port_silent
            503 unavailable executor_gone after 5 s reloads
            503 unavailable unavailable after 2 s reloads
            404 not_found no_file
            401 unauthenticated link_expired
            414 too_large too_long
            400 invalid_parameter malformed
            405 method_not_allowed method
            500 internal broken
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn another_orgs_sandbox_and_a_revoked_access_look_alike() {
        let by = |code| Refusal::by_object(Some(code));
        assert_eq!(by(ProblemCode::NotFound), by(ProblemCode::AccessRevoked));
        assert_eq!(by(ProblemCode::Internal), Refusal::Unavailable);
        assert_eq!(Refusal::by_object(None), Refusal::Unavailable);
    }
}
