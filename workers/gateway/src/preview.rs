//! A request to a preview's host: who may come in, under which epoch, how often; then on to the executor.
//!
//! The hot path ([`hot`]) has no future of its own: a known token with a lease is passed on within the call. Everything else
//! is [`cold`], which ends the same way.

use core::time::Duration;
use std::rc::Rc;

use js_sys::futures::future_to_promise;
use slipway_contract::ProblemCode;
use slipway_contract::objects::route::{Route, RouteCommand, RouteLease};
use slipway_contract::{Problem, Timestamp};
use slipway_domain::preview::{PreviewHost, headers};
use wasm_bindgen::JsValue;
use web_sys::{Request, RequestInit};
use worker::{Delay, Env, worker_sys};

use crate::address::Address;
use crate::border::Look;
use crate::isolate::{Visit, memory};
use crate::lease::{Key, Standing};
use crate::refusal::Refusal;
use crate::reply::{self, About};
use crate::settings::Settings;
use crate::{access, border, console, files};

/// The longest pause of who waits for another request's question, and how long it waits in all, in milliseconds.
const PAUSE_MS: u64 = 32;
const WAIT_MS: u64 = 1_000;

/// Answers a request: a response, or a promise of one.
pub(crate) fn answer(request: Request, env: Env, context: worker_sys::Context) -> JsValue {
    let look = Look::at(&request);
    let begun = match hot(&request, &look, &env, &context) {
        Ok(promise) => return promise,
        Err(begun) => begun,
    };
    let answer = async move {
        let mut about = About::default();
        match cold(&request, &look, &env, &context, begun, &mut about).await {
            Ok(answer) => Ok(answer),
            Err(refusal) => Ok(reply::refuse(&request, refusal, &about, None)?.into()),
        }
    };
    future_to_promise(answer).into()
}

/// A request of a known visitor under a lease that holds. Anything unusual is left to [`cold`].
///
/// # Errors
/// It was not passed on; and what its lease said, if it came as far as that.
fn hot(
    request: &Request,
    look: &Look,
    env: &Env,
    context: &worker_sys::Context,
) -> Result<JsValue, Option<Standing>> {
    let seen = look.seen();
    let address = Address::read(seen.url).map_err(|_| None)?;
    let ours = is_refused(seen.method) || console::is_script(address.target);
    if seen.upgrades || ours || address.token().is_some() {
        return Err(None);
    }
    let now = border::now();
    let known = memory(|memory| {
        let settings = memory.settings.clone()?;
        // Which of several counts is for `cold` to say.
        let mut tokens = headers::tokens(seen.cookie);
        let token = tokens.next().filter(|_| tokens.next().is_none())?;
        let visit = memory.visit(token, address.host, now)?;
        let standing = memory.leases.take(visit.key(), now);
        Some((settings, visit, standing))
    });
    let (settings, visit, standing) = known.ok_or(None)?;
    let Standing::Pass { route, renew } = standing else { return Err(Some(standing)) };
    if let Some(requests) = renew {
        renewing(env, context, &visit, requests);
    }
    if !route.state.is_usable() || route.executor.is_empty() {
        return Err(Some(Standing::Pass { route, renew: None }));
    }
    pass_on(request, &address, &visit, &route, &settings, now).map_err(|_| None)
}

/// Any other request.
async fn cold(
    request: &Request,
    look: &Look,
    env: &Env,
    context: &worker_sys::Context,
    begun: Option<Standing>,
    about: &mut About,
) -> Result<JsValue, Refusal> {
    let settings = settings(env)?;
    let seen = look.seen();
    let address = Address::read(seen.url)?;
    if settings.base.is_files(address.host) {
        return files::answer(request, env, &settings, &seen, address.target, border::now()).await;
    }
    let host = settings.base.read_host(address.host).ok_or(Refusal::NoPreview)?;
    about.host = Some(host);
    if is_refused(seen.method) {
        return Err(Refusal::Method);
    }
    if console::is_script(address.target) {
        return reply::script(seen.method).map(JsValue::from).map_err(|_| Refusal::Malformed);
    }
    let now = border::now();
    if let Some((token, target)) = address.token() {
        return enter(&settings, host, token, &target, seen.cookie, now);
    }
    let visit = visit(&settings, host, seen.cookie, now)?;
    about.visit = Some(Rc::clone(&visit));
    let route = if seen.upgrades {
        socket(env, &visit, now).await?
    } else {
        lease(env, context, &visit, begun, now).await?
    };
    if let Some(refusal) = Refusal::by_state(route.state) {
        return Err(refusal);
    }
    if route.executor.is_empty() {
        return Err(Refusal::ExecutorGone);
    }
    // Waiting for the object took time, and a pass has an end.
    let now = border::now();
    pass_on(request, &address, &visit, &route, &settings, now).map_err(|_| Refusal::Malformed)
}

