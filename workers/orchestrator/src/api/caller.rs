//! Who asks for something that is streamed: app-api says so in headers, after it made sure that they take part in the chat.

use slipway_contract::objects::sandboxes::{ORG, USER};
use slipway_contract::{OrgId, Problem, ProblemCode, RequestId, Timestamp, UserId};
use slipway_edge::log::{Level, Line};
use slipway_edge::{ids, reply};
use worker::{Headers, Response};

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) org: OrgId,
    pub(crate) user: UserId,
}

impl Caller {
    /// # Errors
    /// `internal`: a Worker of ours did not say who asks.
    pub(crate) fn of(headers: &Headers) -> Result<Self, Problem> {
        let header = |name: &str| headers.get(name).ok().flatten();
        let org = header(ORG).and_then(|org| org.parse().ok());
        let user = header(USER).and_then(|user| user.parse().ok());
        let (Some(org), Some(user)) = (org, user) else {
            return Err(Problem::new(ProblemCode::Internal).detail("nobody said who asks"));
        };
        Ok(Self { org, user })
    }
}

/// The request as its caller names it, or a name for it.
pub(crate) fn request(headers: &Headers) -> RequestId {
    let named = headers.get(reply::REQUEST_ID).ok().flatten().and_then(|id| id.parse().ok());
    named.unwrap_or_else(ids::fresh)
}

/// The log line of a refusal: of use to us when it is our fault, and otherwise an outcome like others.
pub(crate) fn refused(event: &'static str, problem: &Problem) -> Line {
    let level = if problem.status >= 500 { Level::Warn } else { Level::Info };
    Line::new(level, event).code(problem.code)
}

/// A person's call, as the log names it.
pub(crate) struct Called {
    pub(crate) request: RequestId,
    pub(crate) caller: Caller,
    pub(crate) operation: &'static str,
    /// What its end is called: answered, refused.
    pub(crate) events: [&'static str; 2],
}

impl Called {
    /// Logs how the call ended, and replies so: with the answer's JSON, or the problem.
    pub(crate) fn ended(
        &self,
        begun: Timestamp,
        outcome: Result<String, Problem>,
    ) -> worker::Result<Response> {
        let ([answered, failed], Caller { org, user }) = (self.events, self.caller);
        let line = match &outcome {
            Ok(_) => Line::info(answered),
            Err(problem) => refused(failed, problem),
        };
        line.request(self.request).org(org).user(user).name("operation", self.operation).took(begun).emit();
        match outcome {
            Ok(json) => reply::json_text(200, json, self.request),
            Err(problem) => reply::problem(problem, self.request),
        }
    }
}
