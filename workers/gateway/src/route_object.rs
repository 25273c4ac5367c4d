//! The shim between the platform and a [`Door`]: decode, look up what is not known, decide, store, reply.
//!
//! Invariant: a newer route is stored before anybody hears of it, and no borrow lives across an await.

use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::channel::oneshot;
use futures::future::{Either, select};
use slipway_contract::objects::route::{FindRoute, Route, RouteCommand, RouteLease};
use slipway_contract::{Problem, ProblemCode, RequestId, SandboxId};
use slipway_edge::log::Line;
use slipway_edge::{clock, ids, reply};
use wasm_bindgen::JsValue;
use worker::{
    Delay, DurableObject, Env, Error, Headers, Method, Request, RequestInit, Response, Result, State,
    durable_object,
};

use crate::door::{Ask, Door};
use crate::settings::Rates;

/// The longest command, in bytes; an address of an executor is the longest thing in one.
const COMMAND_BYTES: usize = 4 * 1024;
/// How long the orchestrator may take: it may have to dial Postgres.
const LOOK_UP: Duration = Duration::from_secs(5);

/// The route of one sandbox. Its name is the sandbox's id.
#[durable_object(fetch)]
pub struct SandboxRoute {
    state: State,
    env: Env,
    door: RefCell<Option<Door>>,
    /// Who waits for the look-up that is under way.
    looking_up: RefCell<Option<Vec<oneshot::Sender<()>>>>,
}

impl DurableObject for SandboxRoute {
    fn new(state: State, env: Env) -> Self {
        slipway_edge::log::configure(&env);
        Self { state, env, door: RefCell::new(None), looking_up: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let id = ids::fresh();
        let refuse = |code| reply::problem(Problem::new(code), id);
        if request.method() != Method::Post {
            return refuse(ProblemCode::RouteNotFound);
        }
        let body = request.text().await?;
        if body.len() > COMMAND_BYTES {
            return refuse(ProblemCode::TooLarge);
        }
        let Ok(command) = serde_json::from_str(&body) else { return refuse(ProblemCode::InvalidBody) };
        // Something named otherwise is no sandbox's route, and nothing is ever stored in it.
        let Some(sandbox) = self.sandbox() else { return refuse(ProblemCode::NotFound) };
        match command {
            RouteCommand::Lease { org, epoch, requests, sockets } => {
                match self.lease(sandbox, Ask { org, epoch, requests, sockets }).await? {
                    Ok(lease) => reply::json(200, &lease, id),
                    Err(code) => refuse(code),
                }
            }
            RouteCommand::Set(route) if route.sandbox == sandbox => {
                self.change(|door| door.set(route))?;
                reply::empty(204, id)
            }
            RouteCommand::Set(_) => refuse(ProblemCode::InvalidBody),
        }
    }
}

impl SandboxRoute {
    fn sandbox(&self) -> Option<SandboxId> {
        self.state.id().name()?.parse().ok()
    }

    async fn lease(
        &self,
        sandbox: SandboxId,
        ask: Ask,
    ) -> Result<core::result::Result<RouteLease, ProblemCode>> {
        if self.with(|door| door.needs_look_up(ask, clock::now()))? {
            self.look_up(FindRoute { org: ask.org, sandbox }).await?;
        }
        self.with(|door| door.lease(ask, clock::now()))
    }

    /// Asks the orchestrator, or waits for who does already.
    async fn look_up(&self, wanted: FindRoute) -> Result<()> {
        let turn = match &mut *self.looking_up.borrow_mut() {
            Some(waiting) => {
                let (done, turn) = oneshot::channel();
                waiting.push(done);
                Some(turn)
            }
            nobody @ None => {
                *nobody = Some(Vec::new());
                None
            }
        };
        if let Some(turn) = turn {
            // Ends at the latest when the look-up does, which has a limit.
            let _ended_either_way = turn.await;
            return Ok(());
        }
        let found = self.find(wanted).await;
        let changed = match found {
            Some(route) => self.change(|door| door.found(wanted.org, route, clock::now())),
            None => Ok(()),
        };
        for waiting in self.looking_up.take().into_iter().flatten() {
            let _it_may_be_gone = waiting.send(());
        }
        changed
    }

    /// The orchestrator's answer; the inner `None` when there is no such sandbox, the outer one when it gave no answer.
    async fn find(&self, wanted: FindRoute) -> Option<Option<Route>> {
        let request: RequestId = ids::fresh();
        let limit = Delay::from(LOOK_UP);
        let answer = match select(Box::pin(find(&self.env, wanted, request)), limit).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(Error::RustError("no answer in time".to_owned())),
        };
        answer
            .map_err(|error| {
                let line = Line::warn("route_look_up_failed").request(request).org(wanted.org);
                line.sandbox(wanted.sandbox).fault(&error).emit();
            })
            .ok()
    }

    /// Calls `with` the door, which is read from storage at first.
    fn with<T>(&self, with: impl FnOnce(&mut Door) -> T) -> Result<T> {
        let mut door = self.door.borrow_mut();
        let door = match &mut *door {
            Some(door) => door,
            empty @ None => empty.insert(self.open()?),
        };
        Ok(with(door))
    }

    /// Changes the door, and stores its route when `change` says so.
    fn change(&self, change: impl FnOnce(&mut Door) -> bool) -> Result<()> {
        let route = self.with(|door| change(door).then(|| door.route().cloned()).flatten())?;
        let Some(route) = route else { return Ok(()) };
        let stored = self.store(&route);
        if stored.is_err() {
            // What is not stored is not known.
            self.door.take();
        }
        stored
    }

    fn store(&self, route: &Route) -> Result<()> {
        let json = serde_json::to_string(route)?;
        let statement = "INSERT OR REPLACE INTO route (id, route) VALUES (1, ?)";
        self.state.storage().sql().exec(statement, vec![json.into()]).map(drop)
    }

    fn open(&self) -> Result<Door> {
        let sql = self.state.storage().sql();
        sql.exec(
            "CREATE TABLE IF NOT EXISTS route (id INTEGER PRIMARY KEY CHECK (id = 1), route TEXT NOT NULL)",
            None,
        )?;
        let rows: Vec<BTreeMap<String, String>> = sql.exec("SELECT route FROM route", None)?.to_array()?;
        let stored = rows.into_iter().find_map(|row| row.into_values().next());
        let route = stored.map(|json| serde_json::from_str(&json)).transpose()?;
        let rates = Rates::read(|name| self.env.var(name).ok().map(|value| value.to_string()));
        Ok(Door::new(rates, route, clock::now()))
    }
}

async fn find(env: &Env, wanted: FindRoute, request: RequestId) -> Result<Option<Route>> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set(reply::REQUEST_ID, &request.to_string())?;
    let mut init = RequestInit::new();
    init.with_headers(headers);
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(&wanted)?)));
    let address = "https://orchestrator/internal/routes/find";
    let mut answer = env.service("ORCHESTRATOR")?.fetch(address, Some(init)).await?;
    let text = answer.text().await?;
    match answer.status_code() {
        200 => {
            let route: Route = serde_json::from_str(&text)?;
            Ok(Some(route).filter(|route| route.sandbox == wanted.sandbox))
        }
        // Any 404 but the orchestrator's word for an unknown path, which is our fault and no answer.
        404 if serde_json::from_str::<Problem>(&text)?.code == ProblemCode::NotFound => Ok(None),
        status => Err(Error::RustError(format!("the orchestrator answered {status}"))),
    }
}