/// `CONNECT` would open a tunnel, `TRACE` would read our own header fields back.
fn is_refused(method: &str) -> bool {
    matches!(method, "CONNECT" | "TRACE" | "TRACK")
}

/// The variables, read at the isolate's first request.
fn settings(env: &Env) -> Result<Rc<Settings>, Refusal> {
    if let Some(settings) = memory(|memory| memory.settings.clone()) {
        return Ok(settings);
    }
    slipway_edge::log::configure(env);
    let read = Settings::read(|name| env.var(name).ok().map(|value| value.to_string()));
    let settings = Rc::new(read.map_err(|name| {
        slipway_edge::log::Line::error("setting_unusable").name("setting", name).emit();
        Refusal::Unavailable
    })?);
    memory(|memory| memory.settings = Some(Rc::clone(&settings)));
    Ok(settings)
}

/// Takes a token out of the address. A bad one does no harm to who has access already.
fn enter(
    settings: &Settings,
    host: PreviewHost,
    token: &str,
    target: &str,
    cookie: &str,
    now: Timestamp,
) -> Result<JsValue, Refusal> {
    let kept = match access::verify(&settings.keys, token, host, now) {
        Ok(_) => Some(token),
        Err(denied) => {
            visit(settings, host, cookie, now).map_err(|_| Refusal::from(denied))?;
            None
        }
    };
    let to = format!("{}{target}", settings.base.address_of(&host));
    reply::enter(&to, kept).map(JsValue::from).map_err(|_| Refusal::Malformed)
}

/// The access that the request's cookie gives.
fn visit(settings: &Settings, host: PreviewHost, cookie: &str, now: Timestamp) -> Result<Rc<Visit>, Refusal> {
    let name = settings.base.host_of(&host);
    let open = |token: &str| {
        if let Some(known) = memory(|memory| memory.visit(token, &name, now)) {
            return Ok(known);
        }
        let access = access::verify(&settings.keys, token, host, now)?;
        let visit = Rc::new(Visit::new(access, settings));
        memory(|memory| memory.remember(token, &visit, now));
        Ok(visit)
    };
    Ok(access::best(cookie, |visit: &Rc<Visit>| visit.access.epoch, open)?)
}

/// What is known of a request that was passed on before.
pub(crate) fn about(request: &Request) -> About {
    let read = || {
        let settings = memory(|memory| memory.settings.clone())?;
        let look = Look::at(request);
        let seen = look.seen();
        let host = settings.base.read_host(Address::read(seen.url).ok()?.host)?;
        Some(About { host: Some(host), visit: visit(&settings, host, seen.cookie, border::now()).ok() })
    };
    read().unwrap_or_default()
}

/// On to the executor. The pass and what the application should know stand in the address; the executor takes out of the
/// header fields what is ours or may not come from outside, our cookie among them.
fn pass_on(
    request: &Request,
    address: &Address<'_>,
    visit: &Visit,
    route: &Route,
    settings: &Settings,
    now: Timestamp,
) -> Result<JsValue, JsValue> {
    border::send(request, &visit.address(&route.executor, address.target, settings, now))
}

