//! What a deletion would take is what it would find, up to the bound, and nothing of anybody else.

use std::collections::BTreeSet;

use slipway_contract::ChatId;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::deletions::{DeletedCount, DeletedKind, DeletionSubject};
use slipway_contract::http::orgs::Role;
use slipway_store::channels::NewChannel;
use slipway_store::{Db, OrgDb, channels, chats, deletions, members};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world;

/// More than there is of anything.
const MANY: u64 = 1_000;

async fn preview(db: &mut OrgDb, subject: DeletionSubject, most: u64) -> Vec<DeletedCount> {
    deletions::preview(db, subject, most).await.unwrap()
}

/// What is counted, as one line; then the people.
async fn lines(db: &mut OrgDb, subject: DeletionSubject, most: u64) -> String {
    let found = preview(db, subject, most).await;
    let people = deletions::preview_people(db, subject, most).await.unwrap();
    let lines = found.iter().map(|one| match one.bytes {
        0 => format!("{:?} {}", one.kind, one.count),
        bytes => format!("{:?} {} of {bytes} B", one.kind, one.count),
    });
    format!("{}; {people} people", lines.collect::<Vec<_>>().join(", "))
}

fn of_chat(tenant: &Tenant) -> DeletionSubject {
    DeletionSubject::Chat { id: tenant.chat }
}

fn of_channel(tenant: &Tenant) -> DeletionSubject {
    DeletionSubject::Channel { id: tenant.channel }
}

fn of_org(tenant: &Tenant) -> DeletionSubject {
    DeletionSubject::Org { id: tenant.org }
}

/// One more chat of the tenant's channel, with a message for each text.
async fn chat(db: &mut OrgDb, tenant: &Tenant, texts: &[&str]) -> ChatId {
    let other = Tenant { chat: fixture::chat_id(), ..tenant.clone() };
    let mut told = fixture::projection(&other, 9);
    told.messages = (1..).zip(texts).map(|(seq, text)| fixture::message(&other, seq, text)).collect();
    chats::project(db, &told).await.unwrap();
    other.chat
}

async fn furnished(server: &Server) -> (Db, Tenant) {
    let (db, tenant) = fixture::tenant(server.db().await).await;
    (world::furnish(db, &tenant).await, tenant)
}

#[tokio::test]
async fn a_chats_preview_counts_what_its_deletion_would_find() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let mut db = db.org(tenant.org);
    assert_eq!(
        lines(&mut db, of_chat(&tenant), MANY).await,
        "Sandboxes 2, Snapshots 1, Artifacts 1 of 7 B, Attachments 1 of 7 B, Archives 1, Messages 1, Approvals 1, \
         Participants 1, Chats 1, ContextItems 1; 1 people"
    );
    let found = preview(&mut db, of_chat(&tenant), MANY).await;
    let mut rows = db.end().unwrap().removal(tenant.org);
    for kind in kinds(&[deletions::KEPT_OF_CHAT, deletions::OF_CHAT]) {
        let mut there = 0;
        for table in deletions::KEPT_OF_CHAT.iter().chain(deletions::OF_CHAT) {
            if table.kind == kind {
                let chat = tenant.chat.to_string();
                there += deletions::count(&mut rows, table, &chat).await.unwrap().count;
            }
        }
        let counted = found.iter().find(|one| one.kind == kind).map_or(0, |one| one.count);
        // Of a chat these are notes about its sandboxes, which nobody knows.
        let expected = if kind == DeletedKind::Settings { 0 } else { there };
        assert_eq!(counted, expected, "{kind:?}");
    }
}

/// Kinds of the rows of these tables.
fn kinds(tables: &[&[deletions::Rows]]) -> BTreeSet<DeletedKind> {
    tables.iter().flat_map(|tables| tables.iter()).map(|rows| rows.kind).collect()
}

#[tokio::test]
async fn an_orgs_preview_knows_every_kind_that_deletions_remove_rows_of() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let found = preview(&mut db.org(tenant.org), of_org(&tenant), MANY).await;
    let found: BTreeSet<DeletedKind> = found.iter().map(|one| one.kind).collect();
    let lists = [deletions::KEPT_OF_CHAT, deletions::OF_CHAT, deletions::OF_CHANNEL, deletions::OF_ORG];
    assert_eq!(found, kinds(&lists));
}

