//! Sandboxes as they are stored: each phase, once for each approval, and never over what somebody else wrote.

use slipway_contract::sandbox::{SandboxReason, SandboxState};
use slipway_domain::sandbox::{Happened, Rules, StartFailure, decide};
use slipway_store::page::Page;
use slipway_store::quotas::{Holder, Override};
use slipway_store::{StoreError, memberships, places, quotas, routes, sandboxes};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::{self, approval, at, ended, happen, new, running, stop};

#[tokio::test]
async fn an_approval_has_one_sandbox_however_often_it_is_carried_out() {
    let server = Server::get();
    let (_, tenant) = fixture::tenant(server.db().await).await;
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            let made = sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap();
            db.commit().await.unwrap();
            made
        }));
    }
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap());
    }
    assert!(made.windows(2).all(|pair| pair[0] == pair[1]), "{made:?}");

    // Later it is given as it stands then.
    let mut db = server.db().await.org(tenant.org);
    happen(&mut db, made[0].id, &stop(), at(1)).await;
    let again = sandboxes::reserve(&mut db, &new(&tenant, 1), at(2)).await.unwrap();
    assert_eq!((again.id, again.sandbox.state()), (made[0].id, SandboxState::Stopped));
    assert_eq!(sandboxes::find_by_approval(&mut db, approval(&tenant, 1)).await.unwrap(), Some(again));
    assert_eq!(sandboxes::find_by_approval(&mut db, approval(&tenant, 2)).await.unwrap(), None);
}

#[tokio::test]
async fn each_phase_is_read_back_as_it_was_written() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut asked = new(&tenant, 1);
    let hosts = ["example.org".to_owned(), "*.example.com".to_owned()];
    asked.hosts = &hosts;
    asked.template = Some("static-site");
    let made = sandboxes::reserve(&mut db, &asked, NOW).await.unwrap();
    assert_eq!((made.hosts.as_slice(), made.template.as_deref()), (hosts.as_slice(), Some("static-site")));
    places::take(&mut db, asked.user, NOW).await.unwrap();
    let broke = Happened::StartFailed { why: StartFailure::Broke, detail: "it broke".into() };
    let refused = Happened::StartFailed { why: StartFailure::Refused, detail: "no".into() };
    let history = [
        (1, Happened::PlaceGiven),
        (2, broke),
        (3, running(2, at(3))),
        (4, running(2, at(3))),
        (400, Happened::Passed),
        (401, stop()),
        (402, ended(3, at(3), at(401))),
        (403, Happened::StartAsked),
        (404, Happened::PlaceGiven),
        (405, stop()),
        (406, Happened::Missing),
        (407, Happened::StartAsked),
        (408, Happened::PlaceGiven),
        (409, refused),
        (410, Happened::AccessRevoked),
        (411, Happened::DestroyAsked),
        (412, Happened::Unreachable),
        (413, Happened::Missing),
    ];
    let mut states = Vec::new();
    for (second, happened) in history {
        if happened == Happened::PlaceGiven && second > 1 {
            places::take(&mut db, asked.user, at(second)).await.unwrap();
        }
        let after = happen(&mut db, made.id, &happened, at(second)).await;
        let found = sandboxes::find(&mut db, made.id).await.unwrap().unwrap();
        assert_eq!(found, after, "{happened:?}");
        let route = routes::find(&mut db, made.id).await.unwrap().unwrap();
        let sandbox = &found.sandbox;
        assert_eq!(
            (route.epoch, route.version, route.state),
            (sandbox.epoch, sandbox.version, sandbox.state())
        );
        states.push(format!("{:?} {}", sandbox.state(), sandbox.epoch));
    }
    assert_eq!(
        states.join(", "),
        "Starting 1, Starting 2, Ready 2, Ready 2, Idle 2, Stopping 3, Stopped 3, Queued 4, Starting 4, Stopping 5, \
         Stopped 5, Queued 6, Starting 6, Failed 6, Failed 7, Stopped 7, Stopped 7, Destroyed 7"
    );
    assert_eq!(places::running(&mut db, asked.user).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn the_wish_to_destroy_is_kept_while_it_stops() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let mut stands = Vec::new();
    for (second, happened) in
        [(1, Happened::DestroyAsked), (2, running(2, NOW)), (3, ended(2, NOW, at(3))), (4, Happened::Missing)]
    {
        happen(&mut db, made, &happened, at(second)).await;
        let found = sandboxes::find(&mut db, made).await.unwrap().unwrap();
        stands.push((found.sandbox.state(), found.sandbox.is_doomed()));
    }
    use SandboxState::{Destroyed, Stopped, Stopping};
    assert_eq!(stands, [(Stopping, true), (Stopping, true), (Stopped, true), (Destroyed, false)]);
    assert_eq!(places::running(&mut db, Some(tenant.owner.id)).await.unwrap(), (0, 0));
}

