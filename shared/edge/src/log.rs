//! Log lines: one JSON object per outcome.
//!
//! Invariant: a line holds names from the source, ids, numbers and codes. There is no way to put a free text into it but
//! [`Line::fault`], which takes the platform's own errors, so that messages and secrets stay out.

use core::fmt::Display;
use core::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Map, Value};
use slipway_contract::{
    ApprovalId, ChatId, DeletionId, OrgId, ProblemCode, RequestId, SandboxId, Timestamp, TurnId, UserId,
};

use crate::clock;
use crate::trace::TraceParent;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For finding a defect; off unless asked for.
    Debug = 0,
    /// It went as meant.
    Info = 1,
    /// Somebody should look at it when it repeats.
    Warn = 2,
    /// Something of ours is broken.
    Error = 3,
}

impl Level {
    /// As in `LOG_LEVEL` and in the line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

static LEAST: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// Lines below the `LOG_LEVEL` of `env` are dropped from now on, in this isolate; `info` when it is unset or unknown.
pub fn configure(env: &worker::Env) {
    let wanted = env.var("LOG_LEVEL").map(|level| level.to_string()).unwrap_or_default();
    let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
    let level = levels.into_iter().find(|level| level.name() == wanted).unwrap_or(Level::Info);
    LEAST.store(level as u8, Ordering::Relaxed);
}

/// Longest text of a platform error in a line, in bytes.
const FAULT_BYTES: usize = 300;

/// Longest name of a model, in bytes.
const MODEL_BYTES: usize = 220;

/// A line that is being put together; [`Line::emit`] writes it.
#[must_use = "a line is written by `emit`"]
#[derive(Clone, Debug)]
pub struct Line {
    level: Level,
    fields: Map<String, Value>,
}

impl Line {
    /// An outcome called `event` (snake_case, in the past tense).
    pub fn new(level: Level, event: &'static str) -> Self {
        let mut line = Self { level, fields: Map::new() };
        line.put("level", level.name().into());
        line.put("event", event.into());
        line
    }

    /// Went as meant.
    pub fn info(event: &'static str) -> Self {
        Self::new(Level::Info, event)
    }

    /// Somebody should look at it when it repeats.
    pub fn warn(event: &'static str) -> Self {
        Self::new(Level::Warn, event)
    }

    /// Something of ours is broken.
    pub fn error(event: &'static str) -> Self {
        Self::new(Level::Error, event)
    }

    /// The request it belongs to.
    pub fn request(self, id: RequestId) -> Self {
        self.text("request_id", &id)
    }

    /// The org it belongs to.
    pub fn org(self, id: OrgId) -> Self {
        self.text("org", &id)
    }

    /// The chat it belongs to.
    pub fn chat(self, id: ChatId) -> Self {
        self.text("chat", &id)
    }

    /// The turn it belongs to.
    pub fn turn(self, id: TurnId) -> Self {
        self.text("turn", &id)
    }

    /// The sandbox it belongs to.
    pub fn sandbox(self, id: SandboxId) -> Self {
        self.text("sandbox", &id)
    }

    /// The approval it belongs to.
    pub fn approval(self, id: ApprovalId) -> Self {
        self.text("approval", &id)
    }

    /// Which deletion.
    pub fn deletion(self, id: DeletionId) -> Self {
        self.text("deletion", &id)
    }

    /// The person it was done for.
    pub fn user(self, id: UserId) -> Self {
        self.text("user", &id)
    }

    /// The model that was called, as `provider:model`; what has another form is left out.
    pub fn model(self, name: &str) -> Self {
        let formed = name.len() <= MODEL_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic());
        if formed { self.text("model", &name) } else { self }
    }

    /// The trace it belongs to, if the caller gave one.
    pub fn trace(mut self, parent: Option<&TraceParent>) -> Self {
        if let Some(parent) = parent {
            self.put("trace_id", parent.trace_id().into());
            self.put("parent_span_id", parent.span_id().into());
        }
        self
    }

    /// The refusal that was answered.
    pub fn code(mut self, code: ProblemCode) -> Self {
        self.put("code", serde_json::to_value(code).unwrap_or_default());
        self.number("status", code.status())
    }

    /// A number: a count, a size, a status, a duration (its unit is in the name: `took_ms`).
    pub fn number(mut self, name: &'static str, value: impl Into<i64>) -> Self {
        self.put(name, value.into().into());
        self
    }

    /// A count.
    pub fn count(self, name: &'static str, value: usize) -> Self {
        self.number(name, i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Milliseconds since `start`.
    pub fn took(self, start: Timestamp) -> Self {
        self.number("took_ms", clock::now().since(start))
    }

    /// A name from the source: a kind, a state, a route.
    pub fn name(mut self, name: &'static str, value: &'static str) -> Self {
        self.put(name, value.into());
        self
    }

    /// What the platform says went wrong, cut to 300 bytes. Not for errors that quote what people wrote.
    pub fn fault(mut self, error: &worker::Error) -> Self {
        let mut text = error.to_string();
        let end = (0..=FAULT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end.min(text.len()));
        self.put("fault", text.into());
        self
    }

    /// The function whose statement failed, and what Postgres calls it.
    #[cfg(feature = "postgres")]
    pub fn store(mut self, error: &slipway_store::StoreError) -> Self {
        self.put("statement", error.statement().into());
        if let Some(state) = error.sqlstate() {
            self.put("sqlstate", state.into());
        }
        self
    }

    /// Writes the line, unless its level is below what [`configure`] asked for.
    pub fn emit(mut self) {
        if (self.level as u8) < LEAST.load(Ordering::Relaxed) {
            return;
        }
        self = self.text("at", &clock::now());
        // Not by `Display`, which brings two more JSON writers into each Worker.
        let text = serde_json::to_string(&self.fields).unwrap_or_default();
        match self.level {
            Level::Debug | Level::Info => worker::console_log!("{text}"),
            Level::Warn => worker::console_warn!("{text}"),
            Level::Error => worker::console_error!("{text}"),
        }
    }

    /// Private, so that only values of known types get here.
    fn text(mut self, name: &'static str, value: &impl Display) -> Self {
        self.put(name, value.to_string().into());
        self
    }

    fn put(&mut self, name: &'static str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_ids_numbers_and_codes_as_fields() {
        let line = Line::warn("message_refused")
            .org(OrgId::fresh(1_700_000_000_000, [0; 10]))
            .trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok().as_ref())
            .code(ProblemCode::TooLarge)
            .count("bytes", 70_000)
            .name("via", "socket");
        assert_eq!(
            Value::Object(line.fields),
            serde_json::json!({
                "level": "warn", "event": "message_refused", "org": "org_018bcfe5680070008000000000000000",
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "parent_span_id": "00f067aa0ba902b7",
                "code": "too_large", "status": 413, "bytes": 70_000, "via": "socket",
            })
        );
    }

    #[test]
    fn a_long_platform_error_is_cut_between_characters() {
        let line = Line::error("x").fault(&worker::Error::RustError("ä".repeat(400)));
        let fault = line.fields.get("fault").and_then(Value::as_str).unwrap().to_owned();
        assert!(fault.len() <= FAULT_BYTES && fault.ends_with('ä'), "{} bytes", fault.len());
        let short = Line::error("x").fault(&worker::Error::RustError("gone".into()));
        assert_eq!(short.fields.get("fault"), Some(&Value::from("gone")));
    }
}
