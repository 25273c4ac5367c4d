//! Two tenants whose requests take turns on four pooled connections: nobody ever gets the other's answer.

use std::env;
use std::time::Instant;

use anyhow::{Result, ensure};
use e2e::{Person, World};
use futures::stream::{self, StreamExt as _};
use slipway_contract::ProblemCode;
use slipway_contract::http::agents::Agent;
use slipway_contract::http::page::Page;

/// Set to `pgbouncer`, it puts four connections in transaction mode between the Workers and Postgres.
const POOLING: &str = "SLIPWAY_E2E_POOLING";
/// How many requests.
const REQUESTS: &str = "SLIPWAY_E2E_INTERLEAVED";
/// About four minutes on two cores.
const BY_DEFAULT: u32 = 100_000;
/// More than connections, so that transactions wait for each other.
const AT_ONCE: usize = 32;

/// What one request came to: whose agents were asked for by whom.
async fn ask(asker: &Person, of: &Person, expected: &Page<Agent>, own: bool) -> Result<()> {
    let Some(org) = of.org else { return Ok(()) };
    let answer = asker.at(org).get(&format!("/v1/orgs/{org}/agents")).await?;
    if own {
        let page: Page<Agent> = answer.read()?;
        ensure!(page == *expected, "another tenant's answer: {answer}");
        return Ok(());
    }
    answer.refused(ProblemCode::NotFound).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_two_tenants_are_never_mixed_on_pooled_connections() -> Result<()> {
    if env::var(POOLING).as_deref() != Ok("pgbouncer") {
        println!("only with {POOLING}=pgbouncer: without a pooler each request has a connection of its own");
        return Ok(());
    }
    let requests: u32 = env::var(REQUESTS).ok().map_or(Ok(BY_DEFAULT), |text| text.parse())?;
    let world = World::shared()?;
    let mut tenants = Vec::new();
    for name in ["gammaburg", "deltaport"] {
        let team = world.team(name).await?;
        team.owner.agent(team.org, &format!("{name}-bot")).await?;
        let agents: Page<Agent> = team.owner.get(&format!("/v1/orgs/{}/agents", team.org)).await?.read()?;
        ensure!(agents.items.len() == 2 && format!("{agents:?}").contains(name));
        tenants.push((team.owner, agents));
    }
    let begun = Instant::now();
    let asked = stream::iter(0..requests).map(|n| {
        // Mostly one's own; now and then the other's, whose refusal leaves a transaction behind that is not committed.
        let (asker, own) = (n as usize % 2, n % 16 < 14);
        let of = if own { asker } else { 1 - asker };
        let ((asker, _), (of, expected)) = (tenants[asker].clone(), tenants[of].clone());
        async move { ask(&asker, &of, &expected, own).await }
    });
    let mut answers = asked.buffer_unordered(AT_ONCE);
    let mut mixed = Vec::new();
    while let Some(answer) = answers.next().await {
        if let Err(error) = answer {
            mixed.push(format!("{error:#}"));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    mixed.truncate(10);
    assert!(mixed.is_empty(), "{}", mixed.join("\n"));
    println!("{requests} interleaved requests, 0 mixed, {:.0} requests/s", f64::from(requests) / seconds);
    Ok(())
}
