//! What an org sets for itself: who reads and sets it, what each key takes, and what it does to forks, new chats and the
//! channels of those who see fewer of them.

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Person, Team, World};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::config::{Config, ConfigEntry, ConfigKey};
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, OrgId, ProblemCode};

fn path(org: OrgId, key: &str) -> String {
    format!("/v1/orgs/{org}/config/{key}")
}

async fn put(person: &Person, org: OrgId, key: ConfigKey, value: Value) -> Result<Answer> {
    person.send(Method::PUT, &path(org, key.name()), &json!({"value": value})).await
}

async fn set(person: &Person, org: OrgId, key: ConfigKey, value: Value) -> Result<ConfigEntry> {
    put(person, org, key, value).await?.read()
}

/// Back to the default.
async fn unset(person: &Person, org: OrgId, key: ConfigKey) -> Result<ConfigEntry> {
    person.send(Method::PUT, &path(org, key.name()), &json!({})).await?.read()
}

async fn read(person: &Person, org: OrgId, key: ConfigKey) -> Result<ConfigEntry> {
    person.get(&path(org, key.name())).await?.read()
}

async fn value(person: &Person, org: OrgId, key: ConfigKey) -> Result<Value> {
    Ok(read(person, org, key).await?.value)
}

async fn refused(team: &Team, key: ConfigKey, wrong: Value) -> Result<()> {
    let problem = put(&team.owner, team.org, key, wrong.clone()).await?.refused(ProblemCode::InvalidField)?;
    ensure!(problem.field.as_deref() == Some("value"), "{wrong}: {problem:?}");
    Ok(())
}

async fn recorded(world: &World, org: OrgId) -> Result<u64> {
    let statement = "SELECT 1 FROM audit WHERE org_id = $1 AND action = 'config.set'";
    world.sql(statement, &org.to_string()).await
}

#[tokio::test]
async fn everybody_in_the_org_reads_every_key_and_only_admins_and_owners_set_one() -> Result<()> {
    let world = World::shared()?;
    let (team, other) = (world.team("Acme").await?, world.team("Other").await?);
    let admin = team.join("Admin", Role::Admin).await?;
    let member = team.join("Member", Role::Member).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let agent = team.owner.agents(team.org).await?.first().context("a new org has no agent")?.id;

    for person in [&team.owner, &admin, &member, &guest] {
        let config: Config = person.get(&format!("/v1/orgs/{}/config", team.org)).await?.read()?;
        let entries: Vec<_> = config.entries.iter().map(|entry| (entry.key, entry.value.clone())).collect();
        let expected = [
            (ConfigKey::SidebarLayout, json!({"order": [], "folded": []})),
            (ConfigKey::Theme, json!("system")),
            (ConfigKey::AgentRosterOrder, json!([])),
            (ConfigKey::ForkTerminology, json!({"one": "fork", "many": "forks"})),
            (ConfigKey::MaxForksPerThread, json!(5)),
            (ConfigKey::DefaultAgent, json!(agent)),
            (ConfigKey::Features, json!({})),
            (ConfigKey::ArchiveAfterDays, json!(2)),
        ];
        assert_eq!(entries, expected);
        assert!(config.entries.iter().all(|entry| entry.updated_by.is_none() && entry.updated_at.is_none()));
    }

    for person in [&member, &guest] {
        put(person, team.org, ConfigKey::Theme, json!("dark")).await?.refused(ProblemCode::Forbidden)?;
    }
    put(&other.owner, other.org, ConfigKey::Theme, json!("light")).await?.done()?;
    let stranger = other.owner.at(team.org);
    put(&stranger, team.org, ConfigKey::Theme, json!("dark")).await?.refused(ProblemCode::NotFound)?;
    stranger.get(&path(team.org, "theme")).await?.refused(ProblemCode::NotFound)?;
    stranger.get(&format!("/v1/orgs/{}/config", team.org)).await?.refused(ProblemCode::NotFound)?;
    assert_eq!(value(&guest, team.org, ConfigKey::Theme).await?, json!("system"));
    assert_eq!(recorded(&world, team.org).await?, 0);

    let dark = set(&admin, team.org, ConfigKey::Theme, json!("dark")).await?;
    assert_eq!(dark.updated_by, Some(Actor::User { id: admin.id() }));
    assert!(dark.updated_at.is_some());
    assert_eq!(read(&guest, team.org, ConfigKey::Theme).await?, dark);
    assert_eq!(value(&other.owner, other.org, ConfigKey::Theme).await?, json!("light"));
    let again = unset(&team.owner, team.org, ConfigKey::Theme).await?;
    assert_eq!((again.value, again.updated_by), (json!("system"), Some(Actor::User { id: team.owner.id() })));
    assert_eq!(recorded(&world, team.org).await?, 2);
    Ok(())
}

