//! Archives of chats: one way at a time, what the index tells meanwhile, and what the sweeps find.

use slipway_contract::{Actor, ArchiveId, ChatId, OrgId, Seq, Timestamp};
use slipway_domain::archive::{ArchiveState, Fact, KEPT_MS};
use slipway_store::archives::{self, Begun, Exported, Moment, StoredArchive};
use slipway_store::page::Page;
use slipway_store::{Db, OrgDb, StoreError, audit, chats};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::at;

/// The second of the tests' clock, with a lease of ten seconds.
fn moment(second: i64) -> Moment {
    Moment { now: at(second), lease_until: at(second + 10) }
}

async fn begin(db: &mut OrgDb, tenant: &Tenant, second: i64) -> ArchiveId {
    let id = fixture::archive_id();
    let begun = archives::begin(db, id, tenant.chat, Actor::System, moment(second)).await.unwrap();
    let Begun::Fresh(stored) = begun else { panic!("{begun:?}") };
    assert_eq!((stored.id, stored.state), (id, ArchiveState::Exporting));
    id
}

fn exported() -> Exported {
    Exported { head: Seq(7), parts: 2, raw_bytes: 9, packed_bytes: 5, manifest_sha256: fixture::digest() }
}

async fn note(db: &mut OrgDb, archive: ArchiveId, fact: Fact, second: i64) -> Option<ArchiveState> {
    archives::note(db, archive, fact, moment(second)).await.unwrap().map(|stored| stored.state)
}

/// From the beginning to the end of the way.
async fn archive(db: &mut OrgDb, tenant: &Tenant, second: i64) -> ArchiveId {
    let id = begin(db, tenant, second).await;
    archives::exported(db, id, &exported(), moment(second)).await.unwrap().unwrap();
    assert_eq!(note(db, id, Fact::Verified, second).await, Some(ArchiveState::Wiping));
    assert_eq!(note(db, id, Fact::Wiped, second).await, Some(ArchiveState::Archived));
    id
}

async fn is_archived(db: &mut OrgDb, tenant: &Tenant) -> bool {
    let page = Page { limit: 1, after: None };
    chats::list(db, tenant.channel, tenant.owner.id, &page).await.unwrap().items[0].archived
}

/// What the sweeps find of an org, in seconds of the tests' clock.
async fn unsettled(db: Db, org: OrgId, now: Timestamp) -> (Db, Vec<ArchiveId>) {
    let mut sweeps = db.sweeps();
    let mut found = Vec::new();
    let mut page = Page { limit: 2, after: None };
    loop {
        let part = archives::unsettled(&mut sweeps, now, &page).await.unwrap();
        page.after = part.items.last().map(|one| one.archive);
        found.extend(part.items.into_iter().filter(|one| one.org == org).map(|one| one.archive));
        if !part.more {
            return (sweeps.end().unwrap(), found);
        }
    }
}

async fn idle(db: Db, chat: ChatId, before: Timestamp, now: Timestamp) -> (Db, bool) {
    let mut sweeps = db.sweeps();
    let found = archives::idle(&mut sweeps, before, now, 100_000).await.unwrap();
    (sweeps.end().unwrap(), found.iter().any(|one| one.chat == chat))
}

