//! Sweeps: one at a time, resumable, and seeing what they look through of all orgs but nothing else.

use slipway_contract::{OrgId, SandboxId};
use slipway_domain::sandbox::Happened;
use slipway_store::context_items::NewItem;
use slipway_store::page::{Page, Slice};
use slipway_store::quotas::{Holder, Override};
use slipway_store::sandboxes::due::{self, Due};
use slipway_store::{Db, SweepsDb, context_items, members, quotas, sandboxes, sweeps};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::{self, at, happen, new};

/// Everything, whatever other tests have put there.
fn all() -> Page<SandboxId> {
    Page { limit: 100_000, after: None }
}

/// Which of `own` are among those found, by their place.
fn among(found: &Slice<Due>, own: &[SandboxId]) -> Vec<usize> {
    let has = |id: &SandboxId| found.items.iter().any(|due| due.sandbox == *id);
    own.iter().enumerate().filter(|(_, id)| has(id)).map(|(index, _)| index).collect()
}

/// A tenant with a sandbox in each state: queued, starting, ready, idle, stopping, stopped.
async fn states(db: Db) -> (Db, Tenant, Vec<SandboxId>) {
    let (db, tenant) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let mut made = vec![sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap().id];
    let starting = sandboxes::reserve(&mut db, &new(&tenant, 2), NOW).await.unwrap();
    slipway_store::places::take(&mut db, starting.user, NOW).await.unwrap();
    happen(&mut db, starting.id, &Happened::PlaceGiven, at(10)).await;
    made.push(starting.id);
    for seq in 3..=6 {
        made.push(world::start(&mut db, &new(&tenant, seq), at(20)).await.id);
    }
    happen(&mut db, made[3], &Happened::Passed, at(400)).await;
    happen(&mut db, made[4], &world::stop(), at(30)).await;
    world::end(&mut db, made[5], at(20), at(40)).await;
    (db.commit().await.unwrap(), tenant, made)
}

#[tokio::test]
async fn sweeps_find_what_is_due_and_leave_what_somebody_drives() {
    let server = Server::get();
    let (db, tenant, own) = states(server.db().await).await;
    let now = at(1_000);
    let mut db = db.sweeps();
    assert_eq!(among(&due::unused(&mut db, at(19), now, &all()).await.unwrap(), &own), [0_usize; 0]);
    assert_eq!(among(&due::unused(&mut db, at(20), now, &all()).await.unwrap(), &own), [2, 3]);
    assert_eq!(among(&due::unseen(&mut db, at(20), now, &all()).await.unwrap(), &own), [2, 3]);
    assert_eq!(among(&due::unsettled(&mut db, at(10), now, &all()).await.unwrap(), &own), [1]);
    assert_eq!(among(&due::unsettled(&mut db, at(30), now, &all()).await.unwrap(), &own), [1, 4]);
    assert_eq!(among(&due::untold(&mut db, now, &all()).await.unwrap(), &own), [0, 1, 2, 3, 4, 5]);
    let orgs = due::queued(&mut db, &Page { limit: 100_000, after: None }).await.unwrap();
    assert!(orgs.items.contains(&tenant.org));
    let known = due::known(&mut db, &[own[5], fixture::sandbox_id(), own[0]]).await.unwrap();
    assert_eq!(known, [0, 5].map(|index: usize| Due { org: tenant.org, sandbox: own[index] }));

    let mut org = db.end().unwrap().org(tenant.org);
    for id in &own {
        let found = sandboxes::find(&mut org, *id).await.unwrap().unwrap();
        sandboxes::told_chat(&mut org, *id, found.sandbox.version).await.unwrap();
        sandboxes::told_route(&mut org, *id, found.sandbox.version).await.unwrap();
        if *id != own[2] {
            sandboxes::told_executor(&mut org, *id, found.sandbox.epoch, found.hosts_version).await.unwrap();
        }
    }
    sandboxes::lease(&mut org, own[3], "somebody", now, now.plus_ms(1)).await.unwrap();
    let mut db = org.commit().await.unwrap().sweeps();
    assert_eq!(among(&due::untold(&mut db, now, &all()).await.unwrap(), &own), [2]);
    assert_eq!(among(&due::unused(&mut db, at(20), now, &all()).await.unwrap(), &own), [2]);
    assert_eq!(among(&due::unused(&mut db, at(20), now.plus_ms(1), &all()).await.unwrap(), &own), [2, 3]);

    // What shall go is due until its executor says that it is gone.
    let mut org = db.end().unwrap().org(tenant.org);
    happen(&mut org, own[5], &Happened::DestroyAsked, at(50)).await;
    let mut db = org.commit().await.unwrap().sweeps();
    assert_eq!(among(&due::unsettled(&mut db, at(49), now, &all()).await.unwrap(), &own), [1, 4]);
    assert_eq!(among(&due::unsettled(&mut db, at(50), now, &all()).await.unwrap(), &own), [1, 4, 5]);
    let mut org = db.end().unwrap().org(tenant.org);
    happen(&mut org, own[5], &Happened::Missing, at(51)).await;
    let mut db = org.commit().await.unwrap().sweeps();
    assert_eq!(among(&due::unsettled(&mut db, at(51), now, &all()).await.unwrap(), &own), [1, 4]);
}

