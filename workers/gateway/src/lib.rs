//! The public Worker for preview hosts. There are no sandboxes to preview yet, and it says so.

use slipway_contract::{Problem, ProblemCode};
use worker::{Context, Env, Request, Response, event};

/// Refuses every request with a typed problem.
#[event(fetch)]
async fn fetch(_request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    slipway_edge::log::configure(&env);
    let problem =
        Problem::new(ProblemCode::NotBuilt).detail("Previews are not available in this version of Slipway.");
    slipway_edge::reply::problem(problem, slipway_edge::ids::fresh())
}
