//! Another org's rows, and no org at all, against every table that there is: read, write, change, delete.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::server::Server;
use crate::{fixture, world};

const SWEEPS: &str = "the sweeps job";
/// What sweeps may read.
const SWEPT: [&str; 12] = [
    "attachments",
    "chat_archives",
    "chats",
    "context_embeddings",
    "context_items",
    "deletions",
    "quotas",
    "retention",
    "sandboxes",
    "snapshots",
    "snapshots_owed",
    "usage_entries",
];

/// Somebody who should find nothing of the victim.
struct Stranger {
    name: &'static str,
    settings: Vec<(&'static str, String)>,
}

/// Tables of tenants, and which row of each is the victim's.
async fn tables(admin: &Client) -> Vec<(String, &'static str)> {
    let rows = admin
        .query(
            "SELECT relname::text, EXISTS (
                    SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'org_id') AS tenant
               FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
              WHERE nspname = 'public' AND relkind IN ('r', 'p') AND relname <> 'refinery_schema_history'
                AND relname NOT IN ('signin_attempts', 'sweeps') ORDER BY relname",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), if row.get(1) { "org_id" } else { "user_id" })).collect()
}

async fn as_stranger(client: &Client, stranger: &Stranger) {
    client.batch_execute("BEGIN").await.unwrap();
    for (setting, value) in &stranger.settings {
        client.execute("SELECT set_config($1, $2, true)", &[setting, value]).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_else_reads_writes_changes_or_deletes_a_row_of_any_table() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let db = world::furnish(db, &victim).await;
    let (db, other) = fixture::tenant(db).await;
    let mut identity = db.identity();
    let session = fixture::session_id();
    slipway_store::sessions::begin(&mut identity, session, victim.owner.id, fixture::NOW).await.unwrap();
    identity.commit().await.unwrap();

    let org = "app.current_org_id";
    let job = "app.system_job";
    let strangers = [
        Stranger { name: "no setting", settings: vec![] },
        Stranger { name: "an empty org", settings: vec![(org, String::new())] },
        Stranger { name: "another org", settings: vec![(org, other.org.to_string())] },
        Stranger { name: "any org", settings: vec![(org, "%".into())] },
        Stranger { name: "an unknown job", settings: vec![(job, "projection".into())] },
        Stranger {
            name: "somebody else's memberships",
            settings: vec![(job, "memberships".into()), ("app.user_id", other.owner.id.to_string())],
        },
        Stranger { name: "nobody's memberships", settings: vec![(job, "memberships".into())] },
        Stranger { name: "the removal of no org", settings: vec![(job, "removal".into())] },
        Stranger {
            name: "the removal of another org",
            settings: vec![(job, "removal".into()), (org, other.org.to_string())],
        },
        Stranger {
            name: "somebody else's erasure",
            settings: vec![(job, "erasure".into()), ("app.user_id", other.owner.id.to_string())],
        },
        Stranger { name: "the identity job", settings: vec![(job, "identity".into())] },
        Stranger { name: SWEEPS, settings: vec![(job, "sweeps".into())] },
    ];
    let admin = server.admin().await;
    let app = server.app().await;
    let mut tried = 0;
    for (table, key) in tables(&admin).await {
        let id = if key == "org_id" { victim.org.to_string() } else { victim.owner.id.to_string() };
        let rows: i64 = admin
            .query_one(&format!("SELECT count(*) FROM {table} WHERE {key} = $1"), &[&id])
            .await
            .unwrap()
            .get(0);
        assert!(rows > 0, "the victim has no row in {table} to be protected");
        for stranger in &strangers {
            // The identity job is about accounts: there it is no stranger.
            if stranger.name == "the identity job" && key == "user_id" {
                continue;
            }
            let case = format!("{table} by {}", stranger.name);
            let updatable = admin
                .query_opt(
                    "SELECT column_name::text FROM information_schema.column_privileges
                      WHERE table_name = $1 AND grantee = 'slipway_app' AND privilege_type = 'UPDATE' LIMIT 1",
                    &[&table],
                )
                .await
                .unwrap()
                .map_or_else(|| key.to_owned(), |row| row.get(0));
            let attempts = [
                format!("SELECT 1 FROM {table} WHERE {key} = '{id}'"),
                format!("SELECT 1 FROM {table} WHERE {key} = '{id}' FOR UPDATE"),
                format!("UPDATE {table} SET {updatable} = {updatable} WHERE {key} = '{id}'"),
                format!("DELETE FROM {table} WHERE {key} = '{id}'"),
            ];
            // What sweeps look through they see; what they do about it, they do as the org.
            let seen = stranger.name == SWEEPS && SWEPT.contains(&table.as_str());
            for attempt in attempts.into_iter().skip(usize::from(seen)) {
                as_stranger(&app, stranger).await;
                match app.execute(&attempt, &[]).await {
                    Ok(rows) => assert_eq!(rows, 0, "{case}: {attempt}"),
                    Err(error) => {
                        assert_eq!(
                            error.code(),
                            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                            "{case}: {error:?}"
                        );
                    }
                }
                app.batch_execute("ROLLBACK").await.unwrap();
                tried += 1;
            }
            // A copy of the victim's own row, put in by the stranger.
            let copy = format!("INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, $1)).*");
            let row: tokio_postgres::types::Json<serde_json::Value> = admin
                .query_one(&format!("SELECT to_jsonb({table}) FROM {table} WHERE {key} = $1 LIMIT 1"), &[&id])
                .await
                .unwrap()
                .get(0);
            as_stranger(&app, stranger).await;
            let refused = app.execute(&copy, &[&row]).await.expect_err(&case);
            assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{case}: {refused:?}");
            app.batch_execute("ROLLBACK").await.unwrap();
            tried += 1;
        }
    }
    assert!(tried > 400, "only {tried} attempts");
}

#[tokio::test]
async fn a_row_cannot_point_at_another_orgs_channel_or_chat() {
    let server = Server::get();
    let (db, victim) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(other.org);
    let mut foreign = fixture::projection(&other, 9);
    foreign.chat = fixture::chat_id();
    foreign.channel = victim.channel;
    let refused = slipway_store::chats::project(&mut db, &foreign).await.unwrap_err();
    assert!(matches!(refused, slipway_store::StoreError::NotFound { .. }), "{refused:?}");
    let mut db = db.end().unwrap().org(other.org);
    let refused =
        slipway_store::chats::expect_person(&mut db, victim.chat, other.owner.id).await.unwrap_err();
    assert!(matches!(refused, slipway_store::StoreError::NotFound { .. }), "{refused:?}");
    let mut db = db.end().unwrap().org(other.org);
    let mut new = world::new(&victim, 1);
    new.user = Some(other.owner.id);
    let refused = slipway_store::sandboxes::reserve(&mut db, &new, fixture::NOW).await.unwrap_err();
    assert!(matches!(refused, slipway_store::StoreError::NotFound { .. }), "{refused:?}");
}

#[tokio::test]
async fn the_scope_ends_with_its_transaction_and_is_told_anew_to_the_next() {
    let server = Server::get();
    let (db, one) = fixture::tenant(server.db().await).await;
    let (mut db, two) = fixture::tenant(db).await;
    // The same connection, tenants in turn, some committed, some rolled back, some failed.
    for round in 0..40 {
        let (own, foreign) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let mut scoped = db.org(own.org);
        assert!(slipway_store::members::find(&mut scoped, own.owner.id).await.unwrap().is_some());
        assert_eq!(slipway_store::chats::channel_of(&mut scoped, foreign.chat).await.unwrap(), None);
        db = match round % 3 {
            0 => scoped.commit().await.unwrap(),
            1 => scoped.end().unwrap(),
            _ => {
                slipway_store::chats::expect_person(&mut scoped, foreign.chat, own.owner.id)
                    .await
                    .unwrap_err();
                scoped.end().unwrap()
            }
        };
    }
}

#[tokio::test]
async fn nothing_of_a_failed_transaction_is_kept_and_its_commit_says_so() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut scoped = db.org(tenant.org);
    slipway_store::members::set_role(&mut scoped, tenant.member, slipway_contract::http::orgs::Role::Guest)
        .await
        .unwrap();
    slipway_store::chats::expect_person(&mut scoped, fixture::chat_id(), tenant.owner.id).await.unwrap_err();
    assert!(scoped.commit().await.is_err());
    let mut db = server.db().await.org(tenant.org);
    let found = slipway_store::members::find(&mut db, tenant.owner.id).await.unwrap().unwrap();
    assert_eq!(found.role, slipway_contract::http::orgs::Role::Owner);
}
