//! Artifacts: captured once, and seen by those who take part in their chat.

use slipway_store::page::Page;
use slipway_store::{StoreError, artifacts, sandboxes};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::{self, artifact, new};

#[tokio::test]
async fn a_call_captures_one_artifact_however_often_it_is_made() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let sandbox = sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap().id;
    db.commit().await.unwrap();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            let saved = artifacts::save(&mut db, &artifact(&tenant, sandbox), "turn-1/call-2").await.unwrap();
            db.commit().await.unwrap();
            saved
        }));
    }
    let mut saved = Vec::new();
    for task in tasks {
        saved.push(task.await.unwrap());
    }
    assert!(saved.windows(2).all(|pair| pair[0] == pair[1]), "{saved:?}");
    let mut db = server.db().await.org(tenant.org);
    assert_eq!(artifacts::find(&mut db, saved[0].id).await.unwrap().as_ref(), Some(&saved[0]));
    let found = artifacts::find_by_key(&mut db, sandbox, "turn-1/call-2").await.unwrap();
    assert_eq!(found.as_ref(), Some(&saved[0]));
    assert_eq!(artifacts::find_by_key(&mut db, sandbox, "turn-1/call-3").await.unwrap(), None);
    let lost = artifacts::save(&mut db, &artifact(&tenant, fixture::sandbox_id()), "key").await.unwrap_err();
    assert!(matches!(lost, StoreError::NotFound { .. }), "{lost:?}");
}

#[tokio::test]
async fn artifacts_are_listed_newest_first_to_those_who_take_part() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Owner).await;
    let mut db = db.org(tenant.org);
    let sandbox = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let mut saved = Vec::new();
    for key in ["a", "b", "c"] {
        saved.push(artifacts::save(&mut db, &artifact(&tenant, sandbox), key).await.unwrap().id);
    }
    saved.reverse();
    let mut found = Vec::new();
    loop {
        let page = Page { limit: 1, after: found.last().copied() };
        let slice = artifacts::list(&mut db, tenant.owner.id, Some(tenant.chat), &page).await.unwrap();
        found.extend(slice.items.iter().map(|one| one.id));
        if !slice.more {
            break;
        }
    }
    assert_eq!(found, saved);
    let page = Page { limit: 50, after: None };
    assert_eq!(artifacts::list(&mut db, tenant.owner.id, None, &page).await.unwrap().items.len(), 3);
    let elsewhere = artifacts::list(&mut db, tenant.owner.id, Some(fixture::chat_id()), &page).await.unwrap();
    assert!(elsewhere.items.is_empty());
    assert!(artifacts::list(&mut db, bob.id, None, &page).await.unwrap().items.is_empty());
}
