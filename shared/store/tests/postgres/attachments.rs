//! Attachments: within the org's room whoever begins at once, each in one message, and found when they shall go.

use futures::future::join_all;
use slipway_contract::http::orgs::Role;
use slipway_contract::limits::ATTACHMENT_BYTES_PER_ORG;
use slipway_contract::objects::projection::MessageProjection;
use slipway_contract::{Actor, AttachmentId, MessageId, OrgId, Seq, UserId};
use slipway_store::attachments::{self, AttachmentState, NewAttachment, StoredAttachment};
use slipway_store::page::Page;
use slipway_store::{Db, OrgDb, StoreError, chats, memberships};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::{self, at};

fn new<'a>(tenant: &Tenant, client_id: &'a str, bytes: u64) -> NewAttachment<'a> {
    NewAttachment { client_id, bytes, ..world::upload(tenant) }
}

async fn begun(db: &mut OrgDb, tenant: &Tenant, client_id: &str) -> AttachmentId {
    attachments::begin(db, &new(tenant, client_id, 7), NOW).await.unwrap().unwrap().attachment.id
}

/// One that R2 has all of.
async fn whole(db: &mut OrgDb, tenant: &Tenant, client_id: &str) -> AttachmentId {
    let id = begun(db, tenant, client_id).await;
    assert!(attachments::complete(db, id, "text/plain", None).await.unwrap());
    id
}

async fn find(db: &mut OrgDb, id: AttachmentId) -> StoredAttachment {
    attachments::find(db, id).await.unwrap().unwrap()
}

async fn state(db: &mut OrgDb, id: AttachmentId) -> (AttachmentState, bool) {
    let found = find(db, id).await;
    (found.state, found.posted)
}

/// What a chat tells of a message with files.
fn message(tenant: &Tenant, seq: u64, text: Option<&str>, files: &[AttachmentId]) -> MessageProjection {
    let version = if text.is_none() { Seq(seq + 50) } else { Seq(seq) };
    MessageProjection {
        text: text.map(str::to_owned),
        version,
        attachments: files.to_vec(),
        ..fixture::message(tenant, seq, "")
    }
}

async fn tell(db: &mut OrgDb, tenant: &Tenant, messages: Vec<MessageProjection>) {
    let told = slipway_contract::objects::projection::ChatProjection {
        messages,
        ..fixture::projection(tenant, 100)
    };
    chats::project(db, &told).await.unwrap();
}

async fn left_over(db: Db, org: OrgId, before: i64) -> (Db, Vec<AttachmentId>) {
    let mut sweeps = db.sweeps();
    let mut found = Vec::new();
    let mut page = Page { limit: 2, after: None };
    loop {
        let part = attachments::left_over(&mut sweeps, at(before), &page).await.unwrap();
        page.after = part.items.last().map(|(_, id)| *id);
        found.extend(part.items.into_iter().filter(|(of, _)| *of == org).map(|(_, id)| id));
        if !part.more {
            return (sweeps.end().unwrap(), found);
        }
    }
}

#[tokio::test]
async fn an_upload_is_begun_once_and_comes_to_its_end_once() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let wanted = new(&tenant, "one", 7);
    let first = attachments::begin(&mut db, &wanted, NOW).await.unwrap().unwrap();
    assert_eq!(
        (first.state, first.upload.as_deref(), first.posted),
        (AttachmentState::Uploading, None, false)
    );
    assert_eq!(first.attachment.by, Actor::User { id: tenant.owner.id });
    assert_eq!((first.attachment.bytes, first.attachment.created_at), (7, NOW));
    // The same again, whatever it says of itself.
    let again = attachments::begin(&mut db, &new(&tenant, "one", 9), at(5)).await.unwrap();
    assert_eq!(again.as_ref(), Some(&first));
    let id = first.attachment.id;

    assert!(attachments::name_upload(&mut db, id, "r2-a").await.unwrap());
    assert!(!attachments::name_upload(&mut db, id, "r2-b").await.unwrap(), "the first name counts");
    assert!(attachments::keep_part(&mut db, id, 2, "b").await.unwrap());
    assert!(attachments::keep_part(&mut db, id, 1, "a").await.unwrap());
    assert!(attachments::keep_part(&mut db, id, 2, "c").await.unwrap());
    let parts = attachments::parts(&mut db, id).await.unwrap();
    assert_eq!(parts, [(1, "a".to_owned()), (2, "c".to_owned())]);

    assert!(attachments::complete(&mut db, id, "image/png", Some([3, 4])).await.unwrap());
    assert!(!attachments::complete(&mut db, id, "text/plain", None).await.unwrap(), "it is complete already");
    assert!(!attachments::keep_part(&mut db, id, 1, "z").await.unwrap());
    assert!(attachments::parts(&mut db, id).await.unwrap().is_empty());
    let found = find(&mut db, id).await;
    assert_eq!((found.state, found.upload.as_deref()), (AttachmentState::Complete, Some("r2-a")));
    assert_eq!((found.attachment.media_type.as_str(), found.attachment.pixels), ("image/png", Some([3, 4])));

    let elsewhere = NewAttachment { chat: fixture::chat_id(), ..new(&tenant, "two", 7) };
    let lost = attachments::begin(&mut db, &elsewhere, NOW).await.unwrap_err();
    assert!(matches!(lost, StoreError::NotFound { .. }), "{lost:?}");
}

