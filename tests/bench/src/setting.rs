//! Where the bench happens: a whole stack with the peer beside it, and an org with a signed-in person.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_contract::SandboxId;
use tokio::sync::OnceCell;
use xtask::repo;
use xtask::secrets::TokenKey;
use xtask::stack::{Extra, Vars};
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

use crate::machine;

/// The running stack.
pub(crate) struct Setting {
    bed: Testbed,
    peer_url: String,
    floor_port: u16,
    upstream_url: String,
    http: reqwest::Client,
    org: OnceCell<Org>,
    people: RefCell<Vec<Person>>,
}

/// Everybody's password.
const PASSWORD: &str = "correct horse battery";

/// Where the chats are.
struct Org {
    id: String,
    channel: String,
}

/// Somebody who is signed in.
#[derive(Clone)]
struct Person {
    id: String,
    email: String,
    token: String,
}

impl Setting {
    /// Starts the stack, its peer, and the gateway's, which reaches `upstream_url`.
    pub(crate) fn start(upstream_url: String) -> Result<Self> {
        let folder = |name: &str| -> PathBuf { repo::root().join("tests/bench").join(name) };
        let (port, floor_port) = (xtask::ports::free()?, xtask::ports::free()?);
        let peer = Extra { folder: folder("peer"), port, vars: Vars::new() };
        let vars = Vars::from([("UPSTREAM".to_owned(), json!(upstream_url))]);
        let floor = Extra { folder: folder("peer-gateway"), port: floor_port, vars };
        // What is measured is the checking, not the waiting.
        let limits = [
            "PREVIEW_REQUESTS_PER_MINUTE",
            "PREVIEW_BURST",
            "PREVIEW_SOCKETS_PER_MINUTE",
            "PREVIEW_SOCKET_BURST",
        ];
        let limits = limits.map(|name| (name.to_owned(), json!("10000000")));
        let vars = BTreeMap::from([(Worker::Gateway, Vars::from(limits))]);
        let bed = Testbed::start(Options { vars, extra: vec![peer, floor], ..Options::default() })?;
        Ok(Self {
            bed,
            peer_url: format!("127.0.0.1:{port}"),
            floor_port,
            upstream_url,
            // What stood unused for longer may be closed by the server in the moment of its next use.
            http: reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2)).build()?,
            org: OnceCell::new(),
            people: RefCell::new(Vec::new()),
        })
    }

    /// The stack itself.
    pub(crate) fn bed(&self) -> &Testbed {
        &self.bed
    }

    /// A client without credentials.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Process id of workerd.
    pub(crate) fn workerd(&self) -> u32 {
        self.bed.stack.workerd_pid()
    }

    /// kill -9 of workerd. Another one takes its place, on its core, with nothing in memory.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.bed.stack.kill_workerd()?;
        machine::pin_all_threads(self.workerd(), 0)
    }

    /// The folder that holds the data.
    pub(crate) fn folder(&self) -> &Path {
        self.bed.folder()
    }

    /// Address of a room of the peer.
    pub(crate) fn peer_socket(&self, room: &str) -> String {
        format!("ws://{}/parties/room/{room}", self.peer_url)
    }

    /// Address of something else of the peer's.
    pub(crate) fn peer(&self, path: &str) -> String {
        format!("http://{}/{path}", self.peer_url)
    }

    /// Port of the gateway.
    pub(crate) fn gateway_port(&self) -> u16 {
        self.bed.stack.gateway_url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default()
    }

    /// Port of the Worker that the gateway is compared with.
    pub(crate) fn floor_port(&self) -> u16 {
        self.floor_port
    }

    /// What stands in for an executor.
    pub(crate) fn upstream_url(&self) -> &str {
        &self.upstream_url
    }

    /// The key that signs preview tokens.
    pub(crate) fn preview_key(&self) -> Result<&TokenKey> {
        self.bed.secrets.preview_keys.first().context("no preview key")
    }

    /// Tells a sandbox's route object a command, as the orchestrator would.
    pub(crate) async fn set_route(&self, sandbox: SandboxId, command: String) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/route/{sandbox}", self.floor_port);
        let reply = self.http.post(url).body(command).send().await?;
        ensure!(reply.status().is_success(), "the route object answered {}", reply.status());
        Ok(())
    }

    /// The person of this number, signed up and in the org; the first one made the org.
    async fn person(&self, number: usize) -> Result<Person> {
        while self.people.borrow().len() <= number {
            let known = self.people.borrow().len();
            let email = format!("bench-{known}@example.com");
            let sign_up = json!({"email": email, "password": PASSWORD, "display_name": "Bench"});
            let session = self.send("POST", "/v1/auth/signup", None, Some(&sign_up)).await?;
            let token = text(&session, "/access_token")?;
            let person = Person { id: text(&session, "/user/id")?, email, token };
            if known > 0 {
                let org = self.org().await?;
                let invite = json!({"email": person.email, "role": "member"});
                let path = format!("/v1/orgs/{}/invitations", org.id);
                let invitation = self.signed("POST", &path, Some(&invite)).await?;
                let path = format!("/v1/invitations/{}/accept", text(&invitation, "/token")?);
                self.send("POST", &path, Some((&person.token, None)), None).await?;
            }
            self.people.borrow_mut().push(person);
        }
        self.people.borrow().get(number).cloned().context("no such person")
    }

    async fn org(&self) -> Result<&Org> {
        self.org
            .get_or_try_init(|| async {
                let founder = Box::pin(self.person(0)).await?;
                let body = json!({"name": "Bench"});
                let org = self.send("POST", "/v1/orgs", Some((&founder.token, None)), Some(&body)).await?;
                let id = text(&org, "/id")?;
                let path = format!("/v1/orgs/{id}/channels");
                let channels = self.send("GET", &path, Some((&founder.token, Some(&id))), None).await?;
                let channel = text(&channels, "/items/0/id")?;
                Ok(Org { id, channel })
            })
            .await
    }

    /// Id of the org.
    pub(crate) async fn org_id(&self) -> Result<&str> {
        Ok(&self.org().await?.id)
    }

    /// Sets a key of the org.
    pub(crate) async fn configure(&self, key: &str, value: Value) -> Result<()> {
        let path = format!("/v1/orgs/{}/config/{key}", self.org().await?.id);
        self.signed("PUT", &path, Some(&json!({"value": value}))).await.map(drop)
    }

    /// Signs the first person in anew: a token is good for a quarter of an hour.
    pub(crate) async fn renew(&self) -> Result<()> {
        let sign_in = json!({"email": self.person(0).await?.email, "password": PASSWORD});
        let session = self.send("POST", "/v1/auth/login", None, Some(&sign_in)).await?;
        let token = text(&session, "/access_token")?;
        if let Some(founder) = self.people.borrow_mut().first_mut() {
            founder.token = token;
        }
        Ok(())
    }

    /// A new chat of the first person.
    pub(crate) async fn chat(&self) -> Result<String> {
        let org = self.org().await?;
        let path = format!("/v1/orgs/{}/channels/{}/chats", org.id, org.channel);
        let chat = self.signed("POST", &path, Some(&json!({"title": "Bench", "agents": []}))).await?;
        text(&chat, "/id")
    }

    /// Takes a person into a chat.
    pub(crate) async fn admit(&self, chat: &str, person: usize) -> Result<()> {
        let body = json!({"user": self.person(person).await?.id});
        self.signed("POST", &format!("/v1/chats/{chat}/participants"), Some(&body)).await.map(drop)
    }

    /// Address of a chat's socket with a fresh ticket of a person.
    pub(crate) async fn chat_socket(&self, chat: &str, person: usize, after: Option<u64>) -> Result<String> {
        let (person, org) = (self.person(person).await?, self.org().await?);
        let path = format!("/v1/chats/{chat}/socket-ticket");
        let ticket = self.send("POST", &path, Some((&person.token, Some(&org.id))), None).await?;
        let ticket = text(&ticket, "/ticket")?;
        let host = self.bed.stack.api_url.trim_start_matches("http://");
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        Ok(format!("ws://{host}/v1/chats/{chat}/socket?ticket={ticket}{after}"))
    }

    /// A request of the first person.
    pub(crate) async fn signed(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let (founder, org) = (Box::pin(self.person(0)).await?, Box::pin(self.org()).await?);
        self.send(method, path, Some((&founder.token, Some(&org.id))), body).await
    }

    /// A request of the first person that may be refused: the status and the body.
    pub(crate) async fn tried(&self, method: &str, path: &str) -> Result<(u16, Value)> {
        let (founder, org) = (Box::pin(self.person(0)).await?, Box::pin(self.org()).await?);
        self.exchange(method, path, Some((&founder.token, Some(&org.id))), None).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        who: Option<(&str, Option<&str>)>,
        body: Option<&Value>,
    ) -> Result<Value> {
        let (status, answer) = self.exchange(method, path, who, body).await?;
        ensure!((200..300).contains(&status), "{method} {path} answered {status}: {answer}");
        Ok(answer)
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        who: Option<(&str, Option<&str>)>,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let url = format!("{}{path}", self.bed.stack.api_url);
        let mut request = self.http.request(method.parse()?, url);
        if let Some((token, org)) = who {
            request = request.bearer_auth(token);
            if let Some(org) = org {
                request = request.header("x-org-id", org);
            }
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request.send().await?;
        let status = reply.status().as_u16();
        let text = reply.text().await?;
        // What is no JSON is the platform's own.
        let answer = match serde_json::from_str(&text) {
            _ if text.is_empty() => Value::Null,
            Ok(answer) => answer,
            Err(_) => Value::String(text),
        };
        Ok((status, answer))
    }
}

/// A text of an answer.
pub(crate) fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {value}"))?.to_owned())
}
