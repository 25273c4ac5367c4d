//! The engine: answers one step of a turn with a model, as a stream of JSON lines
//! ([`slipway_contract::objects::engine`]).
//!
//! Invariant: a reply ends with `finished` or `failed`, unless its reader or this process is gone; a reader that goes
//! away ends the provider's work.

mod agent;
mod bill;
mod embed;
mod failure;
mod given;
mod pace;
mod prompt;
mod report;
mod settings;
mod source;
mod step;
mod telling;
mod watch;

#[cfg(test)]
mod testing;

pub(crate) use embed::Embedder;

use std::rc::Rc;

use slipway_contract::objects::engine::TurnRequest;
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes: the context, what is kept, eight steps with their results, and what JSON adds.
const BODY_BYTES: usize = 4 * 1024 * 1024;

/// `POST /internal/turns/stream`
pub(crate) async fn stream(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: TurnRequest = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, Rc::clone(&context), asked.request, request.headers());
    stream::reply(&request, &context, asked.request, |lines| async move {
        step::run(&errand, &asked, lines).await;
    })
}