#[tokio::test]
async fn a_channel_and_an_org_count_through_their_chats() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let mut db = db.org(tenant.org);
    chat(&mut db, &tenant, &["two", "three"]).await;
    let (db, elsewhere) = fixture::channel(db.commit().await.unwrap(), &tenant, "elsewhere").await;
    let mut db = db.org(tenant.org);
    chat(&mut db, &Tenant { channel: elsewhere, ..tenant.clone() }, &["four"]).await;
    assert_eq!(
        lines(&mut db, of_chat(&tenant), MANY).await,
        "Sandboxes 2, Snapshots 1, Artifacts 1 of 7 B, Attachments 1 of 7 B, Archives 1, Messages 1, Approvals 1, \
         Participants 1, Chats 1, ContextItems 1; 1 people"
    );
    assert_eq!(
        lines(&mut db, of_channel(&tenant), MANY).await,
        "Sandboxes 2, Snapshots 1, Artifacts 1 of 7 B, Attachments 1 of 7 B, Archives 1, Messages 3, Approvals 1, \
         Participants 2, Chats 2, Channels 1, ChannelMembers 1, ContextItems 1; 1 people"
    );
    assert_eq!(
        lines(&mut db, of_org(&tenant), MANY).await,
        "Sandboxes 2, Snapshots 1, Artifacts 1 of 7 B, Attachments 1 of 7 B, Archives 1, Messages 4, Approvals 1, \
         Participants 3, Chats 3, Channels 2, ChannelMembers 2, Agents 1, Invitations 1, Members 1, ContextItems 1, \
         Settings 3, Orgs 1; 1 people"
    );
}

#[tokio::test]
async fn bytes_are_told_where_rows_know_them() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let admin = server.admin().await;
    for statement in [
        "UPDATE snapshots SET state = 'kept', bytes = 11, sha256 = repeat('a', 64) WHERE org_id = $1",
        "UPDATE chat_archives SET packed_bytes = 13 WHERE org_id = $1",
    ] {
        admin.execute(statement, &[&tenant.org.to_string()]).await.unwrap();
    }
    let mut db = db.org(tenant.org);
    for subject in [of_chat(&tenant), of_channel(&tenant), of_org(&tenant)] {
        let told = lines(&mut db, subject, MANY).await;
        let expected = "Sandboxes 2, Snapshots 1 of 11 B, Artifacts 1 of 7 B, Attachments 1 of 7 B, Archives 1 of 13 B, ";
        assert!(told.starts_with(expected), "{told}");
    }
}

#[tokio::test]
async fn nothing_of_another_org_is_counted() {
    let server = Server::get();
    let (db, victim) = furnished(&server).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(other.org);
    for subject in [of_chat(&victim), of_channel(&victim), of_org(&victim)] {
        assert_eq!(lines(&mut db, subject, MANY).await, "; 0 people", "{subject:?}");
    }
    assert_eq!(
        lines(&mut db, of_org(&other), MANY).await,
        "Participants 1, Chats 1, Channels 1, ChannelMembers 1, Agents 1, Invitations 1, Members 1, Orgs 1; 1 people"
    );
}

#[tokio::test]
async fn above_the_bound_the_bound_is_said() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let chat = chat(&mut db, &tenant, &["one", "two", "three"]).await;
    for bytes in 0..3 {
        let mut new = world::upload(&tenant);
        (new.chat, new.bytes) = (chat, 10 + bytes);
        let client = format!("key {bytes}");
        new.client_id = &client;
        slipway_store::attachments::begin(&mut db, &new, NOW).await.unwrap().unwrap();
    }
    let subject = DeletionSubject::Chat { id: chat };
    let of = async |db: &mut OrgDb, most| {
        let found = preview(db, subject, most).await;
        let of = |kind| found.iter().find(|one| one.kind == kind).map(|one| (one.count, one.bytes)).unwrap();
        (of(DeletedKind::Messages).0, of(DeletedKind::Attachments))
    };
    assert_eq!(of(&mut db, 4).await, (3, (3, 33)));
    assert_eq!(of(&mut db, 3).await, (3, (3, 33)));
    let (messages, (attachments, bytes)) = of(&mut db, 2).await;
    assert_eq!((messages, attachments), (2, 2));
    assert!((21..=23).contains(&bytes), "{bytes}");
    // Chats too, and people.
    let mut db = fixture::joined(db.commit().await.unwrap(), &tenant, Role::Member).await.0.org(tenant.org);
    let bounded = lines(&mut db, of_org(&tenant), 1).await;
    assert!(bounded.contains("Chats 1, ") && bounded.ends_with("; 1 people"), "{bounded}");
}

