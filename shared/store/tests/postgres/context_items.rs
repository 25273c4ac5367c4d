//! Context items: who sees them, which an agent could be given, and that each request makes one.

use slipway_contract::http::channels::Visibility;
use slipway_contract::http::context::{ContextItem, ContextScope, ContextState};
use slipway_contract::http::orgs::Role;
use slipway_contract::{Actor, ChannelId, limits};
use slipway_domain::context::{OPEN_PROPOSALS, asked_words};
use slipway_store::channels::NewChannel;
use slipway_store::context_items::{Filters, NewItem, Viewer};
use slipway_store::page::Page;
use slipway_store::{Conflict, Db, OrgDb, StoreError, channels, chats, context_items};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::{at, item};

fn in_channel(tenant: &Tenant, channel: ChannelId, text: &str) -> NewItem {
    NewItem { scope: ContextScope::Channel, channel: Some(channel), chat: None, ..item(tenant, text) }
}

fn in_org(tenant: &Tenant, text: &str) -> NewItem {
    NewItem { scope: ContextScope::Org, channel: None, chat: None, ..item(tenant, text) }
}

fn proposed(tenant: &Tenant, text: &str) -> NewItem {
    let by = Actor::Agent { id: tenant.agent };
    NewItem { by, proposed_in: Some(tenant.chat), ..item(tenant, text) }
}

async fn make(db: &mut OrgDb, new: &NewItem) -> ContextItem {
    context_items::create(db, new, NOW).await.unwrap()
}

fn viewer(user: slipway_contract::UserId, role: Role) -> Viewer {
    Viewer { user, role }
}

/// What somebody sees, by text, oldest first.
async fn seen(db: &mut OrgDb, by: Viewer, filters: &Filters) -> Vec<String> {
    let page = Page { limit: 200, after: None };
    let found = context_items::list(db, by, filters, &page).await.unwrap();
    found.items.into_iter().rev().map(|item| item.text).collect()
}

/// An org with an item in each scope; the private channel is the owner's.
async fn scopes(db: Db) -> (Db, Tenant, ChannelId) {
    let (db, tenant) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let id = fixture::channel_id();
    let channel = NewChannel { id, name: "private", visibility: Visibility::Private, topic: "" };
    channels::create(&mut db, &channel, tenant.owner.id, NOW).await.unwrap();
    for new in [
        item(&tenant, "chat"),
        in_channel(&tenant, tenant.channel, "public"),
        in_channel(&tenant, id, "private"),
        in_org(&tenant, "org"),
    ] {
        make(&mut db, &new).await;
    }
    (db.commit().await.unwrap(), tenant, id)
}

