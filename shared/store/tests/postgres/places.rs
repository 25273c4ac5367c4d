//! Places: never one more than there are, whoever asks at once, and each given back with its run.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use slipway_contract::Actor;
use slipway_contract::http::orgs::Role;
use slipway_contract::sandbox::SandboxState;
use slipway_domain::sandbox::{Happened, StartFailure, quota};
use slipway_store::places::{Answer, Whose};
use slipway_store::quotas::{Holder, Override};
use slipway_store::{audit, members, places, quotas, sandboxes, usage};

use crate::fixture::{self, NOW, Tenant};
use crate::server::Server;
use crate::world::{self, at, ended, happen, new, running, stop};

fn at_most(running: u64) -> Override {
    Override { running: Some(running), ..Override::default() }
}

/// Lets `count` callers, each with a connection and a sandbox of its own, take a place at once; answers how many got one.
async fn race(server: &Arc<Server>, tenant: &Tenant, count: u64) -> usize {
    let mut tasks = Vec::new();
    for seq in 0..count {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let asked = new(&tenant, 100 + seq);
            let mut db = server.db().await.org(tenant.org);
            let made = sandboxes::reserve(&mut db, &asked, NOW).await.unwrap();
            let answer = places::take(&mut db, asked.user, NOW).await.unwrap();
            if answer == Answer::Taken {
                happen(&mut db, made.id, &Happened::PlaceGiven, NOW).await;
            }
            db.commit().await.unwrap();
            answer
        }));
    }
    let mut taken = 0;
    for task in tasks {
        match task.await.unwrap() {
            Answer::Taken => taken += 1,
            Answer::Full(_) => {}
            other @ (Answer::NoTime(_) | Answer::NoEgress(_)) => panic!("{other:?}"),
        }
    }
    taken
}

#[tokio::test]
async fn of_sixty_four_starts_at_once_the_last_place_of_an_org_goes_to_one() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    quotas::set(&mut db, Holder::Org, &at_most(3)).await.unwrap();
    for seq in 1..=2 {
        world::start(&mut db, &new(&tenant, seq), NOW).await;
    }
    let db = db.commit().await.unwrap();
    assert_eq!(race(&server, &tenant, 64).await, 1);
    let mut db = db.org(tenant.org);
    assert_eq!(places::running(&mut db, Some(tenant.owner.id)).await.unwrap(), (3, 3));
    let full = places::take(&mut db, None, NOW).await.unwrap();
    assert_eq!(full, Answer::Full(Whose::Org));
}

#[tokio::test]
async fn the_last_place_of_a_person_goes_to_one_of_two_and_the_first_places_to_all() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    // Nobody has a row yet: five are let in, the limit of everybody.
    assert_eq!(race(&server, &tenant, 16).await, 5);
    let mut db = db.org(tenant.org);
    assert_eq!(places::running(&mut db, Some(tenant.owner.id)).await.unwrap(), (5, 5));
    assert_eq!(places::take(&mut db, Some(tenant.owner.id), NOW).await.unwrap(), Answer::Full(Whose::User));
    // Somebody else still has theirs.
    let (db, bob, _) =
        fixture::joined(db.end().unwrap(), &tenant, slipway_contract::http::orgs::Role::Member).await;
    let mut db = db.org(tenant.org);
    assert_eq!(places::take(&mut db, Some(bob.id), NOW).await.unwrap(), Answer::Taken);
    assert_eq!(places::running(&mut db, Some(bob.id)).await.unwrap(), (6, 1));
}

#[tokio::test]
async fn limits_of_one_person_go_before_those_of_all_members_and_these_before_everybodys() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let user = Some(tenant.owner.id);
    let limits = |standing: quotas::Standing| {
        let user = standing.user.unwrap();
        (standing.org.running_limit, user.running_limit, user.seconds_limit, user.egress_limit_bytes)
    };
    let everybody = quotas::standing(&mut db, user, NOW).await.unwrap();
    assert_eq!(limits(everybody), (20, 5, 360_000, 10 << 30));
    assert_eq!((everybody.org.seconds_limit, everybody.org.egress_limit_bytes), (1_800_000, 50 << 30));
    let members = Override { running: Some(2), seconds: Some(60), egress_bytes: None };
    quotas::set(&mut db, Holder::Member, &members).await.unwrap();
    quotas::set(&mut db, Holder::User(tenant.owner.id), &at_most(1)).await.unwrap();
    quotas::set(&mut db, Holder::Org, &at_most(7)).await.unwrap();
    let standing = quotas::standing(&mut db, user, NOW).await.unwrap();
    assert_eq!(limits(standing), (7, 1, 60, 10 << 30));
    assert_eq!(standing.seconds_left(), 60);
    assert_eq!(quotas::standing(&mut db, None, NOW).await.unwrap().user, None);
}

