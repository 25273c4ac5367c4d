//! Without Postgres: chats go on, what needs the index says when to come again, and the index catches up by itself.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::world::{Call, PASSWORD};
use e2e::{World, eventually};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use slipway_contract::ProblemCode;
use slipway_contract::http::orgs::Role;
use slipway_contract::socket::ClientFrame;
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};

/// What needs Postgres answers within this time: a connection is given up after five seconds, its use after ten. (A
/// pooler takes both although Postgres is away.)
const ANSWER: Duration = Duration::from_secs(17);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_go_on_while_postgres_is_away_and_the_index_catches_up() -> Result<()> {
    let mut bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let team = world.team("Acme").await?;
    let (bo, cy) = (team.join("Bo", Role::Member).await?, team.join("Cy", Role::Member).await?);
    let chat = team.chat("Lively", &[&bo]).await?;
    bo.post(chat.id, "before", "before").await?;
    eventually("the first message in the list", async || {
        Ok(team.owner.summary(&chat).await?.filter(|row| row.preview == "before" && row.unread == 1))
    })
    .await?;
    let mut hers = team.owner.socket(chat.id, None).await?;

    block_in_place(|| bed.postgres.stop());

    // Posting, editing, reading, sockets old and new: none of it asks Postgres.
    let posted = bo.post(chat.id, "http", "by http").await?;
    bo.edit(posted.message, "by http, edited").await?.done()?;
    hers.reach(posted.seq.next()).await?;
    let mut his = bo.socket(chat.id, Some(posted.seq)).await?;
    let last = his.post("socket", "by socket").await?;
    hers.reach(last.seq).await?;
    hers.send(&ClientFrame::Read { seq: posted.seq }).await?;
    assert_eq!(bo.log(chat.id).await?.last().map(|event| event.seq), Some(last.seq));
    team.owner.react(last.message, "👍", true).await?.done()?;

    // What does ask says so, in time, and when to come again.
    let org = format!("/v1/orgs/{}", team.org);
    let chats = format!("{org}/channels/{}/chats", team.channel);
    let log_in = json!({"email": bo.user.email, "password": PASSWORD});
    let sign_up = json!({"email": "new@example.org", "password": PASSWORD, "display_name": "New"});
    let calls = [
        bo.call(Method::GET, &chats),
        bo.call(Method::POST, &chats).json(&json!({"title": "New"})),
        bo.call(Method::GET, &format!("{org}/channels")),
        bo.call(Method::GET, &format!("{org}/members")),
        bo.call(Method::GET, "/v1/me"),
        bo.call(Method::POST, "/v1/orgs").json(&json!({"name": "New"})),
        cy.call(Method::POST, &format!("/v1/chats/{}/participants", chat.id)).json(&json!({"user": cy.id()})),
        world.call(Method::POST, "/v1/auth/login").json(&log_in),
        world.call(Method::POST, "/v1/auth/signup").json(&sign_up),
        bo.session_call("/v1/auth/refresh"),
    ];
    let begun = Instant::now();
    for answer in try_join_all(calls.map(Call::send)).await? {
        let problem = answer.refused(ProblemCode::Unavailable)?;
        assert!(problem.retry_after_s.is_some_and(|seconds| seconds >= 1), "{answer}");
    }
    assert!(begun.elapsed() < ANSWER, "answered only after {:?}", begun.elapsed());
    bo.call(Method::GET, "/v1/health").send().await?.done()?;

    block_in_place(|| bed.postgres.start_again())?;
    let begun = Instant::now();
    let row = eventually("the index to know what happened meanwhile", async || {
        let answer = team.owner.get(&chats).await?;
        if answer.status == 503 {
            return Ok(None);
        }
        Ok(team.owner.summary(&chat).await?.filter(|row| row.message_count == 3))
    })
    .await?;
    println!("the index caught up {:.1} s after Postgres came back", begun.elapsed().as_secs_f64());
    assert_eq!((row.preview.as_str(), row.unread), ("by socket", 1));
    bo.refresh().await?;
    cy.admit(chat.id, cy.id()).await
}