#[tokio::test]
async fn everybody_sees_the_items_of_the_places_that_they_see() {
    let server = Server::get();
    let (db, tenant, private) = scopes(server.db().await).await;
    let (db, member, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, participant, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let mut db = db.org(tenant.org);
    channels::add_member(&mut db, private, guest.id, tenant.owner.id, NOW).await.unwrap();
    let mut told = fixture::projection(&tenant, 2);
    told.people.push(slipway_contract::objects::projection::PersonProjection {
        user: participant.id,
        participant: true,
        read_count: 0,
        mentions: 0,
        version: 2,
    });
    chats::project(&mut db, &told).await.unwrap();
    let all = Filters::default();
    let owner = viewer(tenant.owner.id, Role::Owner);
    assert_eq!(seen(&mut db, owner, &all).await, ["chat", "public", "private", "org"]);
    assert_eq!(seen(&mut db, viewer(member.id, Role::Member), &all).await, ["public", "org"]);
    assert_eq!(seen(&mut db, viewer(guest.id, Role::Guest), &all).await, ["private"]);
    assert_eq!(seen(&mut db, viewer(participant.id, Role::Guest), &all).await, ["chat"]);
    // Who left the chat sees its items no more.
    told.head = slipway_contract::Seq(3);
    told.people = told
        .people
        .into_iter()
        .map(|mut person| {
            person.participant &= person.user != participant.id;
            person.version = 3;
            person
        })
        .collect();
    chats::project(&mut db, &told).await.unwrap();
    assert_eq!(seen(&mut db, viewer(participant.id, Role::Guest), &all).await, [""; 0]);
}

#[tokio::test]
async fn the_list_has_filters_and_pages() {
    let server = Server::get();
    let (db, tenant, _) = scopes(server.db().await).await;
    let mut db = db.org(tenant.org);
    make(&mut db, &NewItem { tags: vec!["ports".into()], ..item(&tenant, "tagged") }).await;
    make(&mut db, &proposed(&tenant, "proposed")).await;
    let owner = viewer(tenant.owner.id, Role::Owner);
    let chat = Some((tenant.chat, tenant.channel));
    let of_chat = Filters { chat, ..Filters::default() };
    assert_eq!(seen(&mut db, owner, &of_chat).await, ["chat", "public", "org", "tagged", "proposed"]);
    let of_scope = Filters { scope: Some(ContextScope::Channel), ..Filters::default() };
    assert_eq!(seen(&mut db, owner, &of_scope).await, ["public", "private"]);
    let tagged = Filters { tag: Some("ports".into()), ..Filters::default() };
    assert_eq!(seen(&mut db, owner, &tagged).await, ["tagged"]);
    let waiting = Filters { chat, state: Some(ContextState::Proposed), ..Filters::default() };
    assert_eq!(seen(&mut db, owner, &waiting).await, ["proposed"]);
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = Page { limit: 4, after };
        let slice = context_items::list(&mut db, owner, &Filters::default(), &page).await.unwrap();
        after = slice.items.last().map(|item| item.id);
        paged.extend(slice.items.into_iter().map(|item| item.text));
        if !slice.more {
            break;
        }
    }
    assert_eq!(paged, ["proposed", "tagged", "org", "private", "public", "chat"]);
}

#[tokio::test]
async fn the_same_request_again_answers_the_item_that_there_is() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, other, _) = fixture::joined(db, &tenant, Role::Member).await;
    let mut db = db.org(tenant.org);
    let new = NewItem { client_id: "one".into(), ..in_org(&tenant, "first") };
    let made = make(&mut db, &new).await;
    let again = NewItem { id: fixture::context_item_id(), text: "second".into(), ..new.clone() };
    assert_eq!(make(&mut db, &again).await, made);
    // Somebody else's request of the same name is another one.
    let by = Actor::User { id: other.id };
    let others = make(&mut db, &NewItem { id: fixture::context_item_id(), by, ..new }).await;
    assert_ne!(others.id, made.id);
}

#[tokio::test]
async fn an_agent_could_be_given_what_is_active_and_of_its_place_and_time() {
    let server = Server::get();
    let (db, tenant, _) = scopes(server.db().await).await;
    let mut db = db.org(tenant.org);
    make(&mut db, &proposed(&tenant, "proposed")).await;
    let until = |second| Some(at(second));
    let short = make(&mut db, &NewItem { expires_at: until(5), ..item(&tenant, "short") }).await;
    let spoken = make(
        &mut db,
        &NewItem {
            title: "Ports of the build server".into(),
            tags: vec!["ports".into(), "infra".into()],
            ..in_org(&tenant, "8080 is taken, ports are scarce")
        },
    )
    .await;
    let asked = asked_words(["Which PORTS does the build server have?"].into_iter());
    let could = async |db: &mut OrgDb, second| {
        context_items::candidates(db, tenant.chat, tenant.channel, &asked, at(second)).await.unwrap()
    };
    let now = could(&mut db, 4).await;
    assert_eq!(now.len(), 5, "chat, public, org, short, spoken");
    let found = now.iter().find(|one| one.item == spoken.id).unwrap();
    // Ports, the, build, server: once each, and the tag twice.
    assert_eq!((found.relevance, found.bytes, found.scope), (4 + 2, 25 + 31, ContextScope::Org));
    assert!(now.iter().any(|one| one.item == short.id && one.relevance == 0));
    let later = could(&mut db, 5).await;
    assert_eq!(later.len(), 4);
    assert!(later.iter().all(|one| one.item != short.id));
    // Texts come in the order of the wish; what was removed meanwhile is passed over.
    assert!(context_items::delete(&mut db, short.id).await.unwrap());
    assert!(!context_items::delete(&mut db, short.id).await.unwrap());
    let texts = context_items::texts(&mut db, &[spoken.id, short.id, found.item]).await.unwrap();
    assert_eq!(texts.iter().map(|one| one.id).collect::<Vec<_>>(), [spoken.id, spoken.id]);
    assert_eq!(texts[0].tags, ["ports", "infra"]);
}

