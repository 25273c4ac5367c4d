//! The inbox: what chats tell of approvals, in any order, and who sees it.

use slipway_contract::approval::{ApprovalState, SelfApproval};
use slipway_contract::http::approvals::ApprovalPolicy;
use slipway_contract::objects::projection::PersonProjection;
use slipway_contract::{ApprovalId, Timestamp};
use slipway_store::page::Page;
use slipway_store::{StoreError, approval_policies, approvals, audit, chats};

use crate::fixture;
use crate::server::Server;
use crate::world::{approval, asked};

#[tokio::test]
async fn an_approval_never_goes_back_to_an_older_state() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let owner = tenant.owner.id;
    let versions = [
        (1, ApprovalState::Open, vec![]),
        (3, ApprovalState::Approved, vec![(owner, true)]),
        (2, ApprovalState::Open, vec![(owner, true)]),
        (1, ApprovalState::Open, vec![]),
    ];
    let mut seen = Vec::new();
    for (version, state, votes) in &versions {
        // The chat's own row may be older than its approvals.
        let mut told = fixture::projection(&tenant, 1);
        told.approvals = vec![asked(&tenant, 1, *version, *state, votes)];
        chats::project(&mut db, &told).await.unwrap();
        let found = approvals::find(&mut db, approval(&tenant, 1)).await.unwrap().unwrap();
        seen.push((found.state, found.votes.len()));
    }
    let approved = (ApprovalState::Approved, 1);
    assert_eq!(seen, [(ApprovalState::Open, 0), approved, approved, approved]);
    let found = approvals::find(&mut db, approval(&tenant, 1)).await.unwrap().unwrap();
    let sent = asked(&tenant, 1, 1, ApprovalState::Open, &[]);
    assert_eq!((found.ask, found.asked_by, found.asked_at), (sent.ask, sent.asked_by, sent.asked_at));
    assert_eq!(found.chat_title, "Title at 1");
}

#[tokio::test]
async fn two_versions_in_one_projection_leave_the_newer() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let mut told = fixture::projection(&tenant, 2);
    told.approvals = vec![
        asked(&tenant, 1, 2, ApprovalState::Expired, &[]),
        asked(&tenant, 1, 1, ApprovalState::Open, &[]),
        asked(&tenant, 2, 1, ApprovalState::Open, &[]),
    ];
    chats::project(&mut db, &told).await.unwrap();
    let found = approvals::find(&mut db, approval(&tenant, 1)).await.unwrap().unwrap();
    assert_eq!(found.state, ApprovalState::Expired);
    assert!(approvals::find(&mut db, approval(&tenant, 2)).await.unwrap().is_some());
}

#[tokio::test]
async fn each_answer_and_the_end_are_audited_once() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Member).await;
    let mut db = db.org(tenant.org);
    let votes = [(tenant.owner.id, true), (bob.id, false)];
    for _ in 0..2 {
        for (version, state) in
            [(1, ApprovalState::Open), (2, ApprovalState::Open), (3, ApprovalState::Denied)]
        {
            let mut told = fixture::projection(&tenant, version);
            let given = &votes[..usize::try_from(version - 1).unwrap()];
            told.approvals = vec![asked(&tenant, 1, version, state, given)];
            chats::project(&mut db, &told).await.unwrap();
        }
    }
    let entries = audit::list(&mut db, &Page { limit: 50, after: None }).await.unwrap().items;
    let mut told = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry.subject, approval(&tenant, 1).to_string());
            let actor = match entry.actor.participant() {
                Some(who) if who.to_string() == bob.id.to_string() => "bob",
                Some(who) if who.to_string() == tenant.owner.id.to_string() => "owner",
                Some(_) => "agent",
                None => "system",
            };
            format!("{} by {actor}", entry.action)
        })
        .collect::<Vec<_>>();
    told.sort();
    assert_eq!(
        told,
        [
            "approval.closed.denied by bob",
            "approval.requested by agent",
            "approval.vote.approve by owner",
            "approval.vote.deny by bob"
        ]
    );
    let question = entries.iter().find(|entry| entry.action == "approval.requested").unwrap();
    assert!(question.detail.contains("example.org"), "{}", question.detail);
}