#[tokio::test]
async fn a_status_says_why_a_sandbox_ended() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await;
    let ready = made.status();
    assert_eq!((ready.state, ready.reason, ready.detail), (SandboxState::Ready, None, None));
    let stopped = world::end(&mut db, made.id, NOW, at(9)).await.status();
    assert_eq!((stopped.state, stopped.reason), (SandboxState::Stopped, Some(SandboxReason::Requested)));
    assert_eq!(stopped.detail.as_deref(), Some("enough"));
    assert_eq!((stopped.epoch, stopped.version), (2, 5));
}

#[tokio::test]
async fn what_a_program_says_as_it_dies_does_not_keep_its_end_out_of_the_books() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await;
    let garbled = Happened::StopAsked { reason: SandboxReason::Requested, detail: Some("a\0b".into()) };
    happen(&mut db, made.id, &garbled, at(1)).await;
    let found = sandboxes::find(&mut db, made.id).await.unwrap().unwrap();
    assert_eq!(found.status().detail.as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn a_decision_upon_what_is_no_more_is_not_written() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await;
    let db = db.commit().await.unwrap();

    // Two decide at once upon the same row, without its lock.
    let step = decide(&made.sandbox, &stop(), at(1), &Rules::default()).unwrap();
    let mut first = db.org(tenant.org);
    let mut second = server.db().await.org(tenant.org);
    let written = sandboxes::advance(&mut first, &made, &step, at(1)).await.unwrap();
    let other = tokio::spawn({
        let (made, step) = (made.clone(), step.clone());
        async move {
            let refused = sandboxes::advance(&mut second, &made, &step, at(1)).await;
            (refused, second.commit().await.is_ok())
        }
    });
    let db = first.commit().await.unwrap();
    let (refused, kept) = other.await.unwrap();
    assert!(matches!(refused, Err(StoreError::Overtaken { .. })), "{refused:?}");
    assert!(!kept, "a transaction that was overtaken must not be committed");

    let mut db = db.org(tenant.org);
    assert_eq!(sandboxes::find(&mut db, made.id).await.unwrap(), Some(written));
    let refused = sandboxes::set_hosts(&mut db, &made, &[]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Overtaken { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_others_were_told_is_remembered_and_never_goes_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await;
    assert!(made.is_untold_to_chat() && made.is_untold_to_route() && made.is_untold_to_executor());
    let hosts = ["example.org".to_owned()];
    let changed = sandboxes::set_hosts(&mut db, &made, &hosts).await.unwrap();
    assert_eq!((changed.sandbox.version, changed.hosts_version), (4, 4));
    let changed = sandboxes::assign(&mut db, &changed, "local").await.unwrap();
    assert_eq!(sandboxes::find(&mut db, made.id).await.unwrap(), Some(changed));

    for (chat, route, executor) in [(3, 3, (1, 3)), (4, 4, (1, 4)), (2, 2, (1, 2))] {
        let news = chat != 2;
        assert_eq!(sandboxes::told_chat(&mut db, made.id, chat).await.unwrap(), news);
        assert_eq!(sandboxes::told_route(&mut db, made.id, route).await.unwrap(), news);
        let (epoch, hosts) = executor;
        assert_eq!(sandboxes::told_executor(&mut db, made.id, epoch, hosts).await.unwrap(), news);
        let found = sandboxes::find(&mut db, made.id).await.unwrap().unwrap();
        let untold = chat == 3;
        assert_eq!(found.is_untold_to_chat(), untold);
        assert_eq!(found.is_untold_to_route(), untold);
        assert_eq!(found.is_untold_to_executor(), untold);
    }
    let revoked = happen(&mut db, made.id, &Happened::AccessRevoked, at(1)).await;
    assert!(revoked.is_untold_to_chat() && revoked.is_untold_to_route() && revoked.is_untold_to_executor());
}

#[tokio::test]
async fn use_is_written_down_every_fifteen_seconds_at_most() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await;
    let mut written = Vec::new();
    for second in [1, 14, 15, 16, 29, 30, 20] {
        if sandboxes::touch(&mut db, made.id, at(second)).await.unwrap() {
            written.push(second);
        }
    }
    assert_eq!(written, [15, 30]);
    let found = sandboxes::find(&mut db, made.id).await.unwrap().unwrap();
    assert_eq!(found.sandbox.stops_at(&Rules::default()), Some(at(630)));
    assert_eq!(found.sandbox.version, made.sandbox.version);

    assert!(sandboxes::saw(&mut db, made.id, at(60)).await.unwrap());
    assert!(!sandboxes::saw(&mut db, made.id, at(59)).await.unwrap());
    let lost = happen(&mut db, made.id, &Happened::Missing, at(90)).await;
    assert_eq!(lost.changed_at, at(60));
    assert!(!sandboxes::touch(&mut db, made.id, at(100)).await.unwrap());
    assert!(!sandboxes::saw(&mut db, made.id, at(100)).await.unwrap());
}

#[tokio::test]
async fn one_at_a_time_drives_a_sandbox() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap().id;
    assert!(sandboxes::lease(&mut db, made, "a", at(0), at(10)).await.unwrap());
    assert!(!sandboxes::lease(&mut db, made, "b", at(9), at(20)).await.unwrap());
    assert!(sandboxes::lease(&mut db, made, "a", at(9), at(20)).await.unwrap());
    assert!(!sandboxes::lease(&mut db, made, "b", at(19), at(30)).await.unwrap());
    assert!(sandboxes::lease(&mut db, made, "b", at(20), at(30)).await.unwrap());
    assert!(!sandboxes::release(&mut db, made, "a").await.unwrap());
    assert!(sandboxes::release(&mut db, made, "b").await.unwrap());
    assert!(sandboxes::lease(&mut db, made, "a", at(21), at(30)).await.unwrap());
}

