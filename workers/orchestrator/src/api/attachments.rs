//! What people do with attachments: `POST /internal/attachments/call`, and parts of them:
//! `PUT /internal/attachments/{attachment}/parts/{part}` ([`slipway_contract::objects::attachments`]).

use std::rc::Rc;

use slipway_contract::objects::attachments::{AttachmentCall, AttachmentOperation, LENGTH};
use slipway_contract::{AttachmentId, Problem, ProblemCode};
use slipway_edge::log::Line;
use slipway_edge::{ids, reply};
use worker::{Context, Env, Request, Response};

use super::caller::{self, Called, Caller};
use crate::attachments::Attachments;
use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes: two names, each byte of them may be escaped.
const BODY_BYTES: usize = 16 * 1024;

/// `POST /internal/attachments/call`
pub(crate) async fn call(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let asked: AttachmentCall = match stream::body(&mut request, BODY_BYTES).await {
        Ok(asked) => asked,
        Err(problem) => return reply::problem(problem, ids::fresh()),
    };
    let errand = Errand::of(env, context, asked.request, request.headers());
    let begun = errand.now();
    let called = Called {
        request: asked.request,
        caller: Caller { org: asked.org, user: asked.user },
        operation: name(&asked.operation),
        events: ["attachment_called", "attachment_refused"],
    };
    called.ended(begun, answer(&errand, &asked).await)
}

const fn name(operation: &AttachmentOperation) -> &'static str {
    match operation {
        AttachmentOperation::Begin { .. } => "begin",
        AttachmentOperation::Complete { .. } => "complete",
        AttachmentOperation::Link { .. } => "link",
        AttachmentOperation::Remove { .. } => "remove",
    }
}

/// The answer as JSON.
async fn answer(errand: &Errand, asked: &AttachmentCall) -> Result<String, Problem> {
    let mut attachments = Attachments::new(errand, asked.org);
    let json = match &asked.operation {
        AttachmentOperation::Begin { chat, wanted } => {
            serde_json::to_string(&attachments.begin(asked.user, *chat, wanted).await?)
        }
        AttachmentOperation::Complete { attachment } => {
            serde_json::to_string(&attachments.complete(asked.user, *attachment).await?)
        }
        AttachmentOperation::Link { attachment } => {
            serde_json::to_string(&attachments.link(*attachment).await?)
        }
        AttachmentOperation::Remove { attachment } => {
            serde_json::to_string(&attachments.remove(asked.user, *attachment).await?)
        }
    };
    json.map_err(|_| ProblemCode::Internal.into())
}

/// `PUT /internal/attachments/{attachment}/parts/{part}`
pub(crate) async fn part(
    request: Request,
    env: Env,
    context: Rc<Context>,
    attachment: AttachmentId,
    part: &str,
) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let errand = Errand::of(env, context, id, request.headers());
    let begun = errand.now();
    let taken = async {
        let caller = Caller::of(request.headers())?;
        let wrong = || Problem::new(ProblemCode::InvalidParameter).detail("part must be a number from 1 on");
        let part: u16 = part.parse().map_err(|_| wrong())?;
        let length = request.headers().get(LENGTH).ok().flatten();
        let length = length.and_then(|length| length.parse().ok());
        let body = request.inner().body();
        Attachments::new(&errand, caller.org).part(caller.user, attachment, part, length, body).await
    };
    match taken.await {
        Ok(()) => {
            Line::info("part_kept").request(id).took(begun).emit();
            reply::empty(204, id)
        }
        Err(problem) => {
            caller::refused("part_not_kept", &problem).request(id).took(begun).emit();
            reply::problem(problem, id)
        }
    }
}