#[tokio::test]
async fn a_list_of_what_is_due_goes_on_where_it_stopped() {
    let server = Server::get();
    let (db, tenant, own) = states(server.db().await).await;
    let executor = tenant.org.to_string();
    let mut org = db.org(tenant.org);
    for id in &own {
        let found = sandboxes::find(&mut org, *id).await.unwrap().unwrap();
        sandboxes::assign(&mut org, &found, &executor).await.unwrap();
    }
    happen(&mut org, own[0], &Happened::DestroyAsked, at(500)).await;
    happen(&mut org, own[0], &Happened::Missing, at(501)).await;
    let mut db = org.commit().await.unwrap().sweeps();
    let mut found = Vec::new();
    loop {
        let page = Page { limit: 2, after: found.last().copied() };
        let slice = due::on_executor(&mut db, &executor, &page).await.unwrap();
        found.extend(slice.items.iter().map(|due| due.sandbox));
        if !slice.more {
            break;
        }
    }
    assert_eq!(found, own[1..]);
}

#[tokio::test]
async fn sandboxes_of_somebody_who_left_are_due() {
    let server = Server::get();
    let (db, tenant, own) = states(server.db().await).await;
    let mut db = db.sweeps();
    assert_eq!(among(&due::owner_gone(&mut db, at(1_000), &all()).await.unwrap(), &own), [0_usize; 0]);
    let mut org = db.end().unwrap().org(tenant.org);
    members::end(&mut org, tenant.member, tenant.owner.id, NOW).await.unwrap();
    let mut db = org.commit().await.unwrap().sweeps();
    assert_eq!(among(&due::owner_gone(&mut db, at(1_000), &all()).await.unwrap(), &own), [0, 1, 2, 3]);
}

#[tokio::test]
async fn sandboxes_are_due_once_their_org_or_person_has_used_up_the_month() {
    let server = Server::get();
    let (mut db, tenant, own) = states(server.db().await).await;
    // At 60 s: two run for 40 s each, one stops after that long too, one ran for 20 s.
    let now = at(60);
    let seconds = |seconds| Override { seconds: Some(seconds), ..Override::default() };
    let everybody = Override::default();
    let cases = [
        (Holder::Org, seconds(141), vec![]),
        (Holder::Org, seconds(140), vec![1, 2, 3]),
        (Holder::Org, everybody, vec![]),
        (Holder::Member, seconds(141), vec![]),
        (Holder::Member, seconds(140), vec![1, 2, 3]),
        (Holder::User(tenant.owner.id), seconds(141), vec![]),
        (Holder::User(tenant.owner.id), seconds(1), vec![1, 2, 3]),
        (Holder::User(tenant.owner.id), seconds(1_000), vec![]),
        (Holder::Org, Override { egress_bytes: Some(0), ..everybody }, vec![1, 2, 3]),
    ];
    for (holder, limits, expected) in cases {
        let mut org = db.org(tenant.org);
        quotas::set(&mut org, holder, &limits).await.unwrap();
        let mut job = org.commit().await.unwrap().sweeps();
        let found = due::over_quota(&mut job, now, &all()).await.unwrap();
        assert_eq!(among(&found, &own), expected, "{holder:?} {limits:?}");
        db = job.end().unwrap();
    }
}

async fn claimed(db: &mut SweepsDb, name: &str, owner: &str, now: i64, until: i64) -> bool {
    sweeps::claim(db, name, owner, at(now), at(until)).await.unwrap().is_some()
}

#[tokio::test]
async fn one_of_many_gets_a_sweep() {
    let server = Server::get();
    let mut tasks = Vec::new();
    for number in 0..32 {
        let server = server.clone();
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.sweeps();
            let got = claimed(&mut db, "raced", &format!("owner {number}"), 0, 60).await;
            db.commit().await.unwrap();
            got
        }));
    }
    let mut got = 0;
    for task in tasks {
        got += usize::from(task.await.unwrap());
    }
    assert_eq!(got, 1);
}