#[tokio::test]
async fn an_approval_is_carried_out_once_upon_a_sandbox_that_was_there() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap().id;
    let acted = approval(&tenant, 2);
    assert!(sandboxes::act_once(&mut db, acted, made, NOW).await.unwrap());
    assert!(!sandboxes::act_once(&mut db, acted, made, NOW).await.unwrap());
    let unknown =
        sandboxes::act_once(&mut db, approval(&tenant, 3), fixture::sandbox_id(), NOW).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound { .. }), "{unknown:?}");
}

#[tokio::test]
async fn those_who_wait_come_in_order_but_not_behind_somebody_without_a_place() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Member).await;
    let mut db = db.org(tenant.org);
    let one = Override { running: Some(1), ..Override::default() };
    quotas::set(&mut db, Holder::User(tenant.owner.id), &one).await.unwrap();
    world::start(&mut db, &new(&tenant, 1), NOW).await;
    let mut waiting = Vec::new();
    for (seq, user) in [(2, tenant.owner.id), (3, bob.id), (4, tenant.owner.id), (5, bob.id)] {
        let mut asked = new(&tenant, seq);
        asked.user = Some(user);
        waiting.push(sandboxes::reserve(&mut db, &asked, at(i64::try_from(seq).unwrap())).await.unwrap().id);
    }
    for (index, id) in waiting.iter().enumerate() {
        let place = u64::try_from(index + 1).unwrap();
        assert_eq!(sandboxes::queue_place(&mut db, *id).await.unwrap(), Some(place));
    }
    let db = db.commit().await.unwrap();

    // The owner has a place less than they want; two who look at once find different ones.
    let mut first = db.org(tenant.org);
    let mut second = server.db().await.org(tenant.org);
    let claimed = sandboxes::claim_next(&mut first).await.unwrap().unwrap();
    assert_eq!(claimed.id, waiting[1]);
    assert_eq!(sandboxes::claim_next(&mut second).await.unwrap().unwrap().id, waiting[3]);
    let mut third = server.db().await.org(tenant.org);
    assert_eq!(sandboxes::claim_next(&mut third).await.unwrap(), None);
    second.end().unwrap();
    places::take(&mut first, claimed.user, at(10)).await.unwrap();
    happen(&mut first, claimed.id, &Happened::PlaceGiven, at(10)).await;
    assert_eq!(sandboxes::queue_place(&mut first, claimed.id).await.unwrap(), None);
    assert_eq!(sandboxes::queue_place(&mut first, waiting[2]).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_chats_sandboxes_are_listed_newest_first_page_by_page() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    assert_eq!(sandboxes::current(&mut db, tenant.chat).await.unwrap(), None);
    let mut made = Vec::new();
    for seq in 1..=5 {
        made.push(sandboxes::reserve(&mut db, &new(&tenant, seq), NOW).await.unwrap().id);
    }
    made.reverse();
    let mut found = Vec::new();
    loop {
        let page = Page { limit: 2, after: found.last().copied() };
        let slice = sandboxes::list(&mut db, tenant.chat, &page).await.unwrap();
        found.extend(slice.items.iter().map(|sandbox| sandbox.id));
        if !slice.more {
            break;
        }
    }
    assert_eq!(found, made);
    // One that shall go serves nobody, whether or not its executor has said that it is gone.
    let going = happen(&mut db, made[0], &Happened::DestroyAsked, at(1)).await;
    assert!(going.sandbox.is_doomed());
    assert_eq!(sandboxes::current(&mut db, tenant.chat).await.unwrap().unwrap().id, made[1]);
}

