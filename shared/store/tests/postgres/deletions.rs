//! Deletions: what is doomed is seen by nobody, rows go by their jobs alone, and what is to stay stays.

use slipway_contract::http::deletions::DeletionSubject;
use slipway_contract::http::orgs::Role;
use slipway_contract::{ChatId, DeletionId, OrgId};
use slipway_domain::search::Query;
use slipway_store::deletions::{self, NewDeletion, Rows, Stored};
use slipway_store::messages::{Filters, search};
use slipway_store::page::Page;
use slipway_store::{
    Db, OrgDb, StoreError, approvals, artifacts, audit, channels, chats, invitations, members, memberships,
    sandboxes, users,
};

use crate::fixture::{self, Tenant};
use crate::server::Server;
use crate::world;

/// A tenant with something in each table.
async fn furnished(server: &Server) -> (Db, Tenant) {
    let (db, tenant) = fixture::tenant(server.db().await).await;
    (world::furnish(db, &tenant).await, tenant)
}

pub(crate) async fn ask_chat(db: Db, tenant: &Tenant) -> (Db, DeletionId) {
    let mut db = db.removal(tenant.org);
    let id = deletions::ask_chat(&mut db, &fixture::deletion(tenant), tenant.chat).await.unwrap();
    (db.commit().await.unwrap(), id)
}

/// How a deletion stands, for who asked for it.
pub(crate) async fn stored(db: Db, tenant: &Tenant, id: DeletionId) -> (Db, Stored) {
    let mut db = db.memberships(tenant.owner.id);
    let found = deletions::find(&mut db, id).await.unwrap().unwrap();
    (db.end().unwrap(), found)
}

/// What the audit log says was done to something, the oldest first.
async fn told(db: &mut OrgDb, subject: &str) -> Vec<String> {
    let all = audit::list(db, &Page { limit: 200, after: None }).await.unwrap();
    let mut told: Vec<String> =
        all.items.into_iter().filter(|entry| entry.subject == subject).map(|entry| entry.action).collect();
    told.reverse();
    told
}

/// Removes the rows of tables, and tells what went.
async fn forget(db: Db, org: OrgId, tables: &'static [Rows], subject: &str) -> (Db, String) {
    let mut db = db.removal(org);
    let mut lines = Vec::new();
    for rows in tables {
        let there = deletions::count(&mut db, rows, subject).await.unwrap();
        let mut went = 0;
        loop {
            // One at a time, so that going on is tried too.
            match deletions::remove(&mut db, rows, subject, 1).await.unwrap().count {
                0 => break,
                count => went += count,
            }
        }
        assert_eq!(went, there.count, "{rows:?}");
        assert_eq!(deletions::count(&mut db, rows, subject).await.unwrap().count, 0, "{rows:?}");
        lines.push(format!("{:?} {went}", rows.kind));
    }
    (db.commit().await.unwrap(), lines.join(", "))
}

/// Lets the sandboxes of a chat be gone, and what R2 has of them.
async fn vacate(server: &Server, chat: ChatId) {
    let admin = server.admin().await;
    let chat = chat.to_string();
    for statement in [
        "DELETE FROM artifacts WHERE chat_id = $1",
        "DELETE FROM attachment_parts WHERE attachment_id IN (
             SELECT attachment_id FROM attachments WHERE chat_id = $1)",
        "DELETE FROM attachments WHERE chat_id = $1",
        "DELETE FROM snapshots WHERE sandbox_id IN (SELECT sandbox_id FROM sandboxes WHERE chat_id = $1)",
        "UPDATE sandboxes SET state = 'destroyed', reason = NULL, run_epoch = NULL, run_from = NULL, seen_at = NULL,
                used_at = NULL WHERE chat_id = $1",
    ] {
        admin.execute(statement, &[&chat]).await.unwrap();
    }
}

