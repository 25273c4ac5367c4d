//! The bytes of an attachment for a browser: `POST /internal/files/open`, asked by the gateway after it verified the link.
//!
//! Invariant: a browser shows pictures and saves anything else; nothing of a file acts, whatever it holds. What shall go is
//! not found from when R2 has removed it; until then a link that somebody has still works.

use std::rc::Rc;

use slipway_contract::objects::attachments::OpenFile;
use slipway_contract::{Problem, ProblemCode};
use slipway_domain::attachments::{Asked, OCTETS, asked, is_shown, object};
use slipway_edge::log::{Level, Line};
use slipway_edge::reply;
use worker::{Context, Env, Headers, Range, Request, Response, ResponseBuilder};

use super::artifacts::disposition;
use super::caller;
use crate::artifacts::BUCKET;
use crate::errand::Errand;
use crate::stream;

/// Longest request, in bytes.
const BODY_BYTES: usize = 16 * 1024;

/// `POST /internal/files/open`
pub(crate) async fn open(mut request: Request, env: Env, context: Rc<Context>) -> worker::Result<Response> {
    let id = caller::request(request.headers());
    let file: OpenFile = match stream::body(&mut request, BODY_BYTES).await {
        Ok(file) => file,
        Err(problem) => return reply::problem(problem, id),
    };
    let errand = Errand::of(env, context, id, request.headers());
    let begun = errand.now();
    let line = |line: Line| line.request(id).org(file.org).chat(file.chat).took(begun);
    match read(&errand, &file).await {
        Ok(reply) => {
            line(Line::new(Level::Debug, "file_opened")).emit();
            Ok(reply)
        }
        Err(problem) => {
            line(caller::refused("file_not_opened", &problem)).emit();
            reply::problem(problem, id)
        }
    }
}

async fn read(errand: &Errand, file: &OpenFile) -> Result<Response, Problem> {
    let failed = |error: worker::Error| {
        Line::warn("attachment_unreadable").request(errand.request).org(file.org).fault(&error).emit();
        Problem::new(ProblemCode::Unavailable).retry_after(2)
    };
    let asked = asked(&file.range, file.bytes);
    let headers = headers(file, asked, &errand.request.to_string()).map_err(failed)?;
    let reply = ResponseBuilder::new().with_headers(headers);
    let bucket = errand.env.bucket(BUCKET).map_err(failed)?;
    let found = bucket.get(object(file.org, file.chat, file.attachment));
    let (found, reply) = match asked {
        Asked::Whole => (found, reply),
        Asked::Part { from, length } => {
            (found.range(Range::OffsetWithLength { offset: from, length }), reply.with_status(206))
        }
        Asked::Beyond => return Ok(reply.with_status(416).empty()),
    };
    let found = found.execute().await.map_err(failed)?;
    let body = found.as_ref().and_then(worker::Object::body).ok_or(ProblemCode::NotFound)?;
    Ok(reply.body(body.response_body().map_err(failed)?))
}

fn headers(file: &OpenFile, asked: Asked, request: &str) -> worker::Result<Headers> {
    let shown = is_shown(&file.media_type);
    let (length, range) = match asked {
        Asked::Whole => (file.bytes, None),
        Asked::Part { from, length } => {
            (length, Some(format!("bytes {from}-{}/{}", from + length - 1, file.bytes)))
        }
        Asked::Beyond => (0, Some(format!("bytes */{}", file.bytes))),
    };
    let headers = Headers::new();
    for (name, value) in [
        ("content-type", if shown { file.media_type.as_str() } else { OCTETS }),
        ("content-length", length.to_string().as_str()),
        (
            "content-disposition",
            disposition(if shown { "inline" } else { "attachment" }, &file.name).as_str(),
        ),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("cache-control", format!("private, max-age={}", file.keep_s.max(0)).as_str()),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
        // The app shows pictures of this host on its pages.
        ("cross-origin-resource-policy", "cross-origin"),
        (reply::REQUEST_ID, request),
    ] {
        headers.set(name, value)?;
    }
    if let Some(range) = range {
        headers.set("content-range", &range)?;
    }
    Ok(headers)
}