/// A request under the lease, which is asked for if there is none.
async fn lease(
    env: &Env,
    context: &worker_sys::Context,
    visit: &Rc<Visit>,
    begun: Option<Standing>,
    now: Timestamp,
) -> Result<Rc<Route>, Refusal> {
    let key = visit.key();
    let mut standing = begun.unwrap_or_else(|| memory(|memory| memory.leases.take(key, now)));
    // Nobody can be woken by another request, so each looks for itself.
    let mut waited_ms = 0;
    while standing == Standing::Wait {
        let pause_ms = (waited_ms + 1).min(PAUSE_MS);
        Delay::from(Duration::from_millis(pause_ms)).await;
        waited_ms += pause_ms;
        let now = border::now();
        standing = memory(|memory| memory.leases.take_again(key, now));
        if standing == Standing::Wait && waited_ms >= WAIT_MS {
            standing = Standing::Ask(1);
        }
    }
    match standing {
        Standing::Pass { route, renew } => {
            if let Some(requests) = renew {
                renewing(env, context, visit, requests);
            }
            Ok(route)
        }
        Standing::Ask(requests) => {
            ask_for(env, visit, requests).await?;
            memory(|memory| memory.leases.take_answered(key))
        }
        Standing::Refused(refusal) => Err(refusal),
        Standing::Wait => Err(Refusal::Unavailable),
    }
}

/// Asks for more beside a request that passes already, for those that come next.
fn renewing(env: &Env, context: &worker_sys::Context, visit: &Rc<Visit>, requests: u32) {
    let (env, visit) = (env.clone(), Rc::clone(visit));
    let asking = future_to_promise(async move {
        let _recorded_where_it_failed = ask_for(&env, &visit, requests).await;
        Ok(JsValue::UNDEFINED)
    });
    let _ends_with_the_request_otherwise = context.wait_until(&asking);
}

/// Asks the object for requests and remembers what it says.
async fn ask_for(env: &Env, visit: &Visit, requests: u32) -> Result<(), Refusal> {
    let (key, asked) = (visit.key(), border::now());
    let answer = ask(env, visit, requests, 0).await;
    let now = border::now();
    memory(|memory| match answer {
        Ok(lease) => {
            memory.leases.granted(key, lease, asked, now);
            Ok(())
        }
        Err(Refusal::Unavailable) => {
            memory.leases.unanswered(key, now);
            Err(Refusal::Unavailable)
        }
        Err(refusal) => {
            memory.leases.refused(key, refusal, now);
            Err(refusal)
        }
    })
}

/// A socket. Each is asked for, since each stays open.
async fn socket(env: &Env, visit: &Visit, now: Timestamp) -> Result<Rc<Route>, Refusal> {
    let key = visit.key();
    let refused = |retry_after_s: u32| Err(Refusal::RateLimited { retry_after_s: retry_after_s.max(1) });
    if let Some(retry_after_s) = memory(|memory| memory.leases.no_sockets(key, now)) {
        return refused(retry_after_s);
    }
    let lease = ask(env, visit, 0, 1).await?;
    if lease.sockets == 0 {
        memory(|memory| memory.leases.sockets_refused(key, lease.retry_after_s, border::now()));
        return refused(lease.retry_after_s);
    }
    Ok(Rc::new(lease.route))
}

/// One question to the route object.
async fn ask(env: &Env, visit: &Visit, requests: u32, sockets: u32) -> Result<RouteLease, Refusal> {
    let (org, sandbox, epoch): Key = visit.key();
    let command = RouteCommand::Lease { org, epoch, requests, sockets };
    let failed = |error: worker::Error| {
        slipway_edge::log::Line::warn("route_unreachable").sandbox(sandbox).fault(&error).emit();
        Refusal::Unavailable
    };
    let answer = async {
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&JsValue::from_str(&serde_json::to_string(&command)?));
        let request = Request::new_with_str_and_init("https://route/", &init)?;
        let object = env.durable_object("ROUTE")?.get_by_name(&sandbox.to_string())?;
        let mut reply = object.fetch_with_request(request.into()).await?;
        worker::Result::Ok((reply.status_code(), reply.text().await?))
    };
    let (status, text) = answer.await.map_err(failed)?;
    if status == 200 {
        return serde_json::from_str(&text).map_err(|error| failed(error.into()));
    }
    let code: Option<ProblemCode> = serde_json::from_str::<Problem>(&text).ok().map(|problem| problem.code);
    Err(Refusal::by_object(code))
}