#[tokio::test]
async fn what_a_key_does_not_take_changes_nothing() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    for method in [Method::GET, Method::PUT] {
        let unknown = team.owner.call(method, &path(team.org, "colour")).json(&json!({"value": 1}));
        unknown.send().await?.refused(ProblemCode::InvalidParameter)?;
    }
    for body in [json!([]), json!({"valeu": "dark"}), json!("dark")] {
        let answer = team.owner.send(Method::PUT, &path(team.org, "theme"), &body).await?;
        answer.refused(ProblemCode::InvalidBody)?;
    }
    let large = json!({"one": "x".repeat(70_000), "many": "y"});
    put(&team.owner, team.org, ConfigKey::ForkTerminology, large).await?.refused(ProblemCode::TooLarge)?;

    for (key, wrong) in [
        (ConfigKey::Theme, json!("sepia")),
        (ConfigKey::Theme, json!(null)),
        (ConfigKey::ForkTerminology, json!({"one": "", "many": "y"})),
        (ConfigKey::ForkTerminology, json!({"one": "x".repeat(31), "many": "y"})),
        (ConfigKey::ForkTerminology, json!({"one": "a\u{0}b", "many": "y"})),
        (ConfigKey::MaxForksPerThread, json!(51)),
        (ConfigKey::MaxForksPerThread, json!(-1)),
        (ConfigKey::ArchiveAfterDays, json!(0)),
        (ConfigKey::Features, json!({"A b": true})),
        (ConfigKey::Features, json!({"beta": "on"})),
        (ConfigKey::DefaultAgent, json!("demo")),
        (ConfigKey::SidebarLayout, json!({"order": [team.channel, team.channel]})),
        (ConfigKey::AgentRosterOrder, json!({})),
    ] {
        refused(&team, key, wrong).await?;
    }
    assert_eq!(recorded(&world, team.org).await?, 0);
    let config: Config = team.owner.get(&format!("/v1/orgs/{}/config", team.org)).await?.read()?;
    assert!(config.entries.iter().all(|entry| entry.updated_at.is_none()));

    // `null` is a value of some keys, and not the default.
    let never = set(&team.owner, team.org, ConfigKey::ArchiveAfterDays, json!(null)).await?;
    assert_eq!(never.value, json!(null));
    assert_eq!(unset(&team.owner, team.org, ConfigKey::ArchiveAfterDays).await?.value, json!(2));
    Ok(())
}