#[tokio::test]
async fn what_is_used_up_is_refused_before_a_place_and_only_this_month() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let user = Some(tenant.owner.id);
    let (_, next_month) = quota::month(NOW);
    let hour = Override { seconds: Some(3600), egress_bytes: Some(1000), ..Override::default() };
    quotas::set(&mut db, Holder::User(tenant.owner.id), &hour).await.unwrap();

    // A run over the end of the month: half an hour in each.
    let from = next_month.plus_ms(-1_800_000);
    let made = world::start(&mut db, &new(&tenant, 1), from).await.id;
    let last = next_month.plus_ms(-1);
    assert_eq!(quotas::standing(&mut db, user, last).await.unwrap().user.unwrap().seconds, 1799);
    assert_eq!(quotas::standing(&mut db, user, next_month).await.unwrap().user.unwrap().seconds, 0);
    usage::egress(&mut db, made, 1, 999, last).await.unwrap();
    let until = next_month.plus_ms(1_800_000);
    world::end(&mut db, made, from, until).await;
    let after = quotas::standing(&mut db, user, until).await.unwrap();
    assert_eq!((after.user.unwrap().seconds, after.org.seconds, after.org.egress_bytes), (1800, 1800, 0));
    assert_eq!(places::take(&mut db, user, until).await.unwrap(), Answer::Taken);

    let second = world::start(&mut db, &new(&tenant, 2), until).await.id;
    let used_up = until.plus_ms(1_800_000);
    assert_eq!(places::take(&mut db, user, used_up.plus_ms(-1)).await.unwrap(), Answer::Taken);
    assert_eq!(places::take(&mut db, user, used_up).await.unwrap(), Answer::NoTime(Whose::User));
    assert_eq!(places::take(&mut db, None, used_up).await.unwrap(), Answer::Taken);
    usage::egress(&mut db, second, 1, 1000, used_up).await.unwrap();
    let time = Override { egress_bytes: Some(1000), ..Override::default() };
    quotas::set(&mut db, Holder::Org, &time).await.unwrap();
    quotas::set(&mut db, Holder::User(tenant.owner.id), &Override::default()).await.unwrap();
    assert_eq!(places::take(&mut db, user, used_up).await.unwrap(), Answer::NoEgress(Whose::Org));
    let (_, later) = quota::month(used_up);
    assert_eq!(places::take(&mut db, user, later).await.unwrap(), Answer::Taken);
}

/// Something that happens to one of a few sandboxes.
fn any_history() -> impl Strategy<Value = Vec<(usize, u8)>> {
    proptest::collection::vec((0_usize..4, 0_u8..10), 1..50)
}

#[test]
fn whatever_happens_the_counters_are_the_sandboxes_that_run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(async { Server::get() });
    let config =
        Config { cases: 24, rng_seed: RngSeed::Fixed(5), failure_persistence: None, ..Config::default() };
    let run = |history: Vec<(usize, u8)>| runtime.block_on(happenings(&server, &history));
    TestRunner::new(config)
        .run(&any_history(), |history| {
            run(history);
            Ok(())
        })
        .unwrap();
}

