//! People, orgs and chats to test with. Ids are made from a counter and a number for the run: nothing is drawn twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use slipway_contract::http::agents::CreateAgent;
use slipway_contract::http::auth::User;
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::objects::projection::{ChatProjection, MessageProjection, PersonProjection};
use slipway_contract::{
    Actor, AgentId, ArchiveId, ArtifactId, AttachmentId, ChannelId, ChatId, ContextItemId, DeletionId,
    InvitationId, MemberId, MessageId, OrgId, SandboxId, Seq, SessionId, SnapshotId, Timestamp, UserId,
};
use slipway_store::channels::NewChannel;
use slipway_store::deletions::NewDeletion;
use slipway_store::invitations::NewInvitation;
use slipway_store::{Db, agents, channels, chats, invitations, members, orgs, users};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Time of the fixtures: the tests' own clock stands still.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Ten bytes that no other id has.
fn bytes() -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

macro_rules! fresh {
    ($($name:ident -> $id:ident),*) => {
        $(pub(crate) fn $name() -> $id {
            // Ids sort in the order in which they are made.
            $id::fresh(1_800_000_000_000 + NEXT.load(Ordering::Relaxed), bytes())
        })*
    };
}

fresh!(
    user_id -> UserId, org_id -> OrgId, member_id -> MemberId, invitation_id -> InvitationId,
    channel_id -> ChannelId, chat_id -> ChatId, agent_id -> AgentId, session_id -> SessionId,
    sandbox_id -> SandboxId, artifact_id -> ArtifactId, attachment_id -> AttachmentId, context_item_id -> ContextItemId, snapshot_id -> SnapshotId,
    archive_id -> ArchiveId, deletion_id -> DeletionId
);

/// A digest that nothing else has.
pub(crate) fn digest() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{:032x}{nanos:032x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Somebody with an account.
pub(crate) async fn person(db: Db) -> (Db, User) {
    let id = user_id();
    let user = User { id, email: format!("{id}@example.org"), display_name: format!("Name of {id}") };
    let mut identity = db.identity();
    users::create(&mut identity, &user, "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", NOW).await.unwrap();
    (identity.commit().await.unwrap(), user)
}

/// An org with something in each table.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) org: OrgId,
    pub(crate) owner: User,
    pub(crate) member: MemberId,
    pub(crate) channel: ChannelId,
    pub(crate) chat: ChatId,
    pub(crate) agent: AgentId,
    pub(crate) invitation: InvitationId,
    pub(crate) token_hash: String,
}

pub(crate) async fn tenant(db: Db) -> (Db, Tenant) {
    let (db, owner) = person(db).await;
    let tenant = Tenant {
        org: org_id(),
        owner,
        member: member_id(),
        channel: channel_id(),
        chat: chat_id(),
        agent: agent_id(),
        invitation: invitation_id(),
        token_hash: digest(),
    };
    let by = tenant.owner.id;
    let mut db = db.org(tenant.org);
    orgs::create(&mut db, "Org", by, NOW).await.unwrap();
    members::join(&mut db, tenant.member, by, Role::Owner, NOW).await.unwrap();
    let channel =
        NewChannel { id: tenant.channel, name: "general", visibility: Visibility::Public, topic: "" };
    channels::create(&mut db, &channel, by, NOW).await.unwrap();
    agents::create(&mut db, tenant.agent, &demo("demo"), by, NOW).await.unwrap();
    let invitation = NewInvitation {
        id: tenant.invitation,
        email: "guest@example.org",
        role: Role::Guest,
        token_hash: &tenant.token_hash,
        by,
        expires_at: NOW.plus_ms(1000),
    };
    invitations::create(&mut db, &invitation, NOW).await.unwrap();
    chats::project(&mut db, &projection(&tenant, 1)).await.unwrap();
    (db.commit().await.unwrap(), tenant)
}

/// What the tenant's owner asks to be deleted.
pub(crate) fn deletion(tenant: &Tenant) -> NewDeletion {
    NewDeletion { id: deletion_id(), by: Actor::User { id: tenant.owner.id }, parent: None, now: NOW }
}

/// One more channel.
pub(crate) async fn channel(db: Db, tenant: &Tenant, name: &str) -> (Db, ChannelId) {
    let new = NewChannel { id: channel_id(), name, visibility: Visibility::Public, topic: "" };
    let mut db = db.org(tenant.org);
    channels::create(&mut db, &new, tenant.owner.id, NOW).await.unwrap();
    (db.commit().await.unwrap(), new.id)
}

/// Adds somebody to an org.
pub(crate) async fn joined(db: Db, tenant: &Tenant, role: Role) -> (Db, User, MemberId) {
    let (db, user) = person(db).await;
    let member = member_id();
    let mut db = db.org(tenant.org);
    members::join(&mut db, member, user.id, role, NOW).await.unwrap();
    (db.commit().await.unwrap(), user, member)
}

pub(crate) fn demo(slug: &str) -> CreateAgent {
    CreateAgent {
        slug: slug.parse().unwrap(),
        name: "Demo".into(),
        instructions: String::new(),
        model: "demo".into(),
        is_default: true,
    }
}

pub(crate) fn projection(tenant: &Tenant, head: u64) -> ChatProjection {
    ChatProjection {
        org: tenant.org,
        chat: tenant.chat,
        channel: tenant.channel,
        title: format!("Title at {head}"),
        created_at: NOW,
        head: Seq(head),
        last_message_at: NOW.plus_ms(i64::try_from(head).unwrap()),
        preview: "hello".into(),
        message_count: head,
        people: vec![PersonProjection {
            user: tenant.owner.id,
            participant: true,
            read_count: 0,
            mentions: 0,
            version: head,
        }],
        messages: vec![],
        approvals: vec![],
    }
}

/// A message of the tenant's owner as its chat tells of it, said at second `seq`.
pub(crate) fn message(tenant: &Tenant, seq: u64, text: &str) -> MessageProjection {
    MessageProjection {
        message: MessageId::new(tenant.chat, Seq(seq)),
        fork: None,
        author: Actor::User { id: tenant.owner.id },
        at: NOW.plus_ms(i64::try_from(seq).unwrap() * 1000),
        text: Some(text.to_owned()),
        version: Seq(seq),
        attachments: vec![],
    }
}