#[tokio::test]
async fn of_sixteen_that_begin_at_once_as_many_are_let_in_as_the_org_has_room_for() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let third = ATTACHMENT_BYTES_PER_ORG / 3;
    let begin = async |number: u32| {
        let mut db = server.db().await.org(tenant.org);
        let client_id = format!("upload-{number}");
        let begun = attachments::begin(&mut db, &new(&tenant, &client_id, third), NOW).await.unwrap();
        db.commit().await.unwrap();
        begun
    };
    let all = join_all((0..16).map(begin)).await;
    let let_in: Vec<_> = all.into_iter().flatten().collect();
    assert_eq!(let_in.len(), 3);

    // What is given up makes room, and who asks again for what was begun needs none.
    let mut db = server.db().await.org(tenant.org);
    let id = let_in[0].attachment.id;
    assert!(attachments::doom(&mut db, id, tenant.owner.id).await.unwrap());
    let fresh = attachments::begin(&mut db, &new(&tenant, "fresh", third), NOW).await.unwrap().unwrap();
    assert_eq!(attachments::begin(&mut db, &new(&tenant, "more", third), NOW).await.unwrap(), None);
    let again = attachments::begin(&mut db, &new(&tenant, "fresh", third), NOW).await.unwrap();
    assert_eq!(again, Some(fresh));
    // Small ones fit into what is left.
    assert!(attachments::begin(&mut db, &new(&tenant, "small", 1), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn of_sixteen_that_begin_the_same_at_once_all_get_the_same() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let begin = async |_| {
        let mut db = server.db().await.org(tenant.org);
        let begun = attachments::begin(&mut db, &new(&tenant, "same", 7), NOW).await.unwrap().unwrap();
        db.commit().await.unwrap();
        begun
    };
    let all = join_all((0..16).map(begin)).await;
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
}

#[tokio::test]
async fn an_org_has_the_room_that_somebody_set_for_it() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let limit = "INSERT INTO quotas (org_id, holder, attachment_bytes) VALUES ($1, 'org', 10)";
    server.admin().await.execute(limit, &[&tenant.org.to_string()]).await.unwrap();
    let mut db = server.db().await.org(tenant.org);
    assert!(attachments::begin(&mut db, &new(&tenant, "a", 10), NOW).await.unwrap().is_some());
    assert_eq!(attachments::begin(&mut db, &new(&tenant, "b", 1), NOW).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_goes_into_one_message_of_its_own_chat_and_sender() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bo, _) = fixture::joined(db, &tenant, Role::Member).await;
    let mut db = db.org(tenant.org);
    let (chat, owner) = (tenant.chat, tenant.owner.id);
    let (one, two) = (whole(&mut db, &tenant, "one").await, whole(&mut db, &tenant, "two").await);
    let uploading = begun(&mut db, &tenant, "three").await;
    let db = db.commit().await.unwrap();

    let bind = async |db: Db, chat, by: UserId, post: &str, ids: &[AttachmentId]| {
        let mut db = db.org(tenant.org);
        let bound = attachments::bind(&mut db, chat, by, post, ids).await.unwrap();
        let bound = bound.map(|all| all.into_iter().map(|one| one.id).collect::<Vec<_>>());
        let db = if bound.is_some() { db.commit().await.unwrap() } else { db.end().unwrap() };
        (db, bound)
    };
    let mut db = db;
    for (by, chat, ids) in [
        (bo.id, chat, vec![one]),
        (owner, fixture::chat_id(), vec![one]),
        (owner, chat, vec![one, uploading]),
        (owner, chat, vec![one, fixture::attachment_id()]),
    ] {
        let (back, bound) = bind(db, chat, by, "p", &ids).await;
        assert_eq!(bound, None, "{ids:?}");
        db = back;
    }
    let (db, bound) = bind(db, chat, owner, "p", &[two, one]).await;
    assert_eq!(bound, Some(vec![two, one]), "in the order in which they are wanted");
    let (db, again) = bind(db, chat, owner, "p", &[two, one]).await;
    assert_eq!(again, Some(vec![two, one]));
    let (db, other) = bind(db, chat, owner, "q", &[one]).await;
    assert_eq!(other, None, "it is in another message");

    // A message that the chat did not take leaves its files free.
    let mut db = db.org(tenant.org);
    attachments::release(&mut db, chat, owner, "q", &[one]).await.unwrap();
    assert_eq!(state(&mut db, one).await, (AttachmentState::Complete, true));
    attachments::release(&mut db, chat, owner, "p", &[one]).await.unwrap();
    assert_eq!(state(&mut db, one).await, (AttachmentState::Complete, false));
    let (db, bound) = bind(db.commit().await.unwrap(), chat, owner, "q", &[one]).await;
    assert_eq!(bound, Some(vec![one]));

    // One that the chat took keeps them, whoever says otherwise later.
    let mut db = db.org(tenant.org);
    attachments::settle(&mut db, MessageId::new(chat, Seq(3)), &[one]).await.unwrap();
    attachments::release(&mut db, chat, owner, "q", &[one]).await.unwrap();
    assert_eq!(state(&mut db, one).await, (AttachmentState::Complete, true));
    assert!(!attachments::doom(&mut db, one, owner).await.unwrap(), "it is in a message");
    assert!(!attachments::doom(&mut db, uploading, bo.id).await.unwrap(), "it is another's");
    assert!(attachments::doom(&mut db, uploading, owner).await.unwrap());
    assert!(!attachments::doom(&mut db, uploading, owner).await.unwrap());
}