#[tokio::test]
async fn a_chat_goes_one_way_at_a_time_and_says_where_it_is() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let id = begin(&mut db, &tenant, 0).await;
    let second =
        archives::begin(&mut db, fixture::archive_id(), tenant.chat, Actor::System, moment(1)).await.unwrap();
    assert!(matches!(&second, Begun::There(stored) if stored.id == id), "{second:?}");
    let exported = exported();
    let verifying = archives::exported(&mut db, id, &exported, moment(2)).await.unwrap().unwrap();
    let expected = StoredArchive {
        id,
        org: tenant.org,
        chat: tenant.chat,
        state: ArchiveState::Verifying,
        by: Actor::System,
        manifest_sha256: Some(exported.manifest_sha256.clone()),
    };
    assert_eq!(verifying, expected);
    // A second export, from whoever was thought to be gone, changes nothing any more.
    let late = Exported { head: Seq(9), manifest_sha256: fixture::digest(), ..exported };
    assert_eq!(archives::exported(&mut db, id, &late, moment(3)).await.unwrap(), Some(expected.clone()));
    assert!(!is_archived(&mut db, &tenant).await);
    note(&mut db, id, Fact::Verified, 3).await;
    assert!(!is_archived(&mut db, &tenant).await);
    note(&mut db, id, Fact::Wiped, 4).await;
    assert!(is_archived(&mut db, &tenant).await);
    let current = archives::current(&mut db, tenant.chat).await.unwrap().unwrap();
    assert_eq!(current, StoredArchive { state: ArchiveState::Archived, ..expected });

    assert_eq!(note(&mut db, id, Fact::Restored, 5).await, Some(ArchiveState::Restored { at: at(5) }));
    assert_eq!(note(&mut db, id, Fact::Restored, 6).await, Some(ArchiveState::Restored { at: at(5) }));
    assert!(!is_archived(&mut db, &tenant).await);
    assert_eq!(archives::current(&mut db, tenant.chat).await.unwrap(), None);

    // The next one is whole: the first is not needed any more.
    let next = archive(&mut db, &tenant, 10).await;
    assert!(is_archived(&mut db, &tenant).await);
    assert_eq!(note(&mut db, id, Fact::Superseded, 11).await, Some(ArchiveState::Removing));
    assert_eq!(note(&mut db, id, Fact::Removed, 12).await, None);
    assert_eq!(note(&mut db, id, Fact::Removed, 12).await, None);
    assert_eq!(archives::current(&mut db, tenant.chat).await.unwrap().unwrap().id, next);
}

#[tokio::test]
async fn of_two_who_begin_at_once_one_begins() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            let begun =
                archives::begin(&mut db, fixture::archive_id(), tenant.chat, Actor::System, moment(0)).await;
            let fresh = matches!(begun.unwrap(), Begun::Fresh(_));
            db.commit().await.unwrap();
            fresh
        }));
    }
    let mut fresh = 0;
    for task in tasks {
        fresh += usize::from(task.await.unwrap());
    }
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn what_stands_in_the_middle_is_found_once_nobody_is_at_it() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let id = begin(&mut db, &tenant, 0).await;
    let (db, found) = unsettled(db.commit().await.unwrap(), tenant.org, at(9)).await;
    assert!(found.is_empty());
    let (db, found) = unsettled(db, tenant.org, at(10)).await;
    assert_eq!(found, [id]);
    let mut db = db.org(tenant.org);
    assert_eq!(archives::claim(&mut db, id, moment(9)).await.unwrap(), None);
    let claimed = archives::claim(&mut db, id, moment(10)).await.unwrap();
    assert_eq!(claimed.map(|stored| stored.state), Some(ArchiveState::Exporting));
    assert_eq!(archives::claim(&mut db, id, moment(11)).await.unwrap(), None);
    assert_eq!(note(&mut db, id, Fact::GivenUp, 12).await, Some(ArchiveState::Removing));
    assert_eq!(note(&mut db, id, Fact::Removed, 13).await, None);

    // An archive is at rest for as long as it is the only copy, and for a week after that.
    let id = archive(&mut db, &tenant, 20).await;
    let (db, found) = unsettled(db.commit().await.unwrap(), tenant.org, at(1_000_000_000)).await;
    assert!(found.is_empty());
    let mut db = db.org(tenant.org);
    note(&mut db, id, Fact::Restored, 30).await;
    let over = at(30).plus_ms(KEPT_MS);
    let (db, found) = unsettled(db.commit().await.unwrap(), tenant.org, over.plus_ms(-1)).await;
    assert!(found.is_empty());
    let (_, found) = unsettled(db, tenant.org, over).await;
    assert_eq!(found, [id]);
}