#[tokio::test]
async fn a_person_is_told_where_a_sandbox_of_their_orgs_belongs_and_nobody_else() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Guest).await;
    let (db, stranger) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let made = sandboxes::reserve(&mut db, &new(&tenant, 1), NOW).await.unwrap().id;
    let kept = world::artifact(&tenant, made);
    slipway_store::artifacts::save(&mut db, &kept, "key").await.unwrap();
    let mut db = db.commit().await.unwrap();
    for (user, expected) in [
        (tenant.owner.id, Some(("owner", true))),
        (bob.id, Some(("guest", false))),
        (stranger.owner.id, None),
    ] {
        let mut own = db.memberships(user);
        let found = [
            memberships::of_sandbox(&mut own, made).await.unwrap(),
            memberships::of_artifact(&mut own, kept.id).await.unwrap(),
            memberships::of_chat(&mut own, tenant.chat).await.unwrap(),
        ];
        for access in found {
            let told = access.map(|access| {
                assert_eq!((access.org, access.chat), (tenant.org, tenant.chat));
                (format!("{:?}", access.role).to_lowercase(), access.participant)
            });
            assert_eq!(told.as_ref().map(|(role, takes_part)| (role.as_str(), *takes_part)), expected);
        }
        assert_eq!(memberships::of_sandbox(&mut own, fixture::sandbox_id()).await.unwrap(), None);
        db = own.end().unwrap();
    }
    let mut db = db.org(tenant.org);
    let takes_part = slipway_store::chats::takes_part(&mut db, tenant.chat, tenant.owner.id).await.unwrap();
    assert!(takes_part && !slipway_store::chats::takes_part(&mut db, tenant.chat, bob.id).await.unwrap());
}
