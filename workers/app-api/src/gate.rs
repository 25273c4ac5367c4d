//! Between the platform's requests and the router's: reads the body up to its limit, hands the request to the router, and
//! writes the reply with its headers and its log line.
//!
//! (The `worker` crate's own conversion is not used: it would change the types of every Worker of the build, and carry
//! bodies through Wasm that can stay outside.)

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response as Answer;
use futures::StreamExt;
use slipway_contract::{Problem, ProblemCode, limits};
use slipway_edge::log::{Level, Line};
use slipway_edge::reply;
use slipway_edge::trace::TraceParent;
use tower_service::Service;
use worker::{Context, Env, Headers, Method, Request, Response, ResponseBuilder};

use crate::errand::Errand;
use crate::refusal::Refusal;
use crate::reply::Passed;
use crate::router;
use crate::upload::Upload;

/// Built once in an isolate.
static ROUTER: LazyLock<axum::Router> = LazyLock::new(router::build);

/// Answers a request for `/v1/…`.
pub(crate) async fn serve(mut request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let errand = Errand::new(env, context, TraceParent::of(request.headers()));
    let method = name(&request.method());
    let answer = match enter(&mut request, &errand).await {
        Ok(entered) => call(entered).await,
        Err(problem) => {
            let mut answer = Answer::default();
            answer.extensions_mut().insert(Refusal::from(problem));
            answer
        }
    };
    let refusal = answer.extensions().get::<Refusal>().map(|refusal| refusal.problem(errand.id()));
    let line = Line::new(level(refusal.as_ref()), "api_request").name("method", method);
    let line = errand.line(line).took(errand.now());
    if let Some(problem) = refusal {
        line.code(problem.code).emit();
        let unauthenticated = problem.status == 401;
        let response = reply::problem(problem, errand.id())?;
        if unauthenticated {
            // RFC 9110, section 15.5.2.
            response.headers().set("www-authenticate", "Bearer")?;
        }
        add_headers(response.headers(), &answer)?;
        return Ok(response);
    }
    let response = leave(answer, &errand).await?;
    line.number("status", response.status_code()).emit();
    Ok(response)
}

/// The router's view of the request.
async fn enter(request: &mut Request, errand: &Errand) -> Result<http::Request<Body>, Problem> {
    let unreadable = |what: &str| Problem::new(ProblemCode::InvalidParameter).detail(what);
    let url = request.url().map_err(|_| unreadable("the address cannot be read"))?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut builder = http::Request::builder().method(name(&request.method())).uri(target);
    for (header, value) in request.headers().entries() {
        builder = builder.header(header, value);
    }
    if let Some(host) = url.host_str() {
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        builder = builder.extension(OwnHost(host));
    }
    let body = match Upload::of(request, url.path())? {
        Some(upload) => {
            builder = builder.extension(upload);
            Vec::new()
        }
        None => read(request).await?,
    };
    builder
        .extension(errand.clone())
        .body(Body::from(body))
        .map_err(|_| unreadable("a header or the address cannot be read"))
}

/// The host by which this Worker was reached, with its port where it is not the scheme's own.
#[derive(Clone, Debug)]
pub(crate) struct OwnHost(pub(crate) String);

/// Longest body of any operation; each operation then has its own limit.
const LIMIT: usize = limits::POST_BODY_BYTES;
/// A body beyond the limit is read so far and thrown away: a client that is still sending when its connection ends takes
/// the reset for the answer.
const READ_AWAY: usize = 4 * LIMIT;

async fn read(request: &mut Request) -> Result<Vec<u8>, Problem> {
    let too_large =
        || Problem::new(ProblemCode::TooLarge).detail(format!("a body has at most {LIMIT} bytes"));
    let declared = request.headers().get("content-length").ok().flatten();
    if declared.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > READ_AWAY) {
        return Err(too_large());
    }
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let broken = |_| Problem::new(ProblemCode::InvalidBody).detail("the body broke off");
    let mut bytes = Vec::new();
    let mut length: usize = 0;
    let mut stream = request.stream().map_err(broken)?;
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(broken)?;
        length = length.saturating_add(chunk.len());
        if length <= LIMIT {
            bytes.append(&mut chunk);
        } else if length <= READ_AWAY {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    if length > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

async fn call(request: http::Request<Body>) -> Answer {
    let mut router = ROUTER.clone();
    match router.call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// The platform's reply: a passed one as it is, others from their bytes.
async fn leave(answer: Answer, errand: &Errand) -> worker::Result<Response> {
    if let Some(passed) = answer.extensions().get::<Passed>().and_then(Passed::take) {
        return Ok(passed);
    }
    let status = answer.status().as_u16();
    let headers = Headers::new();
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    headers.set(reply::REQUEST_ID, &errand.id().to_string())?;
    add_headers(&headers, &answer)?;
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .map_err(|_| worker::Error::RustError("an answer from memory cannot be read".to_owned()))?;
    let builder = ResponseBuilder::new().with_status(status).with_headers(headers);
    Ok(if body.is_empty() { builder.empty() } else { builder.fixed(body.into()) })
}

fn add_headers(headers: &Headers, answer: &Answer) -> worker::Result<()> {
    for (name, value) in answer.headers() {
        match value.to_str() {
            Ok(value) if name == http::header::SET_COOKIE => headers.append(name.as_str(), value)?,
            // Counted anew by the platform.
            Ok(_) if name == http::header::CONTENT_LENGTH => {}
            Ok(value) => headers.set(name.as_str(), value)?,
            Err(_) => {}
        }
    }
    Ok(())
}

/// Refusals that are the caller's are news of no importance; ours are not, least of all when they are defects.
fn level(refusal: Option<&Problem>) -> Level {
    match refusal.map(|problem| problem.status) {
        Some(501 | 503) => Level::Warn,
        Some(500..) => Level::Error,
        Some(_) | None => Level::Info,
    }
}

fn name(method: &Method) -> &'static str {
    match method {
        Method::Head => "HEAD",
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
        Method::Options => "OPTIONS",
        Method::Connect => "CONNECT",
        Method::Trace => "TRACE",
        Method::Report => "REPORT",
    }
}
