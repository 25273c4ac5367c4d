//! What orgs set for themselves: defaults, who set what, two at once, the default agent, and which channels of a list
//! somebody sees.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_contract::http::agents::UpdateAgent;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::config::ConfigKey;
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, Timestamp};
use slipway_domain::config::Setting;
use slipway_store::channels::NewChannel;
use slipway_store::{OrgDb, agents, channels, config};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;

fn owner(tenant: &Tenant) -> Actor {
    Actor::User { id: tenant.owner.id }
}

/// Sets a key as a handler does; answers what stood before and whether it was taken.
async fn put(
    db: &mut OrgDb,
    key: ConfigKey,
    value: Option<Value>,
    by: Actor,
    now: Timestamp,
) -> (Value, bool) {
    let before = config::take(db, key, by, now).await.unwrap();
    let setting = value.map(|value| Setting::parse(key, &value).unwrap());
    (before.value(), config::set(db, key, setting.as_ref()).await.unwrap())
}

async fn value(db: &mut OrgDb, key: ConfigKey) -> Value {
    config::get(db, key).await.unwrap().setting.value()
}

#[tokio::test]
async fn every_key_stands_by_default_until_it_is_set_and_again_when_it_is_taken_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let by = owner(&tenant);
    for stored in config::all(&mut db).await.unwrap() {
        let key = stored.setting.key();
        // The org of the fixture has a default agent.
        let expected = if key == ConfigKey::DefaultAgent {
            Setting::DefaultAgent(Some(tenant.agent))
        } else {
            Setting::default_of(key)
        };
        assert_eq!((stored.setting, stored.updated), (expected, None));
    }
    assert_eq!(config::max_forks(&mut db).await.unwrap(), 5);

    let key = ConfigKey::MaxForksPerThread;
    assert_eq!(put(&mut db, key, Some(json!(2)), by, NOW).await, (json!(5), true));
    assert_eq!(config::max_forks(&mut db).await.unwrap(), 2);
    let later = NOW.plus_ms(9);
    assert_eq!(put(&mut db, key, None, by, later).await, (json!(2), true));
    let stored = config::get(&mut db, key).await.unwrap();
    assert_eq!((stored.setting, stored.updated), (Setting::default_of(key), Some((by, later))));
    let all = config::all(&mut db).await.unwrap();
    assert_eq!(all.iter().map(|stored| stored.setting.key()).collect::<Vec<_>>(), ConfigKey::ALL);
    assert_eq!(all.iter().filter(|stored| stored.updated.is_some()).count(), 1);
}

#[tokio::test]
async fn what_one_org_sets_is_nothing_to_another() {
    let server = Server::get();
    let (db, one) = fixture::tenant(server.db().await).await;
    let (db, two) = fixture::tenant(db).await;
    let mut db = db.org(one.org);
    put(&mut db, ConfigKey::Theme, Some(json!("dark")), owner(&one), NOW).await;
    let mut db = db.commit().await.unwrap().org(two.org);
    assert_eq!(value(&mut db, ConfigKey::Theme).await, json!("system"));
    let mut db = db.end().unwrap().org(one.org);
    assert_eq!(value(&mut db, ConfigKey::Theme).await, json!("dark"));
}

