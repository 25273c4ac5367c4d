//! The ledger: to the second, once, and whatever way it is summed up.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use slipway_contract::http::usage::{UsageBy, UsageReport, UsageSum};
use slipway_contract::sandbox::SandboxSize;
use slipway_contract::{Actor, Timestamp};
use slipway_domain::sandbox::{Happened, egress_micro_usd, micro_usd};
use slipway_store::quotas::{Holder, Override};
use slipway_store::{OrgDb, places, quotas, sandboxes, usage};

use crate::fixture::{self, NOW};
use crate::server::Server;
use crate::world::{self, at, happen, new, running};

fn line(name: &str, sum: &UsageSum) -> String {
    format!("{name}: {} s, {} bytes, {} µUSD\n", sum.sandbox_seconds, sum.egress_bytes, sum.micro_usd)
}

fn render(report: &UsageReport) -> String {
    let parts = report.parts.iter().map(|part| line(&part.name, &part.sum)).collect::<String>();
    format!("{parts}{}", line("total", &report.total))
}

async fn total(db: &mut OrgDb, from: Timestamp, to: Timestamp, now: Timestamp) -> UsageSum {
    usage::report(db, from, to, UsageBy::Day, now).await.unwrap().total
}

#[tokio::test]
async fn a_run_counts_from_when_it_began_until_it_ended_and_until_now_while_it_goes_on() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let idle = sandboxes::reserve(&mut db, &new(&tenant, 2), NOW).await.unwrap().id;
    assert_eq!(usage::seconds_of(&mut db, &[made, idle], at(7)).await.unwrap(), [(made, 7)]);
    assert_eq!(total(&mut db, NOW, at(100), at(7)).await.sandbox_seconds, 7);
    world::end(&mut db, made, NOW, NOW.plus_ms(9_999)).await;
    assert_eq!(usage::seconds_of(&mut db, &[made, idle], at(60)).await.unwrap(), [(made, 9)]);

    // A second run of the same sandbox adds up to the millisecond.
    happen(&mut db, made, &Happened::StartAsked, at(20)).await;
    places::take(&mut db, Some(tenant.owner.id), at(20)).await.unwrap();
    happen(&mut db, made, &Happened::PlaceGiven, at(20)).await;
    happen(&mut db, made, &running(3, at(20)), at(21)).await;
    world::end(&mut db, made, at(20), NOW.plus_ms(20_001)).await;
    assert_eq!(usage::seconds_of(&mut db, &[made], at(60)).await.unwrap(), [(made, 10)]);
    // Only the part that lies within counts.
    assert_eq!(total(&mut db, at(4), at(8), at(60)).await.sandbox_seconds, 4);
    assert_eq!(total(&mut db, at(10), at(20), at(60)).await.sandbox_seconds, 0);
}

#[tokio::test]
async fn a_run_that_nobody_saw_the_end_of_is_closed_once_when_it_was_last_seen() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    happen(&mut db, made, &running(1, NOW), at(60)).await;
    happen(&mut db, made, &Happened::Missing, at(120)).await;
    happen(&mut db, made, &world::ended(1, NOW, at(90)), at(180)).await;
    assert_eq!(usage::seconds_of(&mut db, &[made], at(999)).await.unwrap(), [(made, 60)]);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_open_run_and_a_second_end() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    db.commit().await.unwrap();
    let admin = server.admin().await;
    let copy = "INSERT INTO usage_entries
                SELECT (jsonb_populate_record(usage_entries, '{\"epoch\": 9}')).* FROM usage_entries
                 WHERE sandbox_id = $1";
    let refused = admin.execute(copy, &[&made.to_string()]).await.unwrap_err();
    let constraint = refused.as_db_error().and_then(tokio_postgres::error::DbError::constraint);
    assert_eq!(constraint, Some("usage_entries_one_open"), "{refused:?}");
    let backwards = "UPDATE usage_entries SET until_at = from_at - interval '1 ms' WHERE sandbox_id = $1";
    admin.execute(backwards, &[&made.to_string()]).await.unwrap_err();
}

