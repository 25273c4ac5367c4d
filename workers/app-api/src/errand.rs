//! One request and what it may use: the bindings, its id, its start, and whom its log line should name.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use slipway_contract::{ChatId, OrgId, Problem, ProblemCode, RequestId, Timestamp, UserId};
use slipway_edge::log::Line;
use slipway_edge::trace::TraceParent;
use slipway_edge::{clock, db, ids};
use slipway_store::Db;
use worker::{Context, Env};

use crate::refusal::Refusal;
use crate::router;

/// The request at hand. Handlers take it as an argument; it is cheap to clone.
#[derive(Clone)]
pub(crate) struct Errand(Arc<Inner>);

struct Inner {
    env: Env,
    context: Context,
    id: RequestId,
    start: Timestamp,
    trace: Option<TraceParent>,
    about: Mutex<About>,
}

/// Whom and what the request turned out to be about.
#[derive(Clone, Copy, Default)]
struct About {
    user: Option<UserId>,
    org: Option<OrgId>,
    chat: Option<ChatId>,
    route: Option<&'static str>,
}

impl Errand {
    pub(crate) fn new(env: Env, context: Context, trace: Option<TraceParent>) -> Self {
        let (id, start) = (ids::fresh(), clock::now());
        Self(Arc::new(Inner { env, context, id, start, trace, about: Mutex::default() }))
    }

    pub(crate) fn env(&self) -> &Env {
        &self.0.env
    }

    pub(crate) fn id(&self) -> RequestId {
        self.0.id
    }

    /// When the request came: the one time that it works with.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.start
    }

    /// A connection to Postgres; called at most once by a request.
    pub(crate) async fn dial(&self) -> Result<Db, Problem> {
        db::dial(&self.0.env, &self.0.context, self.0.id).await
    }

    pub(crate) fn is_by(&self, user: UserId) {
        self.note(|about| about.user = Some(user));
    }

    pub(crate) fn is_in(&self, org: OrgId) {
        self.note(|about| about.org = Some(org));
    }

    pub(crate) fn is_about(&self, chat: ChatId) {
        self.note(|about| about.chat = Some(chat));
    }

    fn note(&self, change: impl FnOnce(&mut About)) {
        change(&mut self.0.about.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A log line with what is known of the request.
    pub(crate) fn line(&self, line: Line) -> Line {
        let about = *self.0.about.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = line.request(self.0.id).trace(self.0.trace.as_ref());
        line = line.name("route", about.route.unwrap_or("unknown"));
        if let Some(user) = about.user {
            line = line.user(user);
        }
        if let Some(org) = about.org {
            line = line.org(org);
        }
        if let Some(chat) = about.chat {
            line = line.chat(chat);
        }
        line
    }
}

impl<S: Sync> FromRequestParts<S> for Errand {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        // Put there by the gate; without it nothing may run.
        let errand = parts.extensions.get::<Self>().cloned().ok_or(ProblemCode::Internal)?;
        if let Some(path) = parts.extensions.get::<MatchedPath>() {
            errand.note(|about| about.route = Some(router::known(path.as_str())));
        }
        Ok(errand)
    }
}
