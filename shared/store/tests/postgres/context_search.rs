//! Finding context items: by words everywhere; by what they mean where Postgres has vectors; never past what one sees.
//!
//! The server that these tests start has none: give them one that has, by `STORE_TEST_DATABASE_URL`.

use slipway_contract::http::channels::Visibility;
use slipway_contract::http::context::{ContextScope, FoundItem, UpdateContextItem};
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, UserId};
use slipway_domain::context::{asked_words, change};
use slipway_store::channels::NewChannel;
use slipway_store::context_items::{NewItem, Viewer};
use slipway_store::context_search::{self, Among, ToEmbed};
use slipway_store::page::Page;
use slipway_store::{Db, OrgDb, channels, context_items};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::{at, item};

const MODEL: &str = "openai:m";

fn among(user: UserId, role: Role) -> Among {
    Among { viewer: Viewer { user, role }, chat: None, limit: 50 }
}

fn told(found: &[FoundItem]) -> Vec<(&str, u64)> {
    found.iter().map(|one| (one.item.text.as_str(), one.score)).collect()
}

async fn by_words(db: &mut OrgDb, among: &Among, words: &str) -> Vec<(String, u64)> {
    let found = context_search::by_words(db, among, &asked_words(core::iter::once(words))).await.unwrap();
    told(&found).into_iter().map(|(text, score)| (text.to_owned(), score)).collect()
}

/// An org with an item about ports in each scope, one that is only proposed, and one about something else. The private
/// channel is the owner's.
async fn scopes(db: Db) -> (Db, Tenant) {
    let (db, tenant) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let private = fixture::channel_id();
    let channel = NewChannel { id: private, name: "private", visibility: Visibility::Private, topic: "" };
    channels::create(&mut db, &channel, tenant.owner.id, NOW).await.unwrap();
    let of_channel = |id, text| NewItem {
        scope: ContextScope::Channel,
        channel: Some(id),
        chat: None,
        ..item(&tenant, text)
    };
    let in_org =
        |text| NewItem { scope: ContextScope::Org, channel: None, chat: None, ..item(&tenant, text) };
    let proposed = NewItem {
        by: Actor::Agent { id: tenant.agent },
        proposed_in: Some(tenant.chat),
        ..item(&tenant, "proposed port")
    };
    for new in [
        item(&tenant, "chat port"),
        of_channel(tenant.channel, "public port"),
        of_channel(private, "private port"),
        in_org("org port"),
        proposed,
        in_org("cake"),
    ] {
        context_items::create(&mut db, &new, NOW).await.unwrap();
    }
    (db.commit().await.unwrap(), tenant)
}

/// Embeds what is to be embedded: `numbers` of its text.
async fn embed(db: &mut OrgDb, numbers: impl Fn(&str) -> Vec<f32>) -> usize {
    let items = context_search::to_embed(db, MODEL, NOW, 32).await.unwrap();
    for item in &items {
        let row = [numbers(&item.text)];
        context_search::keep(db, MODEL, core::slice::from_ref(item), &row, NOW).await.unwrap();
    }
    items.len()
}

async fn waiting(db: &mut OrgDb, model: &str, second: i64) -> Vec<String> {
    let items = context_search::to_embed(db, model, at(second), 32).await.unwrap();
    items.into_iter().map(|item| item.text).collect()
}

#[tokio::test]
async fn words_find_what_one_sees_the_most_fitting_first() {
    let server = Server::get();
    let (db, tenant) = scopes(server.db().await).await;
    let (db, member, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, stranger) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let tagged = NewItem { tags: vec!["port".into()], ..item(&tenant, "port of tags") };
    context_items::create(&mut db, &tagged, NOW).await.unwrap();
    let owner = among(tenant.owner.id, Role::Owner);
    let found = by_words(&mut db, &owner, "Which PORT?").await;
    let texts: Vec<_> = found.iter().map(|(text, score)| (text.as_str(), *score)).collect();
    let of_one = ["org port", "private port", "public port", "chat port"].map(|text| (text, 1));
    assert_eq!(texts[0], ("port of tags", 3));
    assert_eq!(texts[1..], of_one);
    let two = Among { limit: 2, ..owner };
    assert_eq!(by_words(&mut db, &two, "port").await.len(), 2);
    let here = Among { chat: Some((tenant.chat, tenant.channel)), ..owner };
    let found = by_words(&mut db, &here, "private").await;
    assert_eq!(found, []);
    let found = by_words(&mut db, &among(member.id, Role::Member), "port").await;
    assert_eq!(found, [("org port".to_owned(), 1), ("public port".to_owned(), 1)]);
    assert_eq!(by_words(&mut db, &among(guest.id, Role::Guest), "port").await, []);
    assert_eq!(by_words(&mut db, &owner, "nothing").await, []);
    let mut db = db.end().unwrap().org(stranger.org);
    assert_eq!(by_words(&mut db, &owner, "port").await, [], "under another org's scope");
}