#[tokio::test]
async fn a_chat_that_shall_go_is_in_no_list_and_takes_in_nothing_more() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let mut db = db.org(tenant.org);
    let owner = tenant.owner.id;
    let seen = async |db: &mut OrgDb| {
        let query = Query::parse("victim").unwrap();
        let page = Page { limit: 10, after: None };
        let found = search(db, owner, Role::Owner, &query, &Filters::default(), &page).await.unwrap();
        let listed = chats::list(db, tenant.channel, owner, &Page { limit: 10, after: None }).await.unwrap();
        let asked = approvals::list(db, owner, None, &Page { limit: 10, after: None }).await.unwrap();
        let kept = artifacts::list(db, owner, None, &Page { limit: 10, after: None }).await.unwrap();
        let known = chats::channel_of(db, tenant.chat).await.unwrap();
        let channels =
            channels::list(db, owner, Role::Owner, &Page { limit: 10, after: None }).await.unwrap();
        let unread: u64 = channels.items.iter().map(|channel| channel.unread).sum();
        [
            found.items.len(),
            listed.items.len(),
            asked.items.len(),
            kept.items.len(),
            usize::from(known.is_some()),
            usize::from(unread > 0),
        ]
    };
    assert_eq!(seen(&mut db).await, [1; 6]);
    let (db, _) = ask_chat(db.end().unwrap(), &tenant).await;
    let mut db = db.org(tenant.org);
    assert_eq!(seen(&mut db).await, [0; 6]);
    let mut own = db.end().unwrap().memberships(owner);
    assert_eq!(memberships::of_chat(&mut own, tenant.chat).await.unwrap(), None);
    assert_eq!(memberships::org_of_chat(&mut own, tenant.chat).await.unwrap(), None);

    // What its object still tells comes too late.
    let mut db = own.end().unwrap().org(tenant.org);
    let late = chats::project(&mut db, &fixture::projection(&tenant, 9)).await.unwrap_err();
    assert!(matches!(late, StoreError::NotFound { .. }), "{late:?}");
    let head: i64 = server
        .admin()
        .await
        .query_one("SELECT head FROM chats WHERE chat_id = $1", &[&tenant.chat.to_string()])
        .await
        .unwrap()
        .get(0);
    assert_eq!(head, 2);
}

#[tokio::test]
async fn what_is_asked_for_twice_or_by_many_at_once_is_one_deletion() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move { ask_chat(server.db().await, &tenant).await.1 }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    let (db, found) = stored(server.db().await, &tenant, ids[0]).await;
    assert_eq!(found.subject, DeletionSubject::Chat { id: tenant.chat });
    let mut db = db.org(tenant.org);
    assert_eq!(told(&mut db, &tenant.chat.to_string()).await, ["chat.delete"]);
    // What was never there cannot be deleted.
    let mut db = db.end().unwrap().removal(tenant.org);
    let never = deletions::ask_chat(&mut db, &fixture::deletion(&tenant), fixture::chat_id()).await;
    assert!(matches!(never, Err(StoreError::NotFound { .. })), "{never:?}");
}

#[tokio::test]
async fn another_orgs_chat_cannot_be_asked_for() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.removal(other.org);
    let refused = deletions::ask_chat(&mut db, &fixture::deletion(&other), victim.chat).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let mut db = db.end().unwrap().org(victim.org);
    assert_eq!(chats::channel_of(&mut db, victim.chat).await.unwrap(), Some(victim.channel));
}

