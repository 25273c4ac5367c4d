//! Fresh ids and secrets, made once at the edge and passed on as values.

use slipway_contract::{
    AgentId, ArchiveId, ArtifactId, AttachmentId, ChannelId, ChatId, ContextItemId, DeletionId, InvitationId,
    MemberId, OrgId, RequestId, SandboxId, SessionId, SnapshotId, UsageEntryId, UserId,
};

use crate::clock;

/// An id that can be made out of the time and ten random bytes.
pub trait Fresh {
    /// The id for `unix_ms` milliseconds since the Unix epoch.
    fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self;
}

macro_rules! fresh {
    ($($id:ident),*) => {
        $(impl Fresh for $id {
            fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
                Self::fresh(unix_ms, random)
            }
        })*
    };
}

fresh!(
    AgentId,
    ArchiveId,
    ArtifactId,
    AttachmentId,
    ChannelId,
    ChatId,
    DeletionId,
    ContextItemId,
    InvitationId,
    MemberId,
    OrgId,
    RequestId,
    SandboxId,
    SessionId,
    SnapshotId,
    UsageEntryId,
    UserId
);

/// An id that nothing has yet.
pub fn fresh<T: Fresh>() -> T {
    T::from_parts(u64::try_from(clock::now().unix_ms()).unwrap_or_default(), random())
}

/// Random bytes that nobody can guess. Not allowed outside of a request.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without randomness no id or secret is safe: nothing may go on")]
    getrandom::fill(&mut bytes).expect("the platform gives random bytes within requests");
    bytes
}
