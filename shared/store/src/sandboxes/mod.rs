//! Sandboxes. What becomes of one is decided in `slipway_domain::sandbox`; here it is stored, with its place and its usage.
//!
//! Invariant: a step is written with its ledger entries and its place in one transaction, upon the row that it was decided
//! on. So a place is held exactly while the state is a running one, and a run is counted once.

pub mod due;
mod queue;
mod signs;
mod stored;

use slipway_contract::sandbox::{SandboxSize, SandboxState};
use slipway_contract::{Actor, ApprovalId, ChatId, SandboxId, Timestamp, UserId};
use slipway_domain::sandbox::{Effect, Sandbox, Step};

pub use queue::{claim_next, queue_place};
pub use signs::{lease, release, saw, told_chat, told_executor, told_route, touch};
use stored::{PhaseColumns, columns, read};
pub use stored::{StoredSandbox, Told};

use crate::page::{Page, Slice};
use crate::value::{sql, storable};
use crate::{OrgDb, StoreError, json, places, snapshots, usage};

/// A sandbox to be made, as people approved it.
#[derive(Clone, Debug)]
pub struct NewSandbox<'a> {
    /// Its id.
    pub id: SandboxId,
    /// The chat that it is bound to.
    pub chat: ChatId,
    /// The approval.
    pub approval: ApprovalId,
    /// How large.
    pub size: SandboxSize,
    /// Hosts that it may reach.
    pub hosts: &'a [String],
    /// Files to begin with.
    pub template: Option<&'a str>,
    /// Who asked.
    pub asked_by: Actor,
    /// The person who caused it, if any did.
    pub user: Option<UserId>,
}

/// Makes the sandbox of an approval, queued. The same approval again gives the sandbox that it has, as that stands.
///
/// # Errors
/// [`StoreError::NotFound`] when the index does not know the chat (yet).
pub async fn reserve(
    db: &mut OrgDb,
    new: &NewSandbox<'_>,
    now: Timestamp,
) -> Result<StoredSandbox, StoreError> {
    const NAME: &str = "sandboxes::reserve";
    let org = db.org();
    let sandbox = Sandbox::new(now);
    db.execute_optional(
        "-- sandboxes::reserve
         INSERT INTO sandboxes
                (sandbox_id, org_id, chat_id, approval_id, state, epoch, version, starts, size, hosts, hosts_version,
                 template, asked_by, user_id, created_at, queued_at, changed_at, told_chat_version,
                 told_route_version, told_executor_epoch, told_executor_hosts)
         VALUES ($2, $1, $3, $4, $5, $6, $7, $8, $9, $10, $7, $11, $12, $13, $14, $14, $14, 0, 0, 0, 0)
         ON CONFLICT (approval_id) DO NOTHING",
        &[
            sql(org),
            sql(new.id),
            sql(new.chat),
            sql(new.approval),
            sql(sandbox.state()),
            sql(sandbox.epoch),
            sql(sandbox.version),
            sql(&json::text(NAME, &sandbox.starts)?),
            sql(new.size),
            sql(&json::text(NAME, &new.hosts)?),
            sql(new.template),
            sql(new.asked_by),
            sql(new.user),
            sql(now),
        ],
    )
    .await?;
    find_by_approval(db, new.approval).await?.ok_or(StoreError::NotFound { statement: NAME })
}

