//! Sandboxes to test with, and what happens to them, as the orchestrator writes it down.

use slipway_contract::approval::{ApprovalAction, ApprovalAsk, ApprovalState, Risk, SelfApproval, Vote};
use slipway_contract::http::approvals::ApprovalPolicy;
use slipway_contract::http::artifacts::Artifact;
use slipway_contract::http::config::ConfigKey;
use slipway_contract::http::context::ContextScope;
use slipway_contract::http::retention::Retention;
use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::objects::projection::ApprovalProjection;
use slipway_contract::sandbox::{SandboxReason, SandboxSize};
use slipway_contract::{Actor, ApprovalId, SandboxId, Seq, Timestamp, UserId};
use slipway_domain::sandbox::{Happened, Rules, Sighting, decide};
use slipway_store::archives::Moment;
use slipway_store::attachments::NewAttachment;
use slipway_store::context_items::NewItem;
use slipway_store::places::Answer;
use slipway_store::quotas::{Holder, Override};
use slipway_store::sandboxes::{NewSandbox, StoredSandbox};
use slipway_store::snapshots::NewSnapshot;
use slipway_store::{
    Db, OrgDb, approval_policies, archives, artifacts, attachments, chats, config, context_items,
    context_search, deletions, places, quotas, retention, sandboxes, snapshots, usage,
};

use crate::fixture::{self, NOW, Tenant};

/// A time of the tests' clock, in seconds after it began.
pub(crate) fn at(second: i64) -> Timestamp {
    NOW.plus_ms(second * 1000)
}

pub(crate) fn approval(tenant: &Tenant, seq: u64) -> ApprovalId {
    ApprovalId::new(tenant.chat, Seq(seq))
}

/// What the approval `seq` of the tenant's chat asks for, caused by its owner through its agent.
pub(crate) fn new(tenant: &Tenant, seq: u64) -> NewSandbox<'static> {
    NewSandbox {
        id: fixture::sandbox_id(),
        chat: tenant.chat,
        approval: approval(tenant, seq),
        size: SandboxSize::Small,
        hosts: &[],
        template: None,
        asked_by: Actor::Agent { id: tenant.agent },
        user: Some(tenant.owner.id),
    }
}

pub(crate) fn running(epoch: u64, from: Timestamp) -> Happened {
    Happened::Seen(Sighting {
        epoch,
        running: true,
        started_at: Some(from),
        ended_at: None,
        because: None,
        used_at: None,
    })
}

pub(crate) fn ended(epoch: u64, from: Timestamp, until: Timestamp) -> Happened {
    Happened::Seen(Sighting {
        epoch,
        running: false,
        started_at: Some(from),
        ended_at: Some(until),
        because: None,
        used_at: None,
    })
}

pub(crate) fn stop() -> Happened {
    Happened::StopAsked { reason: SandboxReason::Requested, detail: Some("enough".into()) }
}

/// Lets something happen to a sandbox, under its lock.
pub(crate) async fn happen(
    db: &mut OrgDb,
    id: SandboxId,
    happened: &Happened,
    now: Timestamp,
) -> StoredSandbox {
    let before = sandboxes::lock(db, id).await.unwrap().unwrap();
    match decide(&before.sandbox, happened, now, &Rules::default()) {
        Ok(step) => sandboxes::advance(db, &before, &step, now).await.unwrap(),
        Err(_) => before,
    }
}

/// Makes a sandbox that runs from `now` on.
pub(crate) async fn start(db: &mut OrgDb, new: &NewSandbox<'_>, now: Timestamp) -> StoredSandbox {
    let made = sandboxes::reserve(db, new, now).await.unwrap();
    assert_eq!(places::take(db, new.user, now).await.unwrap(), Answer::Taken);
    happen(db, made.id, &Happened::PlaceGiven, now).await;
    happen(db, made.id, &running(1, now), now).await
}

/// Ends a run that began at `from`.
pub(crate) async fn end(db: &mut OrgDb, id: SandboxId, from: Timestamp, until: Timestamp) -> StoredSandbox {
    let stopping = happen(db, id, &stop(), until).await;
    happen(db, id, &ended(stopping.sandbox.epoch, from, until), until).await
}

