//! What is unread in all chats of a person: told once, then only what changed, and nothing is ever missed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use slipway_contract::objects::projection::{ChatProjection, PersonProjection};
use slipway_contract::{ChatId, DeletionId, UserId};
use slipway_store::deletions::NewDeletion;
use slipway_store::page::Page;
use slipway_store::unread::{self, MOST, Standing};
use slipway_store::{chats, deletions, retellings};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;

/// A chat with `count` messages of which the tenant's owner has read `read`, as it is told the `version`th time.
fn told(
    tenant: &Tenant,
    chat: ChatId,
    (count, read, mentions): (u64, u64, u64),
    version: u64,
) -> ChatProjection {
    let mut told = fixture::projection(tenant, version);
    (told.chat, told.message_count) = (chat, count);
    told.title = "Same".into();
    told.last_message_at = NOW.plus_ms(i64::try_from(count).unwrap());
    told.people = vec![PersonProjection {
        user: tenant.owner.id,
        participant: true,
        read_count: read,
        mentions,
        version,
    }];
    told
}

async fn project(server: &Server, told: &ChatProjection) {
    let mut db = server.db().await.org(told.org);
    chats::project(&mut db, told).await.unwrap();
    db.commit().await.unwrap();
}

async fn since(server: &Server, tenant: &Tenant, horizon: u64) -> Standing {
    let mut db = server.db().await.org(tenant.org);
    unread::since(&mut db, tenant.owner.id, horizon, Some(tenant.channel)).await.unwrap()
}

/// Has a chat deleted, by itself or as a part of another deletion.
async fn delete(server: &Server, tenant: &Tenant, chat: ChatId, parent: Option<DeletionId>) -> DeletionId {
    let new = NewDeletion { parent, ..fixture::deletion(tenant) };
    let mut db = server.db().await.removal(tenant.org);
    let id = deletions::ask_chat(&mut db, &new, chat).await.unwrap();
    db.commit().await.unwrap();
    id
}

/// Asks on until there is nothing more to tell, which other transactions on the same server may put off: what was told, and
/// where to go on from.
async fn quiet(server: &Server, tenant: &Tenant, mut horizon: u64) -> (BTreeMap<ChatId, (u64, u64)>, u64) {
    let (mut found, until) = (BTreeMap::new(), Instant::now() + Duration::from_secs(30));
    loop {
        let standing = since(server, tenant, horizon).await;
        found.extend(counts(&standing));
        if standing.chats.is_empty() && !standing.stirred && !standing.deleted {
            return (found, standing.horizon);
        }
        assert!(Instant::now() < until, "there is always something to tell: {standing:?}");
        horizon = standing.horizon;
    }
}

/// Unread messages and mentions by chat.
fn counts(standing: &Standing) -> BTreeMap<ChatId, (u64, u64)> {
    standing.chats.iter().map(|chat| (chat.chat, (chat.unread, chat.mentions))).collect()
}

#[tokio::test]
async fn what_is_unread_is_told_and_then_only_what_changed() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    drop(db);
    let [first, second, read] = [fixture::chat_id(), fixture::chat_id(), fixture::chat_id()];
    project(&server, &told(&tenant, tenant.chat, (1, 1, 0), 2)).await;
    project(&server, &told(&tenant, first, (5, 2, 1), 1)).await;
    project(&server, &told(&tenant, second, (9, 8, 0), 1)).await;
    project(&server, &told(&tenant, read, (4, 4, 0), 1)).await;
    let mut db = server.db().await.org(tenant.org);
    let all = unread::all(&mut db, tenant.owner.id).await.unwrap();
    drop(db);
    assert_eq!(counts(&all), BTreeMap::from([(first, (3, 1)), (second, (1, 0))]));
    assert_eq!(all.chats.first().map(|chat| (chat.chat, chat.channel)), Some((second, tenant.channel)));

    let (_, horizon) = quiet(&server, &tenant, all.horizon).await;
    // The marker moves on another device; a message comes; an answer is being written, which is nothing to tell.
    project(&server, &told(&tenant, first, (5, 5, 0), 2)).await;
    let mut plain = told(&tenant, second, (10, 8, 0), 2);
    plain.people.clear();
    project(&server, &plain).await;
    let mut working = told(&tenant, read, (4, 4, 0), 2);
    working.people.clear();
    project(&server, &working).await;
    let changed = since(&server, &tenant, horizon).await;
    assert_eq!(counts(&changed), BTreeMap::from([(first, (0, 0)), (second, (2, 0))]));
    assert!(changed.stirred);
    let (_, horizon) = quiet(&server, &tenant, changed.horizon).await;

    // Nothing of another org, nor to somebody who does not take part; who leaves is told so once.
    let mut db = server.db().await.org(other.org);
    assert!(unread::since(&mut db, tenant.owner.id, 0, None).await.unwrap().chats.is_empty());
    drop(db);
    let mut gone = told(&tenant, second, (10, 8, 0), 3);
    gone.people[0].participant = false;
    project(&server, &gone).await;
    let left = since(&server, &tenant, horizon).await;
    assert_eq!(counts(&left), BTreeMap::from([(second, (0, 0))]));
    let (_, horizon) = quiet(&server, &tenant, left.horizon).await;
    project(&server, &ChatProjection { people: vec![], ..told(&tenant, second, (11, 8, 0), 4) }).await;
    let stranger = since(&server, &tenant, horizon).await;
    assert!(
        stranger.chats.is_empty() && stranger.stirred,
        "its channel is told to have changed all the same"
    );
}

