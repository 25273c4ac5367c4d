//! Snapshots: shown once they are kept, the oldest make way, and what is owed or left over is found.

use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::{Actor, OrgId, SandboxId, SnapshotId};
use slipway_domain::sandbox::Happened;
use slipway_store::page::Page;
use slipway_store::sandboxes::due;
use slipway_store::snapshots::{self, NewSnapshot, Owed};
use slipway_store::{Db, OrgDb};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::{self, at, new};

fn taken_of(sandbox: SandboxId) -> NewSnapshot {
    NewSnapshot { id: fixture::snapshot_id(), sandbox, cause: SnapshotCause::Asked, by: Actor::System }
}

async fn kept(db: &mut OrgDb, sandbox: SandboxId) -> SnapshotId {
    let new = taken_of(sandbox);
    snapshots::begin(db, &new, NOW).await.unwrap();
    snapshots::keep(db, new.id, 7, &fixture::digest()).await.unwrap().unwrap();
    new.id
}

async fn shown(db: &mut OrgDb, sandbox: SandboxId) -> Vec<SnapshotId> {
    snapshots::list(db, sandbox, 5).await.unwrap().iter().map(|one| one.id).collect()
}

/// Which of an org's are left over, as the sweeps find them.
async fn left_over(db: Db, org: OrgId, before: i64) -> (Db, Vec<SnapshotId>) {
    let mut sweeps = db.sweeps();
    let mut found = Vec::new();
    let mut page = Page { limit: 2, after: None };
    loop {
        let part = snapshots::left_over(&mut sweeps, at(before), &page).await.unwrap();
        page.after = part.items.last().map(|one| one.snapshot);
        found.extend(part.items.into_iter().filter(|one| one.org == org).map(|one| one.snapshot));
        if !part.more {
            return (sweeps.end().unwrap(), found);
        }
    }
}

/// Which of an org's are owed a snapshot.
async fn unkept(db: Db, org: OrgId, second: i64) -> (Db, Vec<SandboxId>) {
    let mut sweeps = db.sweeps();
    let mut found = Vec::new();
    let mut page = Page { limit: 2, after: None };
    loop {
        let part = due::unkept(&mut sweeps, at(second), &page).await.unwrap();
        page.after = part.items.last().map(|one| one.sandbox);
        found.extend(part.items.into_iter().filter(|one| one.org == org).map(|one| one.sandbox));
        if !part.more {
            return (sweeps.end().unwrap(), found);
        }
    }
}

#[tokio::test]
async fn a_snapshot_is_shown_once_it_is_kept_and_no_more_once_it_shall_go() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let sandbox = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let other = world::start(&mut db, &new(&tenant, 2), NOW).await.id;
    let taken = taken_of(sandbox);
    snapshots::begin(&mut db, &taken, at(5)).await.unwrap();
    assert!(shown(&mut db, sandbox).await.is_empty());
    assert_eq!(snapshots::find(&mut db, sandbox, taken.id).await.unwrap(), None);
    assert!(snapshots::is_taken(&mut db, sandbox, at(4)).await.unwrap());
    // Whoever takes it is gone, or takes another's.
    assert!(!snapshots::is_taken(&mut db, sandbox, at(5)).await.unwrap());
    assert!(!snapshots::is_taken(&mut db, other, at(4)).await.unwrap());

    let digest = fixture::digest();
    let kept = snapshots::keep(&mut db, taken.id, 7, &digest).await.unwrap().unwrap();
    assert_eq!(
        (kept.id, kept.sandbox, kept.cause, kept.bytes, &kept.sha256, kept.by, kept.created_at),
        (taken.id, sandbox, SnapshotCause::Asked, 7, &digest, Actor::System, at(5))
    );
    assert!(!snapshots::is_taken(&mut db, sandbox, at(4)).await.unwrap());
    assert_eq!(snapshots::list(&mut db, sandbox, 5).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(snapshots::find(&mut db, sandbox, kept.id).await.unwrap().as_ref(), Some(&kept));
    assert_eq!(snapshots::find(&mut db, other, kept.id).await.unwrap(), None);
    assert!(!snapshots::doom(&mut db, other, kept.id).await.unwrap());

    assert!(snapshots::doom(&mut db, sandbox, kept.id).await.unwrap());
    assert!(shown(&mut db, sandbox).await.is_empty());
    assert_eq!(snapshots::newest(&mut db, sandbox).await.unwrap(), None);
    assert_eq!(snapshots::keep(&mut db, kept.id, 7, &digest).await.unwrap(), None, "it shall go");
    snapshots::forget(&mut db, kept.id).await.unwrap();
    assert!(!snapshots::doom(&mut db, sandbox, kept.id).await.unwrap());
}

