//! What somebody's words mean, to find context items by it: `POST /internal/embeddings/query`
//! ([`slipway_contract::objects::embeddings`]).

use std::rc::Rc;

use slipway_contract::objects::embeddings::{EmbedQuery, Embedded};
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use crate::engine::Embedder;
use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes: 500 characters, each of which may be escaped.
const BODY_BYTES: usize = 16 * 1024;
/// Somebody waits for it, so it may take at most so many milliseconds.
const QUERY_MS: u64 = 5_000;

/// `POST /internal/embeddings/query`
pub(crate) async fn query(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: EmbedQuery = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, context, asked.request, request.headers());
    reply::json(200, &answer(&errand, asked.text).await, asked.request)
}

async fn answer(errand: &Errand, text: String) -> Embedded {
    let Some(embedder) = Embedder::of(errand) else { return Embedded::NoModel };
    let embedder = embedder.within(QUERY_MS);
    let vector = embedder.embed(&[text]).await.ok().and_then(|mut rows| rows.pop());
    vector.map_or(Embedded::Failed, |vector| Embedded::Vector { model: embedder.name().to_owned(), vector })
}