#[tokio::test]
async fn bytes_grow_to_what_was_told_however_often_and_late_it_is_told() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let day = 86_400;
    for (bytes, second) in [(100, 1), (100, 2), (40, 3), (150, 4), (170, day), (160, day + 1), (170, 5)] {
        usage::egress(&mut db, made, 1, bytes, at(second)).await.unwrap();
    }
    // A run that is not in the books adds nothing.
    usage::egress(&mut db, made, 7, 1_000, at(6)).await.unwrap();
    world::end(&mut db, made, NOW, at(day + 2)).await;
    usage::egress(&mut db, made, 1, 175, at(day + 3)).await.unwrap();
    db.commit().await.unwrap();

    let mut tasks = Vec::new();
    for bytes in 170..200 {
        let (server, tenant) = (server.clone(), tenant.clone());
        tasks.push(tokio::spawn(async move {
            let mut db = server.db().await.org(tenant.org);
            usage::egress(&mut db, made, 1, bytes, at(day + 4)).await.unwrap();
            db.commit().await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut db = server.db().await.org(tenant.org);
    let bytes = usage::report(&mut db, NOW, at(3 * day), UsageBy::Day, at(3 * day)).await.unwrap();
    let days = bytes.parts.iter().map(|part| part.sum.egress_bytes).collect::<Vec<_>>();
    assert_eq!((days, bytes.total.egress_bytes), (vec![150, 49, 0, 0], 199));
}

#[tokio::test]
async fn usage_is_summed_up_by_day_person_agent_chat_and_sandbox() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Member).await;
    let mut db = db.org(tenant.org);
    let first = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    world::end(&mut db, first, NOW, at(3_600)).await;
    usage::egress(&mut db, first, 1, 2_000_000, at(10)).await.unwrap();
    let mut asked = new(&tenant, 2);
    asked.size = SandboxSize::Large;
    asked.user = Some(bob.id);
    asked.asked_by = Actor::User { id: bob.id };
    let second = world::start(&mut db, &asked, at(50_000)).await.id;
    world::end(&mut db, second, at(50_000), at(60_000)).await;
    let mut asked = new(&tenant, 3);
    asked.user = None;
    asked.asked_by = Actor::System;
    world::start(&mut db, &asked, at(60_000)).await;

    let now = at(60_100);
    let mut told = String::new();
    for by in [UsageBy::Day, UsageBy::User, UsageBy::Agent, UsageBy::Chat, UsageBy::Sandbox] {
        let report = usage::report(&mut db, NOW, at(100_000), by, now).await.unwrap();
        told.push_str(&format!("by {by:?}\n{}", render(&report)));
    }
    let told = told.replace(&tenant.owner.display_name, "(the owner)").replace(&bob.display_name, "(bob)");
    expect![[r#"
        by Day
        2027-01-15: 11200 s, 2000000 bytes, 850725 µUSD
        2027-01-16: 2500 s, 0 bytes, 245150 µUSD
        total: 13700 s, 2000000 bytes, 1095875 µUSD
        by User
        (bob): 10000 s, 0 bytes, 1012020 µUSD
        (the owner): 3600 s, 2000000 bytes, 81590 µUSD
        : 100 s, 0 bytes, 2265 µUSD
        total: 13700 s, 2000000 bytes, 1095875 µUSD
        by Agent
        : 10100 s, 0 bytes, 1014285 µUSD
        Demo: 3600 s, 2000000 bytes, 81590 µUSD
        total: 13700 s, 2000000 bytes, 1095875 µUSD
        by Chat
        Title at 1: 13700 s, 2000000 bytes, 1095875 µUSD
        total: 13700 s, 2000000 bytes, 1095875 µUSD
        by Sandbox
        Title at 1: 10000 s, 0 bytes, 1012020 µUSD
        Title at 1: 3600 s, 2000000 bytes, 81590 µUSD
        Title at 1: 100 s, 0 bytes, 2265 µUSD
        total: 13700 s, 2000000 bytes, 1095875 µUSD
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn only_those_who_take_part_in_a_chat_are_told_its_name() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Admin).await;
    let mut db = db.org(tenant.org);
    let made = world::start(&mut db, &new(&tenant, 1), NOW).await.id;
    let keys = || vec![made.to_string(), tenant.chat.to_string(), String::new()];
    let mut named = usage::named_for(&mut db, tenant.owner.id, keys()).await.unwrap();
    named.sort();
    assert_eq!(named, [tenant.chat.to_string(), made.to_string()]);
    assert!(usage::named_for(&mut db, bob.id, keys()).await.unwrap().is_empty());
}

/// A run: which of three sandboxes, its pause before, its length, both in milliseconds.
fn any_runs() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
    proptest::collection::vec((0_usize..3, 0_i64..40_000_000, 0_i64..90_000_000), 1..12)
}

#[test]
fn sums_are_those_of_a_plain_count_over_any_runs() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(async { Server::get() });
    let config =
        Config { cases: 24, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() };
    let windows = (any_runs(), 0_i64..200_000_000, 1_i64..300_000_000);
    TestRunner::new(config)
        .run(&windows, |(runs, from, length)| {
            runtime.block_on(model(&server, &runs, NOW.plus_ms(from), NOW.plus_ms(from + length)));
            Ok(())
        })
        .unwrap();
}

