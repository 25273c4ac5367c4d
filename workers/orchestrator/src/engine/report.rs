//! The log line of a step. It is written when the step ends in whatever way, also when its caller goes away.

use slipway_contract::events::Usage;
use slipway_contract::objects::engine::TurnRequest;
use slipway_contract::{ChatId, OrgId, RequestId, Timestamp, TurnId};
use slipway_edge::log::{Level, Line};

use super::failure::Failure;

/// How a step went, so far.
pub(crate) struct Report {
    request: RequestId,
    org: OrgId,
    chat: ChatId,
    turn: TurnId,
    begun: Timestamp,
    level: Level,
    outcome: &'static str,
    cause: Option<&'static str>,
    status: Option<u16>,
    /// The agent's model, as `provider:model`.
    pub(crate) model: Option<String>,
    /// Tokens, as far as the provider said.
    pub(crate) usage: Usage,
}

impl Report {
    pub(crate) fn new(request: &TurnRequest, begun: Timestamp) -> Self {
        Self {
            request: request.request,
            org: request.org,
            chat: request.chat,
            turn: request.turn,
            begun,
            level: Level::Info,
            outcome: "abandoned",
            cause: None,
            status: None,
            model: None,
            usage: Usage::default(),
        }
    }

    pub(crate) const fn finished(&mut self) {
        self.outcome = "finished";
    }

    pub(crate) const fn failed(&mut self, failure: &Failure) {
        self.level = Level::Warn;
        self.outcome = if failure.retryable { "failed_for_now" } else { "failed" };
        self.cause = Some(failure.cause);
        self.status = failure.status;
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut line = Line::new(self.level, "engine_step_ended")
            .request(self.request)
            .org(self.org)
            .chat(self.chat)
            .turn(self.turn)
            .name("outcome", self.outcome)
            .number("input_tokens", tokens(self.usage.input_tokens))
            .number("output_tokens", tokens(self.usage.output_tokens))
            .took(self.begun);
        if let Some(model) = &self.model {
            line = line.model(model);
        }
        if let Some(cause) = self.cause {
            line = line.name("cause", cause);
        }
        if let Some(status) = self.status {
            line = line.number("status", status);
        }
        line.emit();
    }
}