pub(crate) fn asked(
    tenant: &Tenant,
    seq: u64,
    version: u64,
    state: ApprovalState,
    votes: &[(UserId, bool)],
) -> ApprovalProjection {
    ApprovalProjection {
        approval: approval(tenant, seq),
        asked_by: Actor::Agent { id: tenant.agent },
        user: Some(tenant.owner.id),
        turn: None,
        ask: ApprovalAsk {
            action: ApprovalAction::StartSandbox {
                size: SandboxSize::Small,
                hosts: vec!["example.org".into()],
                template: None,
                reuse: None,
            },
            risk: Risk::High,
            reason: "a\0b".into(),
            cost: None,
            quorum: 1,
            self_approval: SelfApproval::WhenAlone,
            life_s: 86_400,
        },
        state,
        votes: votes.iter().map(|(user, approve)| Vote { user: *user, approve: *approve }).collect(),
        asked_at: at(i64::try_from(seq).unwrap()),
        expires_at: at(86_400),
        version,
    }
}

pub(crate) fn artifact(tenant: &Tenant, sandbox: SandboxId) -> Artifact {
    Artifact {
        id: fixture::artifact_id(),
        chat: tenant.chat,
        sandbox,
        path: "dist/index.html".into(),
        name: "index.html".into(),
        bytes: 7,
        sha256: fixture::digest(),
        by: Actor::User { id: tenant.owner.id },
        created_at: NOW,
    }
}

/// What the tenant's owner tells agents of the tenant's chat.
pub(crate) fn item(tenant: &Tenant, text: &str) -> NewItem {
    let id = fixture::context_item_id();
    NewItem {
        id,
        scope: ContextScope::Chat,
        channel: Some(tenant.channel),
        chat: Some(tenant.chat),
        title: "Title".into(),
        text: text.into(),
        tags: vec![],
        source: None,
        by: Actor::User { id: tenant.owner.id },
        client_id: id.to_string(),
        proposed_in: None,
        expires_at: None,
    }
}

/// An upload of the tenant's owner.
pub(crate) fn upload(tenant: &Tenant) -> NewAttachment<'static> {
    let (id, chat, by) = (fixture::attachment_id(), tenant.chat, tenant.owner.id);
    NewAttachment { id, chat, by, client_id: "key", name: "plan.txt", bytes: 7 }
}

/// Puts a row of the org into each table that sandboxes brought.
pub(crate) async fn furnish(db: Db, tenant: &Tenant) -> Db {
    let mut db = db.org(tenant.org);
    let sandbox = start(&mut db, &new(tenant, 1), NOW).await;
    usage::egress(&mut db, sandbox.id, 1, 10, NOW).await.unwrap();
    assert!(sandboxes::act_once(&mut db, approval(tenant, 2), sandbox.id, NOW).await.unwrap());
    quotas::set(&mut db, Holder::Org, &Override { running: Some(9), ..Override::default() }).await.unwrap();
    let policy = ApprovalPolicy { quorum: 2, self_approval: SelfApproval::Never };
    approval_policies::set(&mut db, &policy).await.unwrap();
    let by = Actor::User { id: tenant.owner.id };
    config::take(&mut db, ConfigKey::Theme, by, NOW).await.unwrap();
    artifacts::save(&mut db, &artifact(tenant, sandbox.id), "key").await.unwrap();
    let uploaded = upload(tenant);
    attachments::begin(&mut db, &uploaded, NOW).await.unwrap().unwrap();
    assert!(attachments::keep_part(&mut db, uploaded.id, 1, "etag").await.unwrap());
    let ended = start(&mut db, &new(tenant, 3), NOW).await;
    end(&mut db, ended.id, NOW, at(1)).await;
    let snapshot = NewSnapshot {
        id: fixture::snapshot_id(),
        sandbox: ended.id,
        cause: SnapshotCause::Stopped,
        by: Actor::System,
    };
    snapshots::begin(&mut db, &snapshot, NOW).await.unwrap();
    let moment = Moment { now: NOW, lease_until: NOW };
    archives::begin(&mut db, fixture::archive_id(), tenant.chat, Actor::System, moment).await.unwrap();
    context_items::create(&mut db, &item(tenant, "of the victim"), NOW).await.unwrap();
    let items = context_search::to_embed(&mut db, "openai:m", NOW, 1).await.unwrap();
    context_search::keep(&mut db, "openai:m", &items, &[vec![1.0]], NOW).await.unwrap();
    let mut told = fixture::projection(tenant, 2);
    told.approvals = vec![asked(tenant, 1, 1, ApprovalState::Open, &[])];
    told.messages = vec![fixture::message(tenant, 2, "of the victim")];
    chats::project(&mut db, &told).await.unwrap();
    retention::set(&mut db, Retention { chat_days: Some(9), ..Retention::default() }).await.unwrap();
    let (db, doomed) = fixture::channel(db.commit().await.unwrap(), tenant, "doomed").await;
    let mut db = db.removal(tenant.org);
    deletions::ask_channel(&mut db, &fixture::deletion(tenant), doomed).await.unwrap();
    db.commit().await.unwrap()
}
