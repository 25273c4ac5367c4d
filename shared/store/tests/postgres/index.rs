//! The index of chats: what objects tell, twice, late and in any order.

use slipway_contract::objects::projection::PersonProjection;
use slipway_contract::{ChatId, Timestamp};
use slipway_store::page::Page;
use slipway_store::{OrgDb, channels, chats, members};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;

async fn only(db: &mut OrgDb, tenant: &Tenant) -> slipway_contract::http::chats::ChatSummary {
    let page = Page { limit: 10, after: None };
    chats::list(db, tenant.channel, tenant.owner.id, &page).await.unwrap().items.remove(0)
}

#[tokio::test]
async fn a_projection_never_takes_the_place_of_a_newer_one() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    for head in [5, 3, 5, 4] {
        chats::project(&mut db, &fixture::projection(&tenant, head)).await.unwrap();
    }
    let chat = only(&mut db, &tenant).await;
    assert_eq!((chat.title.as_str(), chat.message_count, chat.unread), ("Title at 5", 5, 5));
    assert_eq!(chat.last_message_at, NOW.plus_ms(5));

    // People have their own order: an older chat row may carry a newer marker.
    let mut late = fixture::projection(&tenant, 2);
    late.people = vec![PersonProjection {
        user: tenant.owner.id,
        participant: true,
        read_count: 4,
        mentions: 0,
        version: 9,
    }];
    chats::project(&mut db, &late).await.unwrap();
    let chat = only(&mut db, &tenant).await;
    assert_eq!((chat.title.as_str(), chat.unread, chat.participant), ("Title at 5", 1, true));
    let seen = channels::list(
        &mut db,
        tenant.owner.id,
        slipway_contract::http::orgs::Role::Owner,
        &Page { limit: 10, after: None },
    );
    assert_eq!(seen.await.unwrap().items[0].unread, 1);

    let mut gone = fixture::projection(&tenant, 6);
    gone.people = vec![PersonProjection {
        user: tenant.owner.id,
        participant: false,
        read_count: 4,
        mentions: 0,
        version: 10,
    }];
    chats::project(&mut db, &gone).await.unwrap();
    let chat = only(&mut db, &tenant).await;
    assert_eq!((chat.unread, chat.participant), (0, false));
}

#[tokio::test]
async fn a_message_with_the_character_nul_does_not_keep_its_chat_out_of_the_index() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut chat = fixture::projection(&tenant, 2);
    chat.preview = "a\0b".into();
    chats::project(&mut db, &chat).await.unwrap();
    assert_eq!(only(&mut db, &tenant).await.preview, "a\u{fffd}b");
}

#[tokio::test]
async fn projections_at_once_leave_the_newest() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for head in 2..12 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            chats::project(&mut db, &fixture::projection(&tenant, head)).await.unwrap();
            db.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut db = db.org(tenant.org);
    assert_eq!(only(&mut db, &tenant).await.title, "Title at 11");
}

#[tokio::test]
async fn chats_are_listed_by_their_newest_message_page_by_page() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut expected = Vec::new();
    for at in [7_u64, 7, 3, 9, 5] {
        let mut chat = fixture::projection(&tenant, at);
        chat.chat = fixture::chat_id();
        chats::project(&mut db, &chat).await.unwrap();
        expected.push((chat.last_message_at, chat.chat));
    }
    expected.push((NOW.plus_ms(1), tenant.chat));
    expected.sort_unstable();
    expected.reverse();
    let mut found: Vec<(Timestamp, ChatId)> = Vec::new();
    loop {
        let page = Page { limit: 2, after: found.last().copied() };
        let slice = chats::list(&mut db, tenant.channel, tenant.owner.id, &page).await.unwrap();
        found.extend(slice.items.iter().map(|chat| (chat.last_message_at, chat.id)));
        if !slice.more {
            break;
        }
    }
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_person_who_may_take_part_is_found_before_the_chat_says_so() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, user, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Member).await;
    let mut db = db.org(tenant.org);
    let page = Page { limit: 10, after: None };
    assert!(members::chats(&mut db, user.id, &page).await.unwrap().items.is_empty());
    chats::expect_person(&mut db, tenant.chat, user.id).await.unwrap();
    assert_eq!(members::chats(&mut db, user.id, &page).await.unwrap().items, [tenant.chat]);
    // The expectation shows nothing and gives way to what the chat says.
    let listed =
        chats::list(&mut db, tenant.channel, user.id, &Page { limit: 10, after: None }).await.unwrap();
    assert!(!listed.items[0].participant);
    let mut said = fixture::projection(&tenant, 2);
    said.people =
        vec![PersonProjection { user: user.id, participant: true, read_count: 0, mentions: 0, version: 1 }];
    chats::project(&mut db, &said).await.unwrap();
    chats::expect_person(&mut db, tenant.chat, user.id).await.unwrap();
    let listed =
        chats::list(&mut db, tenant.channel, user.id, &Page { limit: 10, after: None }).await.unwrap();
    assert!(listed.items[0].participant);
}