#[tokio::test]
async fn only_who_put_it_there_sees_a_file_before_it_is_in_a_message() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bo, _) = fixture::joined(db, &tenant, Role::Member).await;
    let mut db = db.org(tenant.org);
    let id = begun(&mut db, &tenant, "one").await;
    let owner = tenant.owner.id;
    let seen = async |db: &mut OrgDb| {
        let found = find(db, id).await;
        [owner, bo.id].map(|who| found.is_seen_by(who))
    };
    assert_eq!(seen(&mut db).await, [true, false]);
    attachments::complete(&mut db, id, "text/plain", None).await.unwrap();
    assert_eq!(seen(&mut db).await, [true, false]);
    attachments::bind(&mut db, tenant.chat, owner, "p", &[id]).await.unwrap().unwrap();
    assert_eq!(seen(&mut db).await, [true, true]);
    tell(&mut db, &tenant, vec![message(&tenant, 3, Some("with a file"), &[id])]).await;
    assert_eq!(seen(&mut db).await, [true, true]);
    tell(&mut db, &tenant, vec![message(&tenant, 3, None, &[])]).await;
    assert_eq!(seen(&mut db).await, [false, false]);
}

#[tokio::test]
async fn files_go_with_their_message_however_and_in_whatever_order_that_is_told() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut files = Vec::new();
    for (number, name) in (1_u64..).zip(["told", "settled", "late", "stale", "kept", "unbound"]) {
        let id = whole(&mut db, &tenant, name).await;
        if name != "unbound" {
            attachments::bind(&mut db, tenant.chat, tenant.owner.id, name, &[id]).await.unwrap().unwrap();
        }
        files.push((number * 10, id));
    }
    let [told, settled, late, stale, kept, unbound] = files[..] else { panic!("{files:?}") };
    let posted = |(seq, id): (u64, AttachmentId)| message(&tenant, seq, Some("x"), &[id]);
    let deleted = |(seq, _): (u64, AttachmentId)| message(&tenant, seq, None, &[]);
    let settle = async |db: &mut OrgDb, (seq, id): (u64, AttachmentId)| {
        attachments::settle(db, MessageId::new(tenant.chat, Seq(seq)), &[id]).await.unwrap();
    };
    // As a rule: posted, settled at once, told, deleted, told.
    settle(&mut db, settled).await;
    tell(&mut db, &tenant, vec![posted(settled), posted(told), posted(kept)]).await;
    tell(&mut db, &tenant, vec![deleted(settled), deleted(told)]).await;
    // Deleted before whoever posted it came to say so; and told of in an order of long ago.
    tell(&mut db, &tenant, vec![deleted(late), deleted(stale)]).await;
    settle(&mut db, late).await;
    tell(&mut db, &tenant, vec![posted(stale)]).await;
    // The chat's word counts, also where the row was never bound.
    tell(&mut db, &tenant, vec![posted(unbound)]).await;
    for (file, expected) in [
        (told, AttachmentState::Removed),
        (settled, AttachmentState::Removed),
        (late, AttachmentState::Removed),
        (stale, AttachmentState::Removed),
        (kept, AttachmentState::Complete),
        (unbound, AttachmentState::Complete),
    ] {
        assert_eq!(state(&mut db, file.1).await, (expected, true), "{file:?}");
    }
    let (_, found) = left_over(db.commit().await.unwrap(), tenant.org, 1_000_000).await;
    assert_eq!(found, [told.1, settled.1, late.1, stale.1]);
}