async fn happenings(server: &Arc<Server>, history: &[(usize, u8)]) {
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    quotas::set(&mut db, Holder::Org, &at_most(2)).await.unwrap();
    let mut made = Vec::new();
    for seq in 1..=4 {
        made.push(sandboxes::reserve(&mut db, &new(&tenant, seq), NOW).await.unwrap().id);
    }
    let mut second = 0;
    for (index, what) in history {
        second += 100;
        let now = at(second);
        let before = sandboxes::find(&mut db, made[*index]).await.unwrap().unwrap();
        let epoch = before.sandbox.epoch;
        let happened = match what {
            0 | 1 => {
                let queued = before.sandbox.state() == SandboxState::Queued;
                if !queued || places::take(&mut db, before.user, now).await.unwrap() != Answer::Taken {
                    continue;
                }
                Happened::PlaceGiven
            }
            2 | 3 => running(epoch, now),
            4 => ended(epoch, at(second - 50), now),
            5 => stop(),
            6 => Happened::StartAsked,
            7 => Happened::Passed,
            8 => Happened::StartFailed { why: StartFailure::NoPlace, detail: String::new() },
            _ => Happened::Unreachable,
        };
        happen(&mut db, made[*index], &happened, now).await;
        let mut running = 0;
        for id in &made {
            let state = sandboxes::find(&mut db, *id).await.unwrap().unwrap().sandbox.state();
            running += u64::from(state.is_running());
        }
        assert_eq!(places::running(&mut db, Some(tenant.owner.id)).await.unwrap(), (running, running));
        assert!(running <= 2);
    }
}

#[tokio::test]
async fn limits_that_were_set_are_listed_by_name_and_taken_back() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, gone, gone_member) = fixture::joined(db, &tenant, Role::Member).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(other.org);
    quotas::set(&mut db, Holder::User(other.owner.id), &at_most(9)).await.unwrap();
    let mut db = db.commit().await.unwrap().org(tenant.org);
    let none = quotas::limits(&mut db).await.unwrap();
    assert!(none.set.is_empty());
    assert_eq!((none.org_default.running, none.member_default.running), (Some(20), Some(5)));
    assert_eq!(none.member_default.seconds, Some(360_000));

    let all = Override { running: Some(0), seconds: Some(1 << 40), egress_bytes: Some(1 << 50) };
    for holder in [Holder::User(bob.id), Holder::User(gone.id), Holder::Member, Holder::Org] {
        quotas::set(&mut db, holder, &all).await.unwrap();
    }
    members::end(&mut db, gone_member, gone.id, NOW).await.unwrap();
    let set = quotas::limits(&mut db).await.unwrap().set;
    let told: Vec<_> = set.iter().map(|held| (held.holder.as_str(), held.name.as_str())).collect();
    let bob_id = bob.id.to_string();
    assert_eq!(told, [("org", ""), ("member", ""), (bob_id.as_str(), bob.display_name.as_str())]);
    assert!(set.iter().all(|held| Override::from(&held.limit) == all));

    quotas::set(&mut db, Holder::User(bob.id), &Override::default()).await.unwrap();
    quotas::set(&mut db, Holder::Org, &at_most(3)).await.unwrap();
    let set = quotas::limits(&mut db).await.unwrap().set;
    let told: Vec<_> = set.iter().map(|held| (held.holder.as_str(), held.limit.running)).collect();
    assert_eq!(told, [("org", Some(3)), ("member", Some(0))]);
    // Who has none of their own has those of all members.
    let standing = quotas::standing(&mut db, Some(bob.id), NOW).await.unwrap();
    assert_eq!(standing.user.unwrap().running_limit, 0);
}

#[tokio::test]
async fn a_limit_that_cannot_be_recorded_is_not_set() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    quotas::set(&mut db, Holder::Org, &at_most(9)).await.unwrap();
    let deed = audit::Entry {
        // The log has no room for so long a key.
        key: "k".repeat(301),
        actor: Actor::User { id: tenant.owner.id },
        action: "quota.set",
        subject: "org".into(),
        detail: String::new(),
    };
    audit::append(&mut db, &deed).await.unwrap_err();
    assert!(db.commit().await.is_err());
    let mut db = server.db().await.org(tenant.org);
    assert!(quotas::limits(&mut db).await.unwrap().set.is_empty());
}

#[test]
fn a_holder_is_read_as_it_is_written() {
    for text in ["org", "member", "user_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b"] {
        assert_eq!(text.parse::<Holder>().unwrap().to_string(), text);
    }
    for text in ["", "Org", "members", "user_", "agent_018f2b1a7c3e7d4f8a9b0c1d2e3f4a5b", "user_%"] {
        assert!(text.parse::<Holder>().is_err(), "{text}");
    }
}