#[tokio::test]
async fn the_oldest_make_way_and_every_row_stays_until_its_object_is_gone() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let sandbox = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let other = world::start(&mut db, &new(&tenant, 2), NOW).await.id;
    let elsewhere = kept(&mut db, other).await;
    let mut all = Vec::new();
    for _ in 0..7 {
        all.insert(0, kept(&mut db, sandbox).await);
    }
    let mut gone = snapshots::doom_older(&mut db, sandbox, 5).await.unwrap();
    gone.sort();
    assert_eq!(gone, [all[6], all[5]]);
    assert_eq!(shown(&mut db, sandbox).await, all[..5]);
    assert_eq!(snapshots::newest(&mut db, sandbox).await.unwrap().unwrap().id, all[0]);
    assert_eq!(shown(&mut db, other).await, [elsewhere]);
    assert!(snapshots::doom_older(&mut db, sandbox, 5).await.unwrap().is_empty());

    // One that is kept is never forgotten by mistake; one that broke off is found when it is old enough.
    snapshots::forget(&mut db, all[0]).await.unwrap();
    let broken = taken_of(sandbox);
    snapshots::begin(&mut db, &broken, at(60)).await.unwrap();
    let db = db.commit().await.unwrap();
    let (db, found) = left_over(db, tenant.org, 59).await;
    assert_eq!(found, gone);
    let (db, found) = left_over(db, tenant.org, 60).await;
    assert_eq!(found, [gone[0], gone[1], broken.id]);
    let mut db = db.org(tenant.org);
    for one in gone {
        snapshots::forget(&mut db, one).await.unwrap();
    }
    assert_eq!(shown(&mut db, sandbox).await, all[..5]);
    let (_, found) = left_over(db.commit().await.unwrap(), tenant.org, 59).await;
    assert!(found.is_empty());
}

#[tokio::test]
async fn whatever_a_destroyed_sandbox_had_shall_go() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let sandbox = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let first = kept(&mut db, sandbox).await;
    let taking = taken_of(sandbox);
    snapshots::begin(&mut db, &taking, at(1_000)).await.unwrap();
    world::end(&mut db, sandbox, NOW, at(10)).await;
    world::happen(&mut db, sandbox, &Happened::DestroyAsked, at(11)).await;
    world::happen(&mut db, sandbox, &Happened::Missing, at(12)).await;
    assert!(shown(&mut db, sandbox).await.is_empty());
    // Who takes one at the moment finds that nobody wants it.
    assert_eq!(snapshots::keep(&mut db, taking.id, 7, &fixture::digest()).await.unwrap(), None);
    let db = db.commit().await.unwrap();
    let (db, found) = left_over(db, tenant.org, 999).await;
    assert_eq!(found, [first], "R2 may still get something of the other one");
    let (db, found) = left_over(db, tenant.org, 1_000).await;
    assert_eq!(found, [first, taking.id]);
    assert!(unkept(db, tenant.org, 100).await.1.is_empty());
}

#[tokio::test]
async fn every_run_that_ended_is_owed_a_snapshot_until_that_is_settled() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let sandbox = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let (db, found) = unkept(db.commit().await.unwrap(), tenant.org, 100).await;
    assert!(found.is_empty(), "it runs");

    let mut db = db.org(tenant.org);
    world::end(&mut db, sandbox, NOW, at(10)).await;
    let (db, found) = unkept(db.commit().await.unwrap(), tenant.org, 100).await;
    assert_eq!(found, [sandbox]);
    let (db, found) = unkept(db, tenant.org, 9).await;
    assert!(found.is_empty());

    // Tried, and not said how it went.
    let mut db = db.org(tenant.org);
    let tried = snapshots::attempt(&mut db, sandbox, at(100), |_| at(160)).await.unwrap();
    assert_eq!(tried, Some(Owed { run_epoch: 1, tries: 1 }));
    assert_eq!(snapshots::attempt(&mut db, sandbox, at(159), |_| at(200)).await.unwrap(), None);
    let (db, found) = unkept(db.commit().await.unwrap(), tenant.org, 159).await;
    assert!(found.is_empty());
    let mut db = db.org(tenant.org);
    let tried = snapshots::attempt(&mut db, sandbox, at(160), |_| at(200)).await.unwrap();
    assert_eq!(tried, Some(Owed { run_epoch: 1, tries: 2 }));

    // It is started again meanwhile: what was tried of the earlier run says nothing of the next.
    world::happen(&mut db, sandbox, &Happened::StartAsked, at(300)).await;
    slipway_store::places::take(&mut db, new(&tenant, 1).user, at(300)).await.unwrap();
    let again = world::happen(&mut db, sandbox, &Happened::PlaceGiven, at(300)).await;
    let (db, found) = unkept(db.commit().await.unwrap(), tenant.org, 301).await;
    assert!(found.is_empty(), "it is being started");
    let mut db = db.org(tenant.org);
    let epoch = again.sandbox.epoch;
    world::happen(&mut db, sandbox, &world::running(epoch, at(300)), at(300)).await;
    world::end(&mut db, sandbox, at(300), at(310)).await;
    snapshots::settle(&mut db, sandbox, 1).await.unwrap();
    let (db, found) = unkept(db.commit().await.unwrap(), tenant.org, 400).await;
    assert_eq!(found, [sandbox]);
    let mut db = db.org(tenant.org);
    let tried = snapshots::attempt(&mut db, sandbox, at(400), |_| at(500)).await.unwrap();
    assert_eq!(tried, Some(Owed { run_epoch: epoch, tries: 1 }));
    snapshots::settle(&mut db, sandbox, epoch).await.unwrap();
    assert!(unkept(db.commit().await.unwrap(), tenant.org, 9_999).await.1.is_empty());
}