#[tokio::test]
async fn a_sweep_that_died_is_taken_over_where_it_was_and_a_finished_one_begins_anew() {
    let server = Server::get();
    let mut db = server.db().await.sweeps();
    assert!(claimed(&mut db, "resumed", "a", 0, 60).await);
    assert!(sweeps::keep(&mut db, "resumed", "a", Some("sbx_5"), at(90)).await.unwrap());
    assert!(!claimed(&mut db, "resumed", "b", 89, 150).await);
    let taken = sweeps::claim(&mut db, "resumed", "b", at(90), at(150)).await.unwrap().unwrap();
    assert_eq!((taken.cursor.as_deref(), taken.last_run), (Some("sbx_5"), None));
    // Who lost the lease writes nothing more.
    assert!(!sweeps::keep(&mut db, "resumed", "a", Some("sbx_9"), at(999)).await.unwrap());
    assert!(!sweeps::finish(&mut db, "resumed", "a", at(95), "late").await.unwrap());
    assert!(sweeps::finish(&mut db, "resumed", "b", at(100), "12 looked at").await.unwrap());
    let next = sweeps::claim(&mut db, "resumed", "a", at(100), at(160)).await.unwrap().unwrap();
    assert_eq!((next.cursor, next.last_run), (None, Some(at(100))));
}

#[tokio::test]
async fn the_sweeps_see_what_they_look_through_of_all_orgs_and_nothing_else() {
    let server = Server::get();
    let (db, one, _) = states(server.db().await).await;
    let (db, two, _) = states(db).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = world::furnish(db, &other).await.org(other.org);
    let proposed = NewItem { proposed_in: Some(other.chat), ..world::item(&other, "not accepted yet") };
    context_items::create(&mut db, &proposed, NOW).await.unwrap();
    db.commit().await.unwrap();
    let mut db = server.db().await.org(one.org);
    members::end(&mut db, one.member, one.owner.id, NOW).await.unwrap();
    db.commit().await.unwrap();

    let app = server.app().await;
    app.batch_execute("BEGIN").await.unwrap();
    app.execute("SELECT set_config('app.system_job', 'sweeps', true)", &[]).await.unwrap();
    let admin = server.admin().await;
    let tables = admin
        .query(
            "SELECT relname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
              WHERE nspname = 'public' AND relkind = 'r' AND relname <> 'refinery_schema_history' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let mut seen = Vec::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let rows: i64 = app.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        if rows > 0 {
            seen.push(table);
        }
    }
    // `sweeps` has rows only if another test of this run has made some.
    seen.retain(|table| table != "sweeps");
    assert_eq!(
        seen,
        [
            "attachments",
            "chat_archives",
            "chats",
            "context_embeddings",
            "context_items",
            "deletions",
            "members",
            "quotas",
            "retention",
            "sandboxes",
            "snapshots",
            "snapshots_owed",
            "usage_entries"
        ]
    );
    let orgs = app.query("SELECT DISTINCT org_id FROM sandboxes", &[]).await.unwrap();
    let orgs = orgs.iter().map(|row| row.get::<_, String>(0).parse().unwrap()).collect::<Vec<OrgId>>();
    assert!(orgs.contains(&one.org) && orgs.contains(&two.org));
    let open: i64 =
        app.query_one("SELECT count(*) FROM members WHERE ended_at IS NULL", &[]).await.unwrap().get(0);
    assert_eq!(open, 0, "who is in an org, sweeps need not know");
    let proposed: i64 = app
        .query_one("SELECT count(*) FROM context_items WHERE state = 'proposed'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(proposed, 0, "what was proposed, sweeps need not know");
    for refused in ["UPDATE sandboxes SET epoch = epoch + 1", "UPDATE usage_entries SET until_at = now()"] {
        assert_eq!(app.execute(refused, &[]).await.unwrap(), 0, "{refused}");
    }
    app.batch_execute("ROLLBACK").await.unwrap();
    // And an org sees nothing of the sweeps.
    app.batch_execute("BEGIN").await.unwrap();
    app.execute("SELECT set_config('app.current_org_id', $1, true)", &[&one.org.to_string()]).await.unwrap();
    let rows: i64 = app.query_one("SELECT count(*) FROM sweeps", &[]).await.unwrap().get(0);
    assert_eq!(rows, 0);
}
