//! Problem details (RFC 9457) with a stable `code`. What is absent and what is forbidden look alike: `not_found`.

use serde::{Deserialize, Serialize};

use crate::ids::RequestId;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $title:literal;)*) => {
        /// What went wrong, as a client can act on it. Stable: a code keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A short name for people, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is no JSON, or not of the operation's form; `detail` says where.
    InvalidBody = 400, "The request body does not fit";
    /// A path or query value does not fit; `detail` says which.
    InvalidParameter = 400, "A parameter does not fit";
    /// A field's value is refused; `field` names it.
    InvalidField = 422, "A field is refused";
    /// The body, message or frame is too long.
    TooLarge = 413, "Too large";
    /// No token, or one that does not verify or has expired.
    Unauthenticated = 401, "Sign in first";
    /// Unknown address or wrong password.
    WrongCredentials = 401, "Unknown address or wrong password";
    /// The refresh token is missing, unknown, expired or was used before; the whole sign-in has ended.
    SessionEnded = 401, "The session has ended";
    /// Absent, or not for the caller to see.
    NotFound = 404, "Not found";
    /// The caller sees the thing but may not do this to it.
    Forbidden = 403, "Not allowed";
    /// The operation does not exist.
    RouteNotFound = 404, "No such operation";
    /// The operation exists, for other methods.
    MethodNotAllowed = 405, "Method not allowed";
    /// `X-Org-Id` is missing where it must be given.
    OrgContextRequired = 400, "X-Org-Id is required";
    /// `X-Org-Id` and the path name different orgs.
    OrgContextMismatch = 400, "X-Org-Id names another org";
    /// The address has an account already.
    EmailTaken = 409, "The address has an account";
    /// The name or slug is taken within the org.
    NameTaken = 409, "The name is taken";
    /// The member's role cannot change so: an org keeps at least one owner.
    LastOwner = 409, "An org keeps at least one owner";
    /// The invitation was made for another address.
    InvitationForAnother = 403, "The invitation is for another address";
    /// The invitation has expired or was used.
    InvitationEnded = 410, "The invitation has ended";
    /// The message was deleted.
    MessageDeleted = 409, "The message was deleted";
    /// The turn has ended already.
    TurnEnded = 409, "The turn has ended";
    /// The approval has been decided, or has expired.
    ApprovalEnded = 409, "The approval has ended";
    /// Who caused an ask may not approve it, or has answered differently before.
    NotYoursToDecide = 403, "Somebody else must decide";
    /// The sandbox does not run; `detail` says how it stands.
    SandboxNotRunning = 409, "The sandbox does not run";
    /// The org or the person has used up what they may.
    QuotaReached = 429, "A quota is reached";
    /// The path does not lie below `/workspace`.
    OutsideWorkspace = 422, "The path is outside the workspace";
    /// The sandbox's disk is full.
    DiskFull = 507, "The sandbox's disk is full";
    /// What R2 holds of the snapshot is not what was put there; nothing was restored.
    SnapshotDamaged = 409, "The snapshot is damaged";
    /// Nothing listens on the port.
    PortClosed = 502, "Nothing listens on the port";
    /// What listens on the port gave no answer in time.
    PortSilent = 504, "No answer from the port";
    /// The access was revoked, or the sandbox stopped, after the token was made.
    AccessRevoked = 403, "The access was revoked";
    /// The fork is resolved or abandoned; nothing is added to it.
    ForkEnded = 409, "The fork has ended";
    /// A fork begins from a message of the chat itself, not of another fork.
    ForkNested = 409, "A fork cannot begin inside a fork";
    /// The thing was changed meanwhile; read it again.
    VersionConflict = 409, "Changed meanwhile";
    /// The upload lacks parts, or they are not of the announced size; `detail` says which.
    UploadIncomplete = 409, "The upload is not complete";
    /// The chat cannot be archived now; `detail` says why.
    ArchiveBlocked = 409, "The chat cannot be archived now";
    /// What R2 holds of the archived chat is not what was put there; nothing was restored, and the archive is kept.
    ArchiveDamaged = 409, "The archive is damaged";
    /// A limit of the chat is reached; `detail` names it.
    LimitReached = 409, "A limit is reached";
    /// A sequence number lies beyond the newest event.
    SeqInFuture = 409, "The sequence number lies in the future";
    /// The client is too far behind for a replay; page through the events first.
    TooFarBehind = 409, "Too far behind";
    /// The socket ticket is unknown, used or expired.
    TicketInvalid = 401, "The socket ticket is not valid";
    /// A WebSocket upgrade was expected.
    UpgradeRequired = 426, "A WebSocket upgrade is required";
    /// Too many attempts; `retry_after_s` says how long to wait.
    RateLimited = 429, "Too many requests";
    /// A part that the operation needs cannot be reached now; `retry_after_s` says how long to wait.
    Unavailable = 503, "Temporarily unavailable";
    /// The capability is not there yet.
    NotBuilt = 501, "Not available yet";
    /// Our fault. The request id finds it in the logs.
    Internal = 500, "Internal error";
}

/// A refusal, as sent in `application/problem+json` bodies and socket frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Problem {
    /// Always `about:blank`: the code says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's short name.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to act on.
    pub code: ProblemCode,
    /// What happened here, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub detail: Option<String>,
    /// The field at fault, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub field: Option<String>,
    /// Seconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub retry_after_s: Option<u32>,
    /// The request, as in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub request_id: Option<RequestId>,
}

impl Problem {
    /// A problem that its code says all about.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: None,
            field: None,
            retry_after_s: None,
            request_id: None,
        }
    }

    /// The same with what happened here.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A refused field and why.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(ProblemCode::InvalidField).detail(detail);
        problem.field = Some(field.into());
        problem
    }

    /// The same with the seconds to wait before trying again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same with the request it answers.
    #[must_use]
    pub fn for_request(mut self, request: RequestId) -> Self {
        self.request_id = Some(request);
        self
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

impl core::fmt::Display for Problem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(&self.title))
    }
}

impl core::error::Error for Problem {}
