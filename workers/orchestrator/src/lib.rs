//! The internal Worker that holds the keys: the engine that calls models, sandboxes, and the index of chats in Postgres.
//!
//! Invariant: it has no public route. The other Workers reach it by their bindings, and their word on who asks is taken.

mod api;
mod archive;
mod artifacts;
mod attachments;
mod deletion;
mod engine;
mod errand;
mod executor;
mod outgoing;
mod refusal;
mod sandboxes;
mod settings;
mod snapshots;
mod stream;
mod sweeps;
mod tools;

use std::rc::Rc;

use slipway_contract::{ArtifactId, AttachmentId, Problem, ProblemCode, SandboxId};
use slipway_edge::{ids, log, reply};
use worker::{Context, Env, Method, Request, Response, ScheduleContext, ScheduledEvent, event};

use crate::errand::Errand;

/// Below it lies what is asked of archives.
const ARCHIVES: &str = "/internal/archives/";

/// One path for each thing that the other Workers ask.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    log::configure(&env);
    let context = Rc::new(context);
    let address = request.inner().url();
    let path = path(&address);
    match (request.method(), path) {
        (Method::Post, "/internal/projections/chat") => api::projections::chat(request, &env, &context).await,
        (Method::Post, "/internal/turns/stream") => engine::stream(request, env, context).await,
        (Method::Post, "/internal/tools/call") => tools::call(request, env, context).await,
        (Method::Post, "/internal/approvals/act") => api::approvals::act(request, env, context).await,
        (Method::Post, "/internal/sandboxes/call") => api::sandboxes::call(request, env, context).await,
        (Method::Post, "/internal/deletions/begin") => api::deletions::begin(request, env, context).await,
        (Method::Post, "/internal/embeddings/query") => api::embeddings::query(request, env, context).await,
        (Method::Post, "/internal/routes/find") => api::routes::find(request, env, context).await,
        (_, path) if path.starts_with(ARCHIVES) => {
            let rest = path.strip_prefix(ARCHIVES).unwrap_or_default();
            api::archives::serve(request, env, context, rest).await
        }
        (Method::Post, "/internal/attachments/call") => api::attachments::call(request, env, context).await,
        (Method::Post, "/internal/files/open") => api::files::open(request, env, context).await,
        (method, path) => {
            if let Some((attachment, rest)) = below::<AttachmentId>(path, "/internal/attachments/")
                && let (Method::Put, Some(part)) = (&method, rest.strip_prefix("parts/"))
            {
                return api::attachments::part(request, env, context, attachment, part).await;
            }
            if let Some((sandbox, what)) = below::<SandboxId>(path, "/internal/sandboxes/") {
                return api::streams::stream(request, env, context, sandbox, what).await;
            }
            match (method, below::<ArtifactId>(path, "/internal/artifacts/")) {
                (Method::Get, Some((artifact, "content"))) => {
                    api::artifacts::content(request, env, context, artifact).await
                }
                (_, _) => reply::problem(Problem::new(ProblemCode::RouteNotFound), ids::fresh()),
            }
        }
    }
}

/// The clock, once a minute.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, context: ScheduleContext) {
    log::configure(&env);
    sweeps::all(Errand::of_clock(env, context, ids::fresh())).await;
}

/// The id and the rest of a path `{prefix}{id}/{rest}`.
fn below<'p, T: core::str::FromStr>(path: &'p str, prefix: &str) -> Option<(T, &'p str)> {
    let (id, rest) = path.strip_prefix(prefix)?.split_once('/')?;
    Some((id.parse().ok()?, rest))
}

/// The path of an address. (The `url` crate would be a third of this Worker.)
fn path(address: &str) -> &str {
    let start = address.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    start.and_then(|path| path.split(['?', '#']).next()).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use slipway_contract::SandboxId;

    use super::{below, path};

    #[test]
    fn the_path_stands_between_the_host_and_the_query() {
        assert_eq!(path("https://orchestrator/internal/turns/stream"), "/internal/turns/stream");
        assert_eq!(path("https://orchestrator/a/b?c=/d#e"), "/a/b");
        assert_eq!(path("https://orchestrator"), "/");
    }

    #[test]
    fn what_is_asked_of_a_thing_stands_below_its_id() {
        let id = SandboxId::fresh(1, [0; 10]);
        let whole = format!("/internal/sandboxes/{id}/files");
        assert_eq!(below(&whole, "/internal/sandboxes/"), Some((id, "files")));
        for wrong in ["/internal/sandboxes/call", "/internal/sandboxes/x/files", "/other"] {
            assert_eq!(below::<SandboxId>(wrong, "/internal/sandboxes/"), None);
        }
    }
}