#[tokio::test]
async fn the_inbox_shows_the_chats_one_takes_part_in_page_by_page() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, bob, _) = fixture::joined(db, &tenant, slipway_contract::http::orgs::Role::Owner).await;
    let mut db = db.org(tenant.org);
    let mut told = fixture::projection(&tenant, 2);
    told.approvals = (1..=5)
        .map(|seq| {
            let state = if seq == 3 { ApprovalState::Denied } else { ApprovalState::Open };
            let mut one = asked(&tenant, seq, 1, state, &[]);
            // Two were asked at the same moment.
            one.asked_at =
                Timestamp::from_unix_ms(one.asked_at.unix_ms().max(fixture::NOW.unix_ms() + 2_000));
            one
        })
        .collect();
    chats::project(&mut db, &told).await.unwrap();

    let mut found: Vec<(Timestamp, ApprovalId)> = Vec::new();
    loop {
        let page = Page { limit: 2, after: found.last().copied() };
        let slice = approvals::list(&mut db, tenant.owner.id, None, &page).await.unwrap();
        found.extend(slice.items.iter().map(|one| (one.asked_at, one.id)));
        if !slice.more {
            break;
        }
    }
    let ids = found.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    assert_eq!(ids, [5, 4, 3, 2, 1].map(|seq| approval(&tenant, seq)));
    let page = Page { limit: 50, after: None };
    let denied = approvals::list(&mut db, tenant.owner.id, Some(ApprovalState::Denied), &page).await.unwrap();
    assert_eq!(denied.items.iter().map(|one| one.id).collect::<Vec<_>>(), [approval(&tenant, 3)]);

    // Even another owner of the org sees them only once they take part, and no more once they left.
    for (participant, version, seen) in [(None, 0, 0), (Some(true), 1, 5), (Some(false), 2, 0)] {
        if let Some(participant) = participant {
            let mut told = fixture::projection(&tenant, 1);
            told.people =
                vec![PersonProjection { user: bob.id, participant, read_count: 0, mentions: 0, version }];
            chats::project(&mut db, &told).await.unwrap();
        }
        let items = approvals::list(&mut db, bob.id, None, &page).await.unwrap().items;
        assert_eq!(items.len(), seen, "{participant:?}");
    }
}

#[tokio::test]
async fn an_approval_of_another_chat_or_org_is_not_taken_in() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let (db, other) = fixture::tenant(db).await;
    let mut db = db.org(tenant.org);
    let mut told = fixture::projection(&tenant, 2);
    told.approvals = vec![asked(&other, 1, 1, ApprovalState::Open, &[])];
    let refused = chats::project(&mut db, &told).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused:?}");
    let mut db = db.end().unwrap().org(other.org);
    assert_eq!(approvals::find(&mut db, approval(&other, 1)).await.unwrap(), None);
}

#[tokio::test]
async fn one_person_approves_unless_the_org_says_otherwise() {
    let server = Server::get();
    let (db, tenant) = fixture::tenant(server.db().await).await;
    let mut db = db.org(tenant.org);
    let policy = |quorum, self_approval| ApprovalPolicy { quorum, self_approval };
    assert_eq!(approval_policies::get(&mut db).await.unwrap(), policy(1, SelfApproval::WhenAlone));
    for set in [policy(2, SelfApproval::Never), policy(5, SelfApproval::Always)] {
        approval_policies::set(&mut db, &set).await.unwrap();
        assert_eq!(approval_policies::get(&mut db).await.unwrap(), set);
    }
    approval_policies::set(&mut db, &policy(6, SelfApproval::Never)).await.unwrap_err();
}