#[tokio::test]
async fn a_chat_is_idle_when_nothing_new_came_and_nobody_brought_it_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let chat = tenant.chat;
    server
        .admin()
        .await
        .execute("UPDATE chats SET active_at = last_message_at WHERE chat_id = $1", &[&chat.to_string()])
        .await
        .unwrap();
    let said = NOW.plus_ms(1);
    let (db, found) = idle(db, chat, said.plus_ms(-1), at(100)).await;
    assert!(!found);
    let (db, found) = idle(db, chat, said, at(100)).await;
    assert!(found);

    // Blocked: later, and later still.
    for (tries, minutes) in [(1, 10), (2, 20)] {
        let mut db = db_of(&server, &tenant).await;
        let id = begin(&mut db, &tenant, 100).await;
        assert_eq!(note(&mut db, id, Fact::Blocked, 100).await, None);
        let db = db.commit().await.unwrap();
        let (db, found) = idle(db, chat, said, at(100 + minutes * 60 - 1)).await;
        assert!(!found, "try {tries}");
        let (_, found) = idle(db, chat, said, at(100 + minutes * 60)).await;
        assert!(found, "try {tries}");
    }
    let mut db = db.org(tenant.org);
    archives::leave_until(&mut db, chat, at(9_000)).await.unwrap();
    let (db, found) = idle(db.commit().await.unwrap(), chat, said, at(8_999)).await;
    assert!(!found);

    // On its way, archived, and back.
    let mut db = db.org(tenant.org);
    begin(&mut db, &tenant, 200).await;
    let (db, found) = idle(db.commit().await.unwrap(), chat, said, at(100_000)).await;
    assert!(!found);
    let mut db = db.org(tenant.org);
    let id = archives::current(&mut db, chat).await.unwrap().unwrap().id;
    archives::exported(&mut db, id, &exported(), moment(200)).await.unwrap();
    note(&mut db, id, Fact::Verified, 200).await;
    note(&mut db, id, Fact::Wiped, 200).await;
    let (db, found) = idle(db.commit().await.unwrap(), chat, said, at(100_000)).await;
    assert!(!found);
    let mut db = db.org(tenant.org);
    note(&mut db, id, Fact::Restored, 300).await;
    let (db, found) = idle(db.commit().await.unwrap(), chat, at(299), at(100_000)).await;
    assert!(!found, "somebody opened it");
    let (db, found) = idle(db, chat, at(300), at(100_000)).await;
    assert!(found);

    // The index hears of something new.
    let mut db = db.org(tenant.org);
    chats::project(&mut db, &fixture::projection(&tenant, 2)).await.unwrap();
    let (_, found) = idle(db.commit().await.unwrap(), chat, said, at(100_000)).await;
    assert!(!found);
}

async fn db_of(server: &Server, tenant: &Tenant) -> OrgDb {
    server.db().await.org(tenant.org)
}

#[tokio::test]
async fn a_chat_of_another_org_or_of_none_is_not_begun() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    for chat in [victim.chat, fixture::chat_id()] {
        let mut db = server.db().await.org(other.org);
        let begun = archives::begin(&mut db, fixture::archive_id(), chat, Actor::System, moment(0)).await;
        assert!(matches!(begun, Err(StoreError::NotFound { .. })), "{begun:?}");
    }
    // One that is there is nobody else's to look at or to change.
    let mut own = db.org(victim.org);
    let id = archive(&mut own, &victim, 0).await;
    let mut db = own.commit().await.unwrap().org(other.org);
    assert_eq!(archives::current(&mut db, victim.chat).await.unwrap(), None);
    assert_eq!(archives::claim(&mut db, id, moment(1_000)).await.unwrap(), None);
    assert_eq!(archives::note(&mut db, id, Fact::Restored, moment(1_000)).await.unwrap(), None);
    let page = Page { limit: 5, after: None };
    assert!(audit::list(&mut db, &page).await.unwrap().items.is_empty());
    let mut db = db.end().unwrap().org(victim.org);
    assert!(is_archived(&mut db, &victim).await);
}
