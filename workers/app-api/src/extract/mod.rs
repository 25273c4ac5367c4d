//! What handlers take as arguments. An extractor proves what its type says; where it cannot, the request is refused.

mod body;
mod caller;
mod chat_scope;
mod org_header;
pub(crate) mod org_member;
mod origin;
mod params;
mod party;

pub(crate) use body::{Body, PostBody};
pub(crate) use caller::Caller;
pub(crate) use chat_scope::ChatScope;
pub(crate) use org_member::{OrgMember, OrgNamed};
pub(crate) use origin::{NotForeign, SameOrigin};
pub(crate) use params::{Ids, Query};
pub(crate) use party::{ArtifactParty, AttachmentParty, ChatParty, Party, SandboxParty};
