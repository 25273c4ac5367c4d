//! What the Workers write down: every request with its id, warnings where an org was missed, and never what people said
//! or what opens doors.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use e2e::{World, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::ProblemCode;
use slipway_contract::http::orgs::Role;
use tokio::task::block_in_place;
use xtask::stack::Vars;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The log's lines so far.
fn lines(bed: &Testbed) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(bed.folder().join("logs/workers.jsonl"))?;
    // The last line may be half written.
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Waits for a line with these fields.
async fn line(bed: &Testbed, fields: &[(&str, &str)]) -> Result<Value> {
    eventually(&format!("a log line with {fields:?}"), async || {
        Ok(lines(bed)?.into_iter().find(|line| {
            fields.iter().all(|(name, value)| line.get(*name).and_then(Value::as_str) == Some(value))
        }))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_in_the_log_by_its_id_and_no_word_or_secret_is() -> Result<()> {
    let bed = block_in_place(|| Testbed::start(Options::default()))?;
    let world = World::of(&bed)?;
    let team = world.team("quietorg").await?;
    let bo = team.join("quietname", Role::Member).await?;
    let chat = team.chat("quiettitle", &[&bo]).await?;
    let message = bo.post(chat.id, "quietclient", "quiettext").await?.message;
    bo.edit(message, "quietedit").await?.done()?;
    world.log_in(&bo.user.email, "quietpassword").await?.refused(ProblemCode::WrongCredentials)?;
    bo.send(Method::POST, "/v1/orgs", &json!({"quietfield": 1})).await?.refused(ProblemCode::InvalidBody)?;
    let invitation = team.owner.invite(team.org, "quietaddress@example.org", Role::Guest).await?;
    bo.try_accept(&invitation.token).await?.refused(ProblemCode::InvitationForAnother)?;
    let ticket = bo.ticket(chat.id).await?;
    let first = bo.cookie().context("no cookie")?;
    bo.refresh().await?;
    let mut socket = bo.socket(chat.id, None).await?;
    socket.post("quietsocket", "quietframe").await?;
    let stranger = world.person("quietstranger").await?.at(team.org);
    stranger.get(&format!("/v1/orgs/{}/members", team.org)).await?.refused(ProblemCode::NotFound)?;
    let last = bo.get(&format!("/v1/chats/{}", chat.id)).await?;

    let request = last.header("x-request-id").to_owned();
    let written = line(&bed, &[("request_id", &request)]).await?;
    let field = |name: &str| written.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(field("route"), "/v1/chats/{chat}", "{written}");
    assert_eq!(field("user"), bo.id().to_string());
    assert_eq!(field("chat"), chat.id.to_string());
    assert_eq!(field("org"), team.org.to_string());
    line(&bed, &[("event", "org_context_access_denied")]).await?;
    line(&bed, &[("event", "invitation_accept_failed")]).await?;

    let log = std::fs::read_to_string(bed.folder().join("logs/workers.jsonl"))?;
    let token = bo.token();
    let secrets = [
        ("anything that was said or named", "quiet"),
        ("an address", "example.org"),
        ("an access token", token.as_str()),
        ("a signature", token.rsplit('.').next().context("no token")?),
        ("a refresh token", &first),
        ("an invitation", &invitation.token),
        ("a ticket", &ticket),
    ];
    for (what, secret) in secrets {
        let shown = log.lines().find(|line| line.contains(secret));
        assert_eq!(shown, None, "{what} is in the log");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_missing_org_is_only_warned_of_it_opens_nothing() -> Result<()> {
    let vars = Vars::from([("ORG_CONTEXT_ENFORCEMENT".to_owned(), json!("warn"))]);
    let options = Options { vars: BTreeMap::from([(Worker::AppApi, vars)]), ..Options::default() };
    let bed = block_in_place(|| Testbed::start(options))?;
    let world = World::of(&bed)?;
    let (team, other) = (world.team("Acme").await?, world.team("Other").await?);
    let bo = team.join("Bo", Role::Member).await?;
    let chat = team.chat("Talk", &[]).await?;
    let paths = [format!("/v1/orgs/{}/channels", team.org), format!("/v1/chats/{}", chat.id)];
    for path in &paths {
        team.owner.nowhere().get(path).await?.done()?;
        other.owner.nowhere().get(path).await?.refused(ProblemCode::NotFound)?;
    }
    // A header that is there counts as before.
    let wrong = team.owner.at(other.org);
    wrong.get(&paths[0]).await?.refused(ProblemCode::OrgContextMismatch)?;
    wrong.get(&paths[1]).await?.refused(ProblemCode::NotFound)?;
    bo.nowhere().admit(chat.id, bo.id()).await?;
    other.owner.nowhere().try_admit(chat.id, other.owner.id()).await?.refused(ProblemCode::NotFound)?;
    let (org, user) = (team.org.to_string(), team.owner.id().to_string());
    line(&bed, &[("event", "org_context_header_fallback"), ("org", &org), ("user", &user)]).await.map(drop)
}
