//! Proofs of identity: passwords, access tokens, refresh tokens, the secrets in invitations.

pub(crate) mod access;
pub(crate) mod digest;
pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod refresh;
