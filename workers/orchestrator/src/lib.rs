//! The internal Worker that holds the keys: the engine that calls models, and the index of chats in Postgres.
//!
//! Invariant: it has no public route. The other Workers reach it by their bindings, and their word on who asks is taken.

mod api;
mod engine;

use slipway_contract::{Problem, ProblemCode};
use slipway_edge::{ids, log, reply};
use worker::{Context, Env, Method, Request, Response, event};

/// One path for each thing that the other Workers ask.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    log::configure(&env);
    match (request.method(), path(&request.inner().url())) {
        (Method::Post, "/internal/projections/chat") => api::projections::chat(request, &env, &context).await,
        (Method::Post, "/internal/turns/stream") => engine::stream(request, env, context).await,
        (_, _) => reply::problem(Problem::new(ProblemCode::RouteNotFound), ids::fresh()),
    }
}

/// The path of an address. (The `url` crate would be a third of this Worker.)
fn path(address: &str) -> &str {
    let start = address.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    start.and_then(|path| path.split(['?', '#']).next()).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn the_path_stands_between_the_host_and_the_query() {
        assert_eq!(path("https://orchestrator/internal/turns/stream"), "/internal/turns/stream");
        assert_eq!(path("https://orchestrator/a/b?c=/d#e"), "/a/b");
        assert_eq!(path("https://orchestrator"), "/");
    }
}
