//! Parameters of statements. Each knows its Postgres type, so that no round trip is spent on asking for it.

use chrono::{DateTime, Utc};
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::{
    AgentId, AgentSlug, ApprovalId, ArchiveId, ArtifactId, AttachmentId, ChannelId, ChatId, ContextItemId,
    DeletionId, InvitationId, MemberId, MessageId, OrgId, SandboxId, SessionId, SnapshotId, Timestamp,
    TurnId, UserId,
};
use tokio_postgres::types::{ToSql, Type};

/// A parameter.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Texts(Vec<String>),
    Int(Option<i64>),
    Ints(Vec<i64>),
    Bool(Option<bool>),
    Bools(Vec<bool>),
    Time(Option<DateTime<Utc>>),
    Times(Vec<DateTime<Utc>>),
    Reals(Vec<f32>),
}

impl Value {
    pub(crate) fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(value) => (value, Type::TEXT),
            Self::Texts(value) => (value, Type::TEXT_ARRAY),
            Self::Int(value) => (value, Type::INT8),
            Self::Ints(value) => (value, Type::INT8_ARRAY),
            Self::Bool(value) => (value, Type::BOOL),
            Self::Bools(value) => (value, Type::BOOL_ARRAY),
            Self::Time(value) => (value, Type::TIMESTAMPTZ),
            Self::Times(value) => (value, Type::TIMESTAMPTZ_ARRAY),
            Self::Reals(value) => (value, Type::FLOAT4_ARRAY),
        }
    }
}

/// The parameter that a value becomes.
pub(crate) fn sql(value: impl Into<Value>) -> Value {
    value.into()
}

macro_rules! text {
    ($($type:ty),*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        })*
    };
}

text!(
    AgentId,
    ApprovalId,
    ArchiveId,
    ArtifactId,
    AttachmentId,
    ChannelId,
    ChatId,
    DeletionId,
    ContextItemId,
    InvitationId,
    MemberId,
    MessageId,
    OrgId,
    SandboxId,
    SessionId,
    SnapshotId,
    TurnId,
    UserId,
    &AgentSlug,
    &str,
    &String
);

impl From<Role> for Value {
    fn from(role: Role) -> Self {
        Self::from(role_text(role))
    }
}

impl From<Visibility> for Value {
    fn from(visibility: Visibility) -> Self {
        Self::from(visibility_text(visibility))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

impl From<Option<bool>> for Value {
    fn from(value: Option<bool>) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(int(value)))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(int))
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(Some(time.into()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Time(time.map(DateTime::from))
    }
}

/// What people and programs write may hold the character NUL; Postgres text may not, and must take what it is told.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Postgres has no unsigned numbers; what does not fit stands at the end of those that do.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Guest => "guest",
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

pub(crate) const fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}
