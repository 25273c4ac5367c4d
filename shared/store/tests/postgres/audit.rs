//! The audit log: added to, read, and emptied of what its org keeps no longer, which it tells.

use slipway_contract::http::retention::Retention;
use slipway_contract::{Actor, OrgId, Timestamp};
use slipway_store::audit::{self, Entry};
use slipway_store::page::Page;
use slipway_store::{Db, retention};
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
async fn nobody_changes_or_backdates_an_entry_even_of_their_own_org() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    audit::append(&mut db, &entry("a")).await.unwrap();
    db.commit().await.unwrap();
    let app = server.app().await;
    for attempt in [
        "UPDATE audit SET detail = 'other'",
        "UPDATE audit SET at = now()",
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

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60_000;

/// Makes an entry so many days older than it is.
async fn age(server: &Server, org: OrgId, key: &str, days: i32) {
    let set = "UPDATE audit SET at = now() - make_interval(days => $3) WHERE org_id = $1 AND key = $2";
    let aged = server.admin().await.execute(set, &[&org.to_string(), &key, &days]).await.unwrap();
    assert_eq!(aged, 1, "{key}");
}

#[tokio::test]
async fn an_entry_goes_only_when_it_is_old_and_only_by_the_job_that_removes() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    for key in ["young", "old"] {
        audit::append(&mut db, &entry(key)).await.unwrap();
    }
    db.commit().await.unwrap();
    age(&server, tenant.org, "young", 89).await;
    age(&server, tenant.org, "old", 91).await;
    let (_, other) = fixture::tenant(server.db().await).await;
    let app = server.app().await;
    for (org, job, went) in [
        (tenant.org, "", 0),
        (tenant.org, "sweeps", 0),
        (tenant.org, "erasure", 0),
        (other.org, "removal", 0),
        (tenant.org, "removal", 1),
    ] {
        app.batch_execute("BEGIN").await.unwrap();
        let scope =
            "SELECT set_config('app.current_org_id', $1, true), set_config('app.system_job', $2, true)";
        app.execute(scope, &[&org.to_string(), &job]).await.unwrap();
        assert_eq!(app.execute("DELETE FROM audit", &[]).await.unwrap(), went, "{job}");
        app.batch_execute("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn what_an_org_keeps_no_longer_goes_in_bounded_parts_and_is_told_once_a_day() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut rows = db.org(tenant.org);
    for key in ["a", "b", "c", "d", "kept"] {
        audit::append(&mut rows, &entry(key)).await.unwrap();
    }
    retention::set(&mut rows, Retention { audit_days: Some(100), ..Retention::default() }).await.unwrap();
    let newest = Page { limit: 1, after: None };
    let now = audit::list(&mut rows, &newest).await.unwrap().items[0].at;
    let db = rows.commit().await.unwrap();
    for (key, days) in [("a", 104), ("b", 103), ("c", 102), ("d", 101), ("kept", 99)] {
        age(&server, tenant.org, key, days).await;
    }
    let expire = async |db: Db, before: Option<i64>, most: u64, days: i64| {
        let now = now.plus_ms(days * DAY);
        let mut rows = db.removal(tenant.org);
        let before = before.map(|days| now.plus_ms(-days * DAY));
        let went = audit::expire(&mut rows, before, most, now).await.unwrap();
        (rows.commit().await.unwrap(), went)
    };
    let told = async |db: Db| {
        let mut rows = db.org(tenant.org);
        let all = audit::list(&mut rows, &Page { limit: 100, after: None }).await.unwrap().items;
        let told: Vec<String> = all
            .iter()
            .filter(|entry| entry.action == "audit.expired")
            .inspect(|entry| {
                assert_eq!((entry.actor, &entry.subject), (Actor::System, &tenant.org.to_string()))
            })
            .map(|entry| entry.detail.clone())
            .collect();
        let kept: Vec<String> =
            all.into_iter().filter(|one| one.action == "sandbox.stop").map(|one| one.key).collect();
        (rows.end().unwrap(), kept, told)
    };

    // As long as there is more, nothing is told.
    let (db, went) = expire(db, Some(100), 3, 0).await;
    let (db, kept, tells) = told(db).await;
    assert_eq!((went, kept, tells), (3, vec!["kept".to_owned(), "d".to_owned()], vec![]));
    let (db, went) = expire(db, Some(100), 3, 0).await;
    let (db, kept, tells) = told(db).await;
    assert_eq!((went, kept, tells), (1, vec!["kept".to_owned()], vec!["4 entries".to_owned()]));
    let (db, went) = expire(db, Some(100), 3, 0).await;
    assert_eq!(went, 0, "there is nothing more");

    // Another one on the same day is told on the next, also by an org that keeps its log for ever by then.
    let (db, went) = expire(db, Some(98), 3, 0).await;
    let (db, kept, tells) = told(db).await;
    assert_eq!((went, kept.len(), tells.len()), (1, 0, 1));
    let mut rows = db.org(tenant.org);
    retention::set(&mut rows, Retention::default()).await.unwrap();
    let mut sweeps = rows.commit().await.unwrap().sweeps();
    let limited = retention::limited(&mut sweeps, &Page { limit: 100_000, after: None }).await.unwrap();
    assert!(limited.items.contains(&(tenant.org, Retention::default())), "{limited:?}");
    let (db, went) = expire(sweeps.end().unwrap(), None, 3, 1).await;
    let (db, _, tells) = told(db).await;
    assert_eq!((went, tells.len(), tells.contains(&"1 entry".to_owned())), (0, 2, true));
    let (db, _) = expire(db, None, 3, 2).await;
    let (_, _, tells) = told(db).await;
    assert_eq!(tells.len(), 2, "what was told is told no more");
}
