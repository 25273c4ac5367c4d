//! Words of the contract as columns hold them: the same that they have on the wire, and the migrations list.

use slipway_contract::approval::{ApprovalState, SelfApproval};
use slipway_contract::http::context::{ContextScope, ContextState};
use slipway_contract::http::deletions::{DeletedKind, DeletionStep};
use slipway_contract::http::snapshots::SnapshotCause;
use slipway_contract::sandbox::{SandboxReason, SandboxSize, SandboxState};
use slipway_contract::{Actor, ParticipantId};

use crate::attachments::AttachmentState;
use crate::row::Column;
use crate::value::Value;

macro_rules! words {
    ($($type:ident: $($variant:ident = $word:literal),*;)*) => {
        $(impl Word for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::from(value.word())
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::Text(value.map(|value| value.word().to_owned()))
            }
        }

        impl Column for $type {
            type Raw = String;

            fn parse(raw: String) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == raw)
            }
        })*
    };
}

/// A type whose values are words.
pub(crate) trait Word: Copy + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The word.
    fn word(self) -> &'static str;
}

words! {
    SandboxState: Queued = "queued", Starting = "starting", Ready = "ready", Idle = "idle", Stopping = "stopping",
        Stopped = "stopped", Destroyed = "destroyed", Failed = "failed";
    SandboxReason: Requested = "requested", Idle = "idle", ExecutorUnavailable = "executor_unavailable",
        StartFailed = "start_failed", CrashLoop = "crash_loop", Lost = "lost", QuotaReached = "quota_reached",
        OwnerGone = "owner_gone";
    SandboxSize: Small = "small", Medium = "medium", Large = "large";
    ApprovalState: Open = "open", Approved = "approved", Denied = "denied", Expired = "expired",
        Withdrawn = "withdrawn";
    AttachmentState: Uploading = "uploading", Complete = "complete", Removed = "removed";
    SnapshotCause: Asked = "asked", Stopped = "stopped";
    DeletionStep: Asked = "asked", Closed = "closed", Emptied = "emptied", Forgotten = "forgotten",
        Verified = "verified", Done = "done";
    DeletedKind: Sandboxes = "sandboxes", Snapshots = "snapshots", Artifacts = "artifacts",
        Attachments = "attachments", Archives = "archives", Files = "files", Messages = "messages",
        Approvals = "approvals", Participants = "participants", Events = "events", Chats = "chats",
        Channels = "channels", ChannelMembers = "channel_members", Agents = "agents", Invitations = "invitations",
        Members = "members", ContextItems = "context_items", Settings = "settings", Orgs = "orgs",
        Sessions = "sessions", Accounts = "accounts", Names = "names";
    ContextScope: Chat = "chat", Channel = "channel", Org = "org";
    ContextState: Proposed = "proposed", Active = "active";
    SelfApproval: Never = "never", WhenAlone = "when_alone", Always = "always";
}

const SYSTEM: &str = "system";

/// An actor as a column holds it: the id of who it is, or `system`.
pub(crate) fn actor_text(actor: Actor) -> String {
    actor.participant().map_or_else(|| SYSTEM.to_owned(), |who| who.to_string())
}

impl From<Actor> for Value {
    fn from(actor: Actor) -> Self {
        Self::Text(Some(actor_text(actor)))
    }
}

impl Column for Actor {
    type Raw = String;

    fn parse(raw: String) -> Option<Self> {
        if raw == SYSTEM {
            return Some(Self::System);
        }
        raw.parse::<ParticipantId>().ok().map(Self::from)
    }
}
