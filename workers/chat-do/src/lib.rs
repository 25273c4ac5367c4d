//! The Worker that holds the `Chat` objects. It has no public route: others reach the objects by their binding.

mod acts;
mod archive;
mod calls;
mod effects;
mod erasing;
mod gather;
mod given;
mod journal;
mod object;
mod orchestrator;
mod presence;
mod projection;
mod room;
mod schema;
mod search;
mod sockets;
mod sql;
mod storage;
mod turns;
mod work;

use slipway_contract::{Problem, ProblemCode};
use worker::{Context, Env, Request, Response, event};

/// Nothing is served here but the objects.
#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    slipway_edge::reply::problem(Problem::new(ProblemCode::RouteNotFound), slipway_edge::ids::fresh())
}
