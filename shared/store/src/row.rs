//! Columns of answers, read into the types that they hold. Only built-in Postgres types come back.

use chrono::{DateTime, Utc};
use slipway_contract::http::channels::Visibility;
use slipway_contract::http::orgs::Role;
use slipway_contract::{
    AgentId, AgentSlug, ApprovalId, ArchiveId, ArtifactId, AttachmentId, ChannelId, ChatId, ContextItemId,
    DeletionId, InvitationId, MemberId, MessageId, OrgId, SandboxId, SessionId, SnapshotId, Timestamp,
    TurnId, UserId,
};
use tokio_postgres::types::FromSql;

use crate::error::{Cause, StoreError};
use crate::value::{role_text, visibility_text};

/// A row of the answer to a function's statement.
pub(crate) struct Row {
    pub(crate) statement: &'static str,
    pub(crate) inner: tokio_postgres::Row,
}

impl Row {
    /// The value in a column.
    pub(crate) fn read<T: Column>(&self, column: &'static str) -> Result<T, StoreError> {
        let raw = self.inner.try_get::<_, T::Raw>(column).ok();
        raw.and_then(T::parse)
            .ok_or(StoreError::Internal { statement: self.statement, source: Cause::Column(column) })
    }
}

/// A type that a column can be read into.
pub(crate) trait Column: Sized {
    type Raw: for<'a> FromSql<'a>;
    fn parse(raw: Self::Raw) -> Option<Self>;
}

macro_rules! as_is {
    ($($type:ty),*) => {
        $(impl Column for $type {
            type Raw = $type;

            fn parse(raw: $type) -> Option<Self> {
                Some(raw)
            }
        })*
    };
}

as_is!(String, bool, Vec<String>);

macro_rules! parsed {
    ($($type:ty),*) => {
        $(impl Column for $type {
            type Raw = String;

            fn parse(raw: String) -> Option<Self> {
                raw.parse().ok()
            }
        })*
    };
}

parsed!(
    AgentId,
    AgentSlug,
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
    UserId
);

impl Column for u64 {
    type Raw = i64;

    fn parse(raw: i64) -> Option<Self> {
        Self::try_from(raw).ok()
    }
}

impl Column for Timestamp {
    type Raw = DateTime<Utc>;

    fn parse(raw: DateTime<Utc>) -> Option<Self> {
        Some(raw.into())
    }
}

impl Column for Role {
    type Raw = String;

    fn parse(raw: String) -> Option<Self> {
        [Self::Guest, Self::Member, Self::Admin, Self::Owner].into_iter().find(|role| role_text(*role) == raw)
    }
}

impl Column for Visibility {
    type Raw = String;

    fn parse(raw: String) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|visibility| visibility_text(*visibility) == raw)
    }
}

impl<T: Column> Column for Option<T> {
    type Raw = Option<T::Raw>;

    fn parse(raw: Option<T::Raw>) -> Option<Self> {
        match raw {
            Some(raw) => T::parse(raw).map(Some),
            None => Some(None),
        }
    }
}
