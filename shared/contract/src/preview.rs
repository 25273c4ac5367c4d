//! Access to a port of a sandbox by browser: the token's claims, and the pass that the gateway shows the executor.
//!
//! A preview host is `{port}-{the sandbox's UUID, 32 hexadecimal digits}.{preview domain}`.

use serde::{Deserialize, Serialize};

use crate::ids::{ChatId, OrgId, SandboxId, UserId};

/// Life of a preview token, in seconds.
pub const TOKEN_LIFE_S: i64 = 30 * 60;
/// The token's `iss`.
pub const ISSUER: &str = "slipway-orchestrator";
/// The token's `aud`.
pub const AUDIENCE: &str = "slipway-preview";
/// Header of the gateway's pass to the executor; [`RelayPass`] in `slipway_domain::preview` writes and reads it.
pub const RELAY_HEADER: &str = "x-slipway-relay";
/// Where a pass may stand instead: `/relay/by/{pass}/{http or https}/{the browser's Host}/{path}?{query}`. Then the executor
/// writes what the gateway would have written into header fields, and believes no such field that came.
pub const RELAY_PATH: &str = "/relay/by/";
/// Life of such a pass, in seconds.
pub const RELAY_LIFE_S: i64 = 60;
/// Name of the gateway's cookie that holds the token.
pub const COOKIE: &str = "slipway_preview";
/// Query parameter that brings the token.
pub const QUERY: &str = "slipway_token";

/// What a preview token says (EdDSA, RFC 8037; `exp` and `iat` are claims of RFC 7519 beside these).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewClaims {
    /// [`ISSUER`].
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// Whose access it is.
    pub sub: UserId,
    /// The org that owns the sandbox.
    pub org: OrgId,
    /// The chat that it is bound to.
    pub chat: ChatId,
    /// The sandbox.
    pub sbx: SandboxId,
    /// The port.
    pub port: u16,
    /// The sandbox's epoch when the token was made; a grown one ends it.
    pub epoch: u64,
}
