//! Deletions as they are driven, told and found: by one at a time, to who may know, across orgs and people.

use slipway_contract::http::deletions::{DeletionState, DeletionStep, DeletionSubject};
use slipway_contract::http::orgs::Role;
use slipway_domain::deletion::Came;
use slipway_store::deletions::{self, Due, DueScope};
use slipway_store::invitations::NewInvitation;
use slipway_store::{StoreError, invitations, members, users};

use crate::deletions::{ask_chat, stored};
use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::at;

#[tokio::test]
async fn a_deletion_is_one_drivers_until_their_time_is_over() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, id) = ask_chat(db, &tenant).await;
    let due = Due { id, scope: DueScope::Org(tenant.org) };
    let mut db = db.removal(tenant.org);
    assert_eq!(deletions::claim(&mut db, due, "one", at(-1), at(9)).await.unwrap(), None, "not due yet");
    let one = deletions::claim(&mut db, due, "one", at(0), at(10)).await.unwrap().unwrap();
    assert_eq!((one.deletion.step, one.deletion.state()), (DeletionStep::Asked, DeletionState::Running));
    assert_eq!(deletions::claim(&mut db, due, "two", at(9), at(20)).await.unwrap(), None);
    let two = deletions::claim(&mut db, due, "two", at(10), at(20)).await.unwrap().unwrap();
    let db = db.commit().await.unwrap();
    let next = one.deletion.after(Came::Through, &[], at(11));
    let mut rows = db.removal(tenant.org);
    let lost = deletions::advance(&mut rows, &one, "one", &next).await.unwrap_err();
    assert!(matches!(lost, StoreError::Overtaken { .. }), "{lost:?}");
    let mut rows = rows.end().unwrap().removal(tenant.org);
    deletions::advance(&mut rows, &two, "two", &next).await.unwrap();
    let (db, found) = stored(rows.commit().await.unwrap(), &tenant, id).await;
    assert_eq!((found.deletion.step, found.version), (DeletionStep::Closed, two.version + 1));
    let mut db = db.removal(tenant.org);
    assert!(deletions::claim(&mut db, due, "three", at(12), at(20)).await.unwrap().is_some());
    // Another org's driver finds none.
    let (db, other) = fixture::tenant(db.end().unwrap()).await;
    let mut db = db.removal(other.org);
    let foreign = Due { id, scope: DueScope::Org(other.org) };
    assert_eq!(deletions::claim(&mut db, foreign, "four", at(90), at(99)).await.unwrap(), None);
}

#[tokio::test]
async fn a_report_is_for_who_asked_and_for_admins() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, admin, _) = fixture::joined(db, &tenant, Role::Admin).await;
    let (db, bo, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, stranger) = fixture::tenant(db).await;
    let (mut db, id) = ask_chat(db, &tenant).await;
    for (user, sees) in
        [(tenant.owner.id, true), (admin.id, true), (bo.id, false), (stranger.owner.id, false)]
    {
        let mut own = db.memberships(user);
        assert_eq!(deletions::find(&mut own, id).await.unwrap().is_some(), sees);
        let same = deletions::of_subject(&mut own, &tenant.chat.to_string()).await.unwrap();
        assert_eq!(same.map(|found| found.id), sees.then_some(id));
        db = own.end().unwrap();
    }
}