#[tokio::test]
async fn a_change_that_was_under_way_when_somebody_asked_is_told_the_next_time() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    drop(db);
    let (_, horizon) = quiet(&server, &tenant, 0).await;
    let slow = told(&tenant, tenant.chat, (7, 0, 0), 2);
    let mut open = server.db().await.org(tenant.org);
    chats::project(&mut open, &slow).await.unwrap();
    // Others change more meanwhile, and somebody asks.
    let quick = fixture::chat_id();
    project(&server, &told(&tenant, quick, (3, 0, 0), 1)).await;
    let asked = since(&server, &tenant, horizon).await;
    assert_eq!(counts(&asked), BTreeMap::from([(quick, (3, 0))]));
    open.commit().await.unwrap();
    let again = since(&server, &tenant, asked.horizon).await;
    assert_eq!(counts(&again).get(&tenant.chat), Some(&(7, 0)));
}

#[tokio::test]
async fn of_more_changes_than_one_answer_holds_none_is_missed() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    drop(db);
    let (_, horizon) = quiet(&server, &tenant, 0).await;
    let mut expected = BTreeMap::new();
    for number in 1..=MOST + 70 {
        let chat = fixture::chat_id();
        project(&server, &told(&tenant, chat, (number, 0, 0), 1)).await;
        expected.insert(chat, (number, 0));
    }
    assert_eq!(since(&server, &tenant, horizon).await.chats.len() as u64, MOST);
    let (found, _) = quiet(&server, &tenant, horizon).await;
    assert_eq!(found, expected);
}

#[tokio::test]
async fn that_something_was_deleted_is_told_to_its_org_alone_and_never_what() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    drop(db);
    let [listed, hidden] = [fixture::chat_id(), fixture::chat_id()];
    project(&server, &told(&tenant, listed, (5, 2, 1), 1)).await;
    project(&server, &ChatProjection { people: vec![], ..told(&tenant, hidden, (5, 0, 0), 1) }).await;
    let (_, horizon) = quiet(&server, &tenant, 0).await;
    let (_, elsewhere) = quiet(&server, &other, 0).await;
    let whole = delete(&server, &tenant, listed, None).await;
    let after = since(&server, &tenant, horizon).await;
    assert!(after.deleted && after.chats.is_empty() && !after.stirred, "{after:?}");
    assert!(!since(&server, &other, elsewhere).await.deleted);
    let mut db = server.db().await.org(tenant.org);
    let all = unread::all(&mut db, tenant.owner.id).await.unwrap();
    assert!(!counts(&all).contains_key(&listed), "{all:?}");
    drop(db);

    // Told once. Of a chat that the person never saw they hear no more than that; of parts of a deletion nothing more.
    let (_, horizon) = quiet(&server, &tenant, after.horizon).await;
    delete(&server, &tenant, hidden, None).await;
    let after = since(&server, &tenant, horizon).await;
    assert!(after.deleted && after.chats.is_empty(), "{after:?}");
    let (_, horizon) = quiet(&server, &tenant, after.horizon).await;
    delete(&server, &tenant, tenant.chat, Some(whole)).await;
    assert!(!since(&server, &tenant, horizon).await.deleted);
    let mut db = server.db().await.removal(tenant.org);
    deletions::ask_channel(&mut db, &fixture::deletion(&tenant), tenant.channel).await.unwrap();
    db.commit().await.unwrap();
    assert!(since(&server, &tenant, horizon).await.deleted);
}

#[tokio::test]
async fn a_deletion_that_was_under_way_when_somebody_asked_is_told_the_next_time() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    drop(db);
    let (_, horizon) = quiet(&server, &tenant, 0).await;
    let mut open = server.db().await.removal(tenant.org);
    deletions::ask_chat(&mut open, &fixture::deletion(&tenant), tenant.chat).await.unwrap();
    let quick = fixture::chat_id();
    project(&server, &told(&tenant, quick, (3, 0, 0), 1)).await;
    let asked = since(&server, &tenant, horizon).await;
    assert!(!asked.deleted, "{asked:?}");
    open.commit().await.unwrap();
    assert!(since(&server, &tenant, asked.horizon).await.deleted);
}

#[tokio::test]
async fn chats_that_are_to_tell_all_anew_are_found_until_they_heard_of_it() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    drop(db);
    let archived = fixture::chat_id();
    project(&server, &told(&tenant, archived, (1, 1, 0), 1)).await;
    let admin = server.admin().await;
    let statement = "UPDATE chats SET archived = true WHERE chat_id = $1";
    admin.execute(statement, &[&archived.to_string()]).await.unwrap();
    let (marked, left) = server.reindex(&tenant.org.to_string());
    assert!(marked == 1 && left >= 1, "{marked} marked, {left} in all");
    let page = Page { limit: 100, after: None };
    let own = async || {
        let mut sweeps = server.db().await.sweeps();
        let wanted = retellings::wanted(&mut sweeps, &page).await.unwrap().items;
        wanted.into_iter().filter(|(org, _)| *org == tenant.org).collect::<Vec<_>>()
    };
    assert_eq!(own().await, [(tenant.org, tenant.chat)]);
    let mut db = server.db().await.org(tenant.org);
    retellings::heard(&mut db, tenant.chat).await.unwrap();
    db.commit().await.unwrap();
    assert!(own().await.is_empty());
}

#[tokio::test]
async fn mentions_of_a_chat_stand_in_its_line_for_those_who_take_part() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    project(&server, &told(&tenant, tenant.chat, (3, 1, 2), 2)).await;
    let mut db = db.org(tenant.org);
    let page = Page { limit: 10, after: None };
    let mut mentions = async |user: UserId| {
        let listed = chats::list(&mut db, tenant.channel, user, &page).await.unwrap();
        listed.items[0].mentions
    };
    assert_eq!(mentions(tenant.owner.id).await, 2);
    assert_eq!(mentions(fixture::user_id()).await, 0);
}
