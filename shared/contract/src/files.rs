//! Links to files: `https://files.{preview domain}/{token}/{name}`, on a host of its own that carries no session.
//!
//! A link's token is signed with the keys of preview tokens, and has another audience: neither opens what the other opens.

use serde::{Deserialize, Serialize};

use crate::ids::{AttachmentId, ChatId, OrgId};

/// First label of the host; no preview's begins so.
pub const HOST: &str = "files";
/// The token's `aud`; its `iss` is that of preview tokens.
pub const AUDIENCE: &str = "slipway-file";

/// What a link's token says (EdDSA, RFC 8037; `exp` and `iat` are claims of RFC 7519 beside these).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileClaims {
    /// [`ISSUER`](crate::preview::ISSUER).
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// The org that owns the file.
    pub org: OrgId,
    /// The chat that it is in.
    pub chat: ChatId,
    /// The file.
    pub att: AttachmentId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
}