#[tokio::test]
async fn the_default_agent_is_who_new_chats_begin_with() -> Result<()> {
    let world = World::shared()?;
    let (team, other) = (world.team("Acme").await?, world.team("Other").await?);
    let (owner, org, key) = (&team.owner, team.org, ConfigKey::DefaultAgent);
    let helper = owner.agent(org, "helper").await?.id;
    let foreign = other.owner.agents(other.org).await?.first().context("a new org has no agent")?.id;

    set(owner, org, key, json!(helper)).await?;
    let defaults: Vec<_> =
        owner.agents(org).await?.into_iter().filter(|agent| agent.is_default).map(|agent| agent.id).collect();
    assert_eq!(defaults, [helper]);
    let chats = format!("/v1/orgs/{org}/channels/{}/chats", team.channel);
    let begin = json!({"title": "With the helper"});
    let chat = owner.send(Method::POST, &chats, &begin).await?.read()?;
    let agents = |chat: &slipway_contract::http::chats::Chat| {
        chat.participants
            .iter()
            .filter_map(|one| one.slug.clone())
            .map(|slug| slug.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(agents(&chat), ["helper"]);

    refused(&team, key, json!(foreign)).await?;
    owner.enable(org, helper, false).await?;
    assert_eq!(value(owner, org, key).await?, json!(null), "one that does not answer begins no chat");
    refused(&team, key, json!(helper)).await?;
    owner.enable(org, helper, true).await?;
    assert_eq!(value(owner, org, key).await?, json!(helper), "a refusal took nothing away");

    set(owner, org, key, json!(null)).await?;
    assert!(owner.agents(org).await?.iter().all(|agent| !agent.is_default));
    assert_eq!(agents(&owner.chat(org, team.channel, "Alone").await?), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_chat_has_as_many_open_forks_as_its_org_allows() -> Result<()> {
    let world = World::shared()?;
    let (team, bo, chat) = Team::of_two(&world).await?;
    let key = ConfigKey::MaxForksPerThread;
    let message = bo.post(chat.id, "first", "Which port?").await?.message;

    set(&team.owner, team.org, key, json!(1)).await?;
    let first = bo.fork(message, "one").await?;
    bo.forking(message, "two", "More?").send().await?.refused(ProblemCode::LimitReached)?;
    // The same again is no new one.
    assert_eq!(bo.fork(message, "one").await?.id, first.id);

    set(&team.owner, team.org, key, json!(0)).await?;
    bo.forking(message, "two", "More?").send().await?.refused(ProblemCode::LimitReached)?;
    assert_eq!(bo.forks(chat.id, "").await?.items.len(), 1, "what is open stays");

    unset(&team.owner, team.org, key).await?;
    bo.fork(message, "two").await?;
    Ok(())
}

#[tokio::test]
async fn of_a_layout_people_are_told_only_of_channels_that_they_see() -> Result<()> {
    let world = World::shared()?;
    let (team, other) = (world.team("Acme").await?, world.team("Other").await?);
    let (owner, org, key) = (&team.owner, team.org, ConfigKey::SidebarLayout);
    let admin = team.join("Admin", Role::Admin).await?;
    let guest = team.join("Guest", Role::Guest).await?;
    let secret = owner.channel(org, "secret", Visibility::Private).await?.id;
    let open = owner.channel(org, "open", Visibility::Public).await?.id;

    let whole = json!({"order": [secret, open, team.channel], "folded": [secret, open]});
    assert_eq!(set(owner, org, key, whole.clone()).await?.value, whole);
    let seen = json!({"order": [open, team.channel], "folded": [open]});
    assert_eq!(value(&admin, org, key).await?, seen);
    assert_eq!(value(&guest, org, key).await?, json!({"order": [], "folded": []}));
    let config: Config = guest.get(&format!("/v1/orgs/{org}/config")).await?.read()?;
    assert!(!serde_json::to_string(&config)?.contains(&secret.to_string()));

    // An admin who does not see it can neither name it nor take it out.
    put(&admin, org, key, whole).await?.refused(ProblemCode::InvalidField)?;
    put(&admin, org, key, json!({"order": [other.channel]})).await?.refused(ProblemCode::InvalidField)?;
    let turned = json!({"order": [team.channel, open], "folded": []});
    assert_eq!(set(&admin, org, key, turned.clone()).await?.value, turned);
    let kept = json!({"order": [secret, team.channel, open], "folded": [secret]});
    assert_eq!(value(owner, org, key).await?, kept);
    unset(&admin, org, key).await?;
    assert_eq!(value(owner, org, key).await?, json!({"order": [secret], "folded": [secret]}));
    Ok(())
}

#[tokio::test]
async fn an_order_of_agents_names_agents_of_the_org() -> Result<()> {
    let world = World::shared()?;
    let (team, other) = (world.team("Acme").await?, world.team("Other").await?);
    let helper = team.owner.agent(team.org, "helper").await?.id;
    let demo = team.owner.agents(team.org).await?.first().context("no agent")?.id;
    let foreign = other.owner.agents(other.org).await?.first().context("no agent")?.id;
    let key = ConfigKey::AgentRosterOrder;
    let order = json!([helper, demo]);
    assert_eq!(set(&team.owner, team.org, key, order.clone()).await?.value, order);
    refused(&team, key, json!([helper, foreign])).await?;
    assert_eq!(value(&team.owner, team.org, key).await?, order);
    Ok(())
}

#[tokio::test]
async fn of_two_who_set_a_key_at_once_one_stands_whole_and_both_are_recorded() -> Result<()> {
    let world = World::shared()?;
    let team = world.team("Acme").await?;
    let admin = team.join("Admin", Role::Admin).await?;
    let helper = team.owner.agent(team.org, "helper").await?.id;
    let demo = team.owner.agents(team.org).await?.first().context("no agent")?.id;

    let words = |one: &str| json!({"one": one, "many": format!("{one}s")});
    let key = ConfigKey::ForkTerminology;
    let both = [put(&team.owner, team.org, key, words("aside")), put(&admin, team.org, key, words("branch"))];
    for answer in try_join_all(both).await? {
        answer.done()?;
    }
    let stands = read(&team.owner, team.org, key).await?;
    let by = |person: &Person| Some(Actor::User { id: person.id() });
    let whole = [(words("aside"), by(&team.owner)), (words("branch"), by(&admin))];
    assert!(whole.contains(&(stands.value.clone(), stands.updated_by)), "{stands:?}");

    let key = ConfigKey::DefaultAgent;
    let both = [put(&team.owner, team.org, key, json!(helper)), put(&admin, team.org, key, json!(demo))];
    for answer in try_join_all(both).await? {
        answer.done()?;
    }
    let defaults = team.owner.agents(team.org).await?.into_iter().filter(|agent| agent.is_default).count();
    assert_eq!(defaults, 1);
    assert_eq!(recorded(&world, team.org).await?, 4);
    Ok(())
}
