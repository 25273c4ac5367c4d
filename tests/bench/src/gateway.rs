//! Previews through the gateway, all checks on and warm, against a Worker that only passes on. Both run in one workerd and
//! reach the same server, which stands where the executor would and answers at once from this process.

mod client;
mod upstream;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use futures::future::try_join_all;
use serde_json::json;
use slipway_contract::objects::route::{Route, RouteCommand};
use slipway_contract::preview::{AUDIENCE, COOKIE, ISSUER, TOKEN_LIFE_S};
use slipway_contract::sandbox::SandboxState;
use slipway_contract::{ChatId, OrgId, SandboxId, UserId};
use xtask::secrets::TokenKey;

use self::client::Visitor;
pub(crate) use self::upstream::Upstream;
use crate::Plan;
use crate::machine;
use crate::report::{Report, Round};
use crate::setting::Setting;

/// Connections of the HTTP parts: enough to keep one core busy.
const CONNECTIONS: usize = 32;
/// Sockets of the echo parts.
const SOCKETS: usize = 8;
/// A round is short and there are many, so that both sides meet the same moods of the machine.
const ROUNDS_FOR_ONE: usize = 2;
const PORT: u16 = 3000;

/// Where both sides are, and what opens ours.
pub(crate) struct Doors {
    ours: Visitor,
    peer: Visitor,
}

impl Doors {
    /// Tells the route object where the sandbox is, and makes a token for it.
    pub(crate) async fn open(setting: &Setting) -> Result<Self> {
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_secs())?;
        let sandbox = SandboxId::fresh(u64::try_from(now)? * 1000, [7; 10]);
        let org = OrgId::fresh(1, [1; 10]);
        let route = Route {
            org,
            sandbox,
            epoch: 1,
            version: 1,
            state: SandboxState::Ready,
            executor: setting.upstream_url().to_owned(),
        };
        setting.set_route(sandbox, serde_json::to_string(&RouteCommand::Set(route))?).await?;
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + TOKEN_LIFE_S, "sub": UserId::fresh(1, [2; 10]),
            "org": org, "chat": ChatId::fresh(1, [3; 10]), "sbx": sandbox, "port": PORT, "epoch": 1,
        });
        let token = sign(setting.preview_key()?, &claims.to_string())?;
        let host = format!("{PORT}-{}.localhost:{}", sandbox.uuid().simple(), setting.gateway_port());
        let visitor = |port| Visitor { port, host: host.clone(), cookie: format!("{COOKIE}={token}") };
        Ok(Self { ours: visitor(setting.gateway_port()), peer: visitor(setting.floor_port()) })
    }
}

/// A token as the orchestrator makes them.
fn sign(key: &TokenKey, claims: &str) -> Result<String> {
    let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(&key.seed)?.try_into().ok().context("a seed has 32 bytes")?;
    let header = json!({"alg": "EdDSA", "kid": key.kid}).to_string();
    let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = KeyPair::from_seed(Seed::new(seed)).sk.sign(&said, None);
    Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(*signature)))
}

/// Requests whose answers have so many bytes.
pub(crate) async fn http(setting: &Setting, plan: &Plan, bytes: usize, report: &mut Report) -> Result<()> {
    let doors = Doors::open(setting).await?;
    let path = format!("/bytes/{bytes}");
    let mut pairs = Vec::new();
    for pair in 0..=plan.rounds * ROUNDS_FOR_ONE {
        let ours = requests(setting, plan, &doors.ours, &path, bytes).await?;
        let peer = requests(setting, plan, &doors.peer, &path, bytes).await?;
        // The first pair warms both up.
        if pair > 0 {
            pairs.push((ours, peer));
        }
    }
    report.pairs(&format!("gateway, {} answers, warm", size(bytes)), &pairs, 0);
    Ok(())
}

async fn requests(setting: &Setting, plan: &Plan, at: &Visitor, path: &str, bytes: usize) -> Result<Round> {
    let mut connections = try_join_all((0..CONNECTIONS).map(|_| at.connect())).await?;
    let cpu = machine::cpu_time(setting.workerd())?;
    let begun = Instant::now();
    let until = begun + part(plan);
    let all = connections.iter_mut().map(|connection| async move {
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let sent = Instant::now();
            let answered = connection.get(path).await?;
            ensure!(answered == bytes, "{answered} bytes of {bytes}");
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        anyhow::Ok(latencies)
    });
    let latencies = try_join_all(all).await?.concat();
    round(setting, latencies, begun, cpu)
}

/// Messages of so many bytes, there and back, one at a time on each socket.
pub(crate) async fn echo(setting: &Setting, plan: &Plan, bytes: usize, report: &mut Report) -> Result<()> {
    let doors = Doors::open(setting).await?;
    let mut pairs = Vec::new();
    for pair in 0..=plan.rounds * ROUNDS_FOR_ONE {
        let ours = messages(setting, plan, &doors.ours, bytes).await?;
        let peer = messages(setting, plan, &doors.peer, bytes).await?;
        if pair > 0 {
            pairs.push((ours, peer));
        }
    }
    report.pairs(&format!("gateway, WebSocket echo of {}", size(bytes)), &pairs, 0);
    Ok(())
}

async fn messages(setting: &Setting, plan: &Plan, at: &Visitor, bytes: usize) -> Result<Round> {
    let mut sockets = try_join_all((0..SOCKETS).map(|_| at.socket())).await?;
    let cpu = machine::cpu_time(setting.workerd())?;
    let begun = Instant::now();
    let until = begun + part(plan);
    let all = sockets.iter_mut().map(|socket| async move {
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let sent = Instant::now();
            client::echo(socket, bytes).await?;
            latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
        }
        anyhow::Ok(latencies)
    });
    let latencies = try_join_all(all).await?.concat();
    let round = round(setting, latencies, begun, cpu);
    for mut socket in sockets {
        // The server may have closed it first.
        let _closed = socket.close(None).await;
    }
    round
}

fn round(setting: &Setting, latencies: Vec<f64>, begun: Instant, cpu: Duration) -> Result<Round> {
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = machine::cpu_time(setting.workerd())?.saturating_sub(cpu);
    let operations = latencies.len() as u64;
    Ok(Round::of(latencies, operations, seconds, cpu))
}

fn part(plan: &Plan) -> Duration {
    Duration::from_secs(plan.seconds) / u32::try_from(ROUNDS_FOR_ONE).unwrap_or(1)
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}