#[tokio::test]
async fn rows_go_by_their_jobs_alone() {
    let server = Server::get();
    let (_, tenant) = furnished(&server).await;
    let app = server.app().await;
    let tables = [
        "agents",
        "approval_policies",
        "approvals",
        "artifacts",
        "channels",
        "chat_people",
        "chats",
        "invitations",
        "members",
        "messages",
        "orgs",
        "quotas",
        "retention",
        "sandbox_acts",
        "sandbox_places",
        "sandboxes",
    ];
    for table in tables {
        app.batch_execute("BEGIN").await.unwrap();
        app.execute("SELECT set_config('app.current_org_id', $1, true)", &[&tenant.org.to_string()])
            .await
            .unwrap();
        let there = app.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap();
        assert!(there.get::<_, i64>(0) > 0, "{table} is empty");
        assert_eq!(app.execute(&format!("DELETE FROM {table}"), &[]).await.unwrap(), 0, "{table}");
        app.batch_execute("ROLLBACK").await.unwrap();
    }
    for table in ["users", "passwords", "sessions"] {
        app.batch_execute("BEGIN").await.unwrap();
        app.batch_execute("SELECT set_config('app.system_job', 'identity', true)").await.unwrap();
        assert_eq!(app.execute(&format!("DELETE FROM {table}"), &[]).await.unwrap(), 0, "{table}");
        app.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_chat_is_forgotten_and_its_usage_and_audit_stay() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let (db, id) = ask_chat(db, &tenant).await;
    let chat = tenant.chat.to_string();
    // While R2 or an executor has something of it, its rows hold the chat's own.
    let mut rows = db.removal(tenant.org);
    for kept in deletions::KEPT_OF_CHAT {
        assert!(deletions::count(&mut rows, kept, &chat).await.unwrap().count > 0, "{kept:?}");
    }
    let last = deletions::OF_CHAT.last().unwrap();
    let early = deletions::remove(&mut rows, last, &chat, 10).await.unwrap_err();
    assert!(matches!(early, StoreError::NotFound { .. }), "{early:?}");
    vacate(&server, tenant.chat).await;
    let (db, went) = forget(server.db().await, tenant.org, deletions::OF_CHAT, &chat).await;
    assert_eq!(
        went,
        "Approvals 1, Messages 1, Participants 1, Settings 1, Settings 1, Sandboxes 2, Archives 1, ContextItems 1, Chats 1"
    );
    let mut db = db.removal(tenant.org);
    deletions::audit(&mut db, id, DeletionSubject::Chat { id: tenant.chat }, "[]").await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    assert_eq!(told(&mut db, &chat).await, ["chat.delete", "chat.deleted"]);
    let admin = server.admin().await;
    let usage =
        admin.query_one("SELECT count(*) FROM usage_entries WHERE chat_id = $1", &[&chat]).await.unwrap();
    assert!(usage.get::<_, i64>(0) > 0);
    // Whoever asks once more gets the deletion that there was.
    let (db, again) = ask_chat(db.end().unwrap(), &tenant).await;
    assert_eq!(again, id);
    let mut db = db.org(tenant.org);
    let late = chats::project(&mut db, &fixture::projection(&tenant, 9)).await.unwrap_err();
    assert!(matches!(late, StoreError::NotFound { .. }), "{late:?}");
    assert!(
        sandboxes::list(&mut db, tenant.chat, &Page { limit: 9, after: None })
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_channel_goes_with_its_chats_and_one_that_was_being_made_follows() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.removal(tenant.org);
    let id = deletions::ask_channel(&mut db, &fixture::deletion(&tenant), tenant.channel).await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    assert_eq!(channels::access(&mut db, tenant.channel, tenant.owner.id).await.unwrap(), None);
    assert_eq!(chats::channel_of(&mut db, tenant.chat).await.unwrap(), None);

    // A chat that began before: the index hears of it too late, and it goes too.
    let mut late = fixture::projection(&tenant, 1);
    late.chat = fixture::chat_id();
    let refused = chats::project(&mut db, &late).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
    let mut db = db.end().unwrap().org(tenant.org);
    for first in [true, false] {
        let new = fixture::deletion(&tenant);
        assert_eq!(deletions::adopt(&mut db, &new, late.chat, late.channel).await.unwrap(), first);
    }
    let (db, adopting) = stored(db.commit().await.unwrap(), &tenant, id).await;
    assert_eq!((adopting.parts.all, adopting.parts.done), (1, 0));
    // Of a channel that stays, nothing is taken along.
    let (db, other) = fixture::channel(db, &tenant, "other").await;
    let mut db = db.org(tenant.org);
    let new = fixture::deletion(&tenant);
    assert!(!deletions::adopt(&mut db, &new, fixture::chat_id(), other).await.unwrap());

    let mut db = db.end().unwrap().removal(tenant.org);
    assert_eq!(deletions::chats_to_go(&mut db, tenant.channel, 10).await.unwrap(), [tenant.chat]);
    let part = NewDeletion { parent: Some(id), ..fixture::deletion(&tenant) };
    deletions::ask_chat(&mut db, &part, tenant.chat).await.unwrap();
    assert_eq!(deletions::chats_to_go(&mut db, tenant.channel, 10).await.unwrap(), []);
    let db = db.commit().await.unwrap();
    let (db, found) = stored(db, &tenant, id).await;
    assert_eq!((found.parts.all, found.parts.done), (2, 0));
    let mut db = db.removal(tenant.org);
    let last = deletions::OF_CHANNEL.last().unwrap();
    let early = deletions::remove(&mut db, last, &tenant.channel.to_string(), 9).await;
    assert!(matches!(early, Err(StoreError::NotFound { .. })), "{early:?}");
    let (db, _) = forget(server.db().await, tenant.org, deletions::OF_CHAT, &tenant.chat.to_string()).await;
    let (_, went) = forget(db, tenant.org, deletions::OF_CHANNEL, &tenant.channel.to_string()).await;
    assert_eq!(went, "ContextItems 0, ChannelMembers 1, Channels 1");
}

#[tokio::test]
async fn an_org_goes_and_its_people_keep_their_accounts() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let (db, bo, _) = fixture::joined(db, &tenant, Role::Admin).await;
    let org = tenant.org.to_string();
    let mut db = db.removal(tenant.org);
    let id = deletions::ask_org(&mut db, &fixture::deletion(&tenant)).await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    for user in [tenant.owner.id, bo.id] {
        assert_eq!(members::find(&mut db, user).await.unwrap(), None);
    }
    let offer = invitations::find(&mut db, &tenant.token_hash).await.unwrap().unwrap();
    assert!(offer.ended);
    assert_eq!(channels::access(&mut db, tenant.channel, tenant.owner.id).await.unwrap(), None);
    // Its report is for who asked; nobody is an admin any more.
    let (db, found) = stored(db.end().unwrap(), &tenant, id).await;
    assert_eq!(found.subject, DeletionSubject::Org { id: tenant.org });
    let mut db = db.memberships(bo.id);
    assert_eq!(deletions::find(&mut db, id).await.unwrap(), None);

    vacate(&server, tenant.chat).await;
    let (db, _) = forget(db.end().unwrap(), tenant.org, deletions::OF_CHAT, &tenant.chat.to_string()).await;
    let mut db = db.removal(tenant.org);
    let channels = deletions::channels_to_go(&mut db, 10).await.unwrap();
    // The other one was asked for before.
    assert_eq!(channels, [tenant.channel]);
    let mut db = db.end().unwrap();
    for channel in channels.iter().map(ToString::to_string).chain(other_channels(&server, tenant.org).await) {
        db = forget(db, tenant.org, deletions::OF_CHANNEL, &channel).await.0;
    }
    let (db, went) = forget(db, tenant.org, deletions::OF_ORG, &org).await;
    assert_eq!(
        went,
        "ContextItems 0, Settings 1, Agents 1, Invitations 1, Settings 1, Settings 1, Settings 1, Settings 2, Members 2, Orgs 1"
    );
    let mut db = db.memberships(bo.id);
    assert_eq!(users::find(&mut db).await.unwrap().id, bo.id);
    let left = left_of(&server, tenant.org).await;
    assert_eq!(left, ["audit", "deletions", "usage_entries"]);
}

/// Channels whose rows are still there.
async fn other_channels(server: &Server, org: OrgId) -> Vec<String> {
    let admin = server.admin().await;
    let rows = admin
        .query("SELECT channel_id FROM channels WHERE org_id = $1 AND name = 'doomed'", &[&org.to_string()])
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tables that still have rows of an org.
async fn left_of(server: &Server, org: OrgId) -> Vec<String> {
    let admin = server.admin().await;
    let tables = admin
        .query(
            "SELECT table_name::text FROM information_schema.columns
              WHERE table_schema = 'public' AND column_name = 'org_id' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let mut left = Vec::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let count = format!("SELECT count(*) FROM {table} WHERE org_id = $1");
        if admin.query_one(&count, &[&org.to_string()]).await.unwrap().get::<_, i64>(0) > 0 {
            left.push(table);
        }
    }
    left
}
