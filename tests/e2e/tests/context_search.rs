//! Finding context items: by what they mean where the installation can tell, by their words otherwise, and never what
//! somebody does not see. Which of both it is depends on this machine's Postgres: without pgvector, nothing is sent to a
//! model.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use e2e::fake_model::FakeModel;
use e2e::person_context::{item, of_chat};
use e2e::{Person, Team, World};
use reqwest::Method;
use serde_json::json;
use slipway_contract::http::chats::{Chat, CreateChat};
use slipway_contract::http::context::{FoundItems, NoSemantic, Semantic};
use slipway_contract::http::orgs::Role;
use slipway_contract::{OrgId, ProblemCode};
use tokio::task::block_in_place;
use xtask::testbed::{Options, Testbed};
use xtask::workers::Worker;

/// The orchestrator's clock.
const MINUTELY: &str = "* * * * *";
const MODEL: &str = "openai:fake-embeddings";

async fn search(by: &Person, org: OrgId, query: &str) -> Result<FoundItems> {
    by.get(&format!("/v1/orgs/{org}/context-items/search?{query}")).await?.read()
}

fn titles(found: &FoundItems) -> Vec<&str> {
    found.items.iter().map(|one| one.item.title.as_str()).collect()
}

/// A team whose owner is in a chat, and a member who is not, with items in the chat and in the org.
async fn written(world: &World) -> Result<(Team, Person, Chat)> {
    let team = world.team("Acme").await?;
    let member = team.join("Bo", Role::Member).await?;
    let path = format!("/v1/orgs/{}/channels/{}/chats", team.org, team.channel);
    let body = CreateChat { title: "Cars".to_owned(), agents: None };
    let chat: Chat = team.owner.send(Method::POST, &path, &body).await?.read()?;
    for new in [
        item("Parking", "Every car stands in the yard."),
        item("Lunch", "At noon."),
        of_chat(chat.id, "Keys", "The car opens with the red key."),
    ] {
        team.owner.tell(team.org, &new).await?;
    }
    Ok((team, member, chat))
}

#[tokio::test]
async fn without_a_model_items_are_found_by_words_and_that_is_said() -> Result<()> {
    let world = World::shared()?;
    let (team, member, chat) = written(&world).await?;
    let (owner, org) = (&team.owner, team.org);
    let found = search(owner, org, "q=red%20CAR").await?;
    let Semantic::NotAvailable { reason } = found.semantic else {
        anyhow::bail!("this stack has no model for it: {found:?}");
    };
    ensure!(matches!(reason, NoSemantic::NoExtension | NoSemantic::NoModel), "{reason:?}");
    assert_eq!(titles(&found), ["Keys", "Parking"]);
    assert_eq!(found.items.iter().map(|one| one.score).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(titles(&search(&member, org, "q=red%20car").await?), ["Parking"]);
    assert_eq!(titles(&search(owner, org, "q=car&limit=1").await?).len(), 1);
    let here = search(owner, org, &format!("q=car&chat={}", chat.id)).await?;
    assert_eq!(titles(&here), ["Keys", "Parking"]);
    assert_eq!(titles(&search(owner, org, "q=vehicle").await?), [""; 0]);
    for wrong in ["q=%20", &format!("q={}", "x".repeat(501)), "q=x&limit=51", "q=x&limit=0"] {
        let path = format!("/v1/orgs/{org}/context-items/search?{wrong}");
        owner.get(&path).await?.refused(ProblemCode::InvalidParameter)?;
    }
    let stranger = world.team("Other").await?;
    let path = format!("/v1/orgs/{org}/context-items/search?q=car");
    stranger.owner.at(org).get(&path).await?.refused(ProblemCode::NotFound)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_model_items_are_found_by_what_they_mean() -> Result<()> {
    let fake = FakeModel::start().await?;
    let set = |name: &str, value: &str| (name.to_owned(), json!(value));
    let url = fake.openai_base_url();
    let vars = [set("OPENAI_BASE_URL", &url), set("OPENAI_API_KEY", "k"), set("EMBEDDING_MODEL", MODEL)];
    let vars = BTreeMap::from([(Worker::Orchestrator, vars.into_iter().collect())]);
    let mut bed = block_in_place(|| Testbed::start(Options { vars, ..Options::default() }))?;
    let world = World::of(&bed)?;
    let (team, member, _) = written(&world).await?;
    let (owner, org) = (&team.owner, team.org);
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    let found = search(owner, org, "q=vehicle").await?;
    if found.semantic == (Semantic::NotAvailable { reason: NoSemantic::NoExtension }) {
        println!("skipped: the stack's Postgres has no pgvector");
        assert_eq!(titles(&found), [""; 0]);
        assert_eq!(fake.calls(), [], "nothing is sent to a model in vain");
        return Ok(());
    }
    assert_eq!(found.semantic, Semantic::Available);
    let mut first_two = titles(&found).into_iter().take(2).collect::<Vec<_>>();
    first_two.sort_unstable();
    assert_eq!(first_two, ["Keys", "Parking"]);
    ensure!(!titles(&search(&member, org, "q=vehicle").await?).contains(&"Keys"), "of a chat of others");

    // One that the model does not take keeps no other from being found.
    for new in [item("Odd", "script:400"), item("Trips", "A vacation is taken in summer.")] {
        owner.tell(org, &new).await?;
    }
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    let found = search(owner, org, "q=holiday&limit=1").await?;
    assert_eq!(titles(&found), ["Trips"]);
    let calls = fake.calls().len();
    block_in_place(|| bed.stack.run_cron(Worker::Orchestrator, MINUTELY))?;
    assert_eq!(fake.calls().len(), calls, "nothing is embedded twice");

    let found = search(owner, org, "q=car%20script:503").await?;
    assert_eq!(found.semantic, Semantic::NotAvailable { reason: NoSemantic::ProviderFailed });
    ensure!(titles(&found).contains(&"Parking"), "{found:?}");
    Ok(())
}
