//! Answers of the gateway's own: refusals as pages or problems, each with one log line, and the way in.

use std::rc::Rc;

use slipway_domain::preview::PreviewHost;
use slipway_edge::log::Line;
use slipway_edge::{ids, reply};
use web_sys::{Request, Response};
use worker::{Headers, ResponseBuilder};

use crate::isolate::{Visit, memory};
use crate::refusal::Refusal;
use crate::{access, console, pages};

/// What is known of who asked for what.
#[derive(Clone, Default)]
pub(crate) struct About {
    /// The port that the host names.
    pub(crate) host: Option<PreviewHost>,
    /// Access that was verified.
    pub(crate) visit: Option<Rc<Visit>>,
}

/// A refusal, recorded; a page, or a problem for those who prefer JSON.
///
/// # Errors
/// When the platform refuses a header, which none of ours makes it do.
pub(crate) fn refuse(
    request: &Request,
    refusal: Refusal,
    about: &About,
    fault: Option<&worker::Error>,
) -> worker::Result<Response> {
    let id = ids::fresh();
    record(refusal, about, fault, id);
    // Only who has access hears which port it is about: others learn nothing that they did not know.
    let port = about.visit.as_ref().map(|visit| visit.access.host.port);
    let accept = request.headers().get("accept").ok().flatten();
    if pages::prefers_json(accept.as_deref()) {
        let problem = reply::problem(refusal.problem(port), id)?;
        problem.headers().set("referrer-policy", "no-referrer")?;
        return Ok(problem.into());
    }
    let settings = memory(|memory| memory.settings.clone());
    let app = settings.as_ref().map(|settings| &settings.app);
    let headers = own_headers()?;
    headers.set(reply::REQUEST_ID, &id.to_string())?;
    headers.set("content-type", "text/html; charset=utf-8")?;
    headers.set("content-security-policy", &pages::policy(app))?;
    headers.set("x-robots-tag", "noindex")?;
    if let Some(seconds) = refusal.retry_after_s() {
        headers.set("retry-after", &seconds.to_string())?;
        if refusal.reloads() {
            headers.set("refresh", &seconds.to_string())?;
        }
    }
    let page = pages::page(refusal, port, app).into_bytes();
    Ok(ResponseBuilder::new().with_status(refusal.status()).with_headers(headers).fixed(page).into())
}

/// The way in: to the same address without the token; the browser keeps the token, if it brought a good one.
///
/// # Errors
/// As [`refuse`].
pub(crate) fn enter(to: &str, token: Option<&str>) -> worker::Result<Response> {
    let headers = own_headers()?;
    headers.set("location", to)?;
    if let Some(token) = token {
        headers.set("set-cookie", &access::keep(token))?;
    }
    Ok(ResponseBuilder::new().with_status(303).with_headers(headers).empty().into())
}

/// The script of a page's console. It says nothing of anybody, so it is for who asks; its address changes when it does.
///
/// # Errors
/// As [`refuse`].
pub(crate) fn script(method: &str) -> worker::Result<Response> {
    let headers = own_headers()?;
    headers.set("cache-control", "public, max-age=31536000, immutable")?;
    headers.set("content-type", "text/javascript; charset=utf-8")?;
    let reply = ResponseBuilder::new().with_headers(headers);
    let reply =
        if method == "HEAD" { reply.empty() } else { reply.fixed(console::SCRIPT.as_bytes().to_vec()) };
    Ok(reply.into())
}

/// Nothing of ours is kept by caches, guessed at by browsers, or told to where people go next.
fn own_headers() -> worker::Result<Headers> {
    let headers = Headers::new();
    headers.set("cache-control", "no-store")?;
    headers.set("referrer-policy", "no-referrer")?;
    headers.set("x-content-type-options", "nosniff")?;
    Ok(headers)
}

fn record(refusal: Refusal, about: &About, fault: Option<&worker::Error>, id: slipway_contract::RequestId) {
    let mut line = Line::new(refusal.level(), "preview_refused")
        .request(id)
        .code(refusal.code())
        .number("status", refusal.status())
        .name("reason", refusal.name());
    if let Some(host) = about.host {
        line = line.sandbox(host.sandbox).number("port", host.port);
    }
    if let Some(visit) = &about.visit {
        line = line.org(visit.access.org).user(visit.access.user).count("epoch", epoch(visit));
    }
    if let Some(fault) = fault {
        line = line.fault(fault);
    }
    line.emit();
}

fn epoch(visit: &Visit) -> usize {
    usize::try_from(visit.access.epoch).unwrap_or(usize::MAX)
}
