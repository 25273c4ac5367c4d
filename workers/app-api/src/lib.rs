//! The public Worker. What the API does is in `handlers/`, one file for each resource; this file only tells sockets, API
//! calls and the web app's files apart.
//!
//! Invariants: a handler gets what its extractors proved; a body is read up to its limit and no further; every reply names
//! its request; nothing a caller sends can make a 500.

mod chat_object;
mod cookies;
mod download;
mod errand;
mod extract;
mod gate;
mod handlers;
mod identity;
mod orchestrator;
mod paging;
mod refusal;
mod reply;
mod router;
mod settings;
mod sockets;
mod terminals;
mod upload;

pub use router::document;

use slipway_contract::{Problem, ProblemCode};
use slipway_edge::{ids, log};
use worker::{Context, Env, Request, Response, event};

/// Sockets go to their chat untouched, `/v1` to the router, everything else to the web app's files.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    log::configure(&env);
    let path = request.path();
    if let Some(chat) = sockets::wanted(&path, &request) {
        return sockets::hand_over(&request, &env, chat).await;
    }
    if let Some(sandbox) = terminals::wanted(&path, &request) {
        return terminals::open(&request, env, context, sandbox).await;
    }
    if path == "/v1" || path.starts_with("/v1/") {
        return gate::serve(request, env, context).await;
    }
    match env.assets("ASSETS") {
        Ok(assets) => assets.fetch_request(request).await,
        Err(_) => slipway_edge::reply::problem(Problem::new(ProblemCode::RouteNotFound), ids::fresh()),
    }
}