#[tokio::test]
async fn a_file_that_is_too_old_shall_go_and_what_is_in_no_message_is_left_to_others() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let [first, second, loose] = [
        whole(&mut db, &tenant, "1").await,
        whole(&mut db, &tenant, "2").await,
        whole(&mut db, &tenant, "3").await,
    ];
    let uploading = begun(&mut db, &tenant, "4").await;
    tell(&mut db, &tenant, vec![message(&tenant, 3, Some("with files"), &[first, second])]).await;
    assert_eq!(attachments::expire(&mut db, NOW, 10).await.unwrap(), 0, "nothing is old yet");
    let later = NOW.plus_ms(1);
    assert_eq!(attachments::expire(&mut db, later, 1).await.unwrap(), 1);
    assert_eq!(attachments::expire(&mut db, later, 10).await.unwrap(), 1);
    assert_eq!(attachments::expire(&mut db, later, 10).await.unwrap(), 0);
    for gone in [first, second] {
        assert_eq!(state(&mut db, gone).await, (AttachmentState::Removed, true));
        assert!(!find(&mut db, gone).await.is_seen_by(tenant.owner.id));
    }
    assert_eq!(state(&mut db, loose).await, (AttachmentState::Complete, false));
    assert_eq!(state(&mut db, uploading).await, (AttachmentState::Uploading, false));
    // The chat tells its messages anew: that brings nothing back.
    tell(&mut db, &tenant, vec![message(&tenant, 3, Some("with files"), &[first, second])]).await;
    assert_eq!(state(&mut db, first).await, (AttachmentState::Removed, true));
    let (_, found) = left_over(db.commit().await.unwrap(), tenant.org, -1).await;
    assert_eq!(found, [first, second], "the sweep removes them");
}

#[tokio::test]
async fn what_nobody_posted_in_time_is_found_and_its_row_goes_last() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let uploading = begun(&mut db, &tenant, "uploading").await;
    attachments::keep_part(&mut db, uploading, 1, "etag").await.unwrap();
    let complete = whole(&mut db, &tenant, "complete").await;
    let posted = whole(&mut db, &tenant, "posted").await;
    attachments::settle(&mut db, MessageId::new(tenant.chat, Seq(3)), &[posted]).await.unwrap();
    let given_up = begun(&mut db, &tenant, "given up").await;
    attachments::doom(&mut db, given_up, tenant.owner.id).await.unwrap();

    let (db, found) = left_over(db.commit().await.unwrap(), tenant.org, -1).await;
    assert_eq!(found, [given_up], "the others have time left");
    let (db, found) = left_over(db, tenant.org, 0).await;
    assert_eq!(found, [uploading, complete, given_up]);

    let mut db = db.org(tenant.org);
    assert_eq!(attachments::doom_loose(&mut db, uploading, at(-1)).await.unwrap(), None);
    assert_eq!(attachments::doom_loose(&mut db, posted, at(9)).await.unwrap(), None);
    let doomed = attachments::doom_loose(&mut db, uploading, NOW).await.unwrap().unwrap();
    assert_eq!((doomed.attachment.id, doomed.state), (uploading, AttachmentState::Removed));
    assert!(
        attachments::doom_loose(&mut db, uploading, at(-1)).await.unwrap().is_some(),
        "it shall go already"
    );
    // Nobody brings it to its end, or into a message, any more.
    assert!(!attachments::complete(&mut db, uploading, "text/plain", None).await.unwrap());
    let bound = attachments::bind(&mut db, tenant.chat, tenant.owner.id, "p", &[uploading]).await.unwrap();
    assert_eq!(bound, None);

    attachments::forget(&mut db, posted).await.unwrap();
    attachments::forget(&mut db, uploading).await.unwrap();
    assert_eq!(attachments::find(&mut db, uploading).await.unwrap(), None);
    assert!(attachments::parts(&mut db, uploading).await.unwrap().is_empty());
    assert!(attachments::find(&mut db, posted).await.unwrap().is_some());
    // Its name is free again.
    let again = begun(&mut db, &tenant, "uploading").await;
    assert_ne!(again, uploading);
}

#[tokio::test]
async fn where_a_file_belongs_is_told_to_members_of_its_org_alone() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bo, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, stranger) = fixture::person(db).await;
    let mut db = db.org(tenant.org);
    let id = begun(&mut db, &tenant, "one").await;
    let mut db = db.commit().await.unwrap();
    for (who, expected) in [(tenant.owner.id, Some(true)), (bo.id, Some(false)), (stranger.id, None)] {
        let mut own = db.memberships(who);
        let access = memberships::of_attachment(&mut own, id).await.unwrap();
        assert_eq!(access.map(|access| access.participant), expected, "{who}");
        assert!(access.is_none_or(|access| (access.org, access.chat) == (tenant.org, tenant.chat)));
        db = own.end().unwrap();
    }
}
