//! Where a sandbox is, for route objects that do not know it: `POST /internal/routes/find`.

use std::rc::Rc;

use slipway_contract::objects::route::{FindRoute, Route};
use slipway_contract::{Problem, ProblemCode};
use slipway_edge::log::{Level, Line};
use slipway_edge::{ids, reply};
use slipway_store::routes;
use worker::{Context, Env, Request, Response};

use super::caller;
use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes.
const BODY_BYTES: usize = 4 * 1024;

/// `POST /internal/routes/find`
pub(crate) async fn find(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let asked: FindRoute = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, context, id, request.headers());
    let begun = errand.now();
    let line = |line: Line| line.request(id).org(asked.org).sandbox(asked.sandbox).took(begun);
    match read(&errand, asked).await {
        Ok(route) => {
            line(Line::new(Level::Debug, "route_found")).emit();
            reply::json(200, &route, id)
        }
        Err(problem) => {
            line(Line::info("route_not_found")).code(problem.code).emit();
            reply::problem(problem, id)
        }
    }
}

async fn read(errand: &Errand, asked: FindRoute) -> Result<Route, Problem> {
    let mut rows = errand.rows(asked.org).await?;
    let found = routes::find(&mut rows, asked.sandbox).await.map_err(|error| errand.refuse(&error))?;
    let found = found.ok_or(ProblemCode::NotFound)?;
    let hosts = errand.hosts();
    let host = found.executor.as_deref().and_then(|id| hosts.get(id));
    Ok(Route {
        org: asked.org,
        sandbox: asked.sandbox,
        epoch: found.epoch,
        version: found.version,
        state: found.state,
        executor: host.map(|host| host.relay().to_owned()).unwrap_or_default(),
    })
}