async fn model(server: &Arc<Server>, runs: &[(usize, i64, i64)], from: Timestamp, to: Timestamp) {
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    // The ledger is what is tested here: there is time for all.
    let plenty = Override { seconds: Some(1_000_000_000), ..Override::default() };
    for holder in [Holder::Org, Holder::Member] {
        quotas::set(&mut db, holder, &plenty).await.unwrap();
    }
    let sizes = [SandboxSize::Small, SandboxSize::Medium, SandboxSize::Large];
    let mut made = Vec::new();
    for (seq, size) in (1..).zip(sizes) {
        let mut asked = new(&tenant, seq);
        asked.size = size;
        made.push(sandboxes::reserve(&mut db, &asked, NOW).await.unwrap().id);
    }
    // The plain count: each sandbox's runs, one after the other, the last of all still open.
    let mut ends = [NOW; 3];
    let mut counted: BTreeMap<usize, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    let mut bytes = Vec::new();
    let now = NOW.plus_ms(500_000_000);
    let last = runs.len() - 1;
    for (number, (index, pause, length)) in runs.iter().enumerate() {
        let told = 1_000 + u64::try_from(number).unwrap();
        let id = made[*index];
        let begin = ends[*index].plus_ms(*pause);
        let until = begin.plus_ms(*length);
        happen(&mut db, id, &Happened::StartAsked, begin).await;
        let place = places::take(&mut db, Some(tenant.owner.id), begin).await.unwrap();
        assert_eq!(place, places::Answer::Taken);
        let started = happen(&mut db, id, &Happened::PlaceGiven, begin).await;
        let epoch = started.sandbox.epoch;
        happen(&mut db, id, &running(epoch, begin), begin).await;
        usage::egress(&mut db, id, epoch, told, begin).await.unwrap();
        bytes.push((begin, told));
        if number == last {
            counted.entry(*index).or_default().push((begin, now.max(begin)));
        } else {
            world::end(&mut db, id, begin, until).await;
            counted.entry(*index).or_default().push((begin, until));
        }
        ends[*index] = until;
    }
    let within = |runs: &Vec<(Timestamp, Timestamp)>| {
        let part = |(begin, until): &(Timestamp, Timestamp)| {
            (*until).min(to).min(now).since((*begin).max(from)).max(0)
        };
        u64::try_from(runs.iter().map(part).sum::<i64>()).unwrap()
    };
    let ms = counted.iter().map(|(index, runs)| (*index, within(runs))).collect::<BTreeMap<_, _>>();
    let sent =
        bytes.iter().filter(|(told, _)| *told >= from && *told < to).map(|(_, bytes)| bytes).sum::<u64>();
    let cost = ms.iter().map(|(index, ms)| micro_usd(sizes[*index], *ms)).sum::<u64>();
    let expected = UsageSum {
        sandbox_seconds: ms.values().sum::<u64>() / 1000,
        egress_bytes: sent,
        micro_usd: cost + egress_micro_usd(sent),
    };
    for by in [UsageBy::Day, UsageBy::User, UsageBy::Agent, UsageBy::Chat, UsageBy::Sandbox] {
        let report = usage::report(&mut db, from, to, by, now).await.unwrap();
        assert_eq!(report.total, expected, "{by:?}");
        let parts = report.parts.iter().map(|part| part.sum.egress_bytes).sum::<u64>();
        assert_eq!(parts, sent, "{by:?}");
        if by == UsageBy::Sandbox {
            for part in &report.parts {
                let index = made.iter().position(|id| id.to_string() == part.key).unwrap();
                assert_eq!(part.sum.sandbox_seconds, ms[&index] / 1000);
            }
        }
    }
}