#[tokio::test]
async fn a_persons_account_goes_with_all_that_names_their_address_and_nobody_elses() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bo, member) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, elsewhere) = fixture::tenant(db).await;
    // Bo was invited where they never were; somebody else was, by Bo.
    let mut db = db.org(elsewhere.org);
    let invite = |email, by, hash| NewInvitation {
        id: fixture::invitation_id(),
        email,
        role: Role::Member,
        token_hash: hash,
        by,
        expires_at: at(1_000),
    };
    let (to_bo, by_bo) = (fixture::digest(), fixture::digest());
    invitations::create(&mut db, &invite(&bo.email, elsewhere.owner.id, &to_bo), NOW).await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    invitations::create(&mut db, &invite("cy@example.org", bo.id, &by_bo), NOW).await.unwrap();

    let mut db = db.commit().await.unwrap().erasure(bo.id);
    let id = deletions::ask_person(&mut db, fixture::deletion_id(), NOW).await.unwrap();
    assert_eq!(deletions::ask_person(&mut db, fixture::deletion_id(), NOW).await.unwrap(), id);
    assert_eq!(deletions::orgs_of(&mut db, None, 10).await.unwrap(), [(tenant.org, None)]);
    assert!(deletions::account(&mut db).await.unwrap().is_some());
    let due = Due { id, scope: DueScope::Person(bo.id) };
    let claimed = deletions::claim(&mut db, due, "one", NOW, at(10)).await.unwrap().unwrap();
    assert_eq!(claimed.subject, DeletionSubject::Person { id: bo.id });
    let mut db = db.commit().await.unwrap().org(tenant.org);
    members::end(&mut db, member, bo.id, NOW).await.unwrap();
    let mut db = db.commit().await.unwrap().erasure(bo.id);
    assert_eq!(deletions::orgs_of(&mut db, None, 10).await.unwrap(), [(tenant.org, Some(NOW))]);
    let went = deletions::forget_account(&mut db).await.unwrap();
    assert_eq!(went.iter().map(|one| one.count).collect::<Vec<_>>(), [0, 1, 1], "{went:?}");
    assert_eq!(deletions::account(&mut db).await.unwrap(), None);
    let mut db = db.commit().await.unwrap().identity();
    assert!(users::find_by_email(&mut db, &bo.email).await.unwrap().is_none());
    assert!(users::find_account(&mut db, tenant.owner.id).await.unwrap().is_some());
    let mut db = db.end().unwrap().org(elsewhere.org);
    assert_eq!(invitations::find(&mut db, &to_bo).await.unwrap(), None);
    let mut db = db.end().unwrap().org(tenant.org);
    let offer = invitations::find(&mut db, &by_bo).await.unwrap().unwrap();
    assert_eq!(offer.preview.invited_by, "Deleted user");
}

#[tokio::test]
async fn what_is_due_is_found_across_orgs_and_people_until_it_is_over() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, id) = ask_chat(db, &tenant).await;
    // Long before everything else that other tests ask for.
    let early = at(-1_000_000);
    let admin = server.admin().await;
    let set = "UPDATE deletions SET due_at = $2 WHERE deletion_id = $1";
    let moment = chrono_of(early);
    admin.execute(set, &[&id.to_string(), &moment]).await.unwrap();
    let mut db = db.sweeps();
    let found = deletions::next_due(&mut db, early, early).await.unwrap();
    assert_eq!(found, Some((Due { id, scope: DueScope::Org(tenant.org) }, early)));
    assert_eq!(deletions::next_due(&mut db, early.plus_ms(-1), early).await.unwrap(), None);
    let mut rows = db.end().unwrap().removal(tenant.org);
    let due = Due { id, scope: DueScope::Org(tenant.org) };
    let mut stored = deletions::claim(&mut rows, due, "one", early, early.plus_ms(9)).await.unwrap().unwrap();
    let mut sweeps = rows.commit().await.unwrap().sweeps();
    assert_eq!(deletions::next_due(&mut sweeps, early, early).await.unwrap(), None, "somebody drives it");
    let mut rows = sweeps.end().unwrap().removal(tenant.org);
    while stored.deletion.step != DeletionStep::Done {
        stored.deletion = stored.deletion.after(Came::Through, &[], early);
    }
    let over = stored.deletion.clone();
    deletions::advance(&mut rows, &stored, "one", &over).await.unwrap();
    let mut sweeps = rows.commit().await.unwrap().sweeps();
    assert_eq!(deletions::next_due(&mut sweeps, early, early).await.unwrap(), None, "it is over");
}

fn chrono_of(time: slipway_contract::Timestamp) -> std::time::SystemTime {
    let ms = u64::try_from(time.unix_ms()).unwrap();
    std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms)
}
