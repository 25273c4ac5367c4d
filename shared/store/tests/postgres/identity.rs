//! Accounts, sessions and the counting of failed sign-ins.

use slipway_contract::http::auth::User;
use slipway_domain::identity::throttle::{Attempts, Subject};
use slipway_store::sessions::EndReason;
use slipway_store::signin_attempts::{Counted, forgive, lock, record};
use slipway_store::{Conflict, StoreError, sessions, users};

use crate::fixture::{self, NOW};
use crate::server::Server;

#[tokio::test]
async fn an_address_has_one_account() {
    let server = Server::get();
    let (db, first) = fixture::person(server.db().await).await;
    let mut identity = db.identity();
    let second = User { id: fixture::user_id(), ..first.clone() };
    let refused = users::create(&mut identity, &second, "$argon2id$x", NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(Conflict::EmailTaken)), "{refused:?}");
    let mut identity = identity.end().unwrap().identity();
    let found = users::find_by_email(&mut identity, &first.email).await.unwrap().unwrap();
    assert_eq!(found.user, first);
    assert!(users::find_by_email(&mut identity, "nobody@example.org").await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_moves_on_by_one_generation_and_ends_for_good() {
    let server = Server::get();
    let (db, user) = fixture::person(server.db().await).await;
    let session = fixture::session_id();
    let mut db = db.identity();
    sessions::begin(&mut db, session, user.id, NOW).await.unwrap();
    sessions::rotate(&mut db, session, 1, NOW.plus_ms(5)).await.unwrap();
    let (whose, state) = sessions::lock(&mut db, session).await.unwrap().unwrap();
    assert_eq!((whose, state.generation, state.ended), (user.clone(), 1, false));
    assert_eq!((state.created_at, state.rotated_at), (NOW, NOW.plus_ms(5)));
    assert!(sessions::end(&mut db, session, EndReason::Reuse, NOW).await.unwrap());
    assert!(!sessions::end(&mut db, session, EndReason::LogOut, NOW).await.unwrap());
    assert!(sessions::lock(&mut db, session).await.unwrap().unwrap().1.ended);
    assert!(sessions::rotate(&mut db, session, 2, NOW).await.is_err());
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_one_person() {
    let server = Server::get();
    let (db, user) = fixture::person(server.db().await).await;
    let (db, other) = fixture::person(db).await;
    let mut db = db.identity();
    let foreign = fixture::session_id();
    sessions::begin(&mut db, foreign, other.id, NOW).await.unwrap();
    for _ in 0..3 {
        sessions::begin(&mut db, fixture::session_id(), user.id, NOW).await.unwrap();
    }
    assert_eq!(sessions::end_all(&mut db, user.id, NOW).await.unwrap(), 3);
    assert_eq!(sessions::end_all(&mut db, user.id, NOW).await.unwrap(), 0);
    assert!(!sessions::lock(&mut db, foreign).await.unwrap().unwrap().1.ended);
}

#[tokio::test]
async fn attempts_at_one_address_are_counted_one_after_the_other() {
    let server = Server::get();
    let counted = [
        Counted { subject: Subject::Address, key: fixture::digest() },
        Counted { subject: Subject::Client, key: fixture::digest() },
    ];
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (server, counted) = (server.clone(), counted.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.identity();
            let before = lock(&mut db, &counted, NOW).await.unwrap();
            let after = before.iter().map(|one| one.after_one_more(NOW)).collect::<Vec<_>>();
            record(&mut db, &counted, &after, NOW).await.unwrap();
            db.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut db = server.db().await.identity();
    let eight = Attempts { failures: 8, last_at: NOW };
    assert_eq!(lock(&mut db, &counted, NOW).await.unwrap(), [eight, eight]);
    forgive(&mut db, &counted).await.unwrap();
    let left = lock(&mut db, &counted, NOW).await.unwrap().iter().map(|one| one.failures).collect::<Vec<_>>();
    assert_eq!(left, [0, 7]);
}

#[tokio::test]
async fn old_attempts_are_cleared_away_by_new_ones() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let server = Server::get();
    let old =
        (0..4).map(|_| [Counted { subject: Subject::Address, key: fixture::digest() }]).collect::<Vec<_>>();
    let mut db = server.db().await.identity();
    // So long ago that no other test's attempts are older.
    let then = NOW.plus_ms(-9 * DAY);
    for counted in &old {
        lock(&mut db, counted, then).await.unwrap();
    }
    for _ in 0..2 {
        let counted = [Counted { subject: Subject::Client, key: fixture::digest() }];
        let before = lock(&mut db, &counted, NOW.plus_ms(-7 * DAY)).await.unwrap();
        record(&mut db, &counted, &before, NOW.plus_ms(-7 * DAY)).await.unwrap();
    }
    db.commit().await.unwrap();
    let keys = old.iter().map(|[one]| one.key.clone()).collect::<Vec<_>>();
    let left: i64 = server
        .admin()
        .await
        .query_one("SELECT count(*) FROM signin_attempts WHERE key = ANY ($1)", &[&keys])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
}
