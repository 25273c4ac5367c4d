//! Deletions: of a chat, a channel, an org or one's own account. What is asked for is gone from all lists at once; a
//! deletion then goes on until nothing is left, and its report says what was removed.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::ids::{ChannelId, ChatId, DeletionId, OrgId, UserId};
use crate::time::Timestamp;

/// Name of a person whose account was deleted, wherever their chats tell who they were.
pub const DELETED_PERSON: &str = "Deleted user";

/// Body of `DELETE /v1/orgs/{org}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteOrg {
    /// The org's name, so that nobody deletes another one by mistake.
    pub name: String,
}

/// Body of `DELETE /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The account's password.
    pub password: String,
}

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeletionSubject {
    /// A chat with all that belongs to it.
    Chat {
        /// Which.
        id: ChatId,
    },
    /// A channel with its chats.
    Channel {
        /// Which.
        id: ChannelId,
    },
    /// An org with its channels. The accounts of its members stay.
    Org {
        /// Which.
        id: OrgId,
    },
    /// A person's account. What they said stays in its chats, under [`DELETED_PERSON`].
    Person {
        /// Whose.
        id: UserId,
    },
}

/// How a deletion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletionState {
    /// It goes on.
    Running,
    /// Nothing is left but the audit log and the usage ledger.
    Done,
    /// Something that it needs has not answered for long. It is tried again all the same.
    Stuck,
}

/// The last step that a deletion has come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletionStep {
    /// It is in no list any more.
    Asked,
    /// Nobody gets in any more, and nobody is in.
    Closed,
    /// What it had elsewhere is gone: sandboxes, snapshots, artifacts, files; of a channel or an org its chats, of a
    /// person their name in the chats.
    Emptied,
    /// Its rows, and of a chat its object, are gone.
    Forgotten,
    /// Each place was looked at, and nothing was left.
    Verified,
    /// All of it is over and recorded.
    Done,
}

/// Kinds of things that a deletion removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletedKind {
    /// Sandboxes, with their files on the executors.
    Sandboxes,
    /// Workspaces kept in R2.
    Snapshots,
    /// Files captured from sandboxes.
    Artifacts,
    /// Files that people put into chats.
    Attachments,
    /// Whole chats kept in R2.
    Archives,
    /// Other objects in R2.
    Files,
    /// Messages of the org's search.
    Messages,
    /// Rows of the inbox of approvals.
    Approvals,
    /// Rows of who takes part in a chat.
    Participants,
    /// Events of chats' logs.
    Events,
    /// Chats of the index.
    Chats,
    /// Channels.
    Channels,
    /// Members of channels.
    ChannelMembers,
    /// Agents.
    Agents,
    /// Invitations.
    Invitations,
    /// Memberships.
    Members,
    /// What agents were to know.
    ContextItems,
    /// Settings, limits and policies.
    Settings,
    /// Orgs.
    Orgs,
    /// Sign-ins.
    Sessions,
    /// Accounts, with their passwords.
    Accounts,
    /// Events of logs that told a person's name.
    Names,
}

/// So much of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletedCount {
    /// Of what.
    pub kind: DeletedKind,
    /// How many.
    pub count: u64,
    /// Their bytes, where these are counted.
    #[serde(default)]
    pub bytes: u64,
}

/// So many rows of a kind a [`DeletionPreview`] counts at most, so that asking costs a bounded number of rows.
pub const DELETION_PREVIEW_MOST: u64 = 100_000;

/// What a deletion would take, counted before anybody asks for it. Only who may delete the thing is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionPreview {
    /// What would be removed, by kind, with what parts of the thing (the chats of a channel) have; a kind of which there is
    /// none is absent. A count is exact below 100,000 and means "so many or more" there; bytes are those of what was
    /// counted, and no more chats than that are looked into. What is gone already, such as a destroyed sandbox or a deleted
    /// message, is not counted, though the deletion's report counts its rows. Of an account: itself, and the person's places
    /// in orgs and chats, which end.
    pub removes: Vec<DeletedCount>,
    /// How many people would lose it, up to 100,000: who take part in the chat, who see the channel, the members of the org;
    /// of an account none.
    pub people: u64,
    /// Orgs that the person is the last owner of: they are handed over or deleted first. Of an account alone.
    #[serde(default)]
    pub last_owner_of: Vec<LastOwned>,
}

/// An org that somebody is the last owner of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastOwned {
    /// The id.
    pub id: OrgId,
    /// The name.
    pub name: String,
}

/// A deletion and its report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deletion {
    /// The id.
    pub id: DeletionId,
    /// What is deleted.
    pub subject: DeletionSubject,
    /// The org that it belongs to; absent for a person's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgId>,
    /// Who asked for it: a person, or Slipway by the org's retention.
    pub asked_by: Actor,
    /// When.
    pub asked_at: Timestamp,
    /// How it goes.
    pub state: DeletionState,
    /// How far it is.
    pub step: DeletionStep,
    /// What was removed so far; at the end with what its parts (the chats of a channel) removed. Who dies between a removal
    /// and writing it down leaves it uncounted: these are the least.
    pub removed: Vec<DeletedCount>,
    /// What was found to be left when it was last looked at; empty at the end.
    pub leftovers: Vec<DeletedCount>,
    /// Deletions that are parts of this one: of the chats of a channel, of the channels of an org.
    pub parts: DeletionParts,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Parts of a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletionParts {
    /// How many there are.
    pub all: u64,
    /// How many of them are over.
    pub done: u64,
}
