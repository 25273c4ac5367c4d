//! Somebody asked for a deletion: it begins without waiting for the clock.

use std::rc::Rc;

use slipway_contract::objects::deletions::BeginDeletions;
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use crate::deletion;
use crate::errand::Errand;
use crate::sandboxes::Changes;
use crate::stream;

/// Longest request, in bytes.
const BODY_BYTES: usize = 1024;
/// How long it goes on after the reply, in milliseconds; the platform gives 30 s. A sweep does the rest.
const BEGIN_MS: i64 = 20_000;

/// `POST /internal/deletions/begin`
pub(crate) async fn begin(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: BeginDeletions = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, context, asked.request, request.headers());
    let work = errand.clone();
    errand.later(async move {
        let hosts = work.hosts();
        let until = work.now().plus_ms(BEGIN_MS);
        // What fails is in the log, and a sweep goes on with it.
        let _swept = deletion::all_due(&mut Changes::new(&work, &hosts), until).await;
    });
    reply::empty(204, asked.request)
}