#[tokio::test]
async fn of_several_who_set_a_key_at_once_each_meets_what_another_left() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for most in 10..20 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            let key = ConfigKey::MaxForksPerThread;
            let (before, _) = put(&mut db, key, Some(json!(most)), owner(&tenant), NOW).await;
            db.commit().await.unwrap();
            before
        }));
    }
    let mut met = Vec::new();
    for task in tasks {
        met.push(task.await.unwrap().as_u64().unwrap());
    }
    let mut db = server.db().await.org(tenant.org);
    met.push(config::max_forks(&mut db).await.unwrap().into());
    met.sort_unstable();
    // The default, and each of the ten once: nobody wrote over what they had not seen.
    assert_eq!(met, [5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
}

#[tokio::test]
async fn the_default_agent_is_the_agents_own_mark() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let (by, key) = (owner(&tenant), ConfigKey::DefaultAgent);
    let other = fixture::agent_id();
    let mut new = fixture::demo("other");
    new.is_default = false;
    agents::create(&mut db, other, &new, tenant.owner.id, NOW).await.unwrap();

    assert!(put(&mut db, key, Some(json!(other.to_string())), by, NOW).await.1);
    assert_eq!(agents::default(&mut db).await.unwrap().map(|agent| agent.id), Some(other));
    assert_eq!(config::get(&mut db, key).await.unwrap().updated, Some((by, NOW)));

    assert!(agents::has_all(&mut db, &[tenant.agent, other]).await.unwrap());
    assert!(agents::has_all(&mut db, &[]).await.unwrap());
    assert!(!agents::has_all(&mut db, &[other, fixture::agent_id()]).await.unwrap());

    // The agent itself is changed: the same is read, and nobody stands for it.
    let change = UpdateAgent { is_default: Some(true), ..UpdateAgent::default() };
    agents::update(&mut db, tenant.agent, &change).await.unwrap();
    let stored = config::get(&mut db, key).await.unwrap();
    assert_eq!((stored.setting, stored.updated), (Setting::DefaultAgent(Some(tenant.agent)), None));

    // One that does not answer is no default, and cannot become one.
    let off = UpdateAgent { enabled: Some(false), ..UpdateAgent::default() };
    agents::update(&mut db, tenant.agent, &off).await.unwrap();
    assert_eq!(value(&mut db, key).await, json!(null));
    let mut db = db.commit().await.unwrap().org(tenant.org);
    assert!(!put(&mut db, key, Some(json!(tenant.agent.to_string())), by, NOW).await.1);
    let mut db = db.end().unwrap().org(tenant.org);
    assert!(!put(&mut db, key, Some(json!(fixture::agent_id().to_string())), by, NOW).await.1);

    let mut db = db.end().unwrap().org(tenant.org);
    assert!(put(&mut db, key, Some(json!(other.to_string())), by, NOW).await.1);
    assert!(put(&mut db, key, None, by, NOW).await.1);
    let all = agents::find_many(&mut db, &[other, tenant.agent]).await.unwrap();
    assert!(all.iter().all(|agent| !agent.is_default));
}

#[tokio::test]
async fn a_value_that_the_rules_no_longer_take_and_a_key_that_nobody_knows_are_as_none() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let admin = server.admin().await;
    for (key, text) in [("theme", "\"sepia\""), ("features", "{"), ("from_the_future", "7")] {
        admin
            .execute(
                "INSERT INTO org_config VALUES ($1, $2, $3, 'system', now())",
                &[&tenant.org.to_string(), &key, &text],
            )
            .await
            .unwrap();
    }
    let mut db = server.db().await.org(tenant.org);
    let all = config::all(&mut db).await.unwrap();
    assert_eq!(all.len(), ConfigKey::ALL.len());
    assert_eq!(value(&mut db, ConfigKey::Theme).await, json!("system"));
    assert_eq!(value(&mut db, ConfigKey::Features).await, json!({}));
}

#[tokio::test]
async fn chats_are_archived_after_two_days_or_as_many_as_the_org_says_or_never() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    assert_eq!(config::archive_after_days(&mut db).await.unwrap(), Some(2));
    put(&mut db, ConfigKey::ArchiveAfterDays, Some(json!(30)), owner(&tenant), NOW).await;
    assert_eq!(config::archive_after_days(&mut db).await.unwrap(), Some(30));
    put(&mut db, ConfigKey::ArchiveAfterDays, Some(json!(null)), owner(&tenant), NOW).await;
    assert_eq!(config::archive_after_days(&mut db).await.unwrap(), None);
}

#[tokio::test]
async fn of_the_channels_in_a_list_somebody_sees_those_that_they_see() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let hidden = fixture::channel_id();
    let new = NewChannel { id: hidden, name: "hidden", visibility: Visibility::Private, topic: "" };
    channels::create(&mut db, &new, guest.id, NOW).await.unwrap();
    let all = BTreeSet::from([tenant.channel, hidden, other.channel, fixture::channel_id()]);
    let seen = channels::seen_of(&mut db, tenant.owner.id, Role::Owner, &all).await.unwrap();
    assert_eq!(seen, BTreeSet::from([tenant.channel]));
    let seen = channels::seen_of(&mut db, guest.id, Role::Guest, &all).await.unwrap();
    assert_eq!(seen, BTreeSet::from([hidden]));
    assert_eq!(
        channels::seen_of(&mut db, guest.id, Role::Guest, &BTreeSet::new()).await.unwrap(),
        BTreeSet::new()
    );
}
