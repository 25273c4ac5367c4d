//! What chats tell of themselves, written into the index.
//!
//! Invariant: idempotent and in any order; an older projection never takes the place of a newer one, and nothing that was
//! deleted comes back.

use slipway_contract::objects::projection::ChatProjection;
use slipway_contract::{Problem, ProblemCode, RequestId};
use slipway_edge::log::Line;
use slipway_edge::{clock, db, ids, reply};
use slipway_store::{OrgDb, StoreError, chats, deletions};
use worker::{Context, Env, Request, Response};

use crate::deletion;

/// Longest projection, in bytes: 200 people of some 120 bytes each, 50 approvals of at most some 15 KiB (50 hosts of 253), and
/// 500 messages with 512 KiB of text, of which JSON makes six times that where all of it are control characters.
const BODY_BYTES: usize = 5 * 1024 * 1024;

/// `POST /internal/projections/chat`
pub(crate) async fn chat(mut request: Request, env: &Env, context: &Context) -> worker::Result<Response> {
    let id = ids::fresh();
    let start = clock::now();
    let body = request.bytes().await?;
    if body.len() > BODY_BYTES {
        return reply::problem(ProblemCode::TooLarge.into(), id);
    }
    let Ok(projection) = serde_json::from_slice::<ChatProjection>(&body) else {
        return reply::problem(Problem::new(ProblemCode::InvalidBody).detail("not a projection"), id);
    };
    let line = |line: Line| line.request(id).org(projection.org).chat(projection.chat).took(start);
    match project(&projection, env, context, id).await {
        Ok(()) => {
            line(Line::new(slipway_edge::log::Level::Debug, "chat_projected")).emit();
            reply::empty(204, id)
        }
        Err(problem) => {
            line(Line::warn("chat_not_projected")).code(problem.code).emit();
            reply::problem(problem, id)
        }
    }
}

async fn project(
    projection: &ChatProjection,
    env: &Env,
    context: &Context,
    request: RequestId,
) -> Result<(), Problem> {
    let mut index = db::dial(env, context, request).await?.org(projection.org);
    match chats::project(&mut index, projection).await {
        Ok(()) => index.commit().await.map(drop),
        Err(error @ StoreError::NotFound { .. }) => {
            if let Ok(db) = index.end() {
                // What is not adopted now is told again, and then.
                let _told_again = adopt(db.org(projection.org), projection).await;
            }
            Err(error)
        }
        Err(error) => Err(error),
    }
    .map_err(|error| db::refuse(&error, request))
}

/// What is told too late of a chat that was still being made when its channel went, has it go too.
async fn adopt(mut index: OrgDb, projection: &ChatProjection) -> Result<(), StoreError> {
    let new = deletion::by_slipway(ids::fresh(), clock::now());
    deletions::adopt(&mut index, &new, projection.chat, projection.channel).await?;
    index.commit().await.map(drop)
}
