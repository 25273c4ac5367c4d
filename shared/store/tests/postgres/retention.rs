//! How long orgs keep what they have: what is set, and what is older than that.

use slipway_contract::Seq;
use slipway_contract::http::retention::Retention;
use slipway_contract::objects::deletions::ForgottenTurns;
use slipway_store::page::Page;
use slipway_store::{OrgDb, artifacts, chats, deletions, retention};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::{self, at};

#[tokio::test]
async fn an_org_keeps_everything_until_it_says_otherwise_and_again_when_it_takes_that_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    assert_eq!(retention::get(&mut db).await.unwrap(), Retention::default());
    let all = Page { limit: 100_000, after: None };
    let ever = Retention::default();
    for limited in [
        Retention {
            chat_days: Some(30),
            artifact_days: Some(7),
            attachment_days: Some(8),
            audit_days: Some(90),
            turn_days: Some(3),
        },
        Retention { chat_days: Some(30), ..ever },
        Retention { artifact_days: Some(7), ..ever },
        Retention { attachment_days: Some(8), ..ever },
        Retention { audit_days: Some(3_650), ..ever },
        Retention { turn_days: Some(1), ..ever },
    ] {
        retention::set(&mut db, limited).await.unwrap();
        assert_eq!(retention::get(&mut db).await.unwrap(), limited, "all that stood is replaced");
        let mut sweeps = db.commit().await.unwrap().sweeps();
        let found = retention::limited(&mut sweeps, &all).await.unwrap();
        assert!(found.items.contains(&(tenant.org, limited)), "{found:?}");
        db = sweeps.end().unwrap().org(tenant.org);
    }

    retention::set(&mut db, Retention::default()).await.unwrap();
    let mut sweeps = db.commit().await.unwrap().sweeps();
    let found = retention::limited(&mut sweeps, &all).await.unwrap();
    assert!(found.items.iter().all(|(org, _)| *org != tenant.org), "{found:?}");
}

#[tokio::test]
async fn a_chat_is_old_once_nothing_has_happened_in_it_for_long_and_doomed_ones_are_none() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    // Its newest message is of the first second; something else happened in the fifth.
    let set = "UPDATE chats SET active_at = $2 WHERE chat_id = $1";
    let fifth = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_800_000_005_000);
    server.admin().await.execute(set, &[&tenant.chat.to_string(), &fifth]).await.unwrap();
    let mut db = db.org(tenant.org);
    assert_eq!(deletions::old_chats(&mut db, at(5), 10).await.unwrap(), []);
    assert_eq!(deletions::old_chats(&mut db, at(6), 10).await.unwrap(), [tenant.chat]);
    assert_eq!(deletions::old_chats(&mut db, at(6), 0).await.unwrap(), []);

    let mut db = db.end().unwrap().removal(tenant.org);
    deletions::ask_chat(&mut db, &fixture::deletion(&tenant), tenant.chat).await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    assert_eq!(deletions::old_chats(&mut db, at(6), 10).await.unwrap(), []);
}

#[tokio::test]
async fn an_artifact_that_is_too_old_goes_and_the_audit_log_says_so_once() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let db = world::furnish(db, &tenant).await;
    let mut db = db.removal(tenant.org);
    assert_eq!(artifacts::older(&mut db, NOW, 10).await.unwrap(), []);
    let old = artifacts::older(&mut db, NOW.plus_ms(1), 10).await.unwrap();
    assert_eq!(old.len(), 1);
    for first in [true, false] {
        assert_eq!(artifacts::forget(&mut db, old[0].id, true).await.unwrap(), first);
    }
    let mut db = db.commit().await.unwrap().org(tenant.org);
    let all = slipway_store::audit::list(&mut db, &Page { limit: 100, after: None }).await.unwrap();
    let told: Vec<&str> = all
        .items
        .iter()
        .filter(|entry| entry.subject == old[0].id.to_string())
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(told, ["artifact.expired"]);
    assert_eq!(artifacts::find(&mut db, old[0].id).await.unwrap(), None);
}

#[tokio::test]
async fn a_chat_is_asked_to_forget_turns_once_a_day_or_until_nothing_is_left_and_never_in_an_archive() {
    const DAY: i64 = 24 * 60 * 60_000;
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    chats::project(&mut db, &fixture::projection(&tenant, 9)).await.unwrap();
    let now = NOW.plus_ms(40 * DAY);
    let next = async |db: &mut OrgDb, days: i64| {
        let now = now.plus_ms(days * DAY);
        retention::next_with_turns(db, now.plus_ms(-30 * DAY), now).await.unwrap()
    };
    let told = |upto: u64, more| ForgottenTurns { events: 1, upto: Seq(upto), more };

    assert_eq!(next(&mut db, -11).await, None, "it is younger than what is kept");
    assert_eq!(next(&mut db, 0).await, Some((tenant.chat, Seq(0))));
    assert_eq!(next(&mut db, 0).await, None, "it was asked");
    retention::turns_forgotten(&mut db, tenant.chat, &told(4, true)).await.unwrap();
    assert_eq!(next(&mut db, 0).await, Some((tenant.chat, Seq(4))), "there is more");
    retention::turns_forgotten(&mut db, tenant.chat, &told(6, false)).await.unwrap();
    assert_eq!(next(&mut db, 0).await, None);
    assert_eq!(next(&mut db, 1).await, Some((tenant.chat, Seq(6))), "a day has passed");
    retention::turns_forgotten(&mut db, tenant.chat, &told(5, false)).await.unwrap();
    assert_eq!(next(&mut db, 2).await, Some((tenant.chat, Seq(6))), "what came late takes nothing back");

    let mark = "UPDATE chats SET archived = $2 WHERE chat_id = $1";
    let mark_as = async |archived: bool| {
        server.admin().await.execute(mark, &[&tenant.chat.to_string(), &archived]).await.unwrap();
    };
    let held = db.commit().await.unwrap();
    mark_as(true).await;
    let mut db = held.org(tenant.org);
    assert_eq!(next(&mut db, 9).await, None, "it lies in an archive");
    let held = db.end().unwrap();
    mark_as(false).await;
    let mut db = held.org(tenant.org);
    retention::turns_forgotten(&mut db, tenant.chat, &told(9, false)).await.unwrap();
    assert_eq!(next(&mut db, 9).await, None, "nothing came since it was done with everything");
    chats::project(&mut db, &fixture::projection(&tenant, 10)).await.unwrap();
    assert_eq!(next(&mut db, 9).await, Some((tenant.chat, Seq(9))));
}
