//! Dialling Postgres through Hyperdrive, and what a caller is told when the store refuses.
//!
//! Invariant: a connection belongs to the request that dialled it (the platform forbids sharing), and there is at most
//! one of a request: callers dial when they first need it, and hand it on.

use futures::future::{Either, select};
use slipway_contract::{Problem, ProblemCode, RequestId};
use slipway_store::{Conflict, Db, StoreError};
use tokio_postgres::Config;
use worker::postgres_tls::PassthroughTls;
use worker::{Context, Delay, Env, ScheduleContext};

use crate::log::Line;

/// How long a connection may take, in milliseconds. A local one takes 10; a cold one of a pooler some hundred.
const DIAL_MS: u64 = 5_000;
/// How long a request may use its connection, in milliseconds. A pooler whose database is gone takes statements and lets
/// them wait for minutes; nothing that a caller waits for takes longer than a second.
const LIFE_MS: u64 = 10_000;
/// What a caller is told to wait when the database cannot be reached, in seconds.
const RETRY_S: u32 = 2;

/// What keeps the isolate at work beside a reply: a request, or the clock's event.
pub trait Keep {
    /// Lets `work` go on.
    fn keep(&self, work: impl Future<Output = ()> + 'static);
}

impl Keep for Context {
    fn keep(&self, work: impl Future<Output = ()> + 'static) {
        self.wait_until(work);
    }
}

impl Keep for ScheduleContext {
    fn keep(&self, work: impl Future<Output = ()> + 'static) {
        self.wait_until(work);
    }
}

/// A connection for one request. It is driven beside the reply until it is dropped.
///
/// # Errors
/// `unavailable`.
pub async fn dial(env: &Env, context: &impl Keep, request: RequestId) -> Result<Db, Problem> {
    let failed = |error: &worker::Error| {
        Line::warn("postgres_unreachable").request(request).fault(error).emit();
        Problem::new(ProblemCode::Unavailable).retry_after(RETRY_S)
    };
    let hyperdrive = env.hyperdrive("HYPERDRIVE").map_err(|error| failed(&error))?;
    let unusable = |_| failed(&worker::Error::RustError("the connection string does not parse".to_owned()));
    let config = hyperdrive.connection_string().parse::<Config>().map_err(unusable)?;
    let socket = hyperdrive.connect().map_err(|error| failed(&error))?;
    let connecting = Box::pin(config.connect_raw(socket, PassthroughTls));
    let limit = Delay::from(core::time::Duration::from_millis(DIAL_MS));
    let (client, connection) = match select(connecting, limit).await {
        Either::Left((Ok(connected), _)) => connected,
        Either::Left((Err(error), _)) => {
            let what = match error.code() {
                Some(code) => format!("Postgres refused the connection: {}", code.code()),
                None => "the connection broke".to_owned(),
            };
            return Err(failed(&worker::Error::RustError(what)));
        }
        Either::Right(((), _)) => {
            return Err(failed(&worker::Error::RustError("no connection in time".to_owned())));
        }
    };
    // Ends when the client is dropped, or at the end of its life. A failure shows itself in the client's next call.
    context.keep(async move {
        let life = Delay::from(core::time::Duration::from_millis(LIFE_MS));
        let _ended = select(Box::pin(connection), life).await;
    });
    Ok(Db::new(client))
}

/// What the caller is told, and a log line where somebody of ours should know.
pub fn refuse(error: &StoreError, request: RequestId) -> Problem {
    match error {
        StoreError::Unavailable { .. } => {
            Line::warn("postgres_unreachable").request(request).store(error).emit();
            Problem::new(ProblemCode::Unavailable).retry_after(RETRY_S)
        }
        StoreError::Overtaken { .. } => {
            Line::info("transaction_overtaken").request(request).store(error).emit();
            Problem::new(ProblemCode::Unavailable).retry_after(1)
        }
        StoreError::Conflict(Conflict::EmailTaken) => ProblemCode::EmailTaken.into(),
        StoreError::Conflict(Conflict::NameTaken) => ProblemCode::NameTaken.into(),
        StoreError::Conflict(Conflict::Full) => {
            Problem::new(ProblemCode::LimitReached).detail("the org has as many of these as it may have")
        }
        StoreError::NotFound { .. } => ProblemCode::NotFound.into(),
        StoreError::Internal { .. } => {
            Line::error("store_failed").request(request).store(error).emit();
            ProblemCode::Internal.into()
        }
    }
}
