//! The audit log: added to, read, and nothing else.

use slipway_contract::{Actor, Timestamp};
use slipway_store::audit::{self, Entry};
use slipway_store::page::Page;
use tokio_postgres::error::SqlState;

use crate::fixture;
use crate::server::Server;

fn entry(key: &str) -> Entry {
    Entry {
        key: key.into(),
        actor: Actor::System,
        action: "sandbox.stop",
        subject: fixture::sandbox_id().to_string(),
        detail: "idle".into(),
    }
}

#[tokio::test]
async fn a_deed_is_recorded_once_and_listed_newest_first() {
    let server = Server::get();
    let (mut db, tenant) = fixture::tenant(server.db().await).await;
    for key in ["a", "b", "c"] {
        let mut scoped = db.org(tenant.org);
        let recorded = entry(key);
        assert!(audit::append(&mut scoped, &recorded).await.unwrap());
        assert!(!audit::append(&mut scoped, &Entry { detail: "changed".into(), ..recorded }).await.unwrap());
        db = scoped.commit().await.unwrap();
    }
    let mut db = db.org(tenant.org);
    let mut found: Vec<(Timestamp, String)> = Vec::new();
    loop {
        let page = Page { limit: 2, after: found.last().cloned() };
        let slice = audit::list(&mut db, &page).await.unwrap();
        assert!(slice.items.iter().all(|entry| entry.detail == "idle" && entry.action == "sandbox.stop"));
        found.extend(slice.items.into_iter().map(|entry| (entry.at, entry.key)));
        if !slice.more {
            break;
        }
    }
    let mut sorted = found.clone();
    sorted.sort_unstable();
    sorted.reverse();
    assert_eq!((found.len(), &found), (3, &sorted));
}

#[tokio::test]
async fn nobody_changes_removes_or_backdates_an_entry_even_of_their_own_org() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    audit::append(&mut db, &entry("a")).await.unwrap();
    db.commit().await.unwrap();
    let app = server.app().await;
    for attempt in [
        "UPDATE audit SET detail = 'other'",
        "UPDATE audit SET at = now()",
        "DELETE FROM audit",
        "INSERT INTO audit (org_id, key, at, actor, action, subject, detail)
         SELECT org_id, 'b', '2020-01-01', actor, action, subject, detail FROM audit",
        "TRUNCATE audit",
    ] {
        app.batch_execute("BEGIN").await.unwrap();
        app.execute("SELECT set_config('app.current_org_id', $1, true)", &[&tenant.org.to_string()])
            .await
            .unwrap();
        let refused = app.execute(attempt, &[]).await.expect_err(attempt);
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{attempt}: {refused:?}");
        app.batch_execute("ROLLBACK").await.unwrap();
    }
}