#[tokio::test]
async fn a_change_is_made_to_the_version_that_was_read_and_is_found_by_its_new_words() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = make(&mut db, &proposed(&tenant, "old words")).await;
    assert_eq!(context_items::lock(&mut db, made.id).await.unwrap(), Some(made.clone()));
    let changed = ContextItem {
        state: ContextState::Active,
        accepted_by: Some(Actor::User { id: tenant.owner.id }),
        text: "new subject".into(),
        tags: vec!["a b".into()],
        expires_at: Some(at(9)),
        version: 2,
        ..made.clone()
    };
    context_items::update(&mut db, &changed).await.unwrap();
    assert_eq!(context_items::lock(&mut db, made.id).await.unwrap(), Some(changed.clone()));
    let asked = ["subject".to_owned()];
    let found = context_items::candidates(&mut db, tenant.chat, tenant.channel, &asked, NOW).await.unwrap();
    assert_eq!(found.iter().map(|one| one.relevance).collect::<Vec<_>>(), [1]);
    let overtaken = context_items::update(&mut db, &changed).await.unwrap_err();
    assert!(matches!(overtaken, StoreError::Overtaken { .. }), "{overtaken:?}");
}

fn is_full(result: Result<ContextItem, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(Conflict::Full)))
}

#[tokio::test]
async fn a_scope_and_the_open_proposals_of_a_chat_have_an_end() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut first = None;
    for n in 0..OPEN_PROPOSALS {
        // Proposals for the channel count where they were made.
        let new = proposed(&tenant, "p");
        let new = if n % 2 == 0 { new } else { NewItem { scope: ContextScope::Channel, chat: None, ..new } };
        first.get_or_insert(make(&mut db, &new).await);
    }
    assert!(is_full(context_items::create(&mut db, &proposed(&tenant, "one more"), NOW).await));
    // People still write, and an answered proposal makes room.
    make(&mut db, &item(&tenant, "own")).await;
    let first = first.unwrap();
    let accepted = ContextItem { state: ContextState::Active, version: 2, ..first };
    context_items::update(&mut db, &accepted).await.unwrap();
    make(&mut db, &proposed(&tenant, "room")).await;

    let most = u64::try_from(limits::CONTEXT_ITEMS_PER_SCOPE).unwrap();
    for _ in 0..most {
        make(&mut db, &in_org(&tenant, "x")).await;
    }
    let last = in_org(&tenant, "too many");
    assert!(is_full(context_items::create(&mut db, &last, NOW).await));
    make(&mut db, &in_channel(&tenant, tenant.channel, "elsewhere")).await;
}

#[tokio::test]
async fn an_item_belongs_to_a_chat_and_channel_of_its_own_org() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let (mut db, other) = fixture::tenant(db).await;
    let own = item(&other, "x");
    for foreign in [
        NewItem { chat: Some(victim.chat), ..own.clone() },
        NewItem { channel: Some(victim.channel), ..own.clone() },
        NewItem { proposed_in: Some(victim.chat), by: Actor::Agent { id: other.agent }, ..own },
    ] {
        let mut scoped = db.org(other.org);
        let refused = context_items::create(&mut scoped, &foreign, NOW).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
        db = scoped.end().unwrap();
    }
    // Another org's item is not there.
    let mut scoped = db.org(victim.org);
    let made = make(&mut scoped, &item(&victim, "secret")).await;
    let mut scoped = scoped.commit().await.unwrap().org(other.org);
    assert_eq!(context_items::lock(&mut scoped, made.id).await.unwrap(), None);
    assert!(!context_items::delete(&mut scoped, made.id).await.unwrap());
    assert_eq!(context_items::texts(&mut scoped, &[made.id]).await.unwrap(), []);
    let found = context_items::candidates(&mut scoped, victim.chat, victim.channel, &[], NOW).await.unwrap();
    assert_eq!(found, []);
}