#[tokio::test]
async fn what_is_gone_or_on_its_way_out_is_nothing_that_could_be_lost() {
    let server = Server::get();
    let (db, tenant) = furnished(&server).await;
    let (db, bo, member) = fixture::joined(db, &tenant, Role::Member).await;
    let mut db = db.org(tenant.org);
    members::end(&mut db, member, bo.id, NOW).await.unwrap();
    let mut told = fixture::projection(&tenant, 7);
    told.people[0].participant = false;
    told.messages = vec![fixture::message(&tenant, 2, "")];
    told.messages[0].text = None;
    told.messages[0].version = told.head;
    chats::project(&mut db, &told).await.unwrap();
    db.commit().await.unwrap();
    let admin = server.admin().await;
    let (chat, org) = (tenant.chat.to_string(), tenant.org.to_string());
    for (statement, id) in [
        ("UPDATE attachments SET state = 'removed' WHERE chat_id = $1", &chat),
        ("UPDATE chat_archives SET state = 'removing' WHERE chat_id = $1", &chat),
        ("UPDATE snapshots SET state = 'removing' WHERE org_id = $1", &org),
        (
            "UPDATE sandboxes SET state = 'destroyed', reason = NULL, run_epoch = NULL, run_from = NULL, seen_at = NULL,
                    used_at = NULL WHERE chat_id = $1",
            &chat,
        ),
        ("UPDATE invitations SET revoked_at = now(), revoked_by = 'system' WHERE org_id = $1", &org),
        ("DELETE FROM quotas WHERE org_id = $1", &org),
    ] {
        admin.execute(statement, &[id]).await.unwrap();
    }
    let mut db = server.db().await.org(tenant.org);
    assert_eq!(
        lines(&mut db, of_chat(&tenant), MANY).await,
        "Artifacts 1 of 7 B, Approvals 1, Chats 1, ContextItems 1; 0 people"
    );
    assert_eq!(
        lines(&mut db, of_org(&tenant), MANY).await,
        "Artifacts 1 of 7 B, Approvals 1, Chats 1, Channels 1, ChannelMembers 1, Agents 1, Members 1, ContextItems 1, \
         Settings 2, Orgs 1; 1 people"
    );
    // What is being deleted is not there any more.
    let mut rows = db.end().unwrap().removal(tenant.org);
    deletions::ask_channel(&mut rows, &fixture::deletion(&tenant), tenant.channel).await.unwrap();
    let mut db = rows.commit().await.unwrap().org(tenant.org);
    for subject in [of_chat(&tenant), of_channel(&tenant)] {
        assert_eq!(lines(&mut db, subject, MANY).await, "; 0 people", "{subject:?}");
    }
    let after = lines(&mut db, of_org(&tenant), MANY).await;
    assert_eq!(after, "Agents 1, Members 1, Settings 2, Orgs 1; 1 people");
}

#[tokio::test]
async fn who_would_lose_a_channel_is_who_sees_it() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, guest, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, _, _) = fixture::joined(db, &tenant, Role::Guest).await;
    let (db, _, _) = fixture::joined(db, &tenant, Role::Admin).await;
    let mut db = db.org(tenant.org);
    let private =
        NewChannel { id: fixture::channel_id(), name: "private", visibility: Visibility::Private, topic: "" };
    channels::create(&mut db, &private, tenant.owner.id, NOW).await.unwrap();
    for channel in [tenant.channel, private.id] {
        channels::add_member(&mut db, channel, guest.id, tenant.owner.id, NOW).await.unwrap();
    }
    let mut people = Vec::new();
    for id in [tenant.channel, private.id] {
        let subject = DeletionSubject::Channel { id };
        people.push(deletions::preview_people(&mut db, subject, MANY).await.unwrap());
    }
    // The owner, the admin and the guest who was added; the owner and the guest.
    assert_eq!(people, [3, 2]);
}

#[tokio::test]
async fn an_accounts_preview_counts_the_persons_own_places_in_all_their_orgs() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(other.org);
    let member = fixture::member_id();
    members::join(&mut db, member, tenant.owner.id, Role::Member, NOW).await.unwrap();
    let mut told = fixture::projection(&other, 3);
    told.people.extend(fixture::projection(&tenant, 3).people);
    chats::project(&mut db, &told).await.unwrap();
    let db = db.commit().await.unwrap();

    let count = |kind, count| DeletedCount { kind, count, bytes: 0 };
    let account = count(DeletedKind::Accounts, 1);
    let of =
        |places| vec![count(DeletedKind::Participants, places), count(DeletedKind::Members, places), account];
    let mut own = db.memberships(tenant.owner.id);
    assert_eq!(deletions::preview_account(&mut own, MANY).await.unwrap(), of(2));
    assert_eq!(deletions::preview_account(&mut own, 1).await.unwrap(), of(1));
    let mut own = own.end().unwrap().memberships(other.owner.id);
    assert_eq!(deletions::preview_account(&mut own, MANY).await.unwrap(), of(1));
    let mut own = own.end().unwrap().memberships(fixture::user_id());
    assert_eq!(deletions::preview_account(&mut own, MANY).await.unwrap(), []);
}