/// A sandbox; `None` when the org has no such one.
///
/// # Errors
/// Only those of the connection.
pub async fn find(db: &mut OrgDb, sandbox: SandboxId) -> Result<Option<StoredSandbox>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        concat!(
            "-- sandboxes::find\n SELECT ",
            columns!(),
            " FROM sandboxes WHERE org_id = $1 AND sandbox_id = $2"
        ),
        &[sql(org), sql(sandbox)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The sandbox that was made for an approval.
///
/// # Errors
/// Only those of the connection.
pub async fn find_by_approval(
    db: &mut OrgDb,
    approval: ApprovalId,
) -> Result<Option<StoredSandbox>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        concat!(
            "-- sandboxes::find_by_approval\n SELECT ",
            columns!(),
            " FROM sandboxes WHERE org_id = $1 AND approval_id = $2"
        ),
        &[sql(org), sql(approval)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// A sandbox, locked until the transaction ends: what happens to it is decided one after the other.
///
/// # Errors
/// Only those of the connection.
pub async fn lock(db: &mut OrgDb, sandbox: SandboxId) -> Result<Option<StoredSandbox>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        concat!(
            "-- sandboxes::lock\n SELECT ",
            columns!(),
            " FROM sandboxes WHERE org_id = $1 AND sandbox_id = $2 FOR UPDATE"
        ),
        &[sql(org), sql(sandbox)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// The sandboxes of a chat, the newest first.
///
/// # Errors
/// Only those of the connection.
pub async fn list(
    db: &mut OrgDb,
    chat: ChatId,
    page: &Page<SandboxId>,
) -> Result<Slice<StoredSandbox>, StoreError> {
    let org = db.org();
    let rows = db
        .fetch_all(
            concat!(
                "-- sandboxes::list\n SELECT ",
                columns!(),
                " FROM sandboxes WHERE org_id = $1 AND chat_id = $2 AND ($3::text IS NULL OR sandbox_id < $3)
                  ORDER BY sandbox_id DESC LIMIT $4"
            ),
            &[sql(org), sql(chat), sql(page.after), sql(page.fetch())],
        )
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// The sandbox that a chat's agents work in: the newest that is not destroyed, nor about to be.
///
/// # Errors
/// Only those of the connection.
pub async fn current(db: &mut OrgDb, chat: ChatId) -> Result<Option<StoredSandbox>, StoreError> {
    let org = db.org();
    db.fetch_optional(
        concat!(
            "-- sandboxes::current\n SELECT ",
            columns!(),
            " FROM sandboxes WHERE org_id = $1 AND chat_id = $2 AND state <> 'destroyed' AND NOT doomed
              ORDER BY sandbox_id DESC LIMIT 1"
        ),
        &[sql(org), sql(chat)],
    )
    .await?
    .map(|row| read(&row))
    .transpose()
}

/// Stores what was decided upon `before`, with the usage and the place that the step's effects speak of; answers the
/// sandbox as it is now. The other effects are the caller's, once the transaction is committed.
///
/// # Errors
/// [`StoreError::Overtaken`] when the sandbox is not as `before` any more.
pub async fn advance(
    db: &mut OrgDb,
    before: &StoredSandbox,
    step: &Step,
    now: Timestamp,
) -> Result<StoredSandbox, StoreError> {
    const NAME: &str = "sandboxes::advance";
    if step.next == before.sandbox {
        return Ok(before.clone());
    }
    let org = db.org();
    let next = PhaseColumns::of(&step.next);
    let changed_at = next
        .changed_at
        .unwrap_or_else(|| if next.state == before.sandbox.state() { before.changed_at } else { now });
    db.execute_guarded(
        "-- sandboxes::advance
         UPDATE sandboxes
            SET state = $5, reason = $6, detail = $7, epoch = $8, version = $9, starts = $10,
                queued_at = coalesce($11, queued_at), changed_at = $12, run_epoch = $13, run_from = $14,
                seen_at = $15, used_at = $16, doomed = $17
          WHERE org_id = $1 AND sandbox_id = $2 AND state = $3 AND version = $4",
        &[
            sql(org),
            sql(before.id),
            sql(before.sandbox.state()),
            sql(before.sandbox.version),
            sql(next.state),
            sql(next.reason),
            sql(next.detail.map(|detail| storable(detail)).as_ref()),
            sql(step.next.epoch),
            sql(step.next.version),
            sql(&json::text(NAME, &step.next.starts)?),
            sql(next.queued_at),
            sql(changed_at),
            sql(next.run_epoch),
            sql(next.run_from),
            sql(next.seen_at),
            sql(next.used_at),
            sql(next.doomed),
        ],
    )
    .await?;
    for effect in &step.effects {
        match effect {
            Effect::OpenUsage(run) => usage::open(db, before, *run).await?,
            Effect::CloseUsage { run, until } => {
                usage::close(db, before.id, *run, *until).await?;
                snapshots::owe(db, before.id, run.epoch, now).await?;
            }
            Effect::ReleasePlace => places::give_back(db, before.user).await?,
            Effect::SetEpoch
            | Effect::Stop
            | Effect::Create
            | Effect::Destroy
            | Effect::TellRoute
            | Effect::TellChat
            | Effect::Alert => {}
        }
    }
    if next.doomed || next.state == SandboxState::Destroyed {
        snapshots::doom_all(db, before.id).await?;
    }
    Ok(StoredSandbox { sandbox: step.next.clone(), changed_at, ..before.clone() })
}

/// Gives a sandbox another list of hosts: a new version, of which chat and executor are to be told.
///
/// # Errors
/// [`StoreError::Overtaken`] when the sandbox is not as `before` any more.
pub async fn set_hosts(
    db: &mut OrgDb,
    before: &StoredSandbox,
    hosts: &[String],
) -> Result<StoredSandbox, StoreError> {
    const NAME: &str = "sandboxes::set_hosts";
    let org = db.org();
    db.execute_guarded(
        "-- sandboxes::set_hosts
         UPDATE sandboxes SET hosts = $4, hosts_version = version + 1, version = version + 1
          WHERE org_id = $1 AND sandbox_id = $2 AND version = $3",
        &[sql(org), sql(before.id), sql(before.sandbox.version), sql(&json::text(NAME, &hosts)?)],
    )
    .await?;
    let mut after = before.clone();
    after.hosts = hosts.to_vec();
    after.sandbox.version += 1;
    after.hosts_version = after.sandbox.version;
    Ok(after)
}

/// Notes which executor gets the sandbox: for its first start, or since its files come from a snapshot.
///
/// # Errors
/// [`StoreError::Overtaken`] when the sandbox is not as `before` any more.
pub async fn assign(
    db: &mut OrgDb,
    before: &StoredSandbox,
    executor: &str,
) -> Result<StoredSandbox, StoreError> {
    let org = db.org();
    db.execute_guarded(
        "-- sandboxes::assign
         UPDATE sandboxes SET executor_id = $4 WHERE org_id = $1 AND sandbox_id = $2 AND version = $3",
        &[sql(org), sql(before.id), sql(before.sandbox.version), sql(executor)],
    )
    .await?;
    Ok(StoredSandbox { executor: Some(executor.to_owned()), ..before.clone() })
}

/// Notes that an approval is carried out upon a sandbox that was there already, in the transaction that does it; answers
/// whether it is the first time.
///
/// # Errors
/// [`StoreError::NotFound`] when the org has no such sandbox.
pub async fn act_once(
    db: &mut OrgDb,
    approval: ApprovalId,
    sandbox: SandboxId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let org = db.org();
    db.execute_optional(
        "-- sandboxes::act_once
         INSERT INTO sandbox_acts (approval_id, org_id, sandbox_id, acted_at) VALUES ($2, $1, $3, $4)
         ON CONFLICT (approval_id) DO NOTHING",
        &[sql(org), sql(approval), sql(sandbox), sql(now)],
    )
    .await
}