#[tokio::test]
async fn what_is_new_changed_or_of_another_model_is_embedded_anew() {
    let server = Server::get();
    let (db, tenant) = scopes(server.db().await).await;
    let orgs = async |db: Db, model: &str| {
        let mut db = db.sweeps();
        let page = Page { limit: 500, after: None };
        let found = context_search::orgs_to_embed(&mut db, model, NOW, &page).await.unwrap();
        (db.end().unwrap(), found.items.contains(&tenant.org))
    };
    let (db, there) = orgs(db, MODEL).await;
    assert!(there);
    let mut db = db.org(tenant.org);
    assert_eq!(embed(&mut db, |_| vec![1.0, 0.5]).await, 5, "all but what is proposed");
    assert_eq!(waiting(&mut db, MODEL, 0).await, [""; 0]);
    assert_eq!(waiting(&mut db, "openai:other", 0).await.len(), 5);
    let (db, there) = orgs(db.commit().await.unwrap(), MODEL).await;
    assert!(!there);
    let (db, there) = orgs(db, "openai:other").await;
    assert!(there);
    let mut db = db.org(tenant.org);
    let made = context_items::create(&mut db, &item(&tenant, "new"), NOW).await.unwrap();
    assert_eq!(waiting(&mut db, MODEL, 0).await, ["new"]);
    embed(&mut db, |_| vec![1.0, 0.5]).await;
    let wish = UpdateContextItem {
        version: 1,
        title: None,
        text: Some("changed".to_owned()),
        tags: None,
        state: None,
        expires_at: None,
    };
    let changed = change(made, wish, Actor::User { id: tenant.owner.id }, NOW).unwrap();
    context_items::update(&mut db, &changed).await.unwrap();
    assert_eq!(waiting(&mut db, MODEL, 0).await, ["changed"]);
}

#[tokio::test]
async fn what_changes_or_goes_while_a_model_reads_it_is_passed_over() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let stays = context_items::create(&mut db, &item(&tenant, "stays"), NOW).await.unwrap();
    let goes = context_items::create(&mut db, &item(&tenant, "goes"), NOW).await.unwrap();
    let mut items = context_search::to_embed(&mut db, MODEL, NOW, 32).await.unwrap();
    assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), [stays.id, goes.id]);
    items.push(ToEmbed { version: 7, ..items[0].clone() });
    assert!(context_items::delete(&mut db, goes.id).await.unwrap());
    let rows = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
    context_search::keep(&mut db, MODEL, &items, &rows, NOW).await.unwrap();
    db.commit().await.unwrap();
    let admin = server.admin().await;
    let kept = async |org: String| {
        let select = "SELECT item_id, embedding FROM context_embeddings WHERE org_id = $1";
        let rows = admin.query(select, &[&org]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, Vec<f32>)>>()
    };
    assert_eq!(kept(tenant.org.to_string()).await, [(stays.id.to_string(), vec![1.0, 2.0])]);
    // What is known of an item goes with it.
    let mut db = server.db().await.org(tenant.org);
    assert!(context_items::delete(&mut db, stays.id).await.unwrap());
    db.commit().await.unwrap();
    assert_eq!(kept(tenant.org.to_string()).await, []);
}

#[tokio::test]
async fn a_model_is_asked_again_later_about_what_it_did_not_take() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    context_items::create(&mut db, &item(&tenant, "odd"), NOW).await.unwrap();
    let items = context_search::to_embed(&mut db, MODEL, NOW, 32).await.unwrap();
    context_search::refused(&mut db, MODEL, &items[0], NOW, at(60)).await.unwrap();
    assert_eq!(waiting(&mut db, MODEL, 59).await, [""; 0]);
    assert_eq!(waiting(&mut db, MODEL, 60).await, ["odd"]);
    embed(&mut db, |_| vec![1.0]).await;
    assert_eq!(waiting(&mut db, MODEL, 60).await, ["odd"], "nothing waited, so nothing was written");
    context_search::keep(&mut db, MODEL, &items, &[vec![1.0]], NOW).await.unwrap();
    assert_eq!(waiting(&mut db, MODEL, 60).await, [""; 0]);
}

#[tokio::test]
async fn meaning_finds_what_one_sees_the_nearest_first() {
    let server = Server::get();
    let mut sweeps = server.db().await.sweeps();
    if !context_search::has_vectors(&mut sweeps).await.unwrap() {
        println!("skipped: this Postgres has no pgvector; name one that has by STORE_TEST_DATABASE_URL");
        return;
    }
    let (db, tenant) = scopes(sweeps.end().unwrap()).await;
    let (db, member, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, stranger) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    embed(&mut db, |text| match text {
        "org port" => vec![1.0, 0.0],
        "public port" => vec![4.0, 3.0],
        "private port" => vec![3.0, 4.0],
        "cake" => vec![-1.0, 0.5],
        _ => vec![1.0, 0.0, 0.0],
    })
    .await;
    let owner = among(tenant.owner.id, Role::Owner);
    let near = [2.0, 0.0];
    let found = context_search::by_meaning(&mut db, &owner, MODEL, &near).await.unwrap();
    // What lies on the other side, or is of another size, is not near.
    assert_eq!(told(&found), [("org port", 1_000_000), ("public port", 800_000), ("private port", 600_000)]);
    let one = Among { limit: 1, ..owner };
    assert_eq!(told(&context_search::by_meaning(&mut db, &one, MODEL, &near).await.unwrap()).len(), 1);
    let here = Among { chat: Some((tenant.chat, tenant.channel)), ..owner };
    let found = context_search::by_meaning(&mut db, &here, MODEL, &near).await.unwrap();
    assert_eq!(told(&found), [("org port", 1_000_000), ("public port", 800_000)]);
    let found =
        context_search::by_meaning(&mut db, &among(member.id, Role::Member), MODEL, &near).await.unwrap();
    assert_eq!(told(&found), [("org port", 1_000_000), ("public port", 800_000)]);
    let found =
        context_search::by_meaning(&mut db, &among(guest.id, Role::Guest), MODEL, &near).await.unwrap();
    assert_eq!(told(&found), []);
    let found = context_search::by_meaning(&mut db, &owner, "openai:other", &near).await.unwrap();
    assert_eq!(told(&found), [], "another model's numbers say nothing");
    let mut db = db.commit().await.unwrap().org(stranger.org);
    let found = context_search::by_meaning(&mut db, &owner, MODEL, &near).await.unwrap();
    assert_eq!(told(&found), [], "under another org's scope");
}
