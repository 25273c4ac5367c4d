//! What every piece of work needs: the Worker's environment, its connection to Postgres, and names for the logs.
//!
//! Invariant: a connection lives for seconds (the platform and the pooler end it), so long work dials for each of its
//! parts, and holds none while it waits for an executor.

use std::rc::Rc;

use slipway_contract::{OrgId, Problem, ProblemCode, RequestId};
use slipway_domain::sandbox::Rules;
use slipway_edge::log::Line;
use slipway_edge::trace::TraceParent;
use slipway_edge::{clock, db};
use slipway_store::{Db, OrgDb, StoreError};
use worker::{Context, Env, Headers, ScheduleContext};

use crate::settings::{self, Hosts, Previews, Unusable};

/// What keeps the isolate at work.
#[derive(Clone)]
pub(crate) enum Keep {
    /// A request.
    Request(Rc<Context>),
    /// The clock.
    Clock(Rc<ScheduleContext>),
}

/// One piece of work.
#[derive(Clone)]
pub(crate) struct Errand {
    pub(crate) env: Env,
    pub(crate) request: RequestId,
    pub(crate) trace: TraceParent,
    keep: Keep,
}

impl Errand {
    /// For a request of another Worker, which names its own request and may name a trace.
    pub(crate) fn of(env: Env, keep: Rc<Context>, request: RequestId, headers: &Headers) -> Self {
        let trace = TraceParent::of(headers).unwrap_or_else(|| TraceParent::of_request(request));
        Self { env, request, trace, keep: Keep::Request(keep) }
    }

    /// For the clock.
    pub(crate) fn of_clock(env: Env, keep: ScheduleContext, request: RequestId) -> Self {
        Self { env, request, trace: TraceParent::of_request(request), keep: Keep::Clock(Rc::new(keep)) }
    }

    /// A variable or secret.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.env.var(name).ok().map(|value| value.to_string())
    }

    /// The executors. What cannot work counts as none, and is told in the log.
    pub(crate) fn hosts(&self) -> Hosts {
        Hosts::read(|name| self.setting(name)).unwrap_or_else(|unusable| {
            self.complain(unusable);
            Hosts::default()
        })
    }

    /// The times that sandboxes live by.
    pub(crate) fn rules(&self) -> Rules {
        settings::rules(|name| self.setting(name))
    }

    /// What preview tokens are made with.
    ///
    /// # Errors
    /// It is not set up.
    pub(crate) fn previews(&self) -> Result<Previews, Problem> {
        Previews::read(|name| self.setting(name)).map_err(|unusable| {
            self.complain(unusable);
            Problem::new(ProblemCode::Unavailable).detail(format!("Previews are not set up: {unusable}."))
        })
    }

    fn complain(&self, unusable: Unusable) {
        Line::warn("setting_unusable")
            .request(self.request)
            .name("setting", unusable.name)
            .name("cause", unusable.why)
            .emit();
    }

    /// A connection.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn dial(&self) -> Result<Db, Problem> {
        match &self.keep {
            Keep::Request(context) => db::dial(&self.env, &**context, self.request).await,
            Keep::Clock(context) => db::dial(&self.env, &**context, self.request).await,
        }
    }

    /// A connection for the rows of one org.
    ///
    /// # Errors
    /// `unavailable`.
    pub(crate) async fn rows(&self, org: OrgId) -> Result<OrgDb, Problem> {
        Ok(self.dial().await?.org(org))
    }

    /// Goes on after the reply.
    pub(crate) fn later(&self, work: impl Future<Output = ()> + 'static) {
        match &self.keep {
            Keep::Request(context) => context.wait_until(work),
            Keep::Clock(context) => context.wait_until(work),
        }
    }

    /// What the caller is told of a failed statement.
    pub(crate) fn refuse(&self, error: &StoreError) -> Problem {
        db::refuse(error, self.request)
    }

    /// The time.
    pub(crate) fn now(&self) -> slipway_contract::Timestamp {
        clock::now()
    }
}
